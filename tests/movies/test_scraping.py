"""Trackers on loopback are scraped over UDP and HTTP, with the bad habits that the demo's has."""

from __future__ import annotations

import asyncio
import hashlib
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise

import pytest

from nightcrew.demo.swarms import invented
from nightcrew.demo.tracking import Habit, UdpServer
from nightcrew.demo.world import MOVIES, World
from nightcrew.kernel.errors import GiveUp, Invalid, Misread, Retry
from nightcrew.kernel.http import Http
from nightcrew.kernel.routes import DIRECT, Datagrams, Direct, RouteDown, Routes
from nightcrew.movies.trackers import reaching, wire
from nightcrew.movies.trackers.rules import AnswerOrder, TrackerMemory
from nightcrew.movies.trackers.scraper import Scraper
from nightcrew.movies.trackers.survey import Declined, Silent
from nightcrew.movies.trackers.udp import Peer
from nightcrew.movies.trackers.wire import Swarm

NEW = TrackerMemory()
KNOWN = TrackerMemory(batch=72, good=72, order=AnswerOrder.KEPT)
HASHES = [hashlib.sha1(b"%d" % at).hexdigest() for at in range(120)]
QUICK = 0.05
"""Seconds of a first wait."""


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with World(live=False, channels=1, services=MOVIES) as made:
        made.tracker.swarms.known = {
            bytes.fromhex(one): invented(bytes.fromhex(one)) for at, one in enumerate(HASHES) if at % 6
        }
        yield made


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    made = Http()
    yield made
    await made.close()


@pytest.fixture
def scraper(http: Http) -> Scraper:
    return Scraper(http, http.routes, allow_private=True, first_wait=QUICK)


def true(world: World, hashes: Sequence[str] = HASHES) -> dict[str, Swarm]:
    found = {one: world.tracker.swarms.of(bytes.fromhex(one)) for one in hashes}
    return {one: Swarm(said[0], said[2], said[1]) for one, said in found.items() if said}


@pytest.fixture(params=["udp", "http"])
def address(request: pytest.FixtureRequest, world: World) -> str:
    return world.trackers()[request.param == "http"]


# -- both --------------------------------------------------------------------------------------------------------------


async def test_what_a_tracker_knows_is_told(world: World, scraper: Scraper, address: str) -> None:
    found, memory = await scraper.scrape(address, HASHES)
    assert found == true(world)
    again, _ = await scraper.scrape(address, HASHES, memory=memory)
    assert again == found
    assert await scraper.scrape(address, []) == ({}, NEW)


async def test_a_hash_is_found_as_it_was_written(world: World, scraper: Scraper, address: str) -> None:
    found, _ = await scraper.scrape(address, [HASHES[1].upper(), HASHES[1], HASHES[2]])
    assert found == {HASHES[1].upper(): true(world)[HASHES[1]], **true(world, HASHES[1:3])}


@pytest.mark.parametrize("odd", ["", "ab", "zz" * 20, "ab" * 32, " " + "ab" * 19 + "a", "ab" * 19 + "a\u0661"])
async def test_what_is_no_hash_is_refused(scraper: Scraper, address: str, odd: str) -> None:
    with pytest.raises(Invalid):
        await scraper.scrape(address, [HASHES[0], odd])


async def test_a_tracker_that_answers_with_an_error_is_tried_later(
    world: World, scraper: Scraper, address: str
) -> None:
    world.tracker.error = "torrent not\nregistered"
    with pytest.raises(Retry, match="torrent not registered"):
        await scraper.scrape(address, HASHES)


async def test_a_limit_of_the_tracker_is_learnt(world: World, scraper: Scraper, address: str) -> None:
    world.tracker.most = 20
    found, memory = await scraper.scrape(address, HASHES)
    assert found == true(world)
    asked = len(world.tracker.scrapes)
    again, _ = await scraper.scrape(address, HASHES, memory=memory)
    assert again == found
    assert len(world.tracker.scrapes) - asked <= asked


