"""What the file `nightcrew.toml` and the environment say of options."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from nightcrew.kernel.errors import NeedsUser
from nightcrew.kernel.words import parse_value

FIXED = "environment_only"
ALSO = "also_environment"
"""Where a field says another environment variable that sets it: its name in a program that ours takes the place of."""


class Given:
    """Read once, at the start. Raises `NeedsUser` for a file that cannot be read."""

    def __init__(
        self, models: Mapping[str, type[BaseModel]], *, data_dir: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self._env = os.environ if env is None else env
        self._file = _read_file(data_dir / "nightcrew.toml", models)
        self._also = {
            (domain, name): str(extra[ALSO])
            for domain, model in models.items()
            for name, field in model.model_fields.items()
            if isinstance(extra := field.json_schema_extra, dict) and extra.get(ALSO)
        }
        self._short = {name: domain for domain, model in reversed(list(models.items())) for name in model.model_fields}
        """The domain whose option the short name is: the first one's, as it was there before others took the same name."""

    def values(self, domain: str, model: type[BaseModel]) -> dict[str, Any]:
        """The options of a domain that are given, by name: by the environment, else by the file."""
        fixed = {name for name, field in model.model_fields.items() if is_fixed(field)}
        found: dict[str, Any] = {name: value for name, value in self._file.get(domain, {}).items() if name not in fixed}
        for name, field in model.model_fields.items():
            text = self._from_env(domain, name)
            if text is not None:
                found[name] = _from_text(text, field)
        return found

    def origin(self, domain: str, name: str, *, fixed: bool = False) -> str:
        """ "environment", "file" or "default"."""
        if self._from_env(domain, name) is not None:
            return "environment"
        return "file" if name in self._file.get(domain, {}) and not fixed else "default"

    def _from_env(self, domain: str, name: str) -> str | None:
        """What the environment says of an option: under its full name, else under the short one, else under a known one."""
        short = f"NIGHTCREW_{name.upper()}" if self._short[name] == domain else ""
        names = (env_name(domain, name), short, self._also.get((domain, name), ""))
        return next((self._env[one] for one in names if one in self._env), None)


def is_fixed(field: FieldInfo) -> bool:
    """Whether only the environment sets an option."""
    extra = field.json_schema_extra
    return isinstance(extra, dict) and bool(extra.get(FIXED))


def env_name(domain: str, option_name: str) -> str:
    """The environment variable of an option.

    The name without the domain, which was the only one once, works too: for the first domain that has such an option.
    """
    return f"NIGHTCREW_{domain}_{option_name}".upper()


def _from_text(text: str, field: FieldInfo) -> Any:
    return text if field.annotation is str else parse_value(text)


def _read_file(path: Path, models: Mapping[str, type[BaseModel]]) -> dict[str, dict[str, Any]]:
    if not path.exists():
        return {}
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise NeedsUser(f"{path} is not valid TOML: {exc}") from exc
    unknown = sorted(data.keys() - models.keys())
    if unknown:
        raise NeedsUser(f"{path}: there is no section [{unknown[0]}]; known are {', '.join(models)}")
    for name, section in data.items():
        if not isinstance(section, dict):
            raise NeedsUser(f"{path}: [{name}] must be a table of options")
    return data
