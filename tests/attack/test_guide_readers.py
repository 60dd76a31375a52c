"""A guide reader that was taken over, that crashes or hangs: it can send wrong programmes, and nothing else."""

from __future__ import annotations

import asyncio
import io
import itertools
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryFile

import psutil
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nightcrew.frames import LENGTH
from nightcrew.guidereader import elements, xmltv
from nightcrew.guidereader.wire import MAX_BODY, MAX_FRAME, Programme, ReadingOrder, json_frame
from nightcrew.kernel.errors import GiveUp, Retry
from nightcrew.playlists import readers as reading
from nightcrew.playlists.formats.xmltv import is_whole, web_only
from nightcrew.playlists.readers import Batch, ReaderDied, Readers
from support import until

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
WINDOW = {"after": NOW - timedelta(hours=6), "before": NOW + timedelta(days=8)}
AT = int(NOW.timestamp())
STRANGE = "sent what no reader sends"


def playing(code: str) -> Readers:
    """Readers that some lines of Python take the place of."""
    return Readers((sys.executable, "-c", f"import os, signal, sys, time\n{code}"))


def saying(folder: Path, said: bytes) -> Readers:
    """Readers that say this, whatever they are given."""
    (folder / "said").write_bytes(said)
    return playing(f"import shutil; shutil.copyfileobj(open({str(folder / 'said')!r}, 'rb'), sys.stdout.buffer)")


async def read(readers: Readers, document: bytes = b"<tv/>") -> list[Batch]:
    with TemporaryFile() as file:
        file.write(document)
        async with readers.reading(file, **WINDOW) as batches:
            return [batch async for batch in batches]


@contextmanager
def leaving_nobody() -> Iterator[None]:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    yield
    assert not {child.pid for child in psutil.Process().children(recursive=True)} - before, "a process was left behind"


def programme(body: str = "", **changes: object) -> bytes:
    one = {"id": "a", "start": AT, "stop": AT + 60, "title": "t", "body": body, "attributes": ""} | changes
    return json_frame({"channels": [], "programmes": [list(one.values())]})


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"", "status 0"),
        (b"GET / HTTP/1.1", STRANGE),
        (LENGTH.pack(MAX_FRAME + 1), STRANGE),
        (LENGTH.pack(40) + b"{", "status 0"),
        (LENGTH.pack(1 << 20) + b"[" * (1 << 20), STRANGE),
        (json_frame([]), STRANGE),
        (json_frame({"end": "whole", "reason": "", "more": 1}), STRANGE),
        (json_frame({"end": "later", "reason": "x" * 301}), STRANGE),
        (json_frame({"channels": [["a", "b", "c", "", "e"]], "programmes": []}), STRANGE),
        (json_frame({"channels": [["a" * 301, "b", "", ""]], "programmes": []}), STRANGE),
        (json_frame({"channels": [["a\x00", "b", "", ""]], "programmes": []}), STRANGE),
        (LENGTH.pack(60) + b'{"channels":[["\\ud800","b","",""]],"programmes":[]}'.ljust(60), STRANGE),
        (programme("</programme><channel/>"), STRANGE),
        (programme("<a><b></a></b>"), STRANGE),
        (programme("<a>" * 40 + "</a>" * 40), STRANGE),
        (programme("&evil;"), STRANGE),
        (programme("<a b='' c='' b=''></a>"), STRANGE),
        (programme("x" * (MAX_BODY + 1)), STRANGE),
        (json_frame({"channels": [["a", "b", "", "</channel><programme>"]], "programmes": []}), STRANGE),
        (programme(attributes=' a="1" a="2"'), STRANGE),
        (programme(attributes=' start="1"'), STRANGE),
        (programme(attributes='><x y="1"'), STRANGE),
        (programme(attributes="x=1"), STRANGE),
        (programme(attributes=' x="' + "1" * 2_000 + '"'), STRANGE),
        (programme(start=10**400), STRANGE),
        (programme(stop=AT + 10**9), STRANGE),
        (programme(stop=AT), STRANGE),
        (programme(start=str(AT)), STRANGE),
        (programme("x") * 2, STRANGE),
        (json_frame({"channels": [], "programmes": [["a", AT, AT + 60, "t", "x" * 10_000, ""]] * 100}) * 3, STRANGE),
        (json_frame({"end": "later", "reason": "\x1b[2J\n"}), r"^\[2J$"),
    ],
    ids=itertools.count(),
)
async def test_what_no_reader_sends_is_not_believed(tmp_path: Path, said: bytes, words: str) -> None:
    with leaving_nobody():
        with pytest.raises(Retry, match=words) as failed:
            await read(saying(tmp_path, said))
        assert str(failed.value).isprintable()
        assert len(str(failed.value)) < 400


SAID = programme("<title>T</title>")[LENGTH.size :].decode()


@given(
    st.binary(max_size=60)
    | st.builds(
        lambda begin, end, put: (SAID[:begin] + put + SAID[end:]).encode(),
        st.integers(0, len(SAID)),
        st.integers(0, len(SAID)),
        st.sampled_from(["", "[", "]", ",", '"', "-", "9" * 30, "null", "{}", "\\u0000"]),
    )
)
@settings(max_examples=500, deadline=None)
def test_no_frame_makes_the_server_fall_over(payload: bytes) -> None:
    order = ReadingOrder(1, **WINDOW)
    try:
        found = reading._checked(payload, order)
    except ValueError:
        return
    if isinstance(found, Batch):
        assert all(is_whole(one.body) and one.start < one.stop for one in found.programmes)


