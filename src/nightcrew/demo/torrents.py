"""Torrents of generated films: v1, v2 and hybrid (BEP 3, 47, 52), good ones and poisoned ones.

A file is given by its bytes or by its size. One with a size has content too, the same 16 KiB over and over, so that the torrent of a
film of 2 GB is made in milliseconds and can still be seeded: `content` writes any part of it.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Literal
from urllib.parse import quote

from .bencoding import Value, decode, encode
from .merkle import BLOCK, layer, root

Kind = Literal["v1", "v2", "hybrid"]
Defect = Literal[
    "executable", "password", "wrong_size", "wrong_hash", "other_film", "traversal", "page", "no_video", "damaged"
]
"""How a torrent is poisoned. `wrong_hash`: another torrent of the same files, which does not hash as the good one does; `page`: the film
"needs" a web page to play; `damaged`: it ends too early."""
Files = Mapping[str, bytes | int]
OTHER = "Battleship.Potemkin.1925.1080p.BluRay.x264-OTHER"


def make(
    name: str,
    files: Files,
    kind: Kind = "v1",
    *,
    trackers: Sequence[str | Sequence[str]] = (),
    web_seeds: Sequence[str] = (),
    private: bool = False,
    piece_length: int = 0,
    defect: Defect | None = None,
) -> bytes:
    """A .torrent file.

    `files`: by path below the torrent's folder ("Subs/English.srt"). The only file is no folder where it is called like the torrent.
    `trackers`: addresses, or tiers of them. `piece_length`: a power of two; 0 takes one for up to 2,000 pieces.
    """
    name, files = _poisoned(name, dict(files), defect)
    length = piece_length or _piece_length(sum(map(_size, files.values())))
    info: dict[str, Value] = {"name": name, "piece length": length}
    outer: dict[str, Value] = {"created by": "Nightcrew demo", "creation date": 1_700_000_000}
    if private:
        info["private"] = 1
    if defect == "wrong_hash":
        info["source"] = "another one"
    if kind != "v1":
        files = dict(sorted(files.items(), key=lambda one: one[0].encode().split(b"/")))
        info |= {"meta version": 2, "file tree": _tree(name, files, length)}
        outer["piece layers"] = {
            root(_stream(name, path, it), _size(it), length): b"".join(
                layer(_stream(name, path, it), _size(it), length)
            )
            for path, it in files.items()
            if _size(it) > length
        }
    if kind != "v2":
        info |= _flat(name, files, length, padded=kind == "hybrid")
    tiers = [[one] if isinstance(one, str) else list(one) for one in trackers]
    if tiers:
        outer["announce"] = tiers[0][0]
        outer["announce-list"] = tiers
    if web_seeds:
        outer["url-list"] = web_seeds[0] if len(web_seeds) == 1 else list(web_seeds)
    data = encode({**outer, "info": info})
    return data[: len(data) * 2 // 3] if defect == "damaged" else data


def film(
    title: str,
    year: int,
    kind: Kind = "v1",
    *,
    minutes: int = 90,
    tags: str = "1080p.BluRay.x264-DEMO",
    mb_per_minute: int = 40,
    trackers: Sequence[str | Sequence[str]] = (),
    private: bool = False,
    defect: Defect | None = None,
) -> bytes:
    """A release as there are many: the film, a sample, subtitles and a note."""
    name = f"{'.'.join(title.split())}.{year}.{tags}"
    files: dict[str, bytes | int] = {
        f"{name}.mkv": minutes * mb_per_minute * 1_000_000,
        f"{name}.nfo": b"A film that belongs to everybody.\n" * 40,
        "Sample/sample.mkv": 20_000_000,
        "Subs/English.srt": b"1\n00:00:01,000 --> 00:00:02,000\nGood evening.\n" * 200,
    }
    return make(name, files, kind, trackers=trackers, private=private, defect=defect)


def hashes_of(data: bytes) -> tuple[str | None, str | None]:
    """The v1 hash (40 hex digits) and the v2 hash (64) of a torrent of ours that is not `damaged`."""
    info = decode(data)[0][b"info"]
    raw = encode(info)
    v1 = hashlib.sha1(raw, usedforsecurity=False).hexdigest() if b"pieces" in info else None
    return v1, hashlib.sha256(raw).hexdigest() if b"file tree" in info else None


def hash_of(data: bytes) -> str:
    """By which trackers know it: the v1 hash, else the first 20 bytes of the v2 hash, as 40 hex digits."""
    v1, v2 = hashes_of(data)
    return v1 or (v2 or "")[:40]


def info_of(data: bytes) -> bytes:
    """The metadata that peers send each other (BEP 9)."""
    return encode(decode(data)[0][b"info"])


def magnet_of(data: bytes, *, trackers: Sequence[str] = (), base32: bool = False) -> str:
    """Its magnet link, with the trackers that are given here alone."""
    v1, v2 = hashes_of(data)
    topics = [f"urn:btmh:1220{v2}"] if v2 else []
    if v1:
        topics.insert(0, f"urn:btih:{base64.b32encode(bytes.fromhex(v1)).decode() if base32 else v1}")
    name = decode(data)[0][b"info"][b"name"]
    parts = [*(f"xt={one}" for one in topics), f"dn={quote(name)}", *(f"tr={quote(one, safe='')}" for one in trackers)]
    return "magnet:?" + "&".join(parts)


def content(name: str, path: str, given: bytes | int, begin: int, end: int) -> bytes:
    """The bytes from `begin` to `end` of a file of the torrent `name`."""
    if isinstance(given, bytes):
        return given[begin:end]
    end = min(end, given)
    block, phase = _block(name, path), begin % BLOCK
    return (block * ((end - begin + phase) // BLOCK + 1))[phase : phase + max(0, end - begin)]


@lru_cache(maxsize=256)
def _block(name: str, path: str) -> bytes:
    return hashlib.shake_128(f"{name}/{path}".encode()).digest(BLOCK)


def _size(given: bytes | int) -> int:
    return given if isinstance(given, int) else len(given)


def _piece_length(size: int) -> int:
    length = BLOCK
    while size > length * 2000:
        length *= 2
    return length


def _stream(name: str, path: str, given: bytes | int) -> bytes:
    """What is hashed: the whole file, or the block that it repeats."""
    return given if isinstance(given, bytes) else _block(name, path)


def _tree(name: str, files: Files, length: int) -> Value:
    tree: dict[str, Value] = {}
    for path, given in files.items():
        node = tree
        for part in path.split("/"):
            node = node.setdefault(part, {})  # type: ignore[assignment]
        leaf: dict[str, Value] = {"length": _size(given)}
        if _size(given):
            leaf["pieces root"] = root(_stream(name, path, given), _size(given), length)
        node[""] = leaf
    return tree


def _flat(name: str, files: Files, length: int, *, padded: bool) -> dict[str, Value]:
    if list(files) == [name]:
        return {"length": _size(files[name]), "pieces": b"".join(_pieces(name, [(name, files[name])], length))}
    laid: list[tuple[str, bytes | int]] = []
    listed: list[Value] = []
    for at, (path, given) in enumerate(files.items()):
        laid.append((path, given))
        listed.append({"length": _size(given), "path": path.split("/")})
        gap = -_size(given) % length
        if padded and gap and at < len(files) - 1:
            laid.append(("", bytes(gap)))
            listed.append({"attr": "p", "length": gap, "path": [".pad", str(gap)]})
    return {"files": listed, "pieces": b"".join(_pieces(name, laid, length))}


def _pieces(name: str, laid: Sequence[tuple[str, bytes | int]], length: int) -> Iterator[bytes]:
    held = b""
    for path, given in laid:
        at, size = length - len(held) if held else 0, _size(given)
        if held:
            held += content(name, path, given, 0, at)
            if len(held) < length:
                continue
            yield _hashed(held)
        whole = max(0, size - at) // length
        if whole and isinstance(given, int):
            yield from [_hashed(content(name, path, given, at, at + length))] * whole
        else:
            yield from (_hashed(content(name, path, given, one, one + length)) for one in _starts(at, whole, length))
        held = content(name, path, given, at + whole * length, size)
    if held:
        yield _hashed(held)


def _starts(at: int, whole: int, length: int) -> range:
    return range(at, at + whole * length, length)


def _hashed(piece: bytes) -> bytes:
    return hashlib.sha1(piece, usedforsecurity=False).digest()


def _poisoned(name: str, files: dict[str, bytes | int], defect: Defect | None) -> tuple[str, dict[str, bytes | int]]:
    largest = max(files, key=lambda path: _size(files[path]))
    total = sum(map(_size, files.values()))
    match defect:
        case "executable":
            files["Setup.exe"] = 3_000_000
        case "password":
            files = {f"{name}.rar": total, "password.txt": b"The password is on our page.\n"}
        case "wrong_size":
            files[largest] = max(1, _size(files[largest]) // 100)
        case "other_film":
            name, files = OTHER, {f"{OTHER}.mkv": total}
        case "traversal":
            files["../../evil.mkv"] = 1_000_000
        case "page":
            files["To play this video.html"] = b"<a href='http://127.0.0.1/codec'>Get the codec</a>\n"
        case "no_video":
            files = {f"{name}.iso.txt": total}
        case _:
            pass
    return name, files
