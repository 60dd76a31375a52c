"""Transmission's RPC: the words of its old form (2.8 to 4.0) and of JSON-RPC 2.0 (from 4.1), and the answers of both, read.

Here everything has the newer names, with underscores; the older ones are written where an older Transmission is asked. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from nightcrew.kernel.errors import GiveUp, Misread
from nightcrew.movies.clients.remote import (
    MAX_FILES,
    MAX_PATH,
    MAX_WORDS,
    RemoteFile,
    RemoteState,
    RemoteTorrent,
    count,
    is_pad,
    parts_of,
    share,
    text,
    texts,
)

JSON_RPC_FROM = 6
"""The number before the first dot of X-Transmission-Rpc-Version from which on it speaks JSON-RPC 2.0."""
HELD_KBPS = 1
"""The limit of a magnet that is held: its description does not count, and of its content less than a block comes before it is paused."""
FIELDS = (
    "hash_string",
    "name",
    "status",
    "percent_done",
    "size_when_done",
    "left_until_done",
    "have_valid",
    "have_unchecked",
    "eta",
    "error",
    "error_string",
    "download_dir",
    "download_limit",
    "download_limited",
    "metadata_percent_complete",
    "peers_sending_to_us",
    "webseeds_sending_to_us",
    "tracker_stats",
    "labels",
)
_OLDER = {
    "download_dir": "download-dir",
    "delete_local_data": "delete-local-data",
    "download_limit": "downloadLimit",
    "download_limited": "downloadLimited",
}
"""Arguments that an older one calls otherwise."""
_STATES = {
    0: RemoteState.PAUSED,
    1: RemoteState.CHECKING,
    2: RemoteState.CHECKING,
    3: RemoteState.QUEUED,
    4: RemoteState.DOWNLOADING,
    5: RemoteState.DONE,
    6: RemoteState.DONE,
}
OK = 200
LOCAL_ERROR = 3
"""Of its errors the one of this kind stops it; 1 and 2 are what a tracker said."""
_OF_TORRENT = re.compile(
    r"corrupt|unrecogni[sz]ed|invalid\b.{0,60}\b(?:torrent|magnet|metainfo)|(?:torrent|magnet|metainfo)\b.{0,60}\binvalid",
    re.IGNORECASE,
)
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|-")


def body(method: str, arguments: Mapping[str, Any], *, newer: bool) -> dict[str, Any]:
    """A request."""
    if newer:
        return {"jsonrpc": "2.0", "method": method, "params": dict(arguments), "id": 1}
    named = {_OLDER.get(name, name): value for name, value in arguments.items()}
    if method == "torrent_get":
        named["fields"] = [_camel(name) for name in arguments["fields"]]
    return {"method": method.replace("_", "-"), "arguments": named, "tag": 1}


def answer(said: Any) -> dict[str, Any]:
    """What was answered. Raises `GiveUp` with its words when it refuses, `Misread` for something else."""
    if not isinstance(said, dict):
        raise Misread("it is no answer of Transmission's")
    error = said.get("error")
    if isinstance(error, dict):
        raise _refused(_reason(error))
    if said.get("jsonrpc") == "2.0" and "result" in said:
        found = said["result"]
    elif isinstance(said.get("result"), str):
        if said["result"] != "success":
            raise _refused(said["result"][:MAX_WORDS])
        found = said.get("arguments")
    else:
        raise Misread("it is no answer of Transmission's")
    if not isinstance(found, dict | None):
        raise Misread("it is no answer of Transmission's")
    return newly(found or {})


def newly(row: Mapping[str, Any]) -> dict[str, Any]:
    """An object with the newer names."""
    return {_WORD.sub("_", str(name)).lower(): value for name, value in row.items()}


def torrents_of(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The torrents of an answer. Raises `Misread`."""
    rows = found.get("torrents")
    if not isinstance(rows, list):
        raise Misread("it is no list of torrents")
    return [newly(row) for row in rows if isinstance(row, dict)]


def remote_of(row: Mapping[str, Any], swarm: str) -> RemoteTorrent:
    """One torrent."""
    metadata = share(row, "metadata_percent_complete") >= 1
    size, left, got = (count(row, name) for name in ("size_when_done", "left_until_done", "have_valid"))
    state = _STATES.get(count(row, "status"), RemoteState.UNKNOWN)
    if not metadata and state in {RemoteState.DOWNLOADING, RemoteState.DONE}:
        state = RemoteState.METADATA  # without files nothing is left of it, so that it may even call itself complete
    elif state in {RemoteState.PAUSED, RemoteState.DONE}:
        state = RemoteState.DONE if metadata and size and not left else RemoteState.PAUSED
    error = text(row, "error_string", MAX_WORDS)
    if count(row, "error") == LOCAL_ERROR:
        state = RemoteState.MISSING if "no data found" in error.lower() else RemoteState.ERROR
    sending = count(row, "peers_sending_to_us") + count(row, "webseeds_sending_to_us")
    eta = row.get("eta")
    return RemoteTorrent(
        hash=swarm,
        id=text(row, "hash_string"),
        name=text(row, "name"),
        state=state,
        progress=share(row, "percent_done") if metadata else 0.0,
        size=size if metadata else 0,
        got=got + count(row, "have_unchecked"),
        eta_s=float(eta) if isinstance(eta, int) and eta > 0 else None,
        seeds=max([sending, *(count(newly(one), "seeder_count") for one in _objects(row.get("tracker_stats")))]),
        error=error,
        path=text(row, "download_dir", MAX_PATH),
        metadata=metadata,
        tags=texts(row.get("labels")),
    )


def files_of(row: Mapping[str, Any]) -> list[RemoteFile]:
    """The files of a torrent. Raises `Misread`."""
    files, stats = list(_objects(row.get("files"))), list(_objects(row.get("file_stats")))
    if len(files) > MAX_FILES or len(files) != len(stats):
        raise Misread("it is no list of files")
    found = []
    for index, (file, stat) in enumerate(zip(map(newly, files), map(newly, stats), strict=True)):
        path, size = parts_of(text(file, "name", MAX_PATH)), count(file, "length")
        if not path:
            raise Misread("it is no list of files")
        done = count(file, "bytes_completed") / size if size else 1.0
        found.append(RemoteFile(index, path, size, bool(stat.get("wanted")), min(1.0, done), is_pad(path)))
    return found


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _refused(why: str) -> GiveUp:
    error = GiveUp(f"Transmission refuses: {why}")
    error.status = OK  # it works; what was asked is wrong
    return error


def is_of_torrent(words: str) -> bool:
    """Whether a refusal speaks of the torrent that was to be added, and not of a folder or another setting."""
    return _OF_TORRENT.search(words) is not None


def _reason(error: Mapping[str, Any]) -> str:
    data = error.get("data")
    more = text(newly(data), "error_string", MAX_WORDS) if isinstance(data, dict) else ""
    return more or text(error, "message", MAX_WORDS) or "it does not say why"


def _camel(name: str) -> str:
    first, *more = name.split("_")
    return first + "".join(word.capitalize() for word in more)
