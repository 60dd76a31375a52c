"""What qBittorrent answers, read into rows of ours (Web API v2, from 2.0 to 2.15). Pure.

An answer of another kind raises `Misread`; in one of the right kind, what is not is left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from nightcrew.kernel.errors import Misread
from nightcrew.movies.clients.remote import (
    MAX_FILES,
    MAX_PATH,
    RemoteFile,
    RemoteState,
    RemoteTorrent,
    count,
    is_pad,
    parts_of,
    share,
    text,
)

MOST = 200_000
"""Torrents that are kept in mind of one client."""
ETA_NEVER = 8_640_000
"""Seconds that stand for "never"."""
STATES: dict[str, RemoteState] = {
    "error": RemoteState.ERROR,
    "missingFiles": RemoteState.MISSING,
    "uploading": RemoteState.DONE,
    "stalledUP": RemoteState.DONE,
    "forcedUP": RemoteState.DONE,
    "queuedUP": RemoteState.DONE,
    "pausedUP": RemoteState.DONE,
    "stoppedUP": RemoteState.DONE,
    "checkingUP": RemoteState.CHECKING,
    "allocating": RemoteState.CHECKING,
    "checkingDL": RemoteState.CHECKING,
    "checkingResumeData": RemoteState.CHECKING,
    "moving": RemoteState.CHECKING,
    "metaDL": RemoteState.METADATA,
    "forcedMetaDL": RemoteState.METADATA,
    "downloading": RemoteState.DOWNLOADING,
    "forcedDL": RemoteState.DOWNLOADING,
    "stalledDL": RemoteState.DOWNLOADING,
    "queuedDL": RemoteState.QUEUED,
    "pausedDL": RemoteState.PAUSED,
    "stoppedDL": RemoteState.PAUSED,
}
"""`paused…` is what 4.x says, `stopped…` what 5.x does."""
_STANDING = {
    "name",
    "state",
    "progress",
    "size",
    "total_size",
    "completed",
    "eta",
    "num_complete",
    "num_seeds",
    "has_metadata",
}
_PLACING = {"save_path", "tags", "category", "infohash_v1", "infohash_v2"}
KEPT = frozenset(_STANDING | _PLACING)
"""The fields that are kept."""
_HASHES = frozenset({"infohash_v1", "infohash_v2"})


def version_of(said: str) -> tuple[int, ...]:
    """`2.8.19` as (2, 8, 19). Raises `Misread`."""
    parts = said.strip().lstrip("v").split(".")
    if not 2 <= len(parts) <= 4 or not all(part.isascii() and part.isdigit() and len(part) < 6 for part in parts):
        raise Misread("qBittorrent's answer is no version")
    return tuple(int(part) for part in parts)


@dataclass(slots=True)
class Torrents:
    """All torrents of a client, as `sync/maindata` tells them: whole at first, and then what has changed."""

    rid: int = 0
    free: int | None = None
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)
    """From any hash that a torrent goes by to the client's own for it."""

    def take(self, answer: Any) -> None:
        """Take in an answer. Raises `Misread`."""
        if not isinstance(answer, dict) or not isinstance(answer.get("rid"), int):
            raise Misread("qBittorrent's answer is no list of changes")
        torrents, gone = answer.get("torrents") or {}, answer.get("torrents_removed") or []
        if not isinstance(torrents, dict) or not isinstance(gone, list):
            raise Misread("qBittorrent's answer is no list of changes")
        anew = answer.get("full_update") is True
        if anew:
            self.rows.clear()
        for key, row in torrents.items():
            if isinstance(row, dict) and len(key) == 40 and (key in self.rows or len(self.rows) < MOST):
                anew = anew or key not in self.rows or not _HASHES.isdisjoint(row)
                self.rows.setdefault(key, {}).update({name: row[name] for name in KEPT & row.keys()})
        for key in gone:
            anew = self.rows.pop(str(key), None) is not None or anew
        if anew:
            self._names = {name: key for key, row in self.rows.items() for name in _names_of(key, row)}
        state = answer.get("server_state")
        if isinstance(state, dict) and "free_space_on_disk" in state:
            self.free = count(state, "free_space_on_disk")
        self.rid = answer["rid"]

    def id_of(self, swarm: str) -> str | None:
        """The client's own name for a torrent: of a hybrid one that is the v2 hash, where ours is the v1 hash."""
        return self._names.get(swarm.lower())

    def remotes(self, hashes: Iterable[str]) -> dict[str, RemoteTorrent]:
        """How these stand."""
        known = {one: key for one in hashes if (key := self.id_of(one)) is not None}
        return {one: remote_of(one, key, self.rows[key]) for one, key in known.items()}


def _names_of(key: str, row: dict[str, Any]) -> set[str]:
    v2 = text(row, "infohash_v2")
    return {key, text(row, "infohash_v1"), v2, v2[:40]} - {""}


def remote_of(swarm: str, key: str, row: dict[str, Any]) -> RemoteTorrent:
    """One torrent, from the fields of it that are kept."""
    state = STATES.get(text(row, "state"), RemoteState.UNKNOWN)
    eta = count(row, "eta")
    said = {
        RemoteState.ERROR: "qBittorrent reports an error; its log says which",
        RemoteState.MISSING: "files are missing",
    }
    known = row.get("has_metadata")
    return RemoteTorrent(
        hash=swarm,
        id=key,
        name=text(row, "name"),
        state=state,
        progress=share(row, "progress"),
        size=count(row, "size"),
        got=count(row, "completed"),
        eta_s=None if not 0 < eta < ETA_NEVER else float(eta),
        seeds=max(count(row, "num_complete"), count(row, "num_seeds")),
        error=said.get(state, ""),
        path=text(row, "save_path", MAX_PATH),
        metadata=known
        if isinstance(known, bool)
        else state is not RemoteState.METADATA and count(row, "total_size") > 0,
        tags=tuple(part for one in text(row, "tags", 2000).split(",") if (part := one.strip())),
        category=text(row, "category"),
    )


def files_of(answer: Any) -> list[RemoteFile]:
    """`torrents/files`. Raises `Misread`."""
    if not isinstance(answer, list) or len(answer) > MAX_FILES:
        raise Misread("qBittorrent's answer is no list of files")
    found = []
    for place, row in enumerate(answer):
        if not isinstance(row, dict) or not (path := parts_of(text(row, "name", MAX_PATH))):
            raise Misread("qBittorrent's answer is no list of files")
        index = row.get("index", place)  # older ones do not say it
        if not isinstance(index, int):
            raise Misread("qBittorrent's answer is no list of files")
        wanted = count(row, "priority") > 0
        found.append(RemoteFile(index, path, count(row, "size"), wanted, share(row, "progress"), is_pad(path)))
    return found
