"""Files that are not what they seem, and good ones: how many of each the check after a download stops.

    python bench/verifying.py [--songs 40] [--seed 1]

Each song is made by FFmpeg from chords, a bass, wide noise that pulses, and at times a voice-like band; a third of them is dull, as old
recordings are: their treble falls off by itself and must not be taken for what an encoder leaves. Every song becomes
good files in the usual formats, and bad ones: cut off (with the peer's size, and with a size of its own), another recording under the
right name, another container under the right ending, another length, and lossless files that were made from lossy ones.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from nightcrew.kernel.ffmpeg import ffmpeg
from nightcrew.listener.hearing import hear
from nightcrew.music.matching.model import WantedTrack
from nightcrew.music.verify import problem_of

BARS = {"truncated": 1.0, "mislabelled": 1.0, "wrong length": 1.0, "transcoded": 0.95}
MOST_GOOD = 0.01
"""Good files that may be stopped."""
GOOD = {
    "flac": ("-c:a", "flac", "-sample_fmt", "s16"),
    "24.flac": ("-c:a", "flac", "-sample_fmt", "s32"),
    "320.mp3": ("-c:a", "libmp3lame", "-b:a", "320k"),
    "v2.mp3": ("-c:a", "libmp3lame", "-q:a", "2"),
    "128.mp3": ("-c:a", "libmp3lame", "-b:a", "128k"),
    "m4a": ("-c:a", "aac", "-b:a", "256k"),
    "ogg": ("-c:a", "libvorbis", "-q:a", "6"),
    "opus": ("-c:a", "libopus", "-b:a", "128k"),
}
LOSSY = {
    "mp3 at 128": (".mp3", "-c:a", "libmp3lame", "-b:a", "128k"),
    "mp3 at 160": (".mp3", "-c:a", "libmp3lame", "-b:a", "160k"),
    "mp3 at 192": (".mp3", "-c:a", "libmp3lame", "-b:a", "192k"),
    "aac at 96": (".m4a", "-c:a", "aac", "-b:a", "96k", "-cutoff", "15000"),
    "aac at 128": (".m4a", "-c:a", "aac", "-b:a", "128k", "-cutoff", "16000"),
}
"""What a lossless file may have been made from; AAC as the encoders of shops limit it."""


@dataclass(frozen=True)
class Case:
    """A file, what it is, and what its peer said of its size."""

    kind: str
    path: Path
    ending: str
    advertised: int
    track: WantedTrack


def run(*words: str) -> None:
    subprocess.run([ffmpeg(), "-y", "-loglevel", "error", *words], check=True, stdin=subprocess.DEVNULL)


def song(folder: Path, number: int, chance: random.Random) -> tuple[Path, WantedTrack]:
    """A song of 20 to 45 seconds as PCM."""
    seconds = chance.randint(20, 45)
    tones = "+".join(
        f"0.12*sin(2*PI*{chance.choice((110, 147, 196, 262, 330, 392, 523, 784))}*t)*(0.6+0.4*sin({chance.uniform(1, 5):.2f}*t))"
        for _ in range(chance.randint(2, 5))
    )
    beat, dull = chance.uniform(1.5, 4), chance.random() < 1 / 3
    treble = (
        f",lowpass=f={chance.randint(5000, 9000)}:poles=1,lowpass=f={chance.randint(6000, 10000)}:poles=2"
        if dull
        else ""
    )
    noise = f"anoisesrc=d={seconds}:c={chance.choice(('white', 'pink'))}:r=44100:a={chance.uniform(0.1, 0.5):.2f}:seed={number}"
    graph = (
        f"aevalsrc='{tones}':d={seconds}:s=44100[a];{noise},tremolo=f={beat:.2f}:d=0.9[b];"
        f"[a][b]amix=inputs=2:normalize=0,volume=0.7{treble}[o]"
    )
    path = folder / f"{number}.wav"
    run("-filter_complex", graph, "-map", "[o]", "-ac", "2", "-c:a", "pcm_s24le", str(path))
    return path, WantedTrack(f"Song {number}", (f"Artist {number}",), "Album", float(seconds), 1)


def tags(track: WantedTrack) -> list[str]:
    return ["-metadata", f"title={track.title}", "-metadata", f"artist={track.artists[0]}"]


def cases(folder: Path, number: int, chance: random.Random) -> Iterator[Case]:
    """All files of one song."""
    pcm, track = song(folder, number, chance)
    other = WantedTrack(f"Quite another {number}", (f"Somebody {number}",), "", track.seconds, 1)

    def made(name: str, ending: str, *words: str, source: Path = pcm, said: WantedTrack = track) -> Path:
        path = folder / f"{number}-{name}.{ending}"
        run("-i", str(source), *words, *tags(said), str(path))
        return path

    good = {name: made(name.replace(".", "-"), name.rpartition(".")[2] or name, *words) for name, words in GOOD.items()}
    for name, path in good.items():
        yield Case("good", path, name.rpartition(".")[2], path.stat().st_size, track)
    for name in ("flac", "320.mp3", "m4a", "ogg"):
        whole = good[name].read_bytes()
        short = folder / f"{number}-short-{good[name].name}"
        short.write_bytes(whole[: int(len(whole) * chance.uniform(0.5, 0.94))])
        yield Case("truncated", short, name.rpartition(".")[2], len(whole), track)
        yield Case("truncated", short, name.rpartition(".")[2], short.stat().st_size, track)
    for ending, name in (("flac", "320.mp3"), ("mp3", "m4a"), ("ogg", "flac")):
        yield Case("mislabelled", good[name], ending, good[name].stat().st_size, track)
    wrong = made("other", "mp3", *GOOD["320.mp3"], said=other)
    yield Case("mislabelled", wrong, "mp3", wrong.stat().st_size, track)
    length = track.seconds or 0.0
    for name, off in (("flac", chance.uniform(4, 60)), ("320.mp3", -chance.uniform(4, 15))):
        wanted = WantedTrack(track.title, track.artists, track.album, length + off, 1)
        yield Case("wrong length", good[name], name.rpartition(".")[2], good[name].stat().st_size, wanted)
    for name, (ending, *words) in LOSSY.items():
        lossy = made(name.replace(" ", "-"), ending[1:], *words)
        path = made(
            f"from-{name.replace(' ', '-')}",
            "flac",
            "-c:a",
            "flac",
            "-sample_fmt",
            chance.choice(("s16", "s16", "s32")),
            source=lossy,
        )
        yield Case(f"transcoded from {name}", path, "flac", path.stat().st_size, track)


def look(case: Case) -> tuple[Case, str]:
    heard = hear(str(case.path))
    size = case.path.stat().st_size
    return case, problem_of(
        heard,
        case.track,
        f"Artist/{case.track.title}.{case.ending}",
        size=size,
        advertised=case.advertised,
        seconds=None,
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--songs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    seen, stopped = Counter[str](), Counter[str]()
    missed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="nightcrew-bench-") as temporary, ThreadPoolExecutor(2) as pool:
        for number in range(options.songs):
            folder = Path(temporary) / str(number)
            folder.mkdir()
            found = list(cases(folder, number, random.Random(f"{options.seed}:{number}")))
            for case, reason in pool.map(look, found):
                seen[case.kind] += 1
                stopped[case.kind] += bool(reason)
                if (case.kind == "good") == bool(reason):
                    missed.append(f"{case.kind}: {case.path.name}: {reason or 'taken'}")
            for path in folder.iterdir():
                path.unlink()
    for kind in sorted(seen):
        print(f"  {kind:28} {stopped[kind]:5} of {seen[kind]:5} stopped  {100 * stopped[kind] / seen[kind]:6.2f} %")
    for line in missed[:10]:
        print(f"    {line}")
    failed = []
    for kind, bar in BARS.items():
        of = [name for name in seen if name.startswith(kind)]
        share = sum(stopped[name] for name in of) / sum(seen[name] for name in of)
        print(f"  {kind}: {100 * share:.2f} % (bar {100 * bar:g} %)")
        if share < bar:
            failed.append(kind)
    if stopped["good"] > MOST_GOOD * seen["good"]:
        failed.append("good")
    if failed:
        sys.exit(f"missed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
