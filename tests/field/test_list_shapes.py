"""Lists as providers write them: quotes, commas, headings, relative addresses, charsets, headers in five ways.

Reported in public for programs of this kind; each test is named for the situation.
"""

from __future__ import annotations

import asyncio
import csv
import gzip
import io
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.charsets import is_charset
from nightcrew.kernel import upkeep
from nightcrew.kernel.errors import GiveUp
from nightcrew.playlists.domain import DOMAIN
from nightcrew.playlists.exports import Player
from nightcrew.playlists.formats import charsets, m3u
from nightcrew.playlists.formats.headers import for_our_address, headers_of
from nightcrew.playlists.rules import ListEntry
from nightcrew.playlists.store import channels
from support import Node, data_file, is_linear, running


def read(text: str | bytes, base: str = "", charset: str | None = None) -> list[ListEntry]:
    raw = text.encode() if isinstance(text, str) else text
    told = charsets.of(io.BytesIO(raw)) if charset is None else charset
    return list(m3u.read(charsets.blocks(io.BytesIO(raw), told), None, base))


def one(extinf: str) -> ListEntry:
    (entry,) = read(f"#EXTM3U\n#EXTINF:-1{extinf}\nhttp://s/1\n")
    return entry


# -- attributes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("extinf", "name", "group", "guide_id"),
    [
        (" tvg-id='kite.1' group-title='Sport',Kite One", "Kite One", "Sport", "kite.1"),
        (
            " tvg-id='kite.2' tvg-name='Kite Two' group-title='News, Local',Kite Two",
            "Kite Two",
            "News, Local",
            "kite.2",
        ),
        (" tvg-id='kite.3' group-title=\"Kid's\",Kite's", "Kite's", "Kid's", "kite.3"),
        (" tvg-id='k' group-title='Kid's TV',Four", "Four", "Kid's TV", "k"),
        (' tvg-id="k" group-title="The \'Best\'",Five', "Five", "The 'Best'", "k"),
        (" tvg-id=o'neil,Six", "Six", "", "o'neil"),
        (', tvg-id="lark.1" tvg-logo="http://l/l.png" group-title="Birds",Lark One', "Lark One", "Birds", "lark.1"),
        (' tvg-id="lark.2",group-title="Birds",Lark Two', "Lark Two", "Birds", "lark.2"),
        (' tvg-id="lark.3", group-title="Birds",Lark, the third', "Lark, the third", "Birds", "lark.3"),
        (", tvg-id='lark.4',group-title='Birds',Lark Four", "Lark Four", "Birds", "lark.4"),
        (',Name of="lark"', 'Name of="lark"', "", ""),
        (' tvg-id = "lark.5" Group-Title = "Birds",Lark Five', "Lark Five", "Birds", "lark.5"),
        (" group-title= 'Birds' tvg-id ='lark.6',Lark Six", "Lark Six", "Birds", "lark.6"),
        (" tvg-id=“lark.7” group-title=“Birds, all”,The “Lark”", "The “Lark”", "Birds, all", "lark.7"),
        (' tvg-id="a&amp;b" group-title="R&amp;B &#39;n&#039; &lt;Soul&gt;",Q&amp;A', "Q&A", "R&B 'n' <Soul>", "a&b"),
        (' group-title="R&B",AT&T; &copy', "AT&T; &copy", "R&B", ""),
    ],
)
def test_attributes_in_single_quotes_and_behind_commas_are_read(
    extinf: str, name: str, group: str, guide_id: str
) -> None:
    entry = one(extinf)
    assert (entry.name, entry.group, entry.guide_id) == (name, group, guide_id)


@pytest.mark.parametrize(
    "word",
    [
        "tvg-chno",
        "channel-number",
        "ch-number",
        "tvg-num",
        "Channel-Number",
        "tvg-number",
        "lcn",
        "channel_number",
        "num",
        "number",
        "tvg-ch",
        "CUID",
    ],
)
@pytest.mark.parametrize("number", ["101", "5.1", "5-1"])
def test_a_number_is_known_by_several_words(word: str, number: str) -> None:
    assert one(f' {word}="{number}",Ant').number == number
    assert one(f' {word}="{number}" tvg-chno="7",Ant').number == ("7" if word != "tvg-chno" else number)


