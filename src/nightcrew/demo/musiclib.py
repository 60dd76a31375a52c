"""What the media servers have, and what somebody has saved at the services that know it."""

import uuid
from dataclasses import dataclass, field

from .songs import SONGS, DemoSong


@dataclass
class MusicLibrary:
    """What the media servers have. `missing`: how many tracks a page leaves out, as a server in trouble does."""

    songs: list[DemoSong] = field(default_factory=lambda: [one for one in SONGS if one.artist == "Die Nachtwächter"])
    missing: int = 0
    of_others: int = 0
    """Songs that Subsonic counts and does not show, as they are in the libraries of other users."""
    scanning: int | None = None
    """How many songs Subsonic has looked at so far in a scan; None: there is none."""
    read_only: bool = False
    """Whether the login may only read: scans are refused."""
    looked_at: list[str] = field(default_factory=list)
    """Folders that it was asked to look at; empty: the whole library."""


@dataclass
class Wishes:
    """What is saved, and the rest that services do. `limited`: requests that are answered 429 with `wait` seconds."""

    saved: list[DemoSong] = field(default_factory=lambda: list(SONGS[:8]))
    listed: list[DemoSong] = field(default_factory=lambda: list(SONGS[6:]))
    plays: list[tuple[DemoSong, int]] = field(default_factory=lambda: [(SONGS[12], 31), (SONGS[9], 4)])
    """What was played this month, and how often."""
    limited: int = 0
    wait: int = 1
    used_up: bool = False
    """Whether the quota of the app at Spotify is used up, which is said without a time."""
    old_app: bool = False
    """Whether playlists are read as older apps do, under another address and with another wrapper."""
    page: int = 3
    """Items of a page at most, so that few tracks fill several."""


def identity(song: DemoSong) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{song.artist}/{song.title}/{song.version}"))
