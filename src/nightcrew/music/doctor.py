"""What music needs on a machine."""

from __future__ import annotations

from nightcrew.kernel.declare import Finding
from nightcrew.music.listening import fpcalc


def fingerprints() -> Finding:
    """Whether fpcalc is there. Without it, length and names alone say whether a better file is the same recording."""
    found = fpcalc()
    missing = "there is no fpcalc, which tells recordings apart by their sound: apt install libchromaprint-tools"
    return Finding("fpcalc", bool(found), found or missing, needed=False)