def test_a_players_own_id_is_a_number_where_nothing_else_is() -> None:
    assert one(' CUID="7" tvg-chno="12",Ant').number == "12"
    assert one(' CUID="7" lcn="12",Ant').number == "12"
    assert one(' CUID="7",Ant').attributes == {"cuid": "7"}
    assert one(' CUID="a7f",Ant').number == ""


@pytest.mark.parametrize("said", ["abc", "", "-", "101 HD", "1234567"])
def test_what_is_said_as_a_number_and_is_none_is_passed_on_and_nothing_else(said: str) -> None:
    entry = one(f' tvg-chno="{said}",Ant')
    assert (entry.number, entry.attributes) == ("", {"tvg-chno": said})
    counted = one(f' tvg-chno="{said}" lcn="5",Ant')
    assert (counted.number, counted.attributes) == ("5", {})
    known = {"channel_id": 1, "name": "Ant", "group": "", "logo": "", "guide_id": "", "url": "http://s/1"}
    assert m3u.item(number="", attributes=dict(entry.attributes), **known).count(f'tvg-chno="{said}"') == (said != "")
    assert m3u.item(number="9", attributes=dict(entry.attributes), **known).count("tvg-chno") == 1


def test_what_is_no_number_stays_an_attribute() -> None:
    entry = one(' channel-number="first",Ant')
    assert (entry.number, entry.attributes) == ("", {"channel-number": "first"})


def test_what_the_first_line_says_holds_for_each_entry_that_does_not_say_otherwise() -> None:
    first, second = read(
        '#EXTM3U catchup="append" catchup-source="?utc={utc}&lutc={lutc}" catchup-days="7" tvg-shift="2" x-tvg-url="http://g/"\n'
        '#EXTINF:-1 tvg-id="m1",One\nhttp://s/1\n#EXTINF:-1 tvg-id="m2" tvg-shift="-1" catchup-days=\'3\',Two\nhttp://s/2\n'
    )
    for_all = {"catchup": "append", "catchup-source": "?utc={utc}&lutc={lutc}", "catchup-days": "7", "tvg-shift": "2"}
    assert first.attributes == for_all
    assert second.attributes == for_all | {"tvg-shift": "-1", "catchup-days": "3"}


def test_lines_of_an_entry_stay_with_it_and_are_written_again() -> None:
    (entry,) = read(
        '#EXTM3U\n#EXTINF:-1,Moth\n#EXTHTTP:{"User-Agent":"MothPlayer/1","Cookie":"k=v"}\n#WEBPROP:web-regex=x\nhttp://s/1\n'
    )
    text = m3u.item(
        channel_id=1,
        name="Moth",
        group="",
        number="",
        logo="",
        guide_id="",
        url="http://s/1",
        attributes=entry.attributes,
    )
    assert '#EXTHTTP:{"User-Agent":"MothPlayer/1","Cookie":"k=v"}\n' in text
    assert "#WEBPROP:web-regex=x\n" in text
    assert dict(read(text)[0].attributes).items() >= dict(entry.attributes).items()


# -- lines that are no addresses ---------------------------------------------------------------------------------------

LIST = """#EXTM3U
----- birds of the north -----
#EXTINF:-1 tvg-id="owl.1",Owl One
streams/owl1.m3u8
Birds of the south
#EXTINF:-1 tvg-id="owl.2",Owl Two
/abs/owl2.ts?a=b
#EXTINF:-1 tvg-id="owl.3",Owl Three
a line that somebody put in between
//other.test/owl3
#EXTINF:-1 tvg-id="owl.4",Owl Four
[NO PUBLIC STREAM]
#EXTINF:-1 tvg-id="owl.5",Owl Five
owl five.m3u8
"""


def test_headings_are_no_channels_and_relative_addresses_are_joined_to_the_lists_own() -> None:
    found = {entry.name: entry.url for entry in read(LIST, "https://lists.test/tv/all.m3u?user=u")}
    assert found == {
        "Owl One": "https://lists.test/tv/streams/owl1.m3u8",
        "Owl Two": "https://lists.test/abs/owl2.ts?a=b",
        "Owl Three": "https://other.test/owl3",
        "Owl Four": "[NO PUBLIC STREAM]",
        "Owl Five": "https://lists.test/tv/owl five.m3u8",
    }


