"""Programme guides of somebody who means harm: each costs no more than its own answer, and the good guide stays."""

from __future__ import annotations

import io
import re
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import psutil
import pytest

from nightcrew.guidereader import elements, xmltv
from nightcrew.guidereader.wire import GuideChannel, Programme
from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.errors import GiveUp, NightcrewError
from nightcrew.playlists import readers as reading
from nightcrew.playlists.readers import Readers
from support import Node, until

MIB = 1 << 20
NOW = utcnow()
WINDOW = {"after": NOW - timedelta(hours=6), "before": NOW + timedelta(days=8)}
START = f"{NOW:%Y%m%d%H%M%S} +0000"
SHOW = (
    f'<programme start="{START}" channel="c%d"><title>Show</title><desc>{"A quiet evening. " * 16}</desc></programme>\n'
)


def repeated(part: str, size: int = 4 * MIB) -> Iterator[bytes]:
    """`part` again and again, about `size` bytes; `%d` in it is a number that grows."""
    block, count = max(1, 65_536 // len(part)), 0
    while size > 0:
        text = "".join(part % (count + n) for n in range(block)) if "%d" in part else part * block
        count += block
        size -= len(text)
        yield text.encode()


def document(*parts: str | Iterator[bytes], encoding: str = "utf-8") -> BinaryIO:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - whoever reads it closes it
    for part in parts:
        for piece in [part.encode()] if isinstance(part, str) else part:
            file.write(piece if encoding == "utf-8" else piece.decode().encode(encoding))
    return file


def honest() -> BinaryIO:
    return document('<tv><channel id="c1"/>', repeated(SHOW), "</tv>")


@pytest.fixture
async def readers() -> AsyncIterator[Readers]:
    made = Readers()
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    yield made
    left = {child.pid for child in psutil.Process().children(recursive=True)} - before
    assert not left, "a reader was left behind"
    assert not made.pids
    await made.close()


async def read(readers: Readers, file: BinaryIO) -> list[GuideChannel | Programme]:
    with file:
        async with readers.reading(file, **WINDOW) as batches:
            return [item async for batch in batches for item in (*batch.channels, *batch.programmes)]


async def spent(readers: Readers, file: BinaryIO) -> tuple[str, float, float]:
    """What became of a document, and the processor seconds that its reader and this process took."""

    def children() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    theirs, ours = children(), time.process_time()
    try:
        said = f"{len(await read(readers, file))} found"
    except NightcrewError as exc:
        said = str(exc)
        assert 15 < len(said) < 300
    return said, children() - theirs, time.process_time() - ours


BIG = 16 * MIB
LARGE = r"larger than 1 MiB"
fair: list[float] = []
"""Processor seconds of an honest guide, once they are known."""
DOCUMENTS: dict[str, tuple[str, Callable[[], BinaryIO]]] = {
    "an attribute": (LARGE, lambda: document('<tv><channel id="', repeated("x", BIG), '"/></tv>')),
    "attributes": (LARGE, lambda: document("<tv><channel", repeated(' a%d=""', BIG), "/></tv>")),
    "a comment": (LARGE, lambda: document("<tv><!--", repeated("x", BIG), "--></tv>")),
    "a comment at the end": (LARGE, lambda: document("<tv></tv><!--", repeated("x", BIG), "-->")),
    "an instruction": (LARGE, lambda: document("<tv><?x ", repeated("x", BIG), "?></tv>")),
    "a doctype": (LARGE, lambda: document('<!DOCTYPE tv PUBLIC "', repeated("x", BIG), '">')),
    "a declaration": (LARGE, lambda: document('<!DOCTYPE tv [<!ATTLIST a b CDATA "', repeated("x", BIG), '">]><tv/>')),
    "a name": (LARGE, lambda: document("<tv><", repeated("x", BIG), "/></tv>")),
    "an end": (LARGE, lambda: document("<tv></tv", repeated(" ", BIG), ">")),
    "an encoding": (LARGE, lambda: document('<?xml version="1.0" encoding="', repeated("x", BIG), '"?><tv/>')),
    "an entity": ("0 found", lambda: document("<tv>&", repeated("x", BIG), ";</tv>")),
    "UTF-16": (LARGE, lambda: document('<tv><channel id="', repeated("x", BIG), '"/>', encoding="utf-16-le")),
    "declarations": (
        "more than 1000 attributes",
        lambda: document(
            "<!DOCTYPE tv [", repeated('<!ATTLIST a b%d CDATA "">', MIB), "]><tv>", repeated("<a/>"), "</tv>"
        ),
    ),
    "levels": ("nests elements deeper", lambda: document("<tv>", repeated("<a>"))),
    "no such encoding": ("not valid XML", lambda: document('<?xml version="1.0" encoding="zip"?><tv>', repeated("x"))),
    "tiny elements": ("0 found", lambda: document("<tv>", repeated("<a/>"), "</tv>")),
    "tiny parts of a programme": (
        "1 found",
        lambda: document(f'<tv><programme start="{START}" channel="a">', repeated("<new/>"), "</programme></tv>"),
    ),
    "many names": ("0 found", lambda: document("<tv>", repeated("<name%d/>"), "</tv>")),
    "many attributes": (
        "0 found",
        lambda: document("<tv>", repeated("<a" + "".join(f" b{n}=''" for n in range(6_000)) + "/>"), "</tv>"),
    ),
    "endless text": (
        "1 found",
        lambda: document(
            f'<tv><programme start="{START}" channel="a"><title>', repeated("x"), "</title></programme></tv>"
        ),
    ),
    "returns": ("0 found", lambda: document("<tv>", repeated("\r"), "</tv>")),
    "brackets": ("0 found", lambda: document("<tv><![CDATA[", repeated("]"), "]]></tv>")),
    "references": ("0 found", lambda: document("<tv>", repeated("&#65;&amp;"), "</tv>")),
    "channels": (r"\d{5} found", lambda: document("<tv>", repeated('<channel id="%d"/>', MIB // 2), "</tv>")),
}
"""Documents, and what is said of each."""


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_no_document_costs_more_than_an_honest_one_of_its_size(readers: Readers, name: str) -> None:
    """Processor seconds, for 4 MiB or less; where one part is huge, nothing but its first MiB is read of 16."""
    words, made = DOCUMENTS[name]
    if not fair:
        fair.append((await spent(readers, honest()))[1])
    said, cost, own = await spent(readers, made())
    assert re.search(words, said), said
    assert cost < (2 if words == LARGE else 15) * fair[0] + 0.3, f"{cost:.2f} s, an honest guide {fair[0]:.2f} s"
    assert own < 2 * max(cost, fair[0]) + 0.5, f"{own:.2f} s in the server itself, {cost:.2f} s in the reader"


def test_a_token_that_does_not_end_is_scanned_few_times() -> None:
    """expat before 2.6 scans it from its beginning with each piece: all scans together are little more than its limit."""
    read, scanned = 0, 0

    class Source(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            nonlocal read, scanned
            first = read == 0
            read += size
            scanned += read
            return b"<tv><!--".ljust(size, b"x") if first else b"x" * size

    with pytest.raises(elements.RefusedGuide, match=LARGE):
        list(xmltv.read(Source(), **WINDOW))
    assert read <= elements.MAX_TOKEN + 2 * elements.CHUNK
    assert scanned < 5 * elements.MAX_TOKEN


def test_tokens_just_below_the_limit_are_read() -> None:
    filling = b"x" * (elements.MAX_TOKEN - 100)
    raw = b"".join(b'<channel id="%d" x="%s"/>' % (number, filling) for number in range(8))
    assert len(list(xmltv.read(io.BytesIO(b"<tv>" + raw + b"</tv>"), **WINDOW))) == 8


# -- limits of the process ---------------------------------------------------------------------------------------------


async def test_a_guide_that_takes_too_much_time_is_given_up(readers: Readers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "CPU", 1)
    monkeypatch.setattr(reading, "CPU_PER_MIB", 0)
    with pytest.raises(GiveUp, match="more than 1 s of processor time"):
        await read(readers, document("<tv>", repeated("<a/>", BIG), "</tv>"))


async def test_a_guide_that_takes_too_much_memory_is_given_up() -> None:
    """The names of elements are kept until the end."""
    code = "from nightcrew.guidereader import __main__ as m; m.MEMORY = 24 << 20; m.main()"
    with pytest.raises(GiveUp, match="MiB of memory"):
        await read(Readers((sys.executable, "-c", code)), document("<tv>", repeated(f"<{'n' * 400}%d/>", BIG)))


# -- what is served meanwhile ------------------------------------------------------------------------------------------


async def test_the_good_guide_stays_whatever_comes_after_it(node: Node, tmp_path: Path) -> None:
    guide = tmp_path / "guide.xml"

    def put(file: BinaryIO) -> None:
        with file:
            file.seek(0)
            guide.write_bytes(file.read())

    (tmp_path / "list.m3u").write_text('#EXTM3U\n#EXTINF:-1 tvg-id="c1",One\nhttp://192.0.2.1/1\n')
    put(document('<tv><channel id="c1"/>', SHOW % 1, "</tv>"))
    await node.add(kind="m3u", name="List", url=str(tmp_path / "list.m3u"), region="DE")
    source = await node.add(kind="guide", name="Guide", url=str(guide))
    served = (await node.http.get("/guide.xml")).content
    assert b"A quiet evening." in served
    for name in ("an attribute", "levels", "declarations", "tiny elements", "channels"):
        put(DOCUMENTS[name][1]())
        (job,) = await node.refresh(source["id"])
        assert job["state"] == "failed", f"{name}: {job}"
        assert (await node.http.get("/guide.xml")).content == served, name
    put(document("<tv>", repeated("<a/>", 4 * BIG), "</tv>"))
    readers = node.runtime.part(Readers)
    answer = await node.post(f"/api/v1/sources/{source['id']}/refresh")
    await until(lambda: readers.pids)
    assert (await node.http.get("/guide.xml")).content == served
    await node.post(f"/api/v1/jobs/{answer['jobs'][0]}/cancel")
    await until(lambda: not readers.pids)
    assert (await node.http.get("/guide.xml")).content == served
