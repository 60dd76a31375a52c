"""Packets, addresses and answers of trackers."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.movies.torrents.errors import BadTorrent
from nightcrew.movies.trackers import wire
from nightcrew.movies.trackers.wire import Swarm

A, B, C = "aa" * 20, "b0" * 20, "0c" * 20
RAW_A = b"\xaa" * 20


def test_requests_are_as_bep_15_draws_them() -> None:
    assert wire.connect_request(7) == bytes.fromhex("0000041727101980 00000000 00000007")
    assert wire.scrape_request(9, 7, [A, B]) == bytes.fromhex("0000000000000009 00000002 00000007" + A + B)


def test_an_answer_without_a_whole_head_is_none() -> None:
    assert wire.head(struct.pack(">II", 2, 9)) == (2, 9)
    assert wire.head(struct.pack(">II", 2, 9)[:-1]) is None


def test_a_connection_id_may_be_followed_by_more() -> None:
    packet = struct.pack(">IIQ", 0, 1, 1 << 63)
    assert wire.connection_id(packet) == wire.connection_id(packet + b"more") == 1 << 63
    assert wire.connection_id(packet[:-1]) is None


def test_a_body_is_a_whole_number_of_torrents() -> None:
    packet = struct.pack(">II3I", 2, 9, 5, 50, 1)
    assert wire.body_of(packet) == packet[8:]
    assert wire.body_of(packet[:8]) == b""
    assert wire.body_of(packet + b"x") is None


@given(st.lists(st.tuples(*[st.integers(0, 2**32 - 1)] * 3)))
def test_numbers_are_read_as_they_are_written(numbers: list[wire.Numbers]) -> None:
    assert wire.numbers(wire.body(numbers)) == numbers


def test_completed_stands_between_seeds_and_leechers() -> None:
    [(one, swarm)] = wire.swarms([A], struct.pack(">3I", 5, 50, 1))
    assert one == A
    assert (swarm.seeds, swarm.completed, swarm.leechers) == (5, 50, 1)
    assert type(swarm) is Swarm


@pytest.mark.parametrize("nothing", [(0, 0, 0), (2**32 - 1, 0, 0), (1, 0, 2**24), (1, 2**24, 0)])
def test_zeros_and_absurd_numbers_say_nothing(nothing: wire.Numbers) -> None:
    found = dict(wire.swarms([A, B, C], wire.body([(1, 0, 0), nothing, (0, 2**24 - 1, 0)])))
    assert found == {A: Swarm(1, 0, 0), C: Swarm(0, 2**24 - 1, 0)}


def test_zeros_across_two_torrents_are_no_zeros_of_one() -> None:
    assert dict(wire.swarms([A, B], wire.body([(1, 0, 0), (0, 0, 7)]))) == {A: Swarm(1, 0, 0), B: Swarm(0, 0, 7)}


def test_words_are_one_line_without_control_characters_and_short() -> None:
    assert wire.words(b"no\n\x1b[31m such \xff\x00torrent") == "no [31m such \ufffd torrent"
    assert len(wire.words(b"x" * 5_000)) == wire.MAX_WORDS
    assert wire.error_words(struct.pack(">II", 3, 1) + b"gone") == "gone"


@pytest.mark.parametrize(
    ("announce", "scrape"),
    [
        ("http://t.example/announce", "http://t.example/scrape"),
        ("http://t.example/x/announce", "http://t.example/x/scrape"),
        ("http://t.example:80/announce.php", "http://t.example:80/scrape.php"),
        ("http://t.example/announce?key=1/2", "http://t.example/scrape?key=1/2"),
        ("http://t.example/announce?x2%0644", "http://t.example/scrape?x2%0644"),
        ("http://t.example/announce/x", None),
        ("http://t.example/a", None),
        ("http://t.example/xannounce", None),
        ("http://t.example", None),
    ],
)
def test_the_address_for_scraping_follows_from_the_one_for_announcing(announce: str, scrape: str | None) -> None:
    assert wire.scrape_address(announce) == scrape


def test_a_question_has_hashes_as_raw_bytes_behind_the_address_own_query() -> None:
    assert wire.scrape_question("http://t/scrape", [A]) == "http://t/scrape?info_hash=" + "%AA" * 20
    asked = wire.scrape_question("http://t/scrape?key=1", ["2541ff" + "00" * 17, B])
    assert asked == f"http://t/scrape?key=1&info_hash=%25A%FF{'%00' * 17}&info_hash={'%B0' * 20}"


def _answer(entry: bytes, more: bytes = b"") -> bytes:
    return b"d5:filesd20:" + RAW_A + entry + b"e" + more + b"e"


def test_an_http_answer_is_read_by_hash() -> None:
    body = _answer(b"d8:completei5e10:downloadedi50e10:incompletei1e4:name1:xe20:" + b"\xb0" * 20 + b"de")
    assert wire.http_answer(body, [A, B, C]).named == {A: Swarm(5, 50, 1), B: None}
    assert wire.http_answer(body, [C]).named == {}


@pytest.mark.parametrize(
    ("entry", "swarm"),
    [
        (b"d8:completei5e10:incompletei1ee", Swarm(5, 0, 1)),
        (b"d8:completei0e10:incompletei0ee", None),
        (b"d8:completei-1e10:incompletei1ee", None),
        (b"d8:completei16777216e10:incompletei1ee", None),
        (b"d8:complete1:510:incompletei1ee", None),
    ],
)
def test_numbers_of_http_that_are_none_say_nothing(entry: bytes, swarm: Swarm | None) -> None:
    assert wire.http_answer(_answer(entry), [A]).named == {A: swarm}


def test_an_entry_that_is_no_dictionary_is_no_answer() -> None:
    assert wire.http_answer(_answer(b"i5e"), [A]).named == {}


@pytest.mark.parametrize(
    ("flags", "seconds"),
    [
        (b"d20:min_request_intervali90ee", 90),
        (b"d20:min_request_intervali-9ee", 0),
        (b"d20:min_request_interval1:9e", 0),
        (b"i1e", 0),
        (b"d20:min_request_intervali999999999999ee", 604_800),
    ],
)
def test_a_tracker_may_want_a_pause_that_is_not_endless(flags: bytes, seconds: float) -> None:
    assert wire.http_answer(_answer(b"de", b"5:flags" + flags), [A]).interval == seconds


def test_a_failure_says_why() -> None:
    assert wire.http_answer(b"d14:failure reason4:gonee", [A]).failure == "gone"
    assert wire.http_answer(b"d14:failure reason0:e", [A]).failure == "it fails and does not say why"
    paused = wire.http_answer(b"d14:failure reason4:slow5:flagsd20:min_request_intervali60eee", [A])
    assert (paused.failure, paused.interval) == ("slow", 60)


@pytest.mark.parametrize("body", [b"", b"<html>", b"de", b"le", b"i5e", b"d5:filesi1ee"])
def test_what_is_no_answer_is_not_bencode(body: bytes) -> None:
    with pytest.raises(BadTorrent):
        wire.http_answer(body, [A])


# -- bencode -----------------------------------------------------------------------------------------------------------
