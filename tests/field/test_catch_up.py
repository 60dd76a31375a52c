"""Catch-up: what is over is played from the provider's archive, or not offered.

Reported in public for programs of this kind; each test is named for the situation.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest

from nightcrew.kernel import upkeep
from nightcrew.kernel.clock import utcnow
from nightcrew.playlists.domain import DOMAIN
from nightcrew.playlists.formats.catchup import ZONE, Span, archive_of
from nightcrew.playlists.formats.xtream import start_of
from streaming import Origin, answers, packets, serving
from support import Node, running

START = datetime(2026, 1, 31, 20, 15, 7, tzinfo=UTC)
SPAN = Span(START, START + timedelta(minutes=90), START + timedelta(hours=5), "c/7")
UTC_S, END_S, NOW_S = (int(at.timestamp()) for at in (SPAN.start, SPAN.stop, SPAN.now))


@pytest.mark.parametrize(
    ("url", "attributes", "expected"),
    [
        ("http://h/1", {"catchup": "shift"}, f"http://h/1?utc={UTC_S}&lutc={NOW_S}"),
        ("http://h/1?t=x", {"catchup": "timeshift"}, f"http://h/1?t=x&utc={UTC_S}&lutc={NOW_S}"),
        ("http://h/1", {"timeshift": "3"}, f"http://h/1?utc={UTC_S}&lutc={NOW_S}"),
        ("http://h/1", {"tvg-rec": "3"}, f"http://h/1?utc={UTC_S}&lutc={NOW_S}"),
        ("http://h/1", {"catchup": "append", "catchup-source": "?a={utc}&b=${end}"}, f"http://h/1?a={UTC_S}&b={END_S}"),
        ("http://h/1?q", {"catchup": "append", "catchup-source": "?a=${start}"}, f"http://h/1?q&a={UTC_S}"),
        ("http://h/1", {"catchup-source": "http://x/${offset}/{duration:60}"}, "http://x/18000/90"),
        (
            "http://h/1",
            {"catchup": "default", "catchup-source": "http://x/{utc:Y-m-d}/{H}{M}{S}"},
            "http://x/2026-01-31/201507",
        ),
        (
            "http://h/1",
            {"catchup": "default", "catchup-source": "-{utc}-{utcend}.m3u8"},
            f"http://h/1-{UTC_S}-{END_S}.m3u8",
        ),
        ("http://h/1", {"catchup": "vod", "catchup-source": "http://x/{catchup-id}"}, "http://x/c/7"),
        ("http://h/1", {"catchup": "default", "catchup-source": "http://x/{odd}"}, "http://x/{odd}"),
        ("http://h/a/b/mpegts?t=1", {"catchup": "flussonic"}, f"http://h/a/b/timeshift_abs-{UTC_S}.ts?t=1"),
        ("http://h/a/index.m3u8", {"catchup": "fs"}, "http://h/a/timeshift_rel-18000.m3u8"),
        ("http://h/a/video.m3u8?t", {"catchup": "flussonic-hls"}, "http://h/a/video-timeshift_rel-18000.m3u8?t"),
        ("http://h/a/index.m3u8", {"catchup": "flussonic-ts"}, f"http://h/a/timeshift_abs-{UTC_S}.ts"),
        ("http://h:8/u/p/55", {"catchup": "xc"}, "http://h:8/timeshift/u/p/90/2026-01-31:20-15/55.ts"),
        ("http://h/live/u/p/55.m3u8", {"catchup": "xc"}, "http://h/timeshift/u/p/90/2026-01-31:20-15/55.m3u8"),
        (
            "http://h/live/{secret0}/{secret1}/5.ts",
            {"catchup": "xc", ZONE: "Europe/Berlin"},
            "http://h/timeshift/{secret0}/{secret1}/90/2026-01-31:21-15/5.ts",
        ),
        (
            "http://h/live/u/p/55.ts",
            {"catchup": "xc", "catchup-correction": "-2.5"},
            "http://h/timeshift/u/p/90/2026-01-31:22-45/55.ts",
        ),
        ("http://h/ts/p1", {"catchup": "xc", "catchup-days": "7"}, None),
        ("http://h/1", {"catchup": "vod", "catchup-source": "{catchup-id}"}, None),
        ("http://h/1", {"catchup": "vod"}, None),
        ("http://h/1", {"catchup": "none", "catchup-days": "7"}, None),
        ("http://h/1", {"catchup": "shift", "catchup-days": "0"}, None),
        ("http://h/1", {"timeshift": "0"}, None),
        ("http://h/1", {"catchup": "append"}, None),
        ("http://h/1", {"catchup": "somehow", "catchup-source": "http://x"}, None),
        ("http://h/1.ts", {"catchup": "flussonic"}, None),
        ("http://h/1", {"catchup-days": "7"}, None),
        ("http://h/1", {}, None),
    ],
)
def test_where_an_archive_is(
    url: str, attributes: dict[str, str], expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "UTC")  # where nobody says a zone, players write this machine's time
    time.tzset()
    found = archive_of(url, attributes)
    assert (found.address(SPAN) if found else None) == expected


@pytest.mark.parametrize(
    ("attributes", "days"),
    [
        ({"catchup": "shift"}, 7),
        ({"catchup": "shift", "catchup-days": "3"}, 3),
        ({"catchup": "shift", "catchup-days": "-1"}, 31),
        ({"catchup": "shift", "catchup-days": "400"}, 31),
        ({"timeshift": "2"}, 2),
        ({"catchup": "shift", "catchup-time": "259200"}, 3),
    ],
)
def test_how_many_days_an_archive_has(attributes: dict[str, str], days: float) -> None:
    found = archive_of("http://h/1", attributes)
    assert found is not None
    assert found.days == days


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31:20-15", START.replace(second=0)),
        ("2026-01-31:20-15-07", START),
        (str(UTC_S), START),
        ("yesterday", None),
        ("", None),
        ("2026-13-31:20-15", None),
    ],
)
def test_how_players_write_a_start_to_a_panel(text: str, moment: datetime | None) -> None:
    assert start_of(text) == moment


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    async with running(tmp_path / "data", domains=(upkeep.DOMAIN, DOMAIN)) as started:
        yield started


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    async with serving() as made:
        yield made


async def offered(node: Node, folder: Path, *entries: str, mode: str) -> dict[str, int]:
    (folder / "list.m3u").write_text("#EXTM3U\n" + "".join(f"#EXTINF:-1 {one}\n" for one in entries))
    await node.patch("/api/v1/settings", {"stream_mode": mode})
    await node.add(kind="m3u", name="L", url=str(folder / "list.m3u"), region="DE")
    return {one["name"]: int(one["id"]) for one in (await node.get("/api/v1/channels"))["items"]}


async def said(node: Node) -> dict[str, str]:
    """What the playlist says of catch-up, by channel."""
    text = (await node.http.get(f"{node.url}/playlist/DE.m3u")).text
    lines = [line for line in text.splitlines() if line.startswith("#EXTINF")]
    found = {
        line.rpartition(",")[2]: " ".join(re.findall(r'(?:catchup|tvg-rec|timeshift)[\w-]*="[^"]*"', line))
        for line in lines
    }
    return {name: words for name, words in found.items() if words}


WORKS = 'catchup="append" catchup-source="?from={utc}&for={duration}" catchup-days="3"'


async def test_an_archive_that_nobody_could_ask_is_not_offered(node: Node, tmp_path: Path) -> None:
    """catchup="xc" beside an address that is none of a panel."""
    entries = (
        'catchup="xc" catchup-days="7",Myna\nhttp://192.0.2.1/ts/p1',
        f"{WORKS},Crow\nhttp://192.0.2.1/crow",
        'catchup="xc" catchup-days="5",Jay\nhttp://192.0.2.1/live/u/p/5.ts',
    )
    await offered(node, tmp_path, *entries, mode="redirect")
    assert await said(node) == {
        "Crow": 'catchup="shift" catchup-days="3"',
        "Jay": 'catchup="shift" catchup-days="5"',
    }
    shown = {
        one["name"]: (one["tv_archive"], one["tv_archive_duration"])
        for one in await node.get("/player_api.php?action=get_live_streams")
    }
    assert shown == {"Myna": (0, 0), "Crow": (1, 3), "Jay": (1, 5)}
    await node.patch("/api/v1/settings", {"stream_mode": "direct"})
    assert set(await said(node)) == {"Myna", "Crow", "Jay"}, "the provider's own address has the provider's own archive"


async def test_a_player_is_led_to_the_archive(node: Node, tmp_path: Path) -> None:
    ids = await offered(
        node, tmp_path, f"{WORKS},Crow\nhttp://192.0.2.1/crow", ",Owl\nhttp://192.0.2.1/owl", mode="redirect"
    )
    begin = int((utcnow() - timedelta(hours=6)).timestamp())
    crow, panel = f"{node.url}/play/{ids['Crow']}", datetime.fromtimestamp(begin, UTC).strftime("%Y-%m-%d:%H-%M")

    async def led(address: str) -> str:
        answer = await node.http.get(address, follow_redirects=False)
        return str(answer.headers.get("location", answer.status_code))

    past = f"http://192.0.2.1/crow?from={begin}&for="
    assert await led(f"{crow}?utc={begin}&lutc=1") == f"{past}{4 * 3600}"
    assert await led(f"{crow}?utc={begin}&utcend={begin + 60}") == f"{past}60"
    assert await led(f"{crow}?utc={begin}&duration=1800") == f"{past}1800"
    assert await led(f"{crow}.m3u8?utc={begin}&duration=1800") == f"{past}1800"
    minute = begin - begin % 60
    for address in (
        f"/timeshift/u/p/30/{panel}/{ids['Crow']}.ts",
        f"/streaming/timeshift.php?username=u&password=p&stream={ids['Crow']}&start={panel}&duration=30",
    ):
        assert await led(f"{node.url}{address}") == f"http://192.0.2.1/crow?from={minute}&for=1800"
    live = "http://192.0.2.1/crow"
    now = int(utcnow().timestamp())
    assert [await led(f"{crow}?{q}") for q in ("utc=x", f"utc={now + 9}", f"utc={now - 5}", "utc=", "lutc=1")] == [
        live
    ] * 5
    assert await led(f"{crow}?utc={begin - 4 * 86_400}") == "409", "three days are there"
    assert await led(f"{node.url}/play/{ids['Owl']}?utc={begin}") == "409"
    assert await led(f"{node.url}/timeshift/u/p/30/never/{ids['Crow']}.ts") == "422"


async def test_what_is_over_plays_once_and_beside_what_is_live(node: Node, origin: Origin, tmp_path: Path) -> None:
    origin.scripts["/crow"] = answers(packets(7, 200), "video/mp2t")
    ids = await offered(node, tmp_path, f"{WORKS},Crow\n{origin.url('/crow')}", mode="proxy")
    begin = int((utcnow() - timedelta(hours=6)).timestamp())
    answer = await node.http.get(f"{node.url}/play/{ids['Crow']}?utc={begin}&duration=60")
    assert answer.content == packets(7, 200)
    assert origin.targets == [f"/crow?from={begin}&for=60"]


async def test_the_guide_goes_back_as_far_as_the_archive(node: Node, tmp_path: Path) -> None:
    ids = await offered(
        node,
        tmp_path,
        f'tvg-id="c",{WORKS},Crow\nhttp://192.0.2.1/crow'.replace('",c', '" c'),
        'tvg-id="o",Owl\nhttp://192.0.2.1/owl',
        mode="redirect",
    )
    now = utcnow().replace(microsecond=0)

    def written(*hours: int) -> None:
        shows = [
            f'<programme start="{(now + timedelta(hours=hour)).strftime("%Y%m%d%H%M%S +0000")}" channel="{one}"'
            f' stop="{(now + timedelta(hours=hour + 1)).strftime("%Y%m%d%H%M%S +0000")}"><title>{hour}</title></programme>'
            for one in "co"
            for hour in hours
        ]
        (tmp_path / "g.xml").write_text(f"<tv>{''.join(shows)}</tv>")

    async def titles(channel: str) -> list[str]:
        root = ElementTree.fromstring((await node.http.get(f"{node.url}/guide.xml")).text)
        return [one.findtext("title", "") for one in root.iter("programme") if one.get("channel") == channel]

    written(-80, -70, -30, -3, 0)
    guide = await node.add(kind="guide", name="G", url=str(tmp_path / "g.xml"))
    assert await titles("c") == ["-70", "-30", "-3", "0"]
    assert await titles("o") == ["-3", "0"]
    written(-3, 0, 1)  # a guide forgets what is over
    await node.refresh(guide["id"])
    assert await titles("c") == ["-70", "-30", "-3", "0", "1"]
    listing = (await node.get(f"/player_api.php?action=get_simple_data_table&stream_id={ids['Crow']}"))["epg_listings"]
    assert [one["has_archive"] for one in listing] == [1, 1, 1, 1, 0]
    assert [one["now_playing"] for one in listing] == [0, 0, 0, 1, 0]

    begin = int((now - timedelta(hours=30)).timestamp())
    answer = await node.http.get(f"{node.url}/play/{ids['Crow']}?utc={begin}", follow_redirects=False)
    assert answer.headers["location"].endswith(f"from={begin}&for={4 * 3600}"), "it plays on until it is stopped"

    written(-80, -70, -30, -20, -10, -9, -8, -7)
    (job,) = await node.refresh(guide["id"])
    assert job["state"] != "done", "what is over makes up for nothing that is ahead"
    assert await titles("c") == ["-70", "-30", "-3", "0", "1"]


async def test_a_guide_keeps_the_past_of_channels_with_an_archive_alone(node: Node, tmp_path: Path) -> None:
    """Also of one that players ask at the provider's own address, which we could not."""
    names = ['catchup="xc" catchup-days="3",Crow HD', 'tvg-id="O",Owl']
    await offered(node, tmp_path, *(f"{one}\nhttp://192.0.2.1/{n}" for n, one in enumerate(names)), mode="redirect")
    now = utcnow()
    shows = [
        f'<programme start="{(now + timedelta(hours=hour)).strftime("%Y%m%d%H%M%S +0000")}" channel="{one}"'
        f' stop="{(now + timedelta(hours=hour + 1)).strftime("%Y%m%d%H%M%S +0000")}"/>'
        for one in ("k1", "o")
        for hour in (-40, -20, 0, 1)
    ]
    channels = '<channel id="k1"><display-name>Crow</display-name></channel><channel id="o"/>'
    (tmp_path / "g.xml").write_text(f"<tv>{channels}{''.join(shows)}</tv>")
    source = await node.add(kind="guide", name="G", url=str(tmp_path / "g.xml"))
    assert source["feeds"][0]["streams"] == 4 + 2


def test_a_programme_s_own_id_becomes_no_placeholder() -> None:
    found = archive_of("http://h/1", {"catchup": "vod", "catchup-source": "http://h/{catchup-id}"})
    assert found is not None
    assert found.address(replace(SPAN, catchup_id="{secret0}")) == "http://h/%7Bsecret0%7D"
