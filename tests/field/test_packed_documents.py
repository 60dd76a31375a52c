"""Guides and lists that come packed, and packed ones that mean harm.

Reported in public for programs of this kind; each test is named for the situation.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.kernel.errors import GiveUp, NightcrewError, Retry
from nightcrew.kernel.http import Http, Limits
from nightcrew.playlists.formats import m3u, packed
from nightcrew.playlists.providers import guide
from nightcrew.playlists.providers.base import Fetch, Unchanged

GUIDE = (
    b'<?xml version="1.0"?><tv>' + b'<channel id="xz.1"><display-name>Lory</display-name></channel>' * 3_000 + b"</tv>"
)


def zipped(*files: tuple[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in files:
            file.writestr(name, data)
    return made.getvalue()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zip": lambda data: zipped(("guide.xml", data)),
}


def unpacked(raw: bytes, most: int = 1 << 20) -> bytes:
    into = io.BytesIO()
    packed.unpack(io.BytesIO(raw), packed.packing(raw), into, most, guide._sniff)
    return into.getvalue()


@pytest.mark.parametrize("how", PACKERS)
def test_a_guide_is_read_however_it_is_packed(how: str) -> None:
    raw = PACKERS[how](GUIDE)
    assert packed.packing(raw) == how
    guide._sniff(raw, "application/octet-stream")
    m3u.sniff(raw, "")
    assert unpacked(raw) == GUIDE


@pytest.mark.parametrize("how", ["gzip", "bzip2", "xz"])
def test_several_parts_in_a_row_are_one_document(how: str) -> None:
    half = len(GUIDE) // 2
    pack = PACKERS[how]
    assert unpacked(pack(GUIDE[:half]) + pack(GUIDE[half:])) == GUIDE
    assert unpacked(pack(GUIDE) + b"\0" * 8) == GUIDE


class Slowly(io.BytesIO):
    """A file that gives only so many bytes at a time."""

    def __init__(self, data: bytes, most: int) -> None:
        super().__init__(data)
        self.most = most

    def read(self, size: int | None = -1) -> bytes:
        return super().read(self.most if size is None or size < 0 else min(size, self.most))


@pytest.mark.parametrize("most", [3, 100, 1 << 16])
@pytest.mark.parametrize("behind", [b"", b"\0" * 8, b"\0" * 300_000, b"\0\0 a remark", b"x"])
@pytest.mark.parametrize(("how", "pack"), [("bzip2", bz2.compress), ("xz", lzma.compress)])
def test_what_stands_between_and_behind_the_parts_is_passed_over_wherever_a_chunk_ends(
    how: str, pack: Callable[[bytes], bytes], behind: bytes, most: int
) -> None:
    part = GUIDE * 3
    data = pack(part) + b"\0" * 8 + pack(part) + behind
    assert b"".join(packed.pieces(Slowly(data, most), how)) == 2 * part
    for cut in (1, 9):
        with pytest.raises(Retry):
            b"".join(packed.pieces(Slowly((pack(part) + pack(part))[:-cut], most), how))


def test_of_several_files_in_a_zip_the_guide_is_taken() -> None:
    assert unpacked(zipped(("readme.md", b"x" * 900_000), ("a/guide.xml", GUIDE), ("b.xml", b"<tv/>"))) == GUIDE


@pytest.mark.parametrize("how", PACKERS)
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_what_is_cut_off_may_be_whole_later(how: str, share: float) -> None:
    raw = PACKERS[how](bytes(range(256)).join([GUIDE[n : n + 97] for n in range(0, 60_000, 97)]).replace(b"\0", b" "))
    with pytest.raises(NightcrewError):
        into = io.BytesIO()
        packed.unpack(io.BytesIO(raw[: int(len(raw) * share)]), how, into, 1 << 24, lambda _first, _kind: None)


@pytest.mark.parametrize("how", PACKERS)
def test_a_bomb_is_stopped_at_its_limit(how: str) -> None:
    raw = PACKERS[how](b"<tv>" + bytes(30 << 20))
    assert len(raw) < 1 << 20
    with pytest.raises(GiveUp, match="larger than the limit of 1 MiB"):
        unpacked(raw)


def test_a_zip_with_a_huge_table_is_not_read() -> None:
    raw = zipped(*[(f"{n}.xml", b"x") for n in range(packed.MOST_FILES + 1)])
    with pytest.raises(GiveUp, match="more than 1000 files"):
        unpacked(raw)


def test_an_xz_that_takes_much_memory_is_not_read() -> None:
    raw = lzma.compress(GUIDE, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 256 << 20}])
    with pytest.raises(GiveUp, match="cannot be unpacked"):
        unpacked(raw)


def test_a_zip_of_nothing_or_with_a_password_says_so() -> None:
    with pytest.raises(NightcrewError):
        unpacked(zipped(("a/", b"")))
    locked = bytearray(zipped(("guide.xml", GUIDE)))
    for at in (locked.find(b"PK\x03\x04") + 6, locked.find(b"PK\x01\x02") + 8):
        locked[at] |= 1
    with pytest.raises(Retry, match="cannot be unpacked"):
        unpacked(bytes(locked))


@given(st.sampled_from(sorted(PACKERS)), st.binary(max_size=200), st.integers(0, 400))
def test_no_damage_makes_it_raise_anything_else(how: str, junk: bytes, at: int) -> None:
    raw = PACKERS[how](b"<tv>" + bytes(range(200)) + b"</tv>")
    at = min(at, len(raw))
    try:
        packed.unpack(
            io.BytesIO(raw[:at] + junk + raw[at + len(junk) :]), how, io.BytesIO(), 1 << 20, lambda _f, _k: None
        )
    except NightcrewError:
        pass


async def opened(tmp_path: Path, raw: bytes, most: int = 1 << 20) -> bytes:
    """What a guide's document holds once it is unpacked."""
    (tmp_path / "guide.xml.gz").write_bytes(raw)
    client = Http()
    try:
        fetch = Fetch(http=client, folder=tmp_path / "temp", limits=Limits(max_bytes=most), max_entries=100)
        async with guide.Guide(str(tmp_path / "guide.xml.gz")).open(fetch) as found:
            assert not isinstance(found, Unchanged)
            return found[0].read()
    finally:
        await client.close()


async def test_what_is_packed_twice_is_read_and_what_is_packed_without_end_is_not(tmp_path: Path) -> None:
    assert await opened(tmp_path, gzip.compress(gzip.compress(GUIDE))) == GUIDE
    assert await opened(tmp_path, zipped(("guide.xml.gz", gzip.compress(bz2.compress(GUIDE))))) == GUIDE
    deep = GUIDE
    for _ in range(packed.MOST_LAYERS + 1):
        deep = gzip.compress(deep)
    with pytest.raises(GiveUp, match="packed more than 3 times"):
        await opened(tmp_path, deep)
    with pytest.raises(GiveUp, match="larger than the limit"):
        await opened(tmp_path, gzip.compress(gzip.compress(b"<tv>" + bytes(30 << 20))))
