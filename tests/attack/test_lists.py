"""Lists of somebody who means harm: M3U and JSON take a time in proportion, in steps between which others have their turn."""

from __future__ import annotations

import contextlib
import gc
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nightcrew.kernel import big_json
from nightcrew.kernel.errors import NightcrewError
from nightcrew.kernel.http_requests import Reply
from nightcrew.playlists import identity, rules
from nightcrew.playlists.formats import hls, json_list, m3u, master
from nightcrew.playlists.formats.charsets import blocks
from support import cost

MIB = 1 << 20
LINE = m3u.MAX_LINE - 600


def repeated(part: bytes, size: int) -> bytes:
    return part * (size // len(part))


def many(part: str, size: int) -> bytes:
    """Parts with numbers of their own and commas in between."""
    return ",".join(part % number for number in range(size // len(part) + 1)).encode()


def read_m3u(raw: bytes) -> int:
    """As a refresh does it with each entry."""
    identifier, count = identity.Identifier(), 0
    for entry in m3u.read(blocks(io.BytesIO(raw)), m3u.ListHeader()):
        identifier.identify(entry)
        rules.row_hash(entry)
        rules.hide_secrets(entry.url, ("user", "secret"))
        count += 1
    return count


def read_hls(raw: bytes) -> int:
    variants = master.parse_master(raw.decode(), "http://192.0.2.1/a.m3u8")
    return len(variants) + len(hls.parse_media(raw.decode(), "http://192.0.2.1/a.m3u8").segments)


def read_json(raw: bytes) -> int:
    return sum(1 for _ in json_list.read(io.BytesIO(raw)))


def read_answer(raw: bytes) -> int:
    return len(big_json.read(raw))


def entry(inside: bytes) -> bytes:
    return b"#EXTINF:-1 " + inside + b",Name\nhttp://192.0.2.1/1\n"


ROW = '{"num":%d,"name":"News","stream_id":"7","category_id":"3","stream_icon":"http://192.0.2.1/logo.png"}'
SHAPES: dict[str, tuple[Callable[[bytes], int], Callable[[int], bytes]]] = {
    "one line": (read_m3u, lambda n: b"#EXTM3U\n" + b"x" * n),
    "attributes": (read_m3u, lambda n: repeated(entry(repeated(b'a="" ', LINE)), n)),
    "quotes": (read_m3u, lambda n: repeated(entry(b'a="' + b'"' * LINE), n)),
    "quotes and names": (read_m3u, lambda n: repeated(entry(b'a="' + repeated(b'" b="', LINE)), n)),
    "words": (read_m3u, lambda n: repeated(entry(repeated(b"x ", LINE)), n)),
    "headers": (read_m3u, lambda n: repeated(b"http://192.0.2.1/1|" + repeated(b"a=%41&", LINE) + b"\n", n)),
    "brackets": (read_m3u, lambda n: repeated(b"#EXTINF:-1," + b"[" * LINE + b"\nhttp://192.0.2.1/1\n", n)),
    "letters of 18": (
        read_m3u,
        lambda n: repeated(b"#EXTINF:-1," + repeated("\ufdfa".encode(), LINE) + b"\nhttp://192.0.2.1/1\n", n),
    ),
    "guides": (read_m3u, lambda n: repeated(b'#EXTM3U x-tvg-url="' + repeated(b"http://a,", LINE) + b'"\n', n)),
    "options": (read_m3u, lambda n: repeated(b"#EXTVLCOPT:a=" + b"b" * 40 + b"\n", n)),
    "no lines": (read_m3u, lambda n: b"\n" * n),
    "segments": (read_hls, lambda n: b"#EXTM3U\n" + repeated(b"#EXTINF:6,\na\n", n)),
    "maps": (read_hls, lambda n: b"#EXTM3U\n" + repeated(b'#EXT-X-MAP:URI="a"\n', n)),
    "a key": (read_hls, lambda n: b"#EXTM3U\n#EXT-X-KEY:" + repeated(b'A="', n)),
    "steps up": (read_hls, lambda n: b"#EXTM3U\n" + repeated(b"a/../", n)),
    "a text": (read_json, lambda n: b'["' + b"x" * n + b'"]'),
    "a number": (read_json, lambda n: b"[" + b"1" * n + b"]"),
    "long numbers": (read_json, lambda n: b"[" + repeated(b"1" * 4_000 + b",", n) + b"1]"),
    "names": (read_json, lambda n: b"[{" + many('"%d":1', n) + b"}]"),
    "names below the limit": (
        read_json,
        lambda n: b"[" + repeated(b"{" + many('"%d":1', MIB // 16) + b"},", n) + b"1]",
    ),
    "spaces": (read_json, lambda n: b"[" + b" " * n + b"]"),
    "commas": (read_json, lambda n: b"[" + b"," * n + b"]"),
    "levels": (read_json, lambda n: b"[" * n),
    "an answer of one text": (read_answer, lambda n: b'["' + b"x" * n + b'"]'),
    "an answer of texts": (read_answer, lambda n: b"[" + repeated(b'"",', n) + b"1]"),
    "an answer of names": (read_answer, lambda n: b"{" + many('"%d":""', n) + b"}"),
    "an answer of lists": (read_answer, lambda n: b"[" + repeated(b"[],", n) + b"1]"),
    "an answer of levels": (read_answer, lambda n: b"[" + repeated(b"[" * 90 + b"]" * 90 + b",", n) + b"1]"),
    "an answer in an answer": (
        read_answer,
        lambda n: b'[""' + repeated(b"," + b"[" * 7 + repeated(b'"",', 70_000) + b"1" + b"]" * 7, n) + b"]",
    ),
}
"""Readers, and what costs them most of n bytes."""


@pytest.mark.parametrize("name", SHAPES)
def test_a_list_takes_a_time_in_proportion_to_its_size(name: str) -> None:
    read, made = SHAPES[name]
    texts = {size: made(size) for size in (MIB // 4, MIB)}

    def work(size: int) -> None:
        with contextlib.suppress(NightcrewError, ValueError, RecursionError):
            read(texts[size])

    gc.disable()  # it looks through all that the tests before hold
    try:
        least, most = (min(cost(work, size) for _ in range(3)) for size in texts)
    finally:
        gc.enable()
    assert most < 0.5 or most < 11 * least, f"{least:.3f} s, and {most:.3f} s for four times as much"
    assert most < 5, f"{most:.2f} s for 1 MiB"


# -- large answers -----------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
    max_leaves=25,
)


def both(text: str | bytes) -> tuple[Any, Any]:
    """What our reader makes of a text, and what Python's makes of it; the kind of error where it is none."""
    found: list[Any] = []
    for read in (big_json.read, json.loads):
        try:
            found.append(read(text))
        except ValueError as exc:
            found.append(type(exc))
    return found[0], found[1]


@given(JSON, st.integers(1, 40), st.sampled_from([None, 1]), st.data())
@settings(max_examples=300, deadline=None)
@example([[[1, 2], "abc"], {"a": [1.5, -2e9, None, True]}], 4, None, None)
def test_large_json_is_read_as_python_reads_it(value: Any, piece: int, indent: int | None, data: Any) -> None:
    text = json.dumps(value, indent=indent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(big_json, "PIECE", piece)
        patch.setattr(big_json, "MAX_DEPTH", 1_000)
        assert big_json.read(text) == big_json.read(text.encode()) == value
        if data is not None and text:
            place = data.draw(st.integers(0, len(text) - 1))
            put = data.draw(st.sampled_from(["", ",", "]", "}", "[", "{", '"', ":", "1", " ", "x", "\n", "-", "."]))
            ours, pythons = both(text[:place] + put + text[place + 1 :])
            assert ours == pythons


def test_no_step_of_reading_holds_python_for_long() -> None:
    """C code that reads a piece calls nobody: pieces are small, whatever stands in them."""
    parse = json.JSONDecoder.raw_decode

    def timed(self: json.JSONDecoder, text: str, place: int = 0) -> tuple[Any, int]:
        assert len(text) <= big_json.PIECE or text[place] == '"', "more than a piece is read at a time"
        return parse(self, text, place)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json.JSONDecoder, "raw_decode", timed)
        for name in ("an answer of texts", "an answer of names", "an answer in an answer"):
            big_json.read(SHAPES[name][1](MIB))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"[" + repeated(b"[],", 4 * MIB) + b"1]", "it has more than 600000 lists and objects"),
        (b"[" * 12 + repeated(b'"",', MIB) + b"1" + b"]" * 12, "deep in each other"),
        (b"[" * (MIB // 2), "deep in each other|no valid JSON"),
        (b"[" + repeated(b'"",', MIB) + b"1", "no valid JSON"),
    ],
)
async def test_an_answer_that_is_made_to_be_costly_is_refused(body: bytes, words: str) -> None:
    answer = Reply("http://192.0.2.1/a", 200, {}, body, "http://192.0.2.1/a")
    with pytest.raises(NightcrewError, match=words):
        await answer.json()
