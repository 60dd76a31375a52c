import gzip
import itertools
import time
import xml.etree.ElementTree as ET
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from nightcrew.demo.schedule import HALF_HOUR, programmes


def moment(text):
    return datetime.strptime(text, "%Y%m%d%H%M%S %z")


async def test_guide_covers_every_channel_from_yesterday_to_the_day_after_tomorrow(client, world):
    guide = ET.fromstring((await client.get("/guide/guide.xml")).content)
    listed = {c.get("id") for c in guide.iter("channel")}
    assert listed == {c.guide_id for c in world.catalogue.channels} - {""}
    shows = [p for p in guide.iter("programme") if p.get("channel") == "m00001.de.example"]
    now = datetime.now(UTC).timestamp()
    assert moment(shows[0].get("start")).timestamp() <= now - 12 * 3600
    assert moment(shows[-1].get("stop")).timestamp() >= now + 48 * 3600 - 60
    assert all(a.get("stop") == b.get("start") for a, b in itertools.pairwise(shows))
    assert [child.tag for child in shows[0]] == ["title", "sub-title", "desc", "category", "icon"]


async def test_times_come_with_different_offsets(client):
    guide = ET.fromstring((await client.get("/guide/guide.xml")).content)
    assert {p.get("start")[-5:] for p in guide.iter("programme")} == {"+0000", "+0100", "+0200", "-0500", "+0530"}


async def test_gzip_file_is_the_same_guide(client, world):
    fixed = time.time()
    world.clock = lambda: fixed
    packed = await client.get("/guide/guide.xml.gz")
    assert packed.headers["content-type"] == "application/gzip"
    assert gzip.decompress(packed.content) == (await client.get("/guide/guide.xml")).content


async def test_guide_grows_on_request(client):
    for count in (3, 300):
        guide = ET.fromstring((await client.get(f"/guide/guide.xml?channels={count}")).content)
        assert len({c.get("id") for c in guide.iter("channel")}) == count
    assert (await client.get("/guide/guide.xml?channels=many")).status_code == 400


@given(st.text(max_size=10), st.floats(0, 4e9), st.integers(0, 200_000))
@settings(max_examples=25)
def test_programmes_cover_any_span_without_gaps(guide_id, begin, length):
    found = list(programmes(guide_id, begin, begin + length))
    assert all(a.stop == b.start for a, b in itertools.pairwise(found))
    assert all(HALF_HOUR <= p.stop - p.start <= 4 * HALF_HOUR for p in found)
    if length:
        assert found[0].start <= begin
        assert found[-1].stop >= begin + length


@given(st.floats(1e9, 2e9))
@settings(max_examples=20)
def test_a_programme_stays_where_it_is_when_the_guide_is_asked_later(begin):
    early = list(programmes("x", begin, begin + 90_000))
    late = list(programmes("x", begin + 5000, begin + 95_000))
    assert set(late) & set(early) == {p for p in early if p.stop > begin + 5000}