async def test_what_the_tracker_leaves_out_is_no_statement(world: World, scraper: Scraper, address: str) -> None:
    world.tracker.drops_unknown = True
    found, _ = await scraper.scrape(address, HASHES)
    assert found == true(world)


async def test_a_slow_tracker_is_waited_for(world: World, http: Http, address: str) -> None:
    world.tracker.delay = 0.05
    found, _ = await Scraper(http, http.routes, allow_private=True).scrape(address, HASHES[:3])
    assert found == true(world, HASHES[:3])


async def test_a_private_network_is_refused_unless_a_person_entered_it(world: World, http: Http, address: str) -> None:
    careful = Scraper(http, http.routes)
    for name in ("127.0.0.1", "localhost"):
        with pytest.raises(GiveUp, match="private network"):
            await careful.scrape(address.replace("127.0.0.1", name), HASHES)
    assert not world.tracker.scrapes
    assert not world.tracker.connects
    found, _ = await careful.scrape(address, HASHES, allow_private=True)
    assert found == true(world)


async def test_a_route_that_is_not_there_opens_nothing(world: World, scraper: Scraper, address: str) -> None:
    with pytest.raises(RouteDown):
        await scraper.scrape(address, HASHES, route="vpn")
    assert not world.tracker.connects


@pytest.mark.parametrize(
    "odd",
    [
        "",
        "wss://t.example/announce",
        "ftp://t.example/announce",
        "udp://t.example/announce",
        "udp://:80/announce",
        "http://[x/announce",
        "udp://t.example:99999/announce",
        "http://t.example/a",
        "udp://" + "x" * 2_000 + ":1/announce",
    ],
)
async def test_what_cannot_be_scraped_is_given_up(scraper: Scraper, odd: str) -> None:
    with pytest.raises(GiveUp):
        await scraper.scrape(odd, HASHES)


async def test_no_error_names_the_path_which_may_be_a_key(world: World, scraper: Scraper) -> None:
    world.tracker.error = "no"
    for place in (f"{world.trackers()[0]}/secret", f"{world.url}/tracker/announce?key=secret"):
        with pytest.raises(Retry) as caught:
            await scraper.scrape(place, HASHES[:1])
        assert "secret" not in str(caught.value)


# -- UDP ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("habit", [one for one in Habit if one is not Habit.KEPT])
@pytest.mark.parametrize("share", [1.0, 0.3])
async def test_numbers_are_given_to_no_other_torrent(
    world: World, scraper: Scraper, habit: Habit, share: float
) -> None:
    world.tracker.habit, world.tracker.share = habit, share
    found, memory = await scraper.scrape(world.trackers()[0], HASHES)
    assert found.items() <= true(world).items()
    if share == 1:
        assert found == true(world)
        assert memory.order is AnswerOrder.MIXED


async def test_a_tracker_that_merges_what_is_named_twice_answers_whole(world: World, scraper: Scraper) -> None:
    world.tracker.merges = True
    found, memory = await scraper.scrape(world.trackers()[0], [*HASHES[:40], *HASHES[:40]])
    assert found == true(world, HASHES[:40])
    assert memory.ceiling == 0


async def test_a_connection_id_is_used_for_all_packets(world: World, scraper: Scraper) -> None:
    await scraper.scrape(world.trackers()[0], HASHES)
    assert world.tracker.connects == 1


@pytest.mark.parametrize("tells", [True, False])
async def test_a_forgotten_connection_id_is_fetched_anew(world: World, scraper: Scraper, tells: bool) -> None:
    world.tracker.tells_bad_ids = tells
    reply, count = world.tracker.reply, 0

    def restarts(packet: bytes) -> bytes | None:
        nonlocal count
        count += 1
        if count == 3:
            world.tracker.forget()
        return reply(packet)

    world.tracker.reply = restarts  # type: ignore[method-assign]
    found, _ = await scraper.scrape(world.trackers()[0], HASHES)
    assert found == true(world)
    assert world.tracker.connects == 2, "one for all packets that are on the way"


