"""What strangers and damaged disks send to the readers: each gives a value or says what is wrong, and never anything else.

A valid text is cut, doubled, torn and mixed with what breaks parsers. M3U, XMLTV, transport streams and fragmented MP4 have such
tests beside their own.
"""

from __future__ import annotations

import io
import json
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from nightcrew.kernel import cron, files, path_names
from nightcrew.kernel.backup import manifest
from nightcrew.kernel.errors import Invalid, NightcrewError
from nightcrew.kernel.http_answers import retry_after
from nightcrew.kernel.redaction import MASK, credentials_in, redact
from nightcrew.kernel.words import parse_value
from nightcrew.playlists import rules
from nightcrew.playlists.formats import hls, json_list, master
from nightcrew.playlists.formats.media import media_type
from nightcrew.recorder import ledger, wire
from nightcrew.recordings import naming, times, windows
from nightcrew.transport.ts import Cutter
from nightcrew.web import guard

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
FEW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
BREAKERS = st.sampled_from(
    [
        "",
        "\x00",
        "\n",
        "\r",
        '"',
        "'",
        ",",
        "=",
        "#",
        ":",
        "/",
        "\\",
        "..",
        "../" * 9,
        "-1",
        "9" * 400,
        "1e999",
        "NaN",
        "Infinity",
        "[" * 20_000,
        '{"a":' * 20_000,
        "\u202e",
        "\ud800",
        "\ufeff",
        "٣",
        "²",
        "http://[",
        "http://a:b@c:99999999/",
        "file:///etc/passwd",
        "null",
        "true",
        "{}",
        "[]",
    ]
)


@st.composite
def broken(draw: st.DrawFn, whole: str) -> str:
    """`whole` after some accidents."""
    text = whole
    for _ in range(draw(st.integers(1, 4))):
        begin = draw(st.integers(0, len(text)))
        end = draw(st.integers(begin, min(len(text), begin + 40)))
        put = draw(BREAKERS | st.text(max_size=8) | st.just(text[begin:end] * 2))
        text = text[:begin] + put + text[end:]
    return text[: draw(st.integers(0, len(text)))] if draw(st.booleans()) else text


def tried(read: Callable[..., Any], *args: Any, expected: tuple[type[Exception], ...] = (NightcrewError,)) -> Any:
    """What a reader gives; None when it says what is wrong."""
    said = ""
    try:
        return read(*args)
    except expected as exc:
        said = str(exc)
    assert said, "it says what is wrong"
    return None


MEDIA = """#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:6
#EXT-X-MEDIA-SEQUENCE:1204
#EXT-X-MAP:URI="init.mp4"
#EXT-X-KEY:METHOD=AES-128,URI="key.bin",IV=0x00000000000000000000000000000001
#EXTINF:6.006,
#EXT-X-BYTERANGE:1000@0
one.ts
#EXT-X-DISCONTINUITY
#EXTINF:5.9,title
http://192.0.2.1/two.ts
#EXT-X-ENDLIST
"""
MASTER = """#EXTM3U
#EXT-X-STREAM-INF:BANDWIDTH=1280000,RESOLUTION=640x360,FRAME-RATE=25.000,CODECS="avc1.4d401f,mp4a.40.2"
low/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=5000000,RESOLUTION=1920x1080
http://192.0.2.1/high.m3u8
"""


@FEW
@given(broken(MEDIA))
def test_media_playlists(text: str) -> None:
    found = tried(hls.parse_media, text, "http://192.0.2.1/live/index.m3u8")
    if found is not None:
        assert found.target >= 0
        assert all(one.sequence >= 0 for one in found.segments)
        assert found.ended or len(hls.following(found, None)) <= 3
        assert len({one.sequence for one in found.segments}) == len(found.segments)


@FEW
@given(broken(MASTER))
def test_master_playlists(text: str) -> None:
    found = tried(master.parse_master, text, "http://192.0.2.1/live/index.m3u8")
    for variant in found or []:
        assert variant.height >= 0
        assert len(master.variant_key(variant)) == 16
    best = master.best_variant(found or [])
    assert best is None if not found else best == max(found, key=master.variant_rank)


LINE_UP = json.dumps([{"num": 1, "name": "News", "stream_id": 7, "rating": 4.5, "tags": ["a", None, True]}] * 3)


@FEW
@given(broken(LINE_UP))
@example("[" * 100_000)
@example("[" + "9" * 5_000 + "]")
@example('["\\ud800"]')
def test_json_lists(text: str) -> None:
    raw = io.BytesIO(text.encode("utf-8", "surrogatepass"))
    tried(lambda: list(json_list.read(raw)))


