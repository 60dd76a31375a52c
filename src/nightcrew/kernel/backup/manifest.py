"""What a backup says of itself, and the proof that it is whole and was made with a certain key."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nightcrew.kernel.errors import Invalid
from nightcrew.kernel.vault import derived

FORMAT = 1
NAME = "manifest.json"
NEWER = "the backup was made by a newer Nightcrew: update this one first"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class TableRows(_Strict):
    """A table's rows as PostgreSQL's COPY writes them. `last`: the last number that each numbered column has given."""

    name: str
    columns: list[str]
    rows: int = Field(ge=0)
    last: dict[str, int] = Field(default_factory=dict)


class Manifest(_Strict):
    """`members` are the SHA-256 of the other files, and `proof` is an HMAC of all the rest."""

    format: int
    nightcrew: str
    made_at: str
    database: Literal["sqlite", "postgresql"]
    revisions: list[str]
    tables: list[TableRows]
    members: dict[str, str]
    proof: str = ""

    def signed(self, key: bytes) -> Manifest:
        """The same with its proof."""
        return self.model_copy(update={"proof": self._proof(key)})

    def proves(self, key: bytes, members: Mapping[str, str]) -> bool:
        """Whether somebody who has `key` made a backup of exactly these files, given with their SHA-256."""
        return self.members == dict(members) and hmac.compare_digest(self._proof(key), self.proof)

    def written(self) -> bytes:
        """As it stands in the archive."""
        return self.model_dump_json(indent=1).encode()

    def _proof(self, key: bytes) -> str:
        said = json.dumps(self.model_dump(exclude={"proof"}), sort_keys=True).encode()
        return hmac.new(derived(key, "backup"), said, hashlib.sha256).hexdigest()


class _Versioned(BaseModel):
    format: int


def read(content: bytes) -> Manifest:
    """Raises `Invalid`."""
    try:
        if _Versioned.model_validate_json(content).format > FORMAT:
            raise Invalid(NEWER)
        return Manifest.model_validate_json(content)
    except ValidationError as exc:
        raise Invalid(f"the backup's {NAME} cannot be read") from exc