def test_a_list_from_a_file_has_no_address_to_join_to() -> None:
    assert [entry.url for entry in read(LIST)][:2] == ["streams/owl1.m3u8", "/abs/owl2.ts?a=b"]


@pytest.mark.parametrize("line", ["file:///etc/passwd", "C:\\films\\a.ts", "smb://nas/a.ts", "\\\\nas\\a.ts"])
def test_what_is_no_relative_address_is_left_as_it_is(line: str) -> None:
    assert [entry.url for entry in read(f"#EXTM3U\n#EXTINF:-1,X\n{line}\n", "https://lists.test/")] == [line]


@pytest.mark.parametrize("line", ["javascript:alert(1)", "Sport", "-----", "two words"])
def test_a_line_that_is_no_address_is_no_channel(line: str) -> None:
    found = read(f"#EXTM3U\n#EXTINF:-1,X\n{line}\nhttp://s/1\n", "https://lists.test/")
    assert [(entry.name, entry.url) for entry in found] == [("X", "http://s/1")]


@pytest.mark.parametrize(("line", "url"), [
    ("stream1", "https://lists.test/tv/stream1"),
    ("?ch=5", "https://lists.test/tv/all.m3u?ch=5"),
    ("play?ch=news", "https://lists.test/tv/play?ch=news"),
])  # fmt: skip
def test_a_word_behind_an_entry_is_its_address_where_no_other_one_comes(line: str, url: str) -> None:
    text = f"#EXTM3U\n#EXTINF:-1,A\n{line}\n#EXTINF:-1,B\n{line}\nhttp://s/2\n#EXTINF:-1,C\n{line}\n#EXTVLCOPT:x=1\n"
    found = [(entry.name, entry.url) for entry in read(text, "https://lists.test/tv/all.m3u?user=u")]
    assert found == [("A", url), ("B", "http://s/2"), ("C", url)]
    whole = m3u.Reader(base="https://lists.test/tv/all.m3u?user=u").entries(text.encode())
    assert [(entry.name, entry.url) for entry in whole] == found
    assert [entry.name for entry in read(text)] == ["B"], "a list from a file has no address to join to"


@pytest.mark.parametrize("ends", ["\r", "\r\n", "\n", "\n\r"])
def test_lines_may_end_in_whatever_a_machine_ends_lines_in(ends: str) -> None:
    text = '#EXTM3U\n#EXTINF:-1 group-title="G",A\n#EXTVLCOPT:x=1\nhttp://s/1\n\n#EXTINF:-1,B\nhttp://s/2\n'.replace(
        "\n", ends
    )
    m3u.sniff(text.encode(), "")
    assert [(entry.name, entry.group, entry.url) for entry in read(text)] == [
        ("A", "G", "http://s/1"),
        ("B", "", "http://s/2"),
    ]
    assert [entry.name for entry in read(text.rstrip())] == ["A", "B"]


@pytest.mark.parametrize(
    "line", ['#EXTINF -1 tvg-id="a",A: one', '#EXTINF-1 tvg-id="a",A: one', "#extinf\t-1 tvg-id='a',A: one"]
)
def test_an_entry_without_a_colon_is_one(line: str) -> None:
    (entry,) = read(f"#EXTM3U\n{line}\nhttp://s/1\n")
    assert (entry.name, entry.guide_id, entry.url) == ("A: one", "a", "http://s/1")


def test_an_address_that_is_written_as_in_html_is_read_as_it_is_meant() -> None:
    (entry,) = read(
        '#EXTM3U\n#EXTINF:-1 tvg-logo="http://l/?a=1&amp;b=2",A\nhttp://s/?a=1&amp;b=2&copy=3|Referer=r&amp;Origin=o\n'
    )
    assert (entry.url, entry.logo) == ("http://s/?a=1&b=2&copy=3", "http://l/?a=1&b=2")
    assert entry.attributes == {"http:Referer": "r", "http:Origin": "o"}


