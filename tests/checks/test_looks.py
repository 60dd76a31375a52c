"""What a prober tells: a clip that is shown again and again, and which sound belongs to which picture."""

from __future__ import annotations

import os
import random
import subprocess
import threading
from pathlib import Path

import pytest

from nightcrew.frames import framed
from nightcrew.kernel.ffmpeg import ffmpeg
from nightcrew.prober.feed import Pipe, StreamBytes
from nightcrew.prober.measure import measure
from nightcrew.prober.picture import Small, loop_of
from nightcrew.prober.wire import ProbeTask
from nightcrew.transport import ts
from nightcrew.transport.ts import PACKET


def picture(seed: int) -> Small:
    made = random.Random(seed)
    return Small(made.randbytes(64 * 36), made.randbytes(160 * 90), made.randbytes(64 * 36 * 2))


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
