"""Where a track lies in the library, by a template such as `{artist}/{album}/{number} {title}`. Pure."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from nightcrew.kernel import path_names
from nightcrew.music.matching.model import WantedTrack

TEMPLATE = "{artist}/{album}/{number} {title}"
FIELDS = ("artist", "album", "number", "title")
ROOM = 40
"""Bytes of a name that are left for its ending and for what stands behind it while it is written."""
LEAST_BYTES = 100
_FIELD = re.compile(r"\{([a-z]+)\}")


def problem_with(template: str) -> str:
    """What is wrong with a template; empty when nothing is."""
    unknown = [name for name in _FIELD.findall(template) if name not in FIELDS]
    if unknown:
        return f"there is no field {{{unknown[0]}}}; known are {', '.join(f'{{{name}}}' for name in FIELDS)}"
    if "{title}" not in template:
        return "{title} is missing"
    if re.search(r"[{}]", _FIELD.sub("", template)):
        return "a brace stands alone"
    if template.startswith("/") or ".." in template.split("/"):
        return "it has to stay inside the library"
    return ""


def place_of(template: str, track: WantedTrack, ending: str, longest: int = path_names.MAX_BYTES) -> PurePosixPath:
    """The path of a track below the library's folder. A folder without a name is left out.

    `longest`: bytes that a name may have there.
    """
    values = {
        "artist": track.artists[0] if track.artists else "Unknown artist",
        "album": track.album,
        "number": f"{track.number:02}" if track.number else "",
        "title": track.title,
    }
    limit = max(LEAST_BYTES, min(longest, path_names.MAX_BYTES)) - ROOM
    pieces = []
    for part in template.split("/"):
        text = " ".join(_FIELD.sub(lambda found: values.get(found[1], ""), part).split()).strip(" -_")
        if text:
            pieces.append(path_names.component(text, limit))
    name = pieces[-1] if pieces else path_names.component(track.title, limit)
    return PurePosixPath(*pieces[:-1], f"{name}.{ending}")
