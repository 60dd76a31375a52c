"""A JSON list that is read one by one: whatever its size, and however its bytes are cut."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.kernel.errors import GiveUp, Retry
from nightcrew.playlists.formats import json_list

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


class Slow(io.BytesIO):
    """Gives so many bytes at a time."""

    def __init__(self, data: bytes, most: int) -> None:
        super().__init__(data)
        self.most = most

    def read(self, size: int | None = -1) -> bytes:
        return super().read(self.most)


def read(data: bytes, most: int = 1 << 20) -> list[Any]:
    return list(json_list.read(Slow(data, most)))


@given(
    st.lists(st.dictionaries(st.text(), VALUES, max_size=3) | st.text(), max_size=6),
    st.integers(1, 30),
    st.booleans(),
    st.sampled_from([None, 1]),
)
def test_what_a_list_holds_comes_out_however_its_bytes_come_in(
    values: list[Any], most: int, ascii_only: bool, indent: int | None
) -> None:
    data = json.dumps(values, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")
    try:
        data.decode()
    except UnicodeDecodeError:
        return
    assert read(data, most) == values


@pytest.mark.parametrize(
    ("data", "values"),
    [
        (b"[]", []),
        (b"\xef\xbb\xbf[1]", [1]),
        (b" \r\n[ 1 ,\t2 ]\n ", [1, 2]),
        (b"[1,,2,]", [1, 2]),
        (b"[12345]", [12345]),
        ('["é🎬"]'.encode(), ["é🎬"]),
        (b'["\xff", "a"]', ["\ufffd", "a"]),
        (b'{"7": {"a": 1}, "8" : [2]}', [{"a": 1}, [2]]),
        (b"{}", []),
        (b'{"data": [{"a": 1}, {"a": 2}]}', [{"a": 1}, {"a": 2}]),
        (b'{"status": 1, "data" :[{"a": 1}], "count": 2}', [1, {"a": 1}, 2]),
        (b'{"available_channels": {"7": {"data": [1]}}}', [{"data": [1]}]),
        (b'{"data": []}', []),
        (b'["A\nB\x01"]', ["A\nB\x01"]),
        (b'\xef\xbb\xbf\n<br />\n<b>Notice</b>: a[0] in <b>x.php</b><br />\n[{"a": 1}]', [{"a": 1}]),
        (b'Warning: {x} in x.php\n{"7": {"a": 1}}', [{"a": 1}]),
    ],
)
def test_what_providers_write_is_understood(data: bytes, values: list[Any]) -> None:
    for most in (1, 2, 3, 100):
        assert read(data, most) == values


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "incomplete"),
        (b"   ", "incomplete"),
        (b'{"error": 1', "incomplete"),
        (b"{1: 2}", "not a JSON list"),
        (b'{"a", 2}', "not a JSON list"),
        (b'{"a": 1]', "not a JSON list"),
        (b'"a"', "not a JSON list"),
        (b"null", "not a JSON list"),
        (b"[1, 2", "incomplete"),
        (b'[{"a": 1}, {"b"', "incomplete"),
        (b"[1] [2]", "more behind the end"),
        (b"[1]]", "more behind the end"),
        (b"[nonsense]", "incomplete or damaged"),
        (b'{"data": [1, 2}', "incomplete or damaged"),
        (b'{"data": [1, 2]', "incomplete"),
        (b"Notice: no list", "not a JSON list"),
        (b"x" * 300_000 + b'[{"a": 1}]', "not a JSON list"),
        (b'["\xc3', "incomplete"),
        (b"[" * 100_000, "cannot be read"),
        (b"[" + b"9" * 5_000 + b"]", "cannot be read"),
    ],
)
def test_what_is_no_whole_list_is_tried_again_later(data: bytes, words: str) -> None:
    with pytest.raises(Retry, match=words):
        read(data, 4_096)


def test_what_came_before_the_damage_was_given() -> None:
    found = json_list.read(io.BytesIO(b"[1, 2, {"))
    assert [next(found), next(found)] == [1, 2]
    with pytest.raises(Retry):
        next(found)


def test_one_huge_element_is_given_up_before_all_of_it_was_read() -> None:
    file = io.BytesIO(b'["' + b"x" * (5 << 20) + b'"]')
    with pytest.raises(GiveUp, match="larger than 1 MiB"):
        list(json_list.read(file))
    assert file.tell() < 3 << 20


@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b"Notice: x[0]\n", b"<b>Notice</b> {x}<br />"])
def test_a_small_answer_is_freed_of_what_is_around_it(before: bytes) -> None:
    for text, value in (('{"a": "b\n\x01"}', {"a": "b  "}), ('[{"a": 1}]', [{"a": 1}])):
        assert json.loads(json_list.bare(before + text.encode())) == value


@given(st.binary(max_size=40))
def test_no_bytes_make_a_small_answer_raise(raw: bytes) -> None:
    assert len(json_list.bare(raw)) <= len(raw)
