"""Which addresses a player's token opens: those of its output, and what that output leads to."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

from starlette.types import Scope

from nightcrew.kernel.declare import PlayerOutput
from nightcrew.kernel.errors import Invalid

_SHORT = re.compile(r"/[^/]{1,100}/[^/]{1,100}/\d{1,18}(?:\.(?i:ts|m3u8)|/[a-z0-9-]{1,40}\.[a-z0-9]{2,4})?", re.ASCII)
"""An address as panels have it too: login, password, and a channel or what its playlist names."""
EVERYTHING = ""
"""The output of a token that opens all of them."""


class PlayerOutputs:
    """What domains have for players. A token opens nothing else."""

    def __init__(self, outputs: Iterable[PlayerOutput]) -> None:
        self._known = {output.name: output for output in outputs}
        self.paths = tuple(
            sorted(
                {path for output in self._known.values() for path in output.leads_to}
                | {path.partition("*")[0] for output in self._known.values() for path in output.own}
            )
        )
        """What begins every address that is for players."""
        self.posted = frozenset(path for output in self._known.values() for path in output.posted)
        """What players may ask by POST too."""
        self._short_for = next((at for output in self._known.values() for at in output.short_for), "")
        self._taken: frozenset[str] = frozenset()
        in_path = [path.split("/") for output in self._known.values() for path in output.token_in]
        self._token_at = {parts[1]: parts.index("TOKEN") for parts in in_path}

    def keep(self, paths: Iterable[str]) -> None:
        """Begin no short address with what these begin with."""
        self._taken = frozenset(path.split("/")[1] for path in paths if path.startswith("/"))

    def written_out(self, scope: Scope) -> Scope:
        """A request for a short address as one for the long one that it stands for; any other as it is."""
        path = scope["path"]
        if not self._short_for or path.partition("/")[2].partition("/")[0] in self._taken or not _SHORT.fullmatch(path):
            return scope
        long = self._short_for + path[1:]
        return {**scope, "path": long, "raw_path": quote(long).encode()}

    @property
    def titles(self) -> dict[str, str]:
        """By name, those of which there is one."""
        one_each = {output.name: output.title for output in self._known.values() if not output.own}
        return {EVERYTHING: "everything for players", **one_each}

    def token_in(self, path: str) -> str | None:
        """The token that a path itself carries, such as /live/user/TOKEN/7.ts."""
        parts = path.split("/")
        at = self._token_at.get(parts[1]) if len(parts) > 1 else None
        return parts[at] if at is not None and len(parts) > at + 1 else None

    def checked(self, text: str) -> str:
        """An output as tokens name it: "", tuner, or playlist/<name> as in its address. Raises `Invalid`."""
        text = text.strip().removesuffix(".m3u")
        name, slash, which = text.partition("/")
        known = self._known.get(name)
        if text != EVERYTHING and not (known and (_is_name(which) if known.own else not slash)):
            words = [f"{output.name}/<name>" if output.own else output.name for output in self._known.values()]
            raise Invalid(f"output: it is {', '.join(words)}, as in its address; empty for everything", field="output")
        return text

    def opens(self, text: str, path: str) -> bool:
        """Whether a token of this output opens this path."""
        if text == EVERYTHING:
            return path.startswith(self.paths)
        name, _, which = text.partition("/")
        output = self._known.get(name)
        if output is None:
            return False
        own = {known.replace("*", which).casefold() for known in output.own}
        return path.startswith(output.leads_to) or path.casefold() in own


def _is_name(text: str) -> bool:
    return re.fullmatch(r"[^\x00-\x1f]{1,200}", text) is not None
