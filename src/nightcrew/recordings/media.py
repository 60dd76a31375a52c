"""What a player gets of a recording: the finished file, or, while it grows, an HLS playlist of the parts as they are on disk."""

from __future__ import annotations

import time
from pathlib import Path

from nightcrew.kernel.errors import NotFound
from nightcrew.recorder import ledger
from nightcrew.recorder.ledger import Line
from nightcrew.recordings.models import Recording

WATCHED = 600.0
"""Seconds after its last request for which a recording is in use."""
TYPES = {
    ".ts": "video/mp2t",
    ".mp4": "video/mp4",
    ".mkv": "video/x-matroska",
    ".aac": "audio/aac",
    ".mp3": "audio/mpeg",
    ".ac3": "audio/ac3",
    ".ec3": "audio/eac3",
}


class Watched:
    """Which recordings somebody has looked at lately."""

    def __init__(self) -> None:
        self._at: dict[int, float] = {}

    def note(self, recording_id: int) -> None:
        """Somebody plays it."""
        self._at[recording_id] = time.monotonic()

    def now(self) -> set[int]:
        """Those that are in use."""
        oldest = time.monotonic() - WATCHED
        self._at = {number: at for number, at in self._at.items() if at > oldest}
        return set(self._at)


def playlist(row: Recording, base: str) -> str:
    """An HLS media playlist (RFC 8216) of what is on disk, each segment a range of bytes of its part. Raises `NotFound`."""
    try:
        data = (Path(row.segments) / ledger.NAME).read_bytes()
    except OSError as exc:
        raise NotFound(f"recording {row.id} has no parts on this machine") from exc
    lines = ledger.standing(line for line, _ in ledger.lines_of(data))
    segments = [line for line in lines if line["k"] == "seg"]
    if not segments:
        raise NotFound(f"recording {row.id} has nothing on disk yet")
    longest = max(float(line["s"]) for line in segments)
    head = ["#EXTM3U", "#EXT-X-VERSION:6", f"#EXT-X-TARGETDURATION:{max(1, round(longest + 0.49))}"]
    head += ["#EXT-X-MEDIA-SEQUENCE:0", f"#EXT-X-PLAYLIST-TYPE:{'EVENT' if row.active else 'VOD'}"]
    body = _body(lines, base)
    return "\n".join([*head, *body, *([] if row.active else ["#EXT-X-ENDLIST"]), ""])


def _body(lines: list[Line], base: str) -> list[str]:
    found: list[str] = []
    broken, init, suffix = False, "", ".ts"
    inits: dict[int, tuple[int, str]] = {}
    for line in lines:
        match line["k"]:
            case "part":
                suffix = Path(str(line["path"])).suffix
            case "init":
                inits[int(line["p"])] = (int(line["b"]), str(line["i"]))
            case "gap" | "epoch" | "open":
                broken = (bool(found) and line["k"] != "open") or broken
            case "seg":
                part = int(line["p"])
                size, digest = inits.get(part, (0, ""))
                found += ["#EXT-X-DISCONTINUITY"] if broken or (line["d"] and found) else []
                if size and digest != init:
                    found.append(f'#EXT-X-MAP:URI="{base}/{part}{suffix}",BYTERANGE="{size}@0"')
                    init = digest
                found += [
                    f"#EXTINF:{float(line['s']):.3f},",
                    f"#EXT-X-BYTERANGE:{line['b']}@{line['o']}",
                    f"{base}/{part}{suffix}",
                ]
                broken = False
    return found


def part_file(row: Recording, number: int) -> Path:
    """The file of a part. Raises `NotFound`."""
    folder = Path(row.segments)
    try:
        tally = ledger.read(folder)
    except (OSError, ValueError) as exc:
        raise NotFound(f"recording {row.id} has no parts on this machine") from exc
    for part in tally.parts:
        path = folder / part.path
        if part.number == number and path.parent == folder and path.is_file():
            return path
    raise NotFound(f"recording {row.id} has no part {number}")