@FEW
@given(st.binary(max_size=600) | st.binary(max_size=187).map(lambda rest: (b"G" + rest.ljust(187, b"\xff")) * 4))
def test_first_bytes(first: bytes) -> None:
    assert media_type(first) != "video/mp2t" or b"G" in first
    assert first or media_type(first) is None


# -- what lies on a disk -----------------------------------------------------------------------------------------------

PULSE = json.dumps({"at": 12.5, "recordings": {"7": {"state": "recording", "reason": ""}}})
LEDGER = (
    '{"k": "part", "n": 1, "name": "part-0001.ts", "at": 1.0, "b": 0}\n'
    '{"k": "seg", "n": 5, "s": 6.0, "b": 0, "e": 1000, "t": 1.5, "up": 2.5, "d": false, "f": 150}\n'
    '{"k": "gap", "n": 6, "to": 7, "s": 12.0, "why": "HTTP 404"}\n'
)


@FEW
@given(broken(LEDGER))
@example("[" * 50_000 + "\n" + LEDGER)
@example('{"k": "seg"}\n' + LEDGER)
def test_a_damaged_ledger_is_read_to_its_end(text: str) -> None:
    data = text.encode("utf-8", "surrogatepass")
    found = list(ledger.lines_of(data))
    offsets = [offset for _, offset in found]
    assert offsets == sorted(set(offsets))
    assert all(data[offset - 1 : offset] == b"\n" for offset in offsets)


@FEW
@given(broken(LEDGER))
@example('{"k": "seg"}\n' + LEDGER)
@example('{"k": "seg", "n": [], "s": "x", "b": null, "e": {}, "t": 1, "up": 1, "d": 0}\n' + LEDGER)
def test_a_ledger_that_is_damaged_is_read_or_said_to_be(tmp_path: Path, text: str) -> None:
    (tmp_path / ledger.NAME).write_bytes(text.encode("utf-8", "surrogatepass"))
    reader = ledger.LedgerReader(tmp_path)
    tried(reader.refresh, expected=(ValueError,))


@FEW
@given(broken(PULSE))
@example("[" * 50_000)
def test_a_damaged_sign_of_life_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / wire.PULSE).write_bytes(text.encode("utf-8", "surrogatepass"))
    found = wire.read_pulse(tmp_path)
    assert found is None or all(isinstance(recording, int) for recording in found.recordings)


