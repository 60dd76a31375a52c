"""The music that peers of the demo's network share: old tunes, all in the public domain, played by nobody who exists."""

import zlib
from dataclasses import dataclass
from enum import StrEnum


class SongDefect(StrEnum):
    """What is wrong with a shared file, if anything."""

    NONE = ""
    TRUNCATED = "truncated"
    MISLABELLED = "mislabelled"
    WRONG_LENGTH = "wrong-length"
    WRONG_TAGS = "wrong-tags"
    TRANSCODED = "transcoded"


@dataclass(frozen=True, slots=True)
class DemoSong:
    """A recording. `seconds`: its length."""

    artist: str
    title: str
    album: str
    number: int
    seconds: int
    version: str = ""

    @property
    def shown(self) -> str:
        return f"{self.title} ({self.version})" if self.version else self.title

    @property
    def pitch(self) -> int:
        """The tone about which the tune of its files goes, in Hz."""
        return 220 + zlib.crc32(f"{self.artist}/{self.title}/{self.version}".encode()) % 440


@dataclass(frozen=True, slots=True)
class SharedFile:
    """A file that a peer shares. `ending`: how its name ends; `bitrate` in kbit/s, None for what is lossless."""

    song: DemoSong
    path: str
    ending: str
    bitrate: int | None = None
    defect: SongDefect = SongDefect.NONE
    locked: bool = False
    tagged: bool = True
    """Whether it has tags; without them all files of a length and a format are the same bytes."""


@dataclass(frozen=True, slots=True)
class DemoPeer:
    """Who shares. `queue`: seconds that a download waits; `speed` in bytes a second; `refuses`: he lets nothing go."""

    name: str
    files: tuple[SharedFile, ...]
    free_slot: bool = True
    queue: int = 0
    speed: int = 2_000_000
    online: bool = True
    refuses: bool = False


ALBUMS: dict[tuple[str, str], tuple[tuple[str, int], ...]] = {
    ("Harbour Ensemble", "Tunes of the Tide"): (
        ("Greensleeves", 14),
        ("Scarborough Fair", 16),
        ("The Water Is Wide", 15),
        ("Shenandoah", 13),
    ),
    ("Lantern Quartet", "Evening Songs"): (
        ("Londonderry Air", 17),
        ("Auld Lang Syne", 12),
        ("Home, Sweet Home", 14),
        ("Ash Grove, Pt. 2", 15),
    ),
    ("Die Nachtwächter", "Lieder im Regen"): (("Der Mond ist aufgegangen", 16), ("Ännchen von Tharau", 13)),
    ("The Corsairs", "Leave Her, Johnny"): (("Drunken Sailor", 12), ("Leave Her, Johnny", 15), ("Haul Away Joe", 11)),
}
SONGS = tuple(
    DemoSong(artist, title, album, number, seconds)
    for (artist, album), titles in ALBUMS.items()
    for number, (title, seconds) in enumerate(titles, 1)
)
BLOCKED = ("corsairs",)
"""Names of artists for which the network finds nothing, without a word."""
_FOLDERS = {
    "@@archive": "@@archive\\Music\\{artist}\\(1999) {album} [FLAC]\\{number:02} - {title}.flac",
    "basement": "Shared\\{artist} - {album}\\{number:02}. {title}.mp3",
    "Møns Klint": "musik\\{artist} - {title}.mp3",
}


def peers() -> tuple[DemoPeer, ...]:
    """Who shares what. Some share what is not what its name says."""
    archive = [_file("@@archive", song, "flac") for song in SONGS if song.title != "Haul Away Joe"]
    basement = [
        _file("basement", song, "mp3", 320) for song in SONGS if song.title not in {"Shenandoah", "Home, Sweet Home"}
    ]
    island = [_file("Møns Klint", song, "mp3", 192) for song in SONGS[:8]]
    live = [
        DemoSong(one.artist, one.title, "Live at the Pier", one.number, one.seconds + 2, "live") for one in SONGS[:6]
    ]
    stage = [
        SharedFile(
            one, f"bootlegs\\{one.artist} - Live at the Pier\\{one.number:02} {one.title} (live).mp3", "mp3", 320
        )
        for one in live
    ]
    return (
        DemoPeer("@@archive", tuple(_spoilt(one) for one in archive), speed=3_000_000),
        DemoPeer("basement", tuple(basement), queue=1),
        DemoPeer("Møns Klint", tuple(island), free_slot=False, queue=3, speed=300_000),
        DemoPeer("stage door", tuple(stage)),
        DemoPeer("gone fishing", tuple(_file("basement", one, "mp3", 320) for one in SONGS[:3]), online=False),
        DemoPeer("private", (SharedFile(SONGS[0], "vip\\Harbour Ensemble - Greensleeves.flac", "flac", locked=True),)),
    )


def _file(peer: str, song: DemoSong, ending: str, bitrate: int | None = None) -> SharedFile:
    values = {"artist": song.artist, "album": song.album, "number": song.number, "title": song.title}
    return SharedFile(song, _FOLDERS[peer].format(**values), ending, bitrate)


_SPOILT = {
    "Scarborough Fair": SongDefect.TRUNCATED,
    "The Water Is Wide": SongDefect.MISLABELLED,
    "Auld Lang Syne": SongDefect.WRONG_LENGTH,
    "Londonderry Air": SongDefect.TRANSCODED,
}


def _spoilt(file: SharedFile) -> SharedFile:
    defect = _SPOILT.get(file.song.title, SongDefect.NONE)
    return SharedFile(file.song, file.path, file.ending, file.bitrate, defect)


def many(count: int) -> tuple[DemoPeer, ...]:
    """A network with so many tracks besides, each at two of twenty peers, for who measures."""
    files: dict[int, list[SharedFile]] = {number: [] for number in range(20)}
    for number in range(count):
        song = DemoSong(f"Crew {number // 10}", f"Tune {_word(number)}", f"Watch {number // 10}", number % 10 + 1, 6)
        for peer in (number % 20, (number * 7 + 3) % 20):
            path = f"music\\{song.artist}\\{song.album}\\{song.number:02} - {song.title}.mp3"
            if all(one.path != path for one in files[peer]):
                files[peer].append(SharedFile(song, path, "mp3", 192, tagged=False))
    return tuple(DemoPeer(f"peer {number}", tuple(mine), speed=400_000) for number, mine in files.items())


def _word(number: int) -> str:
    """A made-up word for each number, as titles are told apart by words rather than by digits."""
    syllables = ("ba", "de", "fi", "go", "hu", "ka", "le", "mi", "no", "pu")
    return "".join(syllables[int(digit)] for digit in f"{number:04}")