@pytest.mark.parametrize("tells", [True, False])
async def test_connection_ids_that_are_never_good_end_it(world: World, scraper: Scraper, tells: bool) -> None:
    world.tracker.id_life, world.tracker.tells_bad_ids = 0.0, tells
    with pytest.raises(Declined if tells else Silent):
        await scraper.scrape(world.trackers()[0], HASHES[:1])
    assert world.tracker.connects == 2


async def test_a_connection_id_is_not_used_for_longer_than_a_minute(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, later = asyncio.get_running_loop(), [0.0]
    real = loop.time
    peer = Peer("it", first_wait=QUICK)
    await peer.open(Direct(), "127.0.0.1", int(world.tracker.udp.split(":")[2].split("/")[0]))
    monkeypatch.setattr(peer, "_loop", _Later(loop, lambda: real() + later[0]))
    for seconds, connects in ((0.0, 1), (54.0, 1), (56.0, 2), (56.0, 2)):
        later[0] = seconds
        assert await peer.ask(HASHES[:1], False)
        assert world.tracker.connects == connects
    await peer.close()


class _Later:
    """A loop whose clock is put forward."""

    def __init__(self, loop: asyncio.AbstractEventLoop, time: Callable[[], float]) -> None:
        self._loop, self.time = loop, time

    def __getattr__(self, name: str) -> object:
        return getattr(self._loop, name)


async def test_lost_packets_are_sent_again(world: World, scraper: Scraper) -> None:
    world.tracker.silent = 2
    found, _ = await scraper.scrape(world.trackers()[0], HASHES)
    assert found == true(world)


async def test_silence_ends_after_three_packets_with_growing_pauses(world: World, scraper: Scraper) -> None:
    world.tracker.silent = -1
    loop, times = asyncio.get_running_loop(), list[float]()
    reply = world.tracker.reply
    world.tracker.reply = lambda packet: times.append(loop.time()) or reply(packet)  # type: ignore[func-returns-value, method-assign]
    with pytest.raises(Silent, match="does not answer") as caught:
        await scraper.scrape(world.trackers()[0], HASHES)
    assert caught.value.unreached
    assert len(times) == 3
    assert times[1] - times[0] >= 0.9 * QUICK
    assert times[2] - times[1] >= 0.9 * 2 * QUICK


async def test_what_answers_no_question_is_passed_over(world: World, scraper: Scraper) -> None:
    """Short, of another transaction, of another action: before each true answer."""
    server = await _Noisy.start(world.tracker)
    found, _ = await scraper.scrape(world.tracker.udp, HASHES)
    assert found == true(world)
    server.close()


class _Noisy(UdpServer):
    def _send(self, answer: bytes, addr: tuple[str | object, int]) -> None:
        action, transaction = struct.unpack_from(">II", answer)
        lie = struct.pack(">3I", 7, 7, 7) * 50
        for packet in (
            b"",
            answer[:7],
            struct.pack(">II", action, transaction ^ 1) + lie,
            struct.pack(">II", 1, transaction) + lie,
            struct.pack(">II", 2 - action, transaction) + lie,
            *([answer[:15]] if action == 0 else []),
        ):
            super()._send(packet, addr)
        super()._send(answer, addr)
        super()._send(answer, addr)


class Elsewhere(Direct):
    """A route to which names have the addresses that a test gives them; each leads to loopback."""

    def __init__(self, *addresses: str, name: str = DIRECT, dead: Sequence[str] = ()) -> None:
        self.name, self.addresses, self.dead = name, addresses, dead
        self.opened: list[str] = []

    async def resolve(self, host: str) -> Sequence[str]:
        if not self.addresses:
            raise OSError("no such name")
        return self.addresses

    async def datagrams(self, address: str, port: int, received: Callable[[bytes], None]) -> Datagrams:
        self.opened.append(address)
        if address in self.dead:
            raise OSError("unreachable")
        return await super().datagrams("127.0.0.1", port, received)


def named(world: World) -> str:
    return world.trackers()[0].replace("127.0.0.1", "tracker.example")


async def test_a_name_with_one_private_address_is_refused(world: World, http: Http) -> None:
    route = Elsewhere("9.9.9.9", "192.168.1.1")
    with pytest.raises(GiveUp, match="private network"):
        await Scraper(http, Routes(route)).scrape(named(world), HASHES)
    assert not route.opened


async def test_a_public_name_is_asked(world: World, http: Http) -> None:
    route = Elsewhere("9.9.9.9")
    found, _ = await Scraper(http, Routes(route)).scrape(named(world), HASHES)
    assert found == true(world)
    assert route.opened == ["9.9.9.9"]


async def test_a_name_that_a_proxy_resolves_is_left_to_it(world: World, http: Http) -> None:
    found, _ = await Scraper(http, Routes(Elsewhere("tracker.example"))).scrape(named(world), HASHES)
    assert found == true(world)
    with pytest.raises(GiveUp):
        await Scraper(http, Routes(Elsewhere("localhost"))).scrape(named(world), HASHES)


async def test_an_address_that_does_not_work_leads_to_the_next(world: World, http: Http) -> None:
    route = Elsewhere("9.9.9.9", "9.9.9.10", dead=["9.9.9.9"])
    found, _ = await Scraper(http, Routes(route)).scrape(named(world), HASHES)
    assert found == true(world)
    assert route.opened == ["9.9.9.9", "9.9.9.10"]


async def test_an_address_that_is_silent_is_not_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.tracker.silent = 1
    port = int(world.tracker.udp.split(":")[2].split("/")[0])
    route = Elsewhere("9.9.9.9", "9.9.9.10")
    peer, address = await reaching.reach(
        route, ["9.9.9.9", "9.9.9.10"], port, lambda: Peer("it", first_wait=60.0), stagger=0.01
    )
    await peer.close()
    assert address == "9.9.9.10"


async def test_a_tracker_without_an_address_is_tried_later(world: World, http: Http) -> None:
    with pytest.raises(Silent, match="no address"):
        await Scraper(http, Routes(Elsewhere())).scrape(named(world), HASHES)
    with pytest.raises(Silent, match="cannot be reached"):
        await Scraper(http, Routes(Elsewhere("9.9.9.9", dead=["9.9.9.9"]))).scrape(named(world), HASHES)


@pytest.mark.parametrize(
    ("addresses", "name", "most"), [(["9.9.9.9"], DIRECT, 72), (["2620:fe::fe"], DIRECT, 71), (["9.9.9.9"], "vpn", 59)]
)
async def test_a_packet_is_no_larger_than_its_way_bears(
    world: World, http: Http, addresses: list[str], name: str, most: int
) -> None:
    route = Elsewhere(*addresses, name=name)
    many = [hashlib.sha1(b"x%d" % at).hexdigest() for at in range(10 * most)]
    await Scraper(http, Routes(route)).scrape(named(world), many, route=name, memory=KNOWN)
    assert max(world.tracker.scrapes) == most


async def test_a_route_without_udp_says_so(world: World, http: Http) -> None:
    class NoUdp(Elsewhere):
        async def datagrams(self, address: str, port: int, received: Callable[[bytes], None]) -> Datagrams:
            raise GiveUp("the proxy has no UDP")

    with pytest.raises(GiveUp, match="no UDP"):
        await Scraper(http, Routes(NoUdp("9.9.9.9"))).scrape(named(world), HASHES)


# -- HTTP --------------------------------------------------------------------------------------------------------------


def over_http(world: World) -> str:
    return world.trackers()[1]


async def test_questions_over_http_are_no_longer_than_servers_take(world: World, scraper: Scraper) -> None:
    await scraper.scrape(over_http(world), HASHES, memory=replace(NEW, batch=72, good=72))
    ends = list(accumulate(world.tracker.scrapes, initial=0))
    asked = [wire.scrape_question(over_http(world), HASHES[a:b]) for a, b in pairwise(ends)]
    assert ends[-1] == len(HASHES)
    assert 1_700 < max(map(len, asked)) <= 2_000


async def test_a_pause_that_a_tracker_wants_is_kept(world: World, http: Http) -> None:
    world.tracker.pause, now = 90, 1_000_000.0
    scraper = Scraper(http, http.routes, allow_private=True, now=lambda: now)
    found, memory = await scraper.scrape(over_http(world), HASHES)
    assert found.items() <= true(world).items()
    assert len(world.tracker.scrapes) == 1, "the rest has to wait"
    assert memory.not_before == now + 90
    now += 60
    with pytest.raises(Retry) as caught:
        await scraper.scrape(over_http(world), HASHES, memory=memory)
    assert caught.value.after == 30
    now += 30
    await scraper.scrape(over_http(world), HASHES, memory=memory)
    assert len(world.tracker.scrapes) == 2


async def test_an_error_with_a_pause_says_for_how_long(world: World, scraper: Scraper) -> None:
    world.tracker.pause, world.tracker.error = 90, "too often"
    with pytest.raises(Retry) as caught:
        await scraper.scrape(over_http(world), HASHES[:1])
    assert caught.value.after == 90


async def test_a_web_page_is_no_answer(world: World, scraper: Scraper) -> None:
    world.tracker.page = True
    with pytest.raises(Misread, match="web page"):
        await scraper.scrape(over_http(world), HASHES)


async def test_a_list_of_all_torrents_is_not_read(world: World, scraper: Scraper) -> None:
    world.tracker.tells_all = True
    world.tracker.swarms.known |= {hashlib.sha1(b"more%d" % at).digest(): (1, 1, 1) for at in range(3_000)}
    found, memory = await scraper.scrape(over_http(world), HASHES[:8])
    assert found == true(world, HASHES[:8])
    assert memory.batch == 1
    assert world.tracker.scrapes == [8, 1, 2, *[1] * 7]


async def test_a_tracker_without_that_page_is_given_up_at_once(world: World, scraper: Scraper) -> None:
    with pytest.raises(GiveUp, match="404"):
        await scraper.scrape(f"{world.url}/nowhere/announce", HASHES)


async def test_what_is_missing_is_asked_for_once_more_at_first(world: World, scraper: Scraper) -> None:
    world.tracker.drops_unknown = True
    few = HASHES[:12]
    found, memory = await scraper.scrape(over_http(world), few)
    assert found == true(world, few)
    assert world.tracker.scrapes == [12, 3], "two that are missing, and one that is known"
    world.tracker.scrapes.clear()
    await scraper.scrape(over_http(world), few, memory=memory)
    assert world.tracker.scrapes == [12]


async def test_what_is_answered_in_time_counts_and_what_was_learnt_too(world: World, scraper: Scraper) -> None:
    world.tracker.delay, world.tracker.most = 0.02, 1
    found, memory = await scraper.scrape(over_http(world), HASHES, patience=1.0)
    assert 0 < len(found) < len(true(world))
    assert found.items() <= true(world).items()
    assert memory.batch < NEW.batch


async def test_a_tracker_that_fails_later_has_answered(world: World, scraper: Scraper) -> None:
    asked = scraper.scrape(over_http(world), HASHES, memory=replace(NEW, batch=10, good=10))

    async def broken() -> None:
        while not world.tracker.scrapes:
            await asyncio.sleep(0.001)
        world.tracker.error = "too much"

    world.tracker.delay = 0.05
    (found, _), _ = await asyncio.gather(asked, broken())
    assert 0 < len(found) < len(true(world))


@pytest.mark.parametrize("over", ["udp", "http"])
async def test_a_tracker_that_answers_nothing_in_time_is_silent(world: World, scraper: Scraper, over: str) -> None:
    world.tracker.silent, world.tracker.delay = -1, 60.0
    with pytest.raises(Retry, match="in time"):
        await scraper.scrape(world.trackers()[over == "http"], HASHES, patience=0.1)