@FEW
@given(broken(json.dumps({"recording": 3, "url": "http://192.0.2.1/a", "folder": "/tmp/x"})))
@example("[" * 50_000)
def test_a_damaged_order_is_passed_over(tmp_path: Path, text: str) -> None:
    folder = tmp_path / wire.ORDERS
    folder.mkdir(exist_ok=True)
    (folder / "1.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    assert len(wire.read_orders(tmp_path)) <= 1


@FEW
@given(broken('{"format": 1, "made_at": "2026-01-01T00:00:00Z", "database": "sqlite", "revisions": [], "tables": []}'))
@example("[" * 50_000)
def test_a_damaged_manifest_is_refused(text: str) -> None:
    tried(manifest.read, text.encode("utf-8", "surrogatepass"), expected=(Invalid,))


# -- what people and scripts enter -------------------------------------------------------------------------------------


@FEW
@given(broken("30 4 * * mon-fri") | broken("*/5 0-23/2 1,15 jan,feb *") | broken("0 30 4 * * *"))
def test_times_of_cron(text: str) -> None:
    found = tried(cron.checked, text, expected=(ValueError,))
    if found is not None:
        assert cron.next_time(found, NOW) > NOW


@FEW
@given(broken("mon-fri 20:00-22:15") | broken("2026-12-31 20:00-23:30"))
def test_windows_of_time(text: str) -> None:
    found = tried(windows.parse, text, expected=(Invalid,))
    if found is not None:
        windows.open_at([found], NOW)
        upcoming = windows.following([found], NOW)
        assert upcoming is None or upcoming > NOW


@FEW
@given(broken("1h30m15s") | broken("90m"))
def test_lengths(text: str) -> None:
    found = tried(times.seconds_of, text, expected=(ValueError,))
    assert found is None or 0 < found < float("inf")


@FEW
@given(broken("2026-12-31T22:15") | broken("22:15"))
def test_moments(text: str) -> None:
    found = tried(times.moment_of, text, expected=(ValueError,))
    assert found is None or found.tzinfo is not None


@FEW
@given(broken("DE (Berlin)"))
def test_names_of_regions(text: str) -> None:
    found = tried(rules.region_name, text, expected=(ValueError,))
    assert found is None or (0 < len(found) <= 40 and "/" not in found)


@FEW
@given(broken('{"a": [1, null]}'))
def test_values_of_settings(text: str) -> None:
    tried(parse_value, text, expected=(ValueError, NightcrewError))


# -- what comes in headers and addresses -------------------------------------------------------------------------------


@FEW
@given(broken("120") | broken("Fri, 27 Nov 2026 12:10:00 GMT"))
def test_times_to_wait(text: str) -> None:
    found = retry_after(text, NOW)
    assert found is None or 0 <= found <= 86_400


@FEW
@given(broken('a=1; nightcrew_session="abc.def"; b=2'))
def test_cookies(text: str) -> None:
    found = guard._cookie(text)
    assert found is None or ";" not in found


@FEW
@given(broken("//user:secret@[::1]:8780/path?x=1"))
def test_names_of_hosts(text: str) -> None:
    assert isinstance(guard._host_of(text), str)


@FEW
@given(broken("http://me:hunter22222@192.0.2.1/live/me/hunter22222/7.ts?username=me&password=hunter22222"))
def test_addresses_are_hidden_however_broken_they_are(text: str) -> None:
    shown = redact(text, ("hunter22222",))
    assert "hunter22222" not in shown
    assert (MASK in shown) or "hunter22222" not in text
    assert all(len(one) >= 4 for one in credentials_in(text))


# -- names that become paths -------------------------------------------------------------------------------------------


@FEW
@given(broken("Harbour camera: part 1/2"), broken("Live from the pier"))
def test_a_recording_stays_in_its_library(streamer: str, title: str) -> None:
    found = naming.names(streamer, title, NOW, 1)
    for path in (found.film(1, 1, ".mp4").file, found.segments, found.part(1)):
        assert not path.is_absolute()
        assert ".." not in path.parts
        assert len(path.parts) <= 5
        assert all(0 < len(piece.encode()) <= 255 for piece in path.parts)
        assert not any(unicodedata.category(sign) in {"Cc", "Cs"} for sign in str(path))


@FEW
@given(st.text(max_size=300) | BREAKERS)
def test_a_safe_name_is_one_file(text: str) -> None:
    name = files.safe_name(text)
    assert Path(name).name == name and name not in {"", ".", ".."}
    assert len(name.encode("utf-8", "surrogatepass")) <= 255
    assert not name.startswith(".")


@pytest.mark.parametrize("text", ["", "\x00", "..", "/", "CON", "nul.mp4", "." * 300])
def test_a_component_is_never_special(text: str) -> None:
    name = path_names.clean(text)
    assert name and name not in {".", ".."} and "/" not in name and "\x00" not in name
    assert name.partition(".")[0].casefold() not in {"con", "nul"}


@st.composite
def torn_tables(draw: st.DrawFn) -> bytes:
    """A stream whose tables point to each other, with lengths and contents of which none may be believed."""
    found = (b"\x47\x40\x00\x10\0" + b"\0\xb0\x0d\0\1\xc1\0\0\0\1\xe0\x10" + bytes(4)).ljust(188, b"\xff")
    for _ in range(draw(st.integers(2, 12))):
        pid = draw(st.sampled_from([0, 16, 16, 256]))
        table = 0x00 if pid == 0 else 0x02
        length = draw(st.sampled_from([0, 1, 4, 9, 12, 13, 18, 0xFFF]) | st.integers(0, 0xFFF))
        named = b"\0\1\xe0\x10" if table == 0 else draw(st.binary(max_size=12))
        section = bytes([table, 0xB0 | length >> 8, length & 0xFF]) + b"\0\1\xc1\0\0" + named
        adaptation = draw(st.sampled_from([b"", b"\0", b"\x07" + bytes(7), b"\xff", b"\xb6"]))
        control = 0x30 if adaptation else 0x10
        packet = bytes([0x47, 0x40 | pid >> 8, pid & 0xFF, control]) + adaptation + b"\0" + section
        found += packet[:188].ljust(188, draw(st.sampled_from([b"\xff", b"\0"])))
    return found


@FEW
@given(torn_tables(), st.integers(1, 400))
def test_tables_of_a_transport_stream(data: bytes, step: int) -> None:
    """A recorder that stumbles over a packet would begin anew at each."""
    cutter = Cutter()
    pieces = [cut.data for at in range(0, len(data), step) for cut in cutter.feed(data[at : at + step])]
    last = cutter.rest()
    assert b"".join([*pieces, last.data if last else b""]) in data
