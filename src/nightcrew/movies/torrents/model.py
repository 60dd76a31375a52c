"""What a torrent's metainfo says. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TorrentFile:
    """`path`: below the torrent's folder. `pad`: zeros that only fill up a piece (BEP 47), no content."""

    path: tuple[str, ...]
    size: int
    pad: bool = False


@dataclass(frozen=True, slots=True)
class Metainfo:
    """`files`: in the torrent's order, pad files with them. `single`: its only file is `name` itself, and there is no folder."""

    name: str
    files: tuple[TorrentFile, ...]
    hash_v1: str | None = None
    """SHA-1 of the info dictionary, 40 hex digits."""
    hash_v2: str | None = None
    """SHA-256 of it, 64 hex digits."""
    piece_length: int = 0
    pieces: int = 0
    """How many there are."""
    private: bool = False
    tiers: tuple[tuple[str, ...], ...] = ()
    """Trackers as BEP 12 groups them: those of a tier are alike, a later tier is for when all of the first fail."""
    web_seeds: tuple[str, ...] = ()
    single: bool = False

    @property
    def content(self) -> tuple[TorrentFile, ...]:
        """The files that are no pads."""
        return tuple(file for file in self.files if not file.pad)

    @property
    def size(self) -> int:
        """Bytes of content."""
        return sum(file.size for file in self.files if not file.pad)

    @property
    def trackers(self) -> tuple[str, ...]:
        """All tiers one after another."""
        return tuple(dict.fromkeys(address for tier in self.tiers for address in tier))

    @property
    def swarm(self) -> str:
        """By which trackers know it, 40 hex digits: the v1 hash, else the first 20 bytes of the v2 hash (BEP 52)."""
        return self.hash_v1 or (self.hash_v2 or "")[:40]