MEDIA = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:6.0,\ns7.ts\n"
MASTER = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1280000,RESOLUTION=640x360\nlow.m3u8\n"


BARE = "#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:6.006,\ns7.ts\n#EXT-X-DISCONTINUITY\n#EXTINF:6.006,\ns8.ts\n"


@pytest.mark.parametrize(
    "text", [MEDIA, MASTER, "\ufeff" + MASTER, BARE, BARE.replace("\n", "\r"), MEDIA.replace("6.0,", "6.0,live")]
)
def test_the_playlist_of_one_stream_is_no_list_of_channels(text: str) -> None:
    with pytest.raises(GiveUp, match="this is one stream"):
        m3u.sniff(text.encode(), "application/vnd.apple.mpegurl")


def test_a_list_with_a_line_of_a_stream_in_it_is_a_list() -> None:
    m3u.sniff(b'#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:1\n#EXTINF:-1 tvg-id="a" group-title="G",A\nhttp://s/1\n', "")


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXTINF:-1,A\n#EXT-X-STREAM-INF:BANDWIDTH=1\nhttp://s/a.m3u8\n#EXTINF:-1,B\nhttp://s/b.m3u8\n",
        "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n#EXTINF:0, A\nhttp://s/a.m3u8\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF -1 ,A\nhttp://s/a\n",
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:180,Song\nhttp://s/a.mp3\n",
        "#EXTM3U\n#EXT-X-VERSION:3\nhttp://s/a.ts\n",
    ],
)
def test_a_list_that_names_what_it_plays_is_a_list_whatever_lines_are_in_it(text: str) -> None:
    m3u.sniff(text.encode(), "")
    assert read(text)


# -- charsets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("charset", "group", "name"),
    [
        ("windows-1251", "Новости", "Сова Один"),
        ("koi8-r", "Новости", "Первый канал"),
        ("windows-1252", "Télé", "Réunion à l'été"),
        ("windows-1250", "Święta", "Żółty kanał"),
        ("windows-1254", "Müzik", "Türkçe şarkı"),
        ("windows-1256", "الأخبار", "العربية الحدث"),
        ("gb18030", "新闻频道", "中央电视台"),
        ("big5", "新聞", "台灣電視"),
        ("shift_jis", "ニュース", "日本テレビ"),
        ("euc-kr", "뉴스", "한국방송"),
        ("utf-8", "Новости", "中央电视台"),
        ("utf-16", "Новости", "Сова Один"),
        ("utf-16-le", "Новости", "Сова Один"),
        ("utf-16-be", "Новости", "Сова Один"),
        ("utf-32", "Новости", "Сова Один"),
    ],
)
def test_a_list_is_read_in_the_charset_that_it_is_written_in(charset: str, group: str, name: str) -> None:
    raw = f'#EXTM3U\n#EXTINF:-1 group-title="{group}",{name}\nhttp://s/1\n'.encode(charset)
    m3u.sniff(raw, "")
    (entry,) = read(raw)
    assert (entry.group, entry.name, entry.url) == (group, name, "http://s/1")


@pytest.mark.parametrize("count", [1, 2, 4, 20])
def test_names_of_the_west_are_not_taken_for_those_of_the_east(count: int) -> None:
    """Of samples of real names in windows-1252, nine in ten are read without a wrong letter."""
    with gzip.open(data_file("tracks.csv.gz"), "rt", encoding="utf-8", newline="") as file:
        every = {row[key] for row in csv.DictReader(file) for key in ("track_name", "track_artist")}
    western = sorted(one for one in every if not one.isascii() and all(ord(char) < 256 for char in one))
    chance, right = random.Random(3), 0
    for _ in range(60):
        text = "\n".join(chance.sample(western, count))
        right += text.encode("cp1252").decode(charsets.guessed(text.encode("cp1252")) or "latin-1", "replace") == text
    assert right >= 54


def test_one_bad_byte_changes_no_other_line() -> None:
    raw = (
        "#EXTM3U\n#EXTINF:-1,Сова\nhttp://s/1\n#EXTINF:-1,Новости\nhttp://s/2\n".encode()
        + b"#EXTINF:-1,B\xe9\nhttp://s/3\n"
    )
    assert [entry.name for entry in read(raw)] == ["Сова", "Новости", "Bé"]