async def test_wrong_programmes_are_all_that_it_can_send(tmp_path: Path) -> None:
    said = programme("<title>Wrong &amp; <b>bold</b></title>") + json_frame({"end": "whole", "reason": ""})
    (batch,) = await read(saying(tmp_path, said))
    assert [one.title for one in batch.programmes] == ["t"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("os.kill(os.getpid(), 11)", "SIGSEGV"),
        ("sys.exit('no\\nway')", "status 1 .way."),
        ("time.sleep(600)", "was silent for 1 s"),
        ("os.close(1); time.sleep(600)", "SIGKILL"),
    ],
)
async def test_a_reader_that_crashes_or_hangs_is_ended_and_named(
    code: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "silent" in words:
        monkeypatch.setattr(reading, "SILENCE", 1.0)
    with leaving_nobody(), pytest.raises(ReaderDied, match=words):
        await read(playing(code))


async def test_the_next_guide_does_not_wait_because_of_a_hostile_one() -> None:
    """Only readers that end without a word let the next ones wait."""
    readers = Readers()
    for _ in range(6):
        with pytest.raises(GiveUp):
            await read(readers, b"<tv>" + b"<a>" * 40)
    began = time.monotonic()
    with pytest.raises(Retry):
        await read(readers, b"<rss/>")
    assert readers._lost == 0
    assert time.monotonic() - began < 60


@pytest.mark.parametrize("how", ["cancelled", "failed", "left"])
async def test_a_reader_ends_when_nobody_reads_on(how: str) -> None:
    show = f'<programme start="{NOW:%Y%m%d%H%M%S}" channel="c"><title>{"x" * 250}</title></programme>'.encode()
    readers = Readers()

    async def begin() -> None:
        with TemporaryFile() as file:
            file.write(b"<tv>" + show * 20_000)
            async with readers.reading(file, **WINDOW) as batches:
                async for _ in batches:
                    if how == "failed":
                        raise GiveUp("enough")
                    if how == "left":
                        return
                    await asyncio.sleep(600)

    with leaving_nobody():
        task = asyncio.create_task(begin())
        if how == "cancelled":
            await until(lambda: readers.pids)
            task.cancel()
        (ended,) = await asyncio.gather(task, return_exceptions=True)
        assert str(ended) == {"cancelled": "", "failed": "enough", "left": "None"}[how]
        assert not readers.pids


def test_a_reader_ends_with_its_server_however_that_ends() -> None:
    code = (
        "import asyncio, datetime, tempfile\n"
        "from nightcrew.playlists.readers import Readers\n"
        "async def main():\n"
        "    readers, now, file = Readers(), datetime.datetime.now(datetime.UTC), tempfile.TemporaryFile()\n"
        "    file.write(b'<tv>' + b'<a/>' * 10_000_000)\n"
        "    async with readers.reading(file, after=now, before=now) as batches:\n"
        "        print(*readers.pids, flush=True)\n"
        "        async for _ in batches: pass\n"
        "asyncio.run(main())\n"
    )
    server = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    (pid,) = [int(text) for text in server.stdout.readline().split()]
    server.send_signal(signal.SIGKILL)
    server.wait()
    server.stdout.close()
    assert psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=20)[1] == []


# -- children of a programme -------------------------------------------------------------------------------------------

PIECE = st.sampled_from(
    [
        *("<a>", "</a>", "<b x='1'>", '<b x="&quot;" y=\'"\'>', "</b>", "<a/>", "<A-1.b>", "</A-1.b>", "<a b='' b=''>"),
        *(
            "text",
            " ",
            "\n",
            "\r",
            "&amp;",
            "&lt;",
            "&#13;",
            "&#0;",
            "&x;",
            "&",
            "<",
            ">",
            '"',
            "'",
            "]]>",
            "<!--",
            "-->",
        ),
        *("<?a b?>", "<![CDATA[", "\x00", "\ufffe", "ä", "<ä>", "</ä>", "<x:a>", "</x:a>", " b='1'>", "<a ", "</a >"),
    ]
)


@given(st.lists(PIECE, max_size=8).map("".join) | st.text("<>/ab ='&;amp", max_size=30))
@settings(max_examples=1_000, deadline=None)
@example("<a><b x='1'></b></a>")
@example('<b x="&quot;" y=\'"\'></b>')
def test_what_is_taken_for_children_is_well_formed(body: str) -> None:
    if is_whole(body):
        ET.fromstring(f"<programme>{body}</programme>")
        assert is_whole(web_only(body))


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ('<icon src="http://h/a.png" width="3"></icon>', None),
        ("<icon src='file:///etc/passwd' width='3'></icon>", "<icon width='3'></icon>"),
        ('<a b=\' src="\' src="file:///x"></a>', "<a b=' src=\"'></a>"),
        ("<a src='http://h/&#10;#EXTINF'></a>", "<a></a>"),
        ('<desc> src="file:///x" stays as a text</desc>', None),
        ("<url>https://h/x</url><url>javascript:alert(1)</url>", "<url>https://h/x</url>"),
        ("<image type='still'>file:///etc/passwd</image><new></new>", "<new></new>"),
    ],
)
def test_addresses_of_programmes_lead_to_the_web_whoever_sends_them(body: str, left: str | None) -> None:
    assert is_whole(body)
    assert web_only(body) == (body if left is None else left)


@given(st.lists(PIECE, max_size=10).map("".join))
@settings(max_examples=500, deadline=None)
def test_what_a_reader_makes_is_taken(inside: str) -> None:
    raw = f'<tv><programme start="{NOW:%Y%m%d%H%M%S}" channel="c"><title>{inside}</title><new/></programme></tv>'
    try:
        found = list(xmltv.read(io.BytesIO(raw.encode()), **WINDOW))
    except (elements.BrokenGuide, elements.RefusedGuide):
        return
    assert all(is_whole(one.body) for one in found if isinstance(one, Programme))
