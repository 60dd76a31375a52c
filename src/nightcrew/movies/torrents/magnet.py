"""Magnet links (BEP 9, 53): by which hashes a torrent is known, and what else the link says. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from nightcrew.movies.torrents import addresses
from nightcrew.movies.torrents.errors import BadMagnet
from nightcrew.movies.torrents.metainfo import canonical

__all__ = ["BadMagnet", "Magnet", "parse", "written"]

MAX_LENGTH, MAX_PARAMETERS, MAX_NAME = 64_000, 1000, 1000
"""Characters of a link, its parameters, and characters of the name that are kept."""
_MULTIHASH = "1220"
"""SHA-256, 32 bytes."""
_SIZE = re.compile(r"\d{1,18}", re.ASCII)
_KEY = re.compile(r"(xt|dn|tr|xl)(?:\.\d{1,3})?")


@dataclass(frozen=True, slots=True)
class Magnet:
    """`hash_v1`: 40 hex digits; `hash_v2`: 64; at least one of them is there. `size`: bytes, where the link says it."""

    hash_v1: str | None = None
    hash_v2: str | None = None
    name: str = ""
    trackers: tuple[str, ...] = ()
    size: int | None = None

    @property
    def swarm(self) -> str:
        """By which trackers know it, 40 hex digits: the v1 hash, else the first 20 bytes of the v2 hash (BEP 52)."""
        return self.hash_v1 or (self.hash_v2 or "")[:40]


def parse(text: str) -> Magnet:
    """Parameters that are not known are passed over. Raises `BadMagnet`."""
    text = text.strip()
    if len(text) > MAX_LENGTH:
        raise BadMagnet(f"the link has more than {MAX_LENGTH:,} characters")
    if not text.lower().startswith("magnet:?"):
        raise BadMagnet("it is no magnet link")
    said: dict[str, list[str]] = {"xt": [], "dn": [], "tr": [], "xl": []}
    parameters = text[len("magnet:?") :].replace("&amp;", "&").split("&", MAX_PARAMETERS)
    for one in parameters[:MAX_PARAMETERS]:
        key, _, value = one.partition("=")
        if known := _KEY.fullmatch(key.lower()):
            said[known[1]].append(value.replace("+", " ") if known[1] == "dn" else value)
    topics = [unquote(one) for one in said["xt"]]
    hash_v1, hash_v2 = _only([_btih(one) for one in topics]), _only([_btmh(one) for one in topics])
    if not hash_v1 and not hash_v2:
        raise BadMagnet("the link names no torrent")
    return Magnet(
        hash_v1=hash_v1,
        hash_v2=hash_v2,
        name=_printable(unquote(said["dn"][0])) if said["dn"] else "",
        trackers=addresses.trackers(map(unquote, said["tr"])),
        size=_size(said["xl"]),
    )


def written(magnet: Magnet) -> str:
    """The link."""
    topics = [f"xt=urn:btih:{magnet.hash_v1}"] if magnet.hash_v1 else []
    topics += [f"xt=urn:btmh:{_MULTIHASH}{magnet.hash_v2}"] if magnet.hash_v2 else []
    name = [f"dn={quote(magnet.name, safe='')}"] if magnet.name else []
    size = [] if magnet.size is None else [f"xl={magnet.size}"]
    return "magnet:?" + "&".join([*topics, *name, *size, *(f"tr={quote(one, safe='')}" for one in magnet.trackers)])


def _btih(topic: str) -> str:
    """The v1 hash, 40 hex digits or 32 letters of base32; empty where the topic is something else."""
    if not topic.lower().startswith("urn:btih:"):
        return ""
    found = canonical(topic[9:])
    if len(found) != 40:
        raise BadMagnet("the link's v1 hash is broken")
    return found


def _btmh(topic: str) -> str:
    """The v2 hash; empty where the topic is something else, such as a hash of another kind."""
    if not topic.lower().startswith(f"urn:btmh:{_MULTIHASH}"):
        return ""
    found = canonical(topic[9 + len(_MULTIHASH) :])
    if len(found) != 64:
        raise BadMagnet("the link's v2 hash is broken")
    return found


def _only(found: list[str]) -> str | None:
    hashes = {one for one in found if one}
    if len(hashes) > 1:
        raise BadMagnet("the link names several torrents")
    return min(hashes, default=None)


def _printable(text: str) -> str:
    """On one line, without marks that change how it is shown."""
    return "".join(one if one.isprintable() else " " for one in text[:MAX_NAME]).strip()


def _size(said: list[str]) -> int | None:
    return int(said[0]) if said and _SIZE.fullmatch(said[0]) else None