def test_a_charset_that_a_person_names_counts() -> None:
    raw = "#EXTM3U\n#EXTINF:-1,ערוץ החדשות\nhttp://s/1\n".encode("windows-1255")
    assert read(raw, charset="windows-1255")[0].name == "ערוץ החדשות"
    assert is_charset("windows-1255")
    assert not any(map(is_charset, ["klingon", "rot13", "zlib", "unicode_escape", "", "a\0b"]))


@given(st.binary(max_size=300))
def test_no_bytes_make_the_reader_of_charsets_raise(raw: bytes) -> None:
    told = charsets.of(io.BytesIO(raw))
    assert not told or is_charset(told)
    assert all(line.decode("utf-8", "surrogatepass") for line in charsets.blocks(io.BytesIO(raw), told) if told)


# -- headers -----------------------------------------------------------------------------------------------------------

WAYS = {
    "Pipe": ("", "", "http://{host}/1|User-Agent=Stork%2F1.0&Cookie=pass%3Dabc"),
    "VLC": ("", "#EXTVLCOPT:http-user-agent=Stork/1.0\n#EXTVLCOPT:http-cookie=pass=abc", "http://{host}/2"),
    "Kodi": (
        "",
        "#KODIPROP:inputstream.adaptive.stream_headers=User-Agent=Stork/1.0&cookie=pass%3Dabc",
        "http://{host}/3",
    ),
    "EXTHTTP": ("", '#EXTHTTP:{{"user-agent":"Stork/1.0","cookie":"pass=abc"}}', "http://{host}/4"),
    "Attribute": (' http-user-agent="Stork/1.0"', "#EXTVLCOPT:http-cookies=pass=abc", "http://{host}/5"),
}


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    async with running(tmp_path / "data", domains=(upkeep.DOMAIN, DOMAIN)) as started:
        yield started


