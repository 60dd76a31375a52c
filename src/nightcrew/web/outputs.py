"""Which addresses a player's token opens: those of its output, and what that output leads to."""

from __future__ import annotations

import re

from nightcrew.kernel.errors import Invalid

EVERYTHING = ""
"""The output of a token that opens all of them."""

_GUIDE = ("/guide.xml",)
_LEADS_TO = {
    "tuner": ("/discover.json", "/lineup.json", "/lineup_status.json", "/device.xml", "/play/", *_GUIDE),
    "panel": ("/player_api.php", "/get.php", "/xmltv.php", "/live/", "/play/", *_GUIDE),
    "guide": ("/guide.xml", "/xmltv.php"),
    "playlist": ("/play/", *_GUIDE),
}
_PLAYLISTS = ("/playlist/", "/vavoo/playlist/")
PLAYER_PATHS = (*_PLAYLISTS, *sorted({path for paths in _LEADS_TO.values() for path in paths}))
"""Everything that is for players. A token opens nothing else."""
TITLES = {
    EVERYTHING: "everything for players",
    "tuner": "the tuner (HDHomeRun)",
    "panel": "the panel (Xtream)",
    "guide": "the guide",
}
_OUTPUT = re.compile(r"(tuner|panel|guide|playlist/[^\x00-\x1f]{1,200})?")


def checked_output(output: str) -> str:
    """An output as tokens name it: "", tuner, panel, guide, or playlist/<name> as in its address. Raises `Invalid`."""
    output = output.strip().removesuffix(".m3u")
    if not _OUTPUT.fullmatch(output):
        raise Invalid(
            "output: it is tuner, panel, guide, or a playlist as in its address, such as playlist/DE; empty for everything",
            field="output",
        )
    return output


def opens(output: str, path: str) -> bool:
    """Whether a token of this output opens this path."""
    if output == EVERYTHING:
        return path.startswith(PLAYER_PATHS)
    kind, _, name = output.partition("/")
    if path.startswith(_LEADS_TO.get(kind, ())):
        return True
    return kind == "playlist" and any(path.casefold() == f"{prefix}{name}.m3u".casefold() for prefix in _PLAYLISTS)
