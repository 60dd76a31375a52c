"""Magnet links from strangers."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.demo.torrents import film, hash_of, hashes_of, magnet_of
from nightcrew.movies.torrents.magnet import MAX_LENGTH, BadMagnet, Magnet, parse, written

V1, V2 = "0123456789abcdef0123456789abcdef01234567", "ab" * 32
LINK = f"magnet:?xt=urn:btih:{V1}"
HEX = st.text("0123456789abcdef", min_size=40, max_size=40)


def refused(text: str) -> str:
    with pytest.raises(BadMagnet) as caught:
        parse(text)
    return str(caught.value)


@given(
    st.none() | HEX,
    st.text("0123456789abcdef", min_size=64, max_size=64),
    st.text(st.characters(exclude_categories=["C", "Z"])),
    st.lists(st.sampled_from(["http://h/a?k=1&l=%20", "udp://h:1", "https://[::1]:8/x+y"]), unique=True),
    st.none() | st.integers(0, 10**18 - 1),
)
def test_what_is_written_is_read(v1: str | None, v2: str, name: str, trackers: list[str], size: int | None) -> None:
    for one in {v1: 1} if v1 is None else {v1: 1, None: 1}:
        magnet = Magnet(one, v2, name[:1000], tuple(trackers), size)
        assert parse(written(magnet)) == magnet


@pytest.mark.parametrize("kind", ["v1", "v2", "hybrid"])
def test_the_link_of_a_torrent_names_it(kind: str) -> None:
    data = film("Nosferatu", 1922, kind)  # type: ignore[arg-type]
    magnet = parse(magnet_of(data, trackers=["udp://127.0.0.1:1/announce", "http://127.0.0.1/a"], base32=True))
    assert (magnet.hash_v1, magnet.hash_v2) == hashes_of(data)
    assert magnet.swarm == hash_of(data)
    assert magnet.name == "Nosferatu.1922.1080p.BluRay.x264-DEMO"
    assert magnet.trackers == ("udp://127.0.0.1:1/announce", "http://127.0.0.1/a")


@pytest.mark.parametrize(
    "text",
    [
        LINK,
        LINK.upper().replace("XT", "xt"),
        f" MAGNET:?xt=urn:btih:{V1} \n",
        f"magnet:?xt=urn%3Abtih%3A{V1}",
        f"magnet:?xt.1=urn:btih:{V1}&xt.2=urn:ed2k:31d6cfe0d16ae931b73c59d7e0c089c0",
        f"magnet:?xt=urn:btih:{base64.b32encode(bytes.fromhex(V1)).decode()}",
        f"magnet:?xt=urn:btih:{base64.b32encode(bytes.fromhex(V1)).decode().lower()}",
        f"{LINK}&xt=urn:btih:{V1.upper()}",
        f"{LINK}&x.pe=h:1&so=0-2&ws=http://h&kt=a&xs=x&xtx=1&dn&=&&",
        f"{LINK}&xt=urn:btmh:1114{V1}",
    ],
)
def test_what_is_not_known_is_passed_over(text: str) -> None:
    assert parse(text) == Magnet(V1)


def test_names_are_on_one_line() -> None:
    assert parse(f"{LINK}&dn=The+General+%281926%29%0a%1b%5b2J&dn=other").name == "The General (1926)  [2J"
    assert parse(f"{LINK}&dn=%E2%80%AEgpj.exe").name == "gpj.exe"
    assert parse(f"{LINK}&dn=%ff%2B").name == "\ufffd+"
    assert len(parse(f"{LINK}&dn=" + "x" * 2000).name) == 1000
    assert parse(f"{LINK}&amp;dn=a&amp;xl=5") == Magnet(V1, name="a", size=5)


def test_trackers_are_those_that_can_be_asked() -> None:
    text = f"{LINK}&tr=udp%3A%2F%2Fh%3A1&tr.1=http://h/a%2Bb+c&tr=wss://h&tr=udp://h&tr=udp://h:1&tr=x&tr.5=https://h"
    assert parse(text).trackers == ("udp://h:1", "http://h/a+b+c", "https://h")
    assert len(parse(LINK + "".join(f"&tr=http://h/{at}" for at in range(300))).trackers) == 200


@pytest.mark.parametrize(
    ("said", "size"),
    [("5", 5), ("0", 0), ("-1", None), ("x", None), ("", None), ("1" * 19, None), ("٣", None), ("1e3", None)],
)
def test_the_size_is_a_number(said: str, size: int | None) -> None:
    assert parse(f"{LINK}&xl={said}").size == size


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is no magnet link"),
        ("http://h/?xt=urn:btih:" + V1, "it is no magnet link"),
        ("magnet:", "it is no magnet link"),
        ("magnet:?", "the link names no torrent"),
        ("magnet:?dn=a", "the link names no torrent"),
        ("magnet:?xt=urn:sha1:" + V1, "the link names no torrent"),
        ("magnet:?xt=urn:btmh:1114" + V1, "the link names no torrent"),
        ("magnet:?xt=urn:btih:" + V1[1:], "the link's v1 hash is broken"),
        ("magnet:?xt=urn:btih:" + V2, "the link's v1 hash is broken"),
        ("magnet:?xt=urn:btih:", "the link's v1 hash is broken"),
        ("magnet:?xt=urn:btih:" + "1" * 32, "the link's v1 hash is broken"),
        ("magnet:?xt=urn:btmh:1220" + V1, "the link's v2 hash is broken"),
        ("magnet:?xt=urn:btmh:1220" + "g" * 64, "the link's v2 hash is broken"),
        (f"{LINK}&xt=urn:btih:{'0' * 40}", "the link names several torrents"),
        (f"magnet:?xt=urn:btmh:1220{V2}&xt=urn:btmh:1220{'0' * 64}", "the link names several torrents"),
        (LINK + "&dn=" + "x" * MAX_LENGTH, "the link has more than 64,000 characters"),
    ],
)
def test_a_link_that_names_no_torrent_or_several_is_refused(text: str, why: str) -> None:
    assert refused(text) == why


def test_parameters_are_limited() -> None:
    assert parse("magnet:?" + "a=1&" * 999 + f"xt=urn:btih:{V1}").hash_v1 == V1
    assert refused("magnet:?" + "a=1&" * 1000 + f"xt=urn:btih:{V1}") == "the link names no torrent"
    assert len(LINK + "&dn=" + "x" * (MAX_LENGTH - len(LINK) - 4)) == MAX_LENGTH
    assert parse(LINK + "&dn=" + "x" * (MAX_LENGTH - len(LINK) - 4)).name == "x" * 1000


@given(
    st.text()
    | st.text("magnet:?xt=urnbih&%0123456789+.l", max_size=200).map(lambda text: "magnet:?xt=urn:btih:" + text)
)
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        magnet = parse(text)
    except BadMagnet:
        return
    assert len(magnet.swarm) == 40
    assert parse(written(magnet)) == magnet
