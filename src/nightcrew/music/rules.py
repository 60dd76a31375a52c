"""What decides about wanted tracks: which are the same, which come first, when one is tried again. Pure."""

from __future__ import annotations

from datetime import timedelta

from nightcrew.music.matching.words import fold, words

SAVED, PLAYLIST = 20, 10
"""Priority of a track that a person saved, and of one that is in a playlist."""
BY_HAND = 30
"""Priority of a track that a person asked for by hand."""
MOST_POPULAR = 10
"""What popularity adds at most, and as much again what was played lately (`store.listings`)."""
FAILED = 50
"""What a failure takes from the priority of a track: more than any track has, so that it goes behind those that were not tried."""
AGAIN = timedelta(days=1)
"""When a track is tried again that failed less often than the threshold, and the first pause of one that reached it."""
LONGEST_SKIP = timedelta(days=30)


def key_of(title: str, artist: str, source_id: str = "") -> str:
    """What tells tracks apart: the id that a source gives a recording, else artist and title."""
    if source_id:
        return source_id[:300]
    who, what = (" ".join(words(text)) or fold(text).strip() for text in (artist, title))
    return f"{who}::{what}"[:300]


def priority_of(base: int, popularity: int | None) -> int:
    """`base` for where it stands, and up to `MOST_POPULAR` for how popular it is."""
    return base + (0 if popularity is None else min(MOST_POPULAR, max(0, popularity) // 10))


def pause_after(failures: int, threshold: int, skips: int) -> tuple[timedelta, bool]:
    """How long a track is left alone that failed so often in a row, and whether that is skipping it.

    `skips`: how often it was skipped before. The pause grows from a day to thirty.
    """
    if failures < threshold:
        return AGAIN, False
    return min(LONGEST_SKIP, AGAIN * 2 ** min(skips, 10)), True


def allowed_artist(artists: tuple[str, ...], preferred: list[str]) -> bool:
    """Whether one of its artists is among those that a person prefers; without preferences all are."""
    if not preferred:
        return True
    wanted = {" ".join(words(name)) for name in preferred}
    return any(" ".join(words(name)) in wanted for name in artists)
