"""What a prober tells: a clip that is shown again and again, and which sound belongs to which picture."""

from __future__ import annotations

import os
import random
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.frames import framed
from nightcrew.kernel.ffmpeg import ffmpeg
from nightcrew.playlists.formats import hls
from nightcrew.prober.feed import Pipe, StreamBytes
from nightcrew.prober.measure import measure
from nightcrew.prober.picture import Small, loop_of
from nightcrew.prober.wire import ProbeReport, ProbeTask
from nightcrew.transport import ts
from nightcrew.transport.ts import PACKET
from streaming import made


def picture(seed: int) -> Small:
    source = random.Random(seed)
    return Small(source.randbytes(64 * 36), source.randbytes(160 * 90), source.randbytes(64 * 36 * 2))


def shown(*seeds: int, every: float = 1.0) -> list[tuple[float, Small]]:
    return [(number * every, picture(seed)) for number, seed in enumerate(seeds)]


@pytest.mark.parametrize(
    ("seeds", "period"),
    [
        ((1, 2, 3, 1, 2, 3, 1), 3.0),
        ((9, 1, 2, 1, 2), 2.0),
        ((1, 2, 2, 2, 2, 1, 2, 2, 2, 2, 1), 5.0),
        ((1, 2, 3, 4, 5, 6, 7), 0.0),
        ((1, 1, 1, 1, 1), 0.0),
        ((1, 1, 1, 2, 2, 2), 0.0),
        ((1, 2, 3, 1, 4, 5, 6), 0.0),
        ((1, 2, 3, 1, 4, 2, 5), 0.0),
        ((), 0.0),
    ],
)
def test_pictures_that_come_again_at_one_distance_are_a_loop(seeds: tuple[int, ...], period: float) -> None:
    assert loop_of(shown(*seeds)) == pytest.approx(period)


def test_of_two_programmes_in_one_stream_each_has_its_own_sound(tmp_path: Path) -> None:
    """640x360 with AAC and 1280x720 with AC-3: the larger picture is judged with the sound that belongs to it."""
    path = tmp_path / "two.ts"
    sources = [f"-f lavfi -i testsrc=s={size}:r=25" for size in ("640x360", "1280x720")]
    sources += [f"-f lavfi -i sine=frequency={tone}" for tone in (400, 800)]
    mapped = "-map 0:v -map 2:a -map 1:v -map 3:a -c:v mpeg2video -c:a:0 aac -c:a:1 ac3 -t 5 -f mpegts"
    programmes = "-program title=a:st=0:st=1 -program title=b:st=2:st=3"
    words = " ".join([*sources, mapped, programmes]).split()
    subprocess.run([ffmpeg(), "-loglevel", "error", *words, str(path)], check=True)
    data = path.read_bytes()
    assert sorted(map(len, ts.programmes(data[: 1000 * PACKET]))) == [2, 2]
    read, write = os.pipe()
    with open(read, "rb", 0) as ours, open(write, "wb", 0) as theirs:
        sending = threading.Thread(target=theirs.write, args=(framed(data) + framed(b""),))
        sending.start()
        feed = StreamBytes(Pipe(ours.fileno()), limit=30.0)
        report = measure(feed, ProbeTask())
        feed.drain()
        sending.join()
    assert (report.width, report.height, report.audio_codec) == (1280, 720, "ac3")
    assert report.silent is False


# -- loops of ordinary pictures ---------------------------------------------------------------------------------------------


def looked_at(data: bytes, ask: ProbeTask) -> ProbeReport:
    """What is said of these bytes when they come at once."""
    read, write = os.pipe()
    with open(read, "rb", 0) as ours, open(write, "wb", 0) as theirs:
        sending = threading.Thread(target=theirs.write, args=(framed(data) + framed(b""),))
        sending.start()
        feed = StreamBytes(Pipe(ours.fileno()), limit=30.0)
        report = measure(feed, ask)
        feed.drain()
        sending.join()
    return report


@pytest.fixture
async def ordinary() -> list[bytes]:
    """Six seconds of a picture with as many bits as it needs, and sixteen of it again and again without a jump of the clock,
    beginning with the clock, and a day later; at last sixteen of a picture that goes on."""
    source = "testsrc2=size=640x360:rate=25,noise=alls=12:allf=t+u"
    coded = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-b:v", "900k", "-minrate", "900k"]
    coded += ["-maxrate", "900k", "-bufsize", "900k", "-f", "mpegts"]
    clip = await made("-f", "lavfi", "-i", source, "-t", "6", *coded)
    with tempfile.NamedTemporaryFile(suffix=".ts") as file:
        Path(file.name).write_bytes(clip)
        looped = ["-stream_loop", "-1", "-i", file.name, "-t", "16", "-c", "copy", "-f", "mpegts"]
        again, later = await made(*looped), await made(*looped, "-output_ts_offset", "40000")
    return [clip, again, later, await made("-f", "lavfi", "-i", source, "-t", "16", *coded)]


async def test_an_ordinary_clip_that_repeats_is_recognised(ordinary: list[bytes]) -> None:
    clip, again, later, other = ordinary
    assert looked_at(again, ProbeTask()).loop == pytest.approx(6, abs=0.3), "its clock has just begun"
    assert looked_at(later, ProbeTask()).loop == 0.0, "nothing tells, and its first seconds are enough"
    assert looked_at(later, ProbeTask(suspect=True)).loop == pytest.approx(6, abs=0.3), "its playlist told"
    assert looked_at(clip * 3, ProbeTask()).loop == pytest.approx(6, abs=0.3), "its clock goes back"
    for ask in (ProbeTask(), ProbeTask(suspect=True)):
        assert looked_at(other, ask).loop == 0.0
    assert looked_at(again, ProbeTask(loops=False)).loop == 0.0


def playlist(*names: str, odd: str = "") -> str:
    return "\n".join(["#EXTM3U", "#EXT-X-TARGETDURATION:2", *(f"{odd}#EXTINF:2,\n{name}" for name in names), ""])


@pytest.mark.parametrize(
    ("names", "seconds"),
    [("abcdab", 8.0), ("abab", 4.0), ("abcdabcdab", 8.0), ("aaaa", 0.0), ("abca", 0.0), ("abcabd", 0.0), ("", 0.0)],
)
def test_segments_that_come_again_are_a_loop(names: str, seconds: float) -> None:
    found = hls.parse_media(playlist(*names), "http://h/")
    assert hls.repeats_after(found.segments) == seconds


@given(st.lists(st.integers(0, 2), min_size=1, max_size=6), st.integers(0, 30))
def test_what_repeats_repeats_at_the_distance_that_is_told(period: list[int], length: int) -> None:
    names = [str(period[n % len(period)]) for n in range(length)]
    found = hls.repeats_after(hls.parse_media(playlist(*names), "http://h/").segments)
    distance = round(found / 2)
    assert all(one == other for one, other in zip(names, names[distance:], strict=False))
    if length >= len(period) + 2 and len(set(names)) > 1:
        assert 2 <= distance <= len(period)


def test_a_discontinuity_is_noticed() -> None:
    assert hls.parse_media(playlist("a", "b", odd="#EXT-X-DISCONTINUITY\n"), "http://h/").breaks
    assert not hls.parse_media(playlist("a", "b"), "http://h/").breaks
