"""What a search has found, as it waits for the matcher: JSON in the database. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nightcrew.music.matching.model import FileCandidate
from nightcrew.music.matching.paths import split
from nightcrew.music.quality import FileQuality, format_of
from nightcrew.music.slskd.shapes import MOST_FILES, FoundFile


class InvalidPayload(ValueError):
    """What was stored for the matcher cannot be read."""


class PayloadFile(BaseModel):
    """One file, as `FoundFile`."""

    model_config = ConfigDict(extra="forbid")

    peer: str
    path: str
    size: int = Field(ge=0)
    seconds: float | None
    bitrate: int | None
    free_slot: bool
    queue: int
    speed: int


class Payload(BaseModel):
    """All that a search has found."""

    model_config = ConfigDict(extra="forbid")

    wanted_id: int
    connection_id: int
    search_id: str
    files: list[PayloadFile] = Field(max_length=MOST_FILES)

    def candidates(self) -> list[FileCandidate]:
        """As the matcher takes them: each knows the names of the others in its folder, of the same peer."""
        beside: dict[tuple[str, str], list[str]] = {}
        places = [split(one.path) for one in self.files]
        for one, (folder, name) in zip(self.files, places, strict=True):
            beside.setdefault((one.peer, folder), []).append(name)
        return [
            FileCandidate(one.path, one.seconds, siblings=tuple(beside[one.peer, folder]))
            for one, (folder, _) in zip(self.files, places, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class Search:
    """Whose search it was."""

    wanted_id: int
    connection_id: int
    search_id: str


def written(search: Search, files: Sequence[FoundFile]) -> str:
    """As it is stored."""
    return json.dumps({**asdict(search), "files": [asdict(one) for one in files]}, separators=(",", ":"))


def read(text: str) -> Payload:
    """Raises `InvalidPayload`."""
    try:
        return Payload.model_validate_json(text)
    except ValidationError as exc:
        first = exc.errors()[0]
        raise InvalidPayload(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from exc


def quality_of(file: PayloadFile) -> FileQuality:
    """What decides between files."""
    return FileQuality(
        format_of(file.path), file.size, file.seconds, file.bitrate, file.free_slot, file.queue, file.speed
    )