async def test_each_way_to_name_a_header_reaches_the_provider(node: Node, tmp_path: Path) -> None:
    """A provider that refuses whoever does not send them; players are given none behind Nightcrew's own address."""
    seen: dict[str, dict[str, str]] = {}

    async def provider(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        seen[request.split()[1]] = headers
        fits = headers.get("user-agent") == "Stork/1.0" and headers.get("cookie") == "pass=abc"
        body = (b"\x47\x1f\xff\x10" + bytes(184)) * 3_500
        writer.write(
            f"HTTP/1.1 {200 if fits else 403} X\r\nConnection: close\r\nContent-Type: video/mp2t\r\n\r\n".encode()
        )
        writer.write(body if fits else b"")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(provider, "127.0.0.1", 0)
    host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    entries = [
        f"#EXTINF:-1{said},{name}\n{lines.format()}\n{url.format(host=host)}"
        for name, (said, lines, url) in WAYS.items()
    ]
    (tmp_path / "list.m3u").write_text("#EXTM3U\n" + "\n".join(entries) + "\n")
    await node.patch("/api/v1/settings", {"stream_mode": "proxy"})
    await node.add(kind="m3u", name="L", url=str(tmp_path / "list.m3u"), region="DE")
    for number in range(1, len(WAYS) + 1):
        async with node.http.stream("GET", f"{node.url}/play/{number}") as answer:
            assert answer.status_code == 200, seen
            assert (await anext(answer.aiter_raw()))[:1] == b"\x47"
    text = (await node.http.get(f"{node.url}/playlist/DE.m3u?token=abc")).text
    addresses = [line for line in text.splitlines() if not line.startswith("#")]
    assert addresses == [f"{node.url}/play/{number}?token=abc" for number in range(1, len(WAYS) + 1)]
    assert "Stork" not in text
    assert "pass=abc" not in text
    server.close()


async def test_in_direct_mode_players_are_given_what_the_list_says(node: Node, tmp_path: Path) -> None:
    (tmp_path / "list.m3u").write_text(
        '#EXTM3U\n#EXTINF:-1 catchup="append",P\n#EXTVLCOPT:http-user-agent=S\nhttp://192.0.2.1/1|Referer=r\n'
    )
    await node.patch("/api/v1/settings", {"stream_mode": "direct"})
    await node.add(kind="m3u", name="L", url=str(tmp_path / "list.m3u"), region="DE")
    text = (await node.http.get(f"{node.url}/playlist/DE.m3u")).text
    assert (
        "#EXTVLCOPT:http-user-agent=S\n" in text
        and "http://192.0.2.1/1|Referer=r\n" in text
        and 'catchup="append"' in text
    )
    channel = await channels.get(node.runtime.store, 1)
    asked = await node.runtime.part(Player).request(channel, channel.streams[0])
    assert dict(asked.headers) == {"User-Agent": "S", "Referer": "r"}


def test_the_way_that_stands_nearest_to_the_address_counts() -> None:
    said = {
        "http-user-agent": "1",
        "vlc:http-user-agent": "2",
        "kodi:inputstream.adaptive.stream_headers": "user-agent=3",
        "json:EXTHTTP": '{"USER-AGENT":"4"}',
        "http:User-Agent": "5",
    }
    for number in range(5, 0, -1):
        assert headers_of(said) == {"User-Agent": str(number)}
        said.popitem()


@pytest.mark.parametrize(
    "said",
    [
        {"json:EXTHTTP": text}
        for text in (
            "",
            "{",
            "[]",
            "1",
            '{"Host":"x"}',
            '{"a b":"x"}',
            '{"X":1}',
            '{"X":"a\\nb"}',
            '{"Range":"bytes=0-"}',
            "[" * 3000,
        )
    ]
    + [{"http:Transfer-Encoding": "chunked"}, {"http:X": ""}, {"vlc:http-user-agent": "x" * 5000}],
)
def test_no_header_is_sent_that_would_break_a_request(said: dict[str, str]) -> None:
    assert headers_of(said) == {}


@given(
    st.dictionaries(
        st.sampled_from(
            ["json:EXTHTTP", "http:X-A", "vlc:http-user-agent", "kodi:inputstream.adaptive.common_headers"]
        ),
        st.text(),
    )
)
def test_no_text_makes_the_reader_of_headers_raise(said: dict[str, str]) -> None:
    for name, value in headers_of(said).items():
        assert name.isascii() and value.isprintable() and json.dumps(value)


UA, REFERER = {"User-Agent": "Stork/1.0"}, {"Referer": "http://r/?a=1"}
BOTH = UA | REFERER


@pytest.mark.parametrize(
    ("lines", "url", "sent"),
    [
        ("#EXTVLCOPT:HTTP-USER-AGENT=Stork/1.0", "http://s/1", UA),
        ("#EXTVLCOPT:--http-user-agent=Stork/1.0", "http://s/1", UA),
        ("#EXTVLCOPT::http-user-agent=Stork/1.0", "http://s/1", UA),
        ('#EXTVLCOPT:http-user-agent="Stork/1.0"', "http://s/1", UA),
        ("#EXTVLCOPT:http-user-agent = Stork/1.0", "http://s/1", UA),
        ('#EXTHTTP:{"headers":{"User-Agent":"Stork/1.0","Referer":"http://r/?a=1"}}', "http://s/1", BOTH),
        ("#EXTHTTP:{'User-Agent':'Stork/1.0', 'Referer': 'http://r/?a=1'}", "http://s/1", BOTH),
        ('#EXTHTTP:{"User-Agent":"Stork/1.0",}', "http://s/1", UA),
        ('#KODIPROP:inputstream.adaptive.stream_headers="User-Agent=Stork%2F1.0&Referer=http://r/?a=1"', "http://s/1", BOTH),
        ("#KODIPROP:http-user-agent=Stork/1.0\n#KODIPROP:http-referrer=http://r/?a=1", "http://s/1", BOTH),
        ("#KODIPROP:inputstream.ffmpegdirect.stream_headers=User-Agent=Stork/1.0", "http://s/1", UA),
        ("", "http://s/1%7CUser-Agent=Stork%2F1.0", UA),
        ("", "http://s/1%7cUser-Agent%3DStork%2F1.0%26Referer%3Dhttp%3A%2F%2Fr%2F%3Fa%3D1", BOTH),
        ("", "http://s/1|User-Agent: Stork/1.0", UA),
        ("", "http://s/1|User-Agent: Stork/1.0&Referer: http://r/?a=1", BOTH),
        ("", 'http://s/1|User-Agent="Stork/1.0"', UA),
        ("", "http://s/1|!User-Agent=Stork/1.0", UA),
        ("", "http://s/1|User-Agent=Stork/1.0&verifypeer=false&seekable=0&inputstream.adaptive.manifest_type=hls", UA),
        ("", "http://s/1|user_agent=Stork/1.0&auth=basic&connection-timeout=5&drmScheme=clearkey", UA),
    ],
)  # fmt: skip
def test_a_header_is_sent_however_it_is_written(lines: str, url: str, sent: dict[str, str]) -> None:
    (entry,) = read(f"#EXTM3U\n#EXTINF:-1,A\n{lines}\n{url}\n")
    assert entry.url == "http://s/1"
    assert headers_of(entry.attributes) == sent
    assert not any("Stork" in value for value in for_our_address(entry.attributes).values())


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ('tvg-user-agent="Stork/1.0"', UA),
        ('user-agent="Stork/1.0" referrer="http://r/?a=1"', BOTH),
        ('http-header="User-Agent: Stork/1.0"', UA),
        ('http-header="User-Agent=Stork/1.0&Referer=http://r/?a=1"', BOTH),
        ('http-user-agent="Stork/1.0|Referer=http://r/?a=1"', BOTH),
        ('http-user-agent="Stork/1.0 (a|b)"', {"User-Agent": "Stork/1.0 (a|b)"}),
    ],
)
def test_a_header_in_an_attribute_is_sent(said: str, sent: dict[str, str]) -> None:
    entry = one(f" {said},A")
    assert headers_of(entry.attributes) == sent
    assert for_our_address(entry.attributes) == {}


