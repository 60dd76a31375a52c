"""Bencode from strangers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.movies.torrents import bencode
from nightcrew.movies.torrents.bencode import MAX_BYTES, MAX_DEPTH, MAX_TOKENS, BencodeDocument, read, written
from nightcrew.movies.torrents.errors import BadTorrent

NUMBERS = st.integers(-(2**63), 2**63 - 1)
VALUES: st.SearchStrategy[Any] = st.recursive(
    NUMBERS | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.binary(max_size=9), inner, max_size=5),
)


def refused(data: bytes) -> str:
    with pytest.raises(BadTorrent) as caught:
        read(data)
    return str(caught.value)


@given(VALUES)
def test_what_is_written_is_read(value: Any) -> None:
    data = written(value)
    assert read(data) == BencodeDocument(value, read(data).info, len(data))
    assert written(read(data).value) == data


def test_values_are_read() -> None:
    document = read(b"d3:bari-42e3:fool4:spam0:i0eee")
    assert document.value == {b"bar": -42, b"foo": [b"spam", b"", 0]}
    assert document.info is None
    assert document.end == 30


def test_the_span_of_info_is_that_of_the_outer_dictionary_alone() -> None:
    data = b"d1:ad4:infoi1ee4:infod4:infoi2ee1:zle4:listl4:infoi3eee"
    document = read(data)
    assert document.info is not None
    assert data[slice(*document.info)] == b"d4:infoi2ee"
    assert read(b"d4:infoi7ee").info == (7, 10)
    assert read(b"d4:info3:abce").info == (7, 12)
    assert read(b"l4:infod4:infoi2eee").info is None


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"d1:bi1e1:ai2ee", {b"b": 1, b"a": 2}),
        (b"i007e", 7),
        (b"i-0e", 0),
        (b"i-007e", -7),
        (b"003:abc", b"abc"),
        (b"d01:ai1ee", {b"a": 1}),
        (b"i9223372036854775807e", 2**63 - 1),
        (b"i-9223372036854775808e", -(2**63)),
    ],
)
def test_what_every_reader_understands_alike_is_taken(data: bytes, value: Any) -> None:
    assert read(data).value == value


def test_what_follows_the_value_is_left() -> None:
    assert read(b"i5e\r\n").end == 3
    assert read(b"lee").end == 2


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "byte 0: it ends too early"),
        (b"d", "byte 1: it ends too early"),
        (b"d1:a", "byte 4: it ends too early"),
        (b"l1:a", "byte 4: it ends too early"),
        (b"4:abc", "byte 0: a text of 4 bytes is cut short"),
        (b"l1:a999999999999:", "byte 4: a text of 999999999999 bytes is cut short"),
        (b"l-1:ae", "byte 1: a length is negative"),
        (b"9999999999999:a", 'byte 0: a length is broken: "9999999999999:a"'),
        (b"12", 'byte 0: a length is broken: "12"'),
        (b"i", 'byte 0: a number is broken: "i"'),
        (b"ie", 'byte 0: a number is broken: "ie"'),
        (b"i-e", 'byte 0: a number is broken: "i-e"'),
        (b"i+1e", 'byte 0: a number is broken: "i+1e"'),
        (b"i1.5e", 'byte 0: a number is broken: "i1.5e"'),
        (b"i 1e", 'byte 0: a number is broken: "i 1e"'),
        (b"li9223372036854775808ee", "byte 1: a number has more than 64 bits"),
        (b"i-9223372036854775809e", "byte 0: a number has more than 64 bits"),
        (b"e", "byte 0: nothing is there that could end"),
        (b"d1:ae", 'byte 4: the key "a" has no value'),
        (b"di1ei2ee", "byte 1: a key has to be a text"),
        (b"dlei2ee", "byte 1: a key has to be a text"),
        (b"ddei2ee", "byte 1: a key has to be a text"),
        (b"d1:ai1e1:ai1ee", 'byte 7: the key "a" is there twice'),
        (b"d4:infode1:\xff\n4:infodee", r'byte 12: no value begins with "\n"'),
        (b"d1:\xffi1e1:\xffi1ee", r'byte 7: the key "\\xff" is there twice'),
        (b"x", 'byte 0: no value begins with "x"'),
        (b"l-e", 'byte 1: no value begins with "-"'),
        (b"\n <!DOCTYPE html><html>", "it is a web page and no torrent"),
        (b"l<e", 'byte 1: no value begins with "<"'),
    ],
)
def test_what_is_broken_or_ambiguous_is_refused_where_it_is(data: bytes, why: str) -> None:
    assert refused(data) == why


@given(VALUES, st.data())
def test_whatever_is_cut_short_is_refused(value: Any, data: st.DataObject) -> None:
    whole = written(value)
    assert refused(whole[: data.draw(st.integers(0, len(whole) - 1))])


@given(st.binary(max_size=200) | st.text("dlei0123456789:-", max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        document = read(data)
    except BadTorrent:
        return
    assert read(written(document.value)).value == document.value


def test_depth_is_limited() -> None:
    assert read(b"l" * MAX_DEPTH + b"e" * MAX_DEPTH).end == 2 * MAX_DEPTH
    assert refused(b"l" * (MAX_DEPTH + 1) + b"e" * (MAX_DEPTH + 1)) == "byte 100: it is nested more than 100 deep"
    assert refused(b"l" * 5_000_000).startswith("byte 100:")
    assert refused(b"d1:a" * 1_000_000).startswith("byte 400:")


def test_the_number_of_parts_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_TOKENS == 3_000_000
    monkeypatch.setattr(bencode, "MAX_TOKENS", 6)
    assert read(b"ld1:a1:bee").end == 10
    assert refused(b"ld1:a1:b0:0:ee") == "byte 12: it has more than 6 parts"
    assert refused(b"l0:0:0:0:0:e") == "byte 11: it has more than 6 parts"


def test_the_number_of_bytes_is_limited() -> None:
    assert read(b"d6:pieces9999982:" + bytes(9_999_982) + b"e").end == MAX_BYTES
    assert refused(bytes(MAX_BYTES + 1)) == "it has 10,000,001 bytes; 10,000,000 are the most that are read"
