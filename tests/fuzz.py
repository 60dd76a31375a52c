"""Feeds the readers of foreign bytes with what a fuzzer makes up: `python tests/fuzz.py [--seconds 60] [READER …]`.

atheris (libFuzzer) follows which lines of ours each input reaches, and changes those that reach new ones. Whatever a reader raises
beside its own errors ends the run, and the input that did it is printed in base64. The suite's `tests/attack` does the same with hypothesis
and without coverage; this belongs to `make soak`.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

MAX_BYTES = 20_000
SLOW = 20
"""Seconds that one input may take."""
NOW = datetime(2026, 11, 27, tzinfo=UTC)
Reader = Callable[[bytes], object]


def readers() -> dict[str, tuple[Reader, tuple[type[Exception], ...], list[bytes]]]:
    """By name: how to read, what it may raise, and inputs to begin with."""
    from nightcrew.demo.torrents import make
    from nightcrew.guidereader import elements, xmltv
    from nightcrew.kernel import cron
    from nightcrew.kernel.errors import NightcrewError
    from nightcrew.kernel.http_answers import retry_after
    from nightcrew.kernel.redaction import redact
    from nightcrew.movies.indexers import list_json, torznab_items, torznab_xml
    from nightcrew.movies.indexers.base import Wanted
    from nightcrew.movies.torrents import inspection, magnet, metainfo
    from nightcrew.movies.trackers import wire
    from nightcrew.playlists.formats import hls, json_list, m3u, master
    from nightcrew.playlists.formats.media import media_type
    from nightcrew.recorder import fmp4, ledger, packed
    from nightcrew.recorder.inspecting import Fragments, Frames, Packets
    from nightcrew.transport.elementary import ElementaryStream
    from nightcrew.transport.ts import Cutter

    def text(data: bytes) -> str:
        return data.decode("utf-8", "surrogateescape")

    def cut(data: bytes) -> object:
        cutter = Cutter()
        return [list(cutter.feed(data[at : at + 1000])) for at in range(0, len(data), 1000)], cutter.rest(broken=True)

    def next_time(data: bytes) -> object:
        try:
            checked = cron.checked(text(data))
        except ValueError:  # what pydantic tells of an option
            return None
        return cron.next_time(checked, NOW)

    def stored_ledger(data: bytes) -> object:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / ledger.NAME).write_bytes(data)
            return ledger.read(Path(folder))

    def inspected(data: bytes) -> object:
        """What a recorder looks for in anything that it may be sent."""
        body = data[: len(data) // 188 * 188]
        codec = packed.codec_of(data)
        found = [Packets().inspect(bytes(body)), Fragments().inspect(data, data)]
        return [*found, *([Frames(codec).inspect(data, b"", 1.0)] if codec else [])]

    def releases(data: bytes) -> object:
        answer = torznab_xml.read(data)
        listed = isinstance(answer, torznab_xml.TorznabListing)
        return torznab_items.found_of(answer, "http://h/api", NOW, ("key",)) if listed else answer

    def films(data: bytes) -> object:
        try:
            answer = json.loads(data)
        except (ValueError, RecursionError):  # what `Reply.json` tells as a misread answer
            return None
        return list_json.found_of(answer, "http://h/list_movies.json", Wanted("", 0, "A", "", None))

    def torrent(data: bytes) -> object:
        return inspection.refusals(metainfo.read(data), inspection.Expected(("A film",), 1922, 90, 1, "0"))

    def packets(data: bytes) -> object:
        body = wire.body_of(data)
        some = ["0" * 40] * (len(body or b"") // wire.EACH)
        return wire.head(data), wire.connection_id(data), list(wire.swarms(some, body or b"")), wire.error_words(data)

    tracks = (fmp4.Track(ElementaryStream(1, "video", "h264"), 1000),)
    packet = b"G\x40\x00\x10" + bytes(184)
    guide = b'<tv><channel id="a"><display-name>A</display-name></channel><programme channel="a" start="20261127120000 +0000"/></tv>'
    line = b'#EXTM3U url-tvg="http://h/g"\n#EXTINF:-1 tvg-id="a" group-title="G",Name\nhttp://h/1.ts\n'
    media = b"#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\na.ts\n#EXT-X-ENDLIST\n"
    master_list = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=1x1\nlow.m3u8\n"
    item = b'<item><title>A</title><link>/dl</link><size>1</size><t:attr name="seeders" value="1"/></item>'
    film = (
        b'{"status": "ok", "data": {"movies": [{"title": "A", "torrents": [{"url": "/t", "hash": "0", "seeds": 1}]}]}}'
    )
    expected = (NightcrewError,)
    before = NOW + timedelta(days=7)
    return {
        "m3u": (lambda data: list(m3u.read(data.splitlines(keepends=True))), expected, [line]),
        "xmltv": (
            lambda data: list(xmltv.read(io.BytesIO(data), after=NOW, before=before)),
            (*expected, elements.BrokenGuide, elements.RefusedGuide),
            [guide],
        ),
        "json": (
            lambda data: list(json_list.read(io.BytesIO(data))),
            expected,
            [b'[{"name": "a", "url": "http://h/1"}]'],
        ),
        "hls": (lambda data: hls.parse_media(text(data), "http://h/x.m3u8"), expected, [media]),
        "master": (lambda data: master.parse_master(text(data), "http://h/x.m3u8"), expected, [master_list]),
        "ts": (cut, (), [packet * 4]),
        "fmp4": (lambda data: (fmp4.tracks(data), fmp4.counts(data, tracks)), (), [b"\0\0\0\x10moof\0\0\0\x08mfhd"]),
        "streams": (inspected, (), [packet * 4, b"\xff\xf1\x50\x80\x01\x1f\xfc" * 9]),
        "ledger": (stored_ledger, (ValueError,), [b'{"k":"open","at":1}\n']),
        "media_type": (media_type, (), [packet]),
        "torznab": (
            releases,
            expected,
            [
                b"<rss><channel>" + item + b"</channel></rss>",
                b'<caps><movie-search supportedParams="q"/><category id="2000"/></caps>',
                b'<error code="100" description="No"/>',
            ],
        ),
        "torrent": (
            torrent,
            (metainfo.BadTorrent,),
            [
                make("A film", {"film.mkv": 40_000, "a/b.srt": b"b"}, kind, trackers=["http://h/a"])
                for kind in ("v1", "v2", "hybrid")
            ],
        ),
        "magnet": (
            lambda data: magnet.parse(text(data)),
            (magnet.BadMagnet,),
            [b"magnet:?xt=urn:btih:" + b"0" * 40 + b"&dn=A&tr=http://h"],
        ),
        "list_movies": (films, expected, [film]),
        "cron": (next_time, expected, [b"0 4 * * *"]),
        "retry_after": (lambda data: retry_after(text(data), NOW), (), [b"Wed, 21 Oct 2026 07:28:00 GMT"]),
        "tracker": (packets, (), [b"\0\0\0\2\0\0\0\1\0\0\0\5\0\0\0\6\0\0\0\7", b"\0\0\0\3\0\0\0\1gone"]),
        "scrape": (
            lambda data: wire.http_answer(data, ["61" * 20]),
            (metainfo.BadTorrent,),
            [b"d5:filesd20:" + b"a" * 20 + b"d8:completei1eeee", b"d14:failure reason2:noe"],
        ),
        "redact": (lambda data: redact(text(data)), (), [b"http://u:p@h/live/u/p/1.ts?token=x"]),
    }


def fuzz(name: str, seconds: int) -> None:
    """Never returns: libFuzzer ends the process."""
    import atheris

    with atheris.instrument_imports(include=["nightcrew"]):
        read, expected, seeds = readers()[name]

    def once(data: bytes) -> None:
        try:
            read(data)
        except expected:
            pass

    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(seeds):
            (Path(corpus) / str(number)).write_bytes(seed)
        options = [
            f"-max_total_time={seconds}",
            f"-max_len={MAX_BYTES}",
            f"-timeout={SLOW}",
            "-verbosity=0",
            f"-artifact_prefix={corpus}/",
        ]
        atheris.Setup([sys.argv[0], *options, "-print_final_stats=1", corpus], once)
        atheris.Fuzz()


def main() -> None:
    """Fuzz each reader in a process of its own."""
    parser = argparse.ArgumentParser(description="Fuzz the readers of foreign bytes.")
    parser.add_argument("--seconds", type=int, default=60, help="for each reader")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("reader", nargs="*")
    args = parser.parse_args()
    if args.one:
        fuzz(args.one, args.seconds)
        return
    failed = []
    for name in args.reader or readers():
        command = [sys.executable, __file__, "--one", name, "--seconds", str(args.seconds)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
        stats = [line for line in done.stderr.splitlines() if "number_of_executed_units" in line]
        tries = stats[0].split()[-1] if stats else "?"
        print(f"{name}: {tries} inputs, {'nothing found' if done.returncode == 0 else 'FOUND'}", flush=True)
        if done.returncode:
            failed.append(name)
            print(done.stdout[-3000:], done.stderr[-3000:], sep="\n")
    if failed:
        sys.exit(f"found something in: {', '.join(failed)}")


if __name__ == "__main__":
    main()