def test_options_behind_an_address_are_passed_on_to_players() -> None:
    (entry,) = read("#EXTM3U\n#EXTINF:-1,A\nhttp://s/1|User-Agent=S&verifypeer=false\n")
    assert entry.attributes == {"http:User-Agent": "S", "http:verifypeer": "false"}


@pytest.mark.parametrize("url", ["http://s/a%7Cb", "http://s/a%7Cb=c", "http://s/?q=a|b:c"])
def test_a_bar_that_names_no_header_belongs_to_the_address(url: str) -> None:
    (entry,) = read(f"#EXTM3U\n#EXTINF:-1,A\n{url}\n")
    assert (entry.url, entry.attributes) == (url, {})


@pytest.mark.parametrize("option", ["--sout=#file{dst=/x}", ":sout=#x", "SOUT=#x", "--Input-Slave=/x", "sub-file=/x"])
def test_an_option_that_does_harm_is_known_however_it_is_written(option: str) -> None:
    (entry,) = read(f"#EXTM3U\n#EXTINF:-1,A\n#EXTVLCOPT:{option}\nhttp://s/1\n")
    assert m3u.harmless(entry.attributes) == {}


@given(st.text("ab=:&|'\"{} %3D", max_size=60))
def test_no_text_behind_an_address_makes_the_reader_raise(tail: str) -> None:
    for entry in read(f"#EXTM3U\n#EXTINF:-1,A\n#EXTHTTP:{tail}\nhttp://s/1|{tail}\n"):
        assert all(map(str.isascii, headers_of(entry.attributes)))


@pytest.mark.parametrize("unit", ["a ", " ", "=", "'a':'", '"a":"', "%7C", "%7Caccept-", "User-Agent:", "&", "a=b&"])
def test_headers_take_time_in_proportion_to_their_text(unit: str) -> None:
    def search(size: int) -> None:
        text = unit * (size // len(unit))
        for entry in read(
            f"#EXTM3U\n#EXTINF:-1 http-header='{text}',A\n#EXTHTTP:{text}\nhttp://s/1|a={text}x\n#EXTINF:-1,B\nhttp://s/{text}\n"
        ):
            headers_of(entry.attributes)

    assert is_linear(search, 15_000)
