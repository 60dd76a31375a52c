"""The torrents of the demo world say what their content is."""

from __future__ import annotations

import hashlib

import pytest

from nightcrew.demo import torrents
from nightcrew.demo.bencoding import decode
from nightcrew.demo.merkle import BLOCK
from nightcrew.demo.torrents import Kind, content, film, hash_of, hashes_of, magnet_of, make

FILES: dict[str, bytes | int] = {
    "a.mkv": 5 * BLOCK + 77,
    "b/empty": b"",
    "b/two.txt": b"two" * 20_000,
    "c": 3,
    "d.bin": 4 * BLOCK,
    "e": BLOCK,
}
LENGTH = 2 * BLOCK


def root(data: bytes) -> bytes:
    """The slow way of BEP 52: all leaves, as many as the next power of two."""
    leaves = [hashlib.sha256(data[at : at + BLOCK]).digest() for at in range(0, len(data), BLOCK)]
    while len(leaves) & (len(leaves) - 1):
        leaves.append(bytes(32))
    while len(leaves) > 1:
        leaves = [hashlib.sha256(one + two).digest() for one, two in zip(leaves[::2], leaves[1::2], strict=True)]
    return leaves[0]


@pytest.mark.parametrize("kind", ["v1", "hybrid"])
def test_the_pieces_are_those_of_the_content(kind: Kind) -> None:
    info = decode(make("film", FILES, kind, piece_length=LENGTH))[0][b"info"]
    whole = b""
    for file in info[b"files"]:
        path = b"/".join(file[b"path"]).decode()
        given = FILES.get(path, bytes(file[b"length"]))
        whole += content("film", path, given, 0, file[b"length"])
    hashes = [hashlib.sha1(whole[at : at + LENGTH]).digest() for at in range(0, len(whole), LENGTH)]
    assert info[b"pieces"] == b"".join(hashes)


@pytest.mark.parametrize("kind", ["v2", "hybrid"])
def test_the_trees_are_those_of_the_content(kind: Kind) -> None:
    outer = decode(make("film", FILES, kind, piece_length=LENGTH))[0]
    seen = 0
    for path, given in FILES.items():
        node = outer[b"info"][b"file tree"]
        for part in path.encode().split(b"/"):
            node = node[part]
        size = node[b""][b"length"]
        whole = content("film", path, given, 0, size)
        assert len(whole) == size
        if not size:
            assert b"pieces root" not in node[b""]
            continue
        assert node[b""][b"pieces root"] == root(whole)
        if size > LENGTH:
            layer = outer[b"piece layers"][root(whole)]
            padded = whole + bytes(-len(whole) % LENGTH)
            assert len(layer) == 32 * (len(padded) // LENGTH)
            assert layer[:32] == root(whole[:LENGTH])
            seen += 1
    assert seen == len(outer[b"piece layers"]) == 3


def test_content_is_the_same_wherever_one_begins() -> None:
    whole = content("film", "a.mkv", 3 * BLOCK + 5, 0, 3 * BLOCK + 5)
    assert content("film", "a.mkv", 3 * BLOCK + 5, 17_000, 40_000) == whole[17_000:40_000]
    assert content("film", "a.mkv", 3 * BLOCK + 5, 49_000, 99_000) == whole[49_000:]
    assert content("film", "b.mkv", BLOCK, 0, 100) != whole[:100]


def test_the_torrent_of_a_large_film_is_small() -> None:
    data = make("Metropolis.1927.2160p", {"Metropolis.1927.2160p.mkv": 60_000_000_000}, "hybrid")
    assert len(data) < 200_000


def test_a_wrong_hash_is_another_one_of_the_same_files() -> None:
    good, bad = film("Nosferatu", 1922), film("Nosferatu", 1922, defect="wrong_hash")
    assert hash_of(good) != hash_of(bad)
    assert decode(good)[0][b"info"][b"files"] == decode(bad)[0][b"info"][b"files"]


def test_a_magnet_has_both_hashes_of_a_hybrid() -> None:
    data = film("Nosferatu", 1922, "hybrid")
    v1, v2 = hashes_of(data)
    assert magnet_of(data, trackers=["udp://127.0.0.1:6969/announce"]) == (
        f"magnet:?xt=urn:btih:{v1}&xt=urn:btmh:1220{v2}&dn=Nosferatu.1922.1080p.BluRay.x264-DEMO"
        "&tr=udp%3A%2F%2F127.0.0.1%3A6969%2Fannounce"
    )
    assert hash_of(film("Nosferatu", 1922, "v2")) == (hashes_of(film("Nosferatu", 1922, "v2"))[1] or "")[:40]


@pytest.mark.parametrize("defect", torrents.Defect.__args__)  # type: ignore[attr-defined]
@pytest.mark.parametrize("kind", ["v1", "v2", "hybrid"])
def test_each_defect_is_another_torrent(kind: Kind, defect: torrents.Defect) -> None:
    assert film("Nosferatu", 1922, kind, defect=defect) != film("Nosferatu", 1922, kind)
