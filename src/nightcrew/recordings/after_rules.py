"""What a webhook and a program are told of a finished recording. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from nightcrew.kernel.clock import iso
from nightcrew.kernel.targets import is_web_address
from nightcrew.recordings.models import Recording

PLACES = frozenset(
    {
        "file",
        "files",
        "folder",
        "name",
        "title",
        "category",
        "id",
        "node",
        "seconds",
        "missing",
        "gaps",
        "bytes",
        "started",
        "ended",
    }
)
"""What may stand in braces as a whole argument."""
FILES = "files"
MOST_WORDS, LONGEST_WORD = 50, 4_000
_PLACE = re.compile(r"\{([^{}]*)\}")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}):[ \t]*([\x21-\x7e]+(?: [\x21-\x7e]+)*)[ \t]*")


def checked_command(words: list[str]) -> list[str]:
    """Raises ValueError for what cannot be started, or asks for something that is not known."""
    if len(words) > MOST_WORDS or any(len(word) > LONGEST_WORD or "\0" in word for word in words):
        raise ValueError(f"at most {MOST_WORDS} arguments of {LONGEST_WORD} characters each, without NUL")
    if words and not words[0].startswith("/"):
        raise ValueError("the program is named by its whole path, beginning with /")
    for word in words[1:]:
        place = _PLACE.fullmatch(word)
        if place is not None and place[1] not in PLACES:
            raise ValueError(f"{word[:60]} is not known; there are {', '.join(sorted(PLACES))}")
        if place is None and any(f"{{{name}}}" in word for name in PLACES):
            raise ValueError(f"{word[:60]}: what stands in braces must be an argument of its own")
    return words


def checked_webhook(address: str) -> str:
    """Raises ValueError, which does not show the address."""
    if address and (not is_web_address(address) or not address.isprintable() or " " in address):
        raise ValueError("it is not an http or https address")
    return address


def checked_header(line: str) -> str:
    """Raises ValueError, which does not show the header."""
    if line and not _HEADER.fullmatch(line):
        raise ValueError("write one header, as NAME: VALUE")
    return line


def header_of(line: str) -> dict[str, str]:
    """The header that a setting says."""
    found = _HEADER.fullmatch(line)
    return {found[1]: found[2]} if found is not None else {}


def facts(row: Recording) -> dict[str, str]:
    """What may be asked for, as texts; what is not known is empty. `files` is a list as JSON."""
    file = row.finished
    return {
        "file": str(file or ""),
        "files": json.dumps(_files(row)),
        "folder": str(file.parent if file else ""),
        "name": row.name,
        "title": row.title,
        "category": row.category,
        "id": str(row.id),
        "node": row.node,
        "seconds": f"{row.seconds:.3f}",
        "missing": f"{row.missing:.3f}",
        "gaps": str(row.gaps),
        "bytes": str(row.file_bytes),
        "started": iso(row.started_at) or "",
        "ended": iso(row.ended_at) or "",
    }


def arguments(words: Sequence[str], known: Mapping[str, str]) -> tuple[str, ...]:
    """The command, each place filled with one whole argument, whatever signs that has; `{files}` with one for each file."""
    found: list[str] = []
    for word in words:
        place = _PLACE.fullmatch(word)
        if place is None:
            found.append(word)
        elif place[1] == FILES:
            found += json.loads(known[FILES])
        else:
            found.append(known[place[1]])
    return tuple(found)


def _files(row: Recording) -> list[str]:
    return [str(one.file) for one in row.films_at] if row.file else []


def variables(known: Mapping[str, str]) -> dict[str, str]:
    """The same for the program's environment."""
    return {f"NIGHTCREW_{name.upper()}": value for name, value in known.items()}


def payload(row: Recording, *, base_url: str) -> dict[str, Any]:
    """What a webhook gets."""
    file = row.finished
    return {
        "event": "recording.done",
        "id": row.id,
        "name": row.name,
        "title": row.title,
        "category": row.category,
        "file": str(file) if file else None,
        "files": _files(row),
        "bytes": row.file_bytes,
        "seconds": round(row.seconds, 3),
        "missing_s": round(row.missing, 3),
        "gaps": row.gaps,
        "started_at": iso(row.started_at),
        "ended_at": iso(row.ended_at),
        "watch": row.watch_id,
        "node": row.node,
        "url": f"{base_url}/recordings/{row.id}",
    }
