"""Indexers at the wire: the demo's Torznab server with the habits of real ones, mirrors of a list of films, and links."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from nightcrew.demo import indexers as demo
from nightcrew.demo import torrents
from nightcrew.demo.faults import Fault
from nightcrew.demo.indexing import DemoError
from nightcrew.demo.releases import FILMS
from nightcrew.demo.server import DemoServer, listen
from nightcrew.demo.world import MOVIES, World
from nightcrew.kernel import recovery
from nightcrew.kernel.activity import activity
from nightcrew.kernel.connections import row_calls
from nightcrew.kernel.connections.calls import Paused
from nightcrew.kernel.connections.line import Line
from nightcrew.kernel.connections.models import (
    ConnectionState,
    connection,
    connection_call,
    connection_detour,
    connection_grant,
)
from nightcrew.kernel.declare import ConnectionKind
from nightcrew.kernel.errors import GiveUp, Misread, NeedsUser, NightcrewError, Retry
from nightcrew.kernel.http_cache import http_cache
from nightcrew.kernel.routes import RouteDown
from nightcrew.kernel.settings import Settings
from nightcrew.kernel.store import Store, database_url, metadata
from nightcrew.movies.indexers import INDEXERS, Found, Wanted, links, list_movies, torznab
from nightcrew.movies.torrents import magnet, metainfo
from nightcrew.movies.torrents.magnet import Magnet
from service import Site, site
from support import free_port

TABLES = [connection, connection_call, connection_detour, connection_grant, activity, http_cache]
NIGHT = Wanted("tt0063350", 10331, "Night of the Living Dead", "Night of the Living Dead", 1968)
UNKNOWN = Wanted("tt9999999", 7, "A Film that Nobody Knows", "Ein Film, den niemand kennt", 2011)
GENERAL = Wanted("tt0017925", 961, "The General", "The General", 1926)


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Site]:
    store = Store(database_url(tmp_path, None))
    async with store.engine.begin() as writing:
        await writing.run_sync(metadata.create_all, tables=TABLES)
    async with site(store) as made:
        yield made
    await store.close()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with World(live=False, services=MOVIES) as made:
        yield made


@pytest.fixture
async def line(here: Site, world: World) -> Line:
    return await at(here, world)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pause between attempts."""
    monkeypatch.setattr(recovery, "FIRST_PAUSE", 0.0)


async def at(here: Site, world: World, api_key: str = demo.API_KEY, **settings: object) -> Line:
    return await here.line(f"{world.url}/torznab", kind=fast(torznab.KIND), api_key=api_key, **settings)


def fast(kind: ConnectionKind) -> ConnectionKind:
    return replace(kind, allowance=replace(kind.allowance, per_second=1000.0))


async def search(line: Line, wanted: Wanted = NIGHT) -> list[Found]:
    return await torznab.search(line, wanted)


def queries(world: World) -> list[dict[str, str]]:
    """What was asked, without what all queries have; and forgets it."""
    asked = [
        {key: text for key, text in one.items() if key not in {"extended", "limit", "cat"}}
        for one in world.indexers.asked
    ]
    world.indexers.asked.clear()
    return asked


async def failed(line: Line, kind: type[NightcrewError], wanted: Wanted = NIGHT) -> NightcrewError:
    with pytest.raises(kind) as told:
        await search(line, wanted)
    assert demo.API_KEY not in str(told.value)
    return told.value


# -- what the server can do --------------------------------------------------------------------------------------------


async def test_what_a_server_can_do_is_asked_once_a_day(
    line: Line, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await search(line)
    await search(line, GENERAL)
    assert queries(world) == [{"t": "caps"}, {"t": "movie", "imdbid": "0063350"}, {"t": "movie", "imdbid": "0017925"}]
    later = asyncio.get_running_loop().time() + torznab.DAY + 1
    monkeypatch.setattr(torznab, "_now", lambda: later)
    await search(line)
    assert queries(world)[0] == {"t": "caps"}


async def test_a_server_without_movie_search_is_asked_with_words(line: Line, world: World) -> None:
    world.indexers.movie_params = None
    assert len(await search(line)) > 8
    assert queries(world) == [{"t": "caps"}, {"t": "search", "q": "Night of the Living Dead 1968"}]


async def test_a_film_that_is_not_known_by_id_is_found_by_its_title(line: Line, world: World) -> None:
    found = await search(line, UNKNOWN)
    assert found[0].title.startswith("A.Film.that.Nobody.Knows.2011.")
    assert queries(world)[1:] == [
        {"t": "movie", "imdbid": "9999999"},
        {"t": "movie", "q": "A Film that Nobody Knows", "year": "2011"},
    ]


@pytest.mark.parametrize("status", [200, 400])
async def test_a_movie_search_that_is_declared_and_not_there_is_asked_for_once(
    line: Line, world: World, status: int
) -> None:
    world.indexers.refuses = DemoError(status, 203, "Function not available")
    assert await search(line)
    assert await search(line, GENERAL)
    assert [one["t"] for one in queries(world)] == ["caps", "movie", "search", "search"]


async def test_a_parameter_that_is_refused_may_be_taken_the_next_time(line: Line, world: World) -> None:
    world.indexers.refuses = DemoError(400, 201, "Incorrect parameter (imdbid)")
    assert await search(line)
    world.indexers.refuses = None
    assert await search(line)
    assert [one["t"] for one in queries(world)] == ["caps", "movie", "search", "movie"]


async def test_a_server_that_does_not_say_what_it_can_do_is_asked_with_words(line: Line, world: World) -> None:
    world.indexers.errors = [DemoError(400, 202, "No such function (caps)")]
    assert await search(line)
    assert [one["t"] for one in queries(world)] == ["caps", "search"]


async def test_a_server_that_takes_no_question_at_all_fails(line: Line, world: World) -> None:
    world.indexers.error = DemoError(400, 202, "No such function")
    error = await failed(line, GiveUp)
    assert "does not take the question: No such function" in str(error)
    assert (await standing(line)).state is ConnectionState.OK, "it answers"


async def test_the_test_says_in_words_what_works(here: Site, line: Line, world: World) -> None:
    assert await torznab.KIND.test(line) == [
        "Demo indexer answers, and takes the API key.",
        "It searches films by IMDb id, TMDB id, title, year.",
        "It has 5 categories, 3 of them for films.",
    ]
    world.indexers.movie_params = None
    assert (await torznab.KIND.test(line))[1] == "It has no search for films; it is asked with title and year."
    with pytest.raises(NeedsUser, match="refuses the API key: Invalid API Key"):
        await torznab.KIND.test(await at(here, world, "another-key-12345"))
    world.indexers.html = True
    with pytest.raises(Misread, match="an HTML page"):
        await torznab.KIND.test(line)


async def test_an_address_may_have_its_last_part_already(here: Site, world: World) -> None:
    line = await here.line(f"{world.url}/torznab/api/", kind=fast(torznab.KIND), api_key=demo.API_KEY)
    assert (await torznab.KIND.test(line))[0].startswith("Demo indexer answers")


def test_no_kind_of_indexer_has_an_address() -> None:
    assert [one.kind.name for one in INDEXERS] == ["torznab", "list_movies"]
    assert not any(one.kind.address for one in INDEXERS)


# -- what is found -----------------------------------------------------------------------------------------------------


async def test_releases_come_with_what_is_claimed(line: Line, world: World) -> None:
    found = await search(line)
    offered = world.indexers.shelf.find("Night of the Living Dead", 1968)
    assert [one.title for one in found] == [one.name for one in offered]
    for one, release in zip(found, offered, strict=True):
        assert (one.size, one.info_hash, one.imdb_id, one.year) == (
            release.size,
            release.hash,
            release.imdb,
            release.year,
        )
        assert (one.seeds, one.leechers) == (release.seeds, release.leechers)
        assert one.published_at is not None
        assert one.published_at.timestamp() == release.published
    assert len({one.guid for one in found}) == len(found)
    assert demo.API_KEY not in repr(found)


async def test_releases_of_a_server_that_says_little(line: Line, world: World) -> None:
    world.indexers.untold, world.indexers.dates = True, "now"
    found = await search(line)
    assert len(found) > 8
    for one in found:
        assert (one.size, one.imdb_id, one.year, one.published_at, one.magnet) == (None, "", None, None, "")
        assert one.link or one.info_hash


async def test_dates_that_are_all_the_same_are_none(line: Line, world: World) -> None:
    world.indexers.dates = "same"
    assert {one.published_at for one in await search(line)} == {None}


async def test_placeholders_of_seeds_are_kept_as_the_claims_they_are(line: Line, world: World) -> None:
    world.indexers.placeholders = True
    assert {(one.seeds, one.leechers) for one in await search(line)} == {(1, 1)}


async def test_releases_with_few_seeds_are_left_out_where_that_is_wanted(here: Site, world: World) -> None:
    found = await search(await at(here, world, min_seeds=200))
    assert found
    assert all(one.seeds is not None and one.seeds >= 200 for one in found)


async def test_other_films_come_too_and_keep_their_year(line: Line, world: World) -> None:
    world.indexers.only_others = True
    found = await search(line)
    assert {one.year for one in found} != {1968}
    assert all(one.imdb_id == "" for one in found)


async def test_categories_are_those_that_a_person_wants(here: Site, world: World) -> None:
    line = await at(here, world, categories="2045,5000, 8000")
    await search(line)
    assert [one.get("cat") for one in world.indexers.asked] == [None, "2045,5000"]


# -- what goes wrong ---------------------------------------------------------------------------------------------------


async def standing(line: Line) -> object:
    return (await line._row()).standing


async def test_a_wrong_key_needs_a_person(here: Site, world: World) -> None:
    line = await at(here, world, "another-key-12345")
    error = await failed(line, NeedsUser)
    assert "another-key-12345" not in str(error)
    assert (await standing(line)).state is ConnectionState.PERSON
    before = len(world.indexers.asked)
    await failed(line, NightcrewError)
    assert len(world.indexers.asked) == before, "it is left alone meanwhile"


@pytest.mark.parametrize("status", [200, 400, 404, 429])
async def test_a_limit_is_read_from_the_body_whatever_the_status_is(line: Line, world: World, status: int) -> None:
    world.indexers.error = DemoError(status, 500, "Request limit reached (100/100)", retry_after=4000)
    error = await failed(line, Retry)
    assert error.after == 4000
    now = await standing(line)
    assert now.state is ConnectionState.LIMITED
    assert "Request limit reached" in now.reason


async def test_an_indexer_that_is_disabled_for_a_while_is_skipped_and_locks_no_other(
    here: Site, line: Line, world: World
) -> None:
    said = "Indexer is disabled till 11/29/2026 02:27:55 due to recent failures."
    world.indexers.errors = [DemoError(429, 429, said, retry_after=2000)]
    error = await failed(line, Retry)
    assert error.after == 2000
    assert (await standing(line)).state is ConnectionState.LIMITED
    with pytest.raises(Paused) as told:
        await search(line)
    assert 1900 < told.value.after <= 2000
    other = await at(here, world)
    assert await search(other)
    assert (await standing(other)).state is ConnectionState.OK
    assert (here.count("rate_limit"), here.count("mirror")) == (1, 0), "it has not failed"


async def test_a_page_with_status_200_is_a_failed_mirror(here: Site, line: Line, world: World) -> None:
    world.indexers.html = True
    assert "an HTML page" in str(await failed(line, Misread))
    assert here.count("mirror") == 1


@pytest.mark.parametrize("fault", [Fault.EMPTY, Fault.HALF_CLEAN, Fault.WRONG_TYPE, Fault.XML_BOMB])
async def test_what_is_no_whole_answer_is_no_empty_one(line: Line, world: World, fault: Fault) -> None:
    await search(line)
    world.faults.set("torznab", fault)
    await failed(line, Misread)


@pytest.mark.parametrize(
    "fault", [Fault.HALF, Fault.ERROR_500, Fault.REDIRECT_LOOP, Fault.REDIRECT_FILE, Fault.GZIP_BOMB, Fault.ENDLESS]
)
async def test_what_no_server_should_answer_is_an_error_of_ours(
    line: Line, world: World, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torznab, "SMALL", replace(torznab.SMALL, max_bytes=1 << 20))
    world.faults.set("torznab", fault)
    await failed(line, NightcrewError)


async def test_a_server_that_fails_is_tried_again_and_one_behind_it_is_not(line: Line, world: World) -> None:
    world.faults.set("torznab", Fault.ERROR_500)
    await failed(line, Retry)
    assert world.counters["torznab"] == recovery.ATTEMPTS
    world.faults.clear()
    world.indexers.error = DemoError(
        400, 900, "The tracker answered http://h/?passkey=00112233445566778899 with an error"
    )
    error = await failed(line, Retry)
    assert world.counters["torznab"] == recovery.ATTEMPTS + 1
    assert "00112233445566778899" not in str(error)


async def test_an_address_without_an_indexer_needs_a_person(here: Site, world: World) -> None:
    line = await here.line(f"{world.url}/nowhere", kind=torznab.KIND, api_key=demo.API_KEY)
    assert "no indexer at the address" in str(await failed(line, NeedsUser))


async def test_a_budget_of_searches_a_day(here: Site, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_calls, "PATIENCE", 0.1)
    line = await at(here, world, requests_per_day=3)
    await search(line)
    await search(line, GENERAL)
    with pytest.raises(Paused, match="budget of 3 requests"):
        await search(line)
    assert isinstance(await torznab.INDEXER.fetch(line, (await known(line, world))[0]), bytes), "files do not count"


async def known(line: Line, world: World) -> list[Found]:
    """Releases as a search finds them, without one."""
    key = demo.API_KEY
    offers = [
        demo._offer(world._scene, one, key) for one in world.indexers.shelf.find("Night of the Living Dead", 1968)
    ]
    return [
        Found(one.guid, one.name, one.link, "", one.info_hash, one.size, one.seeds, 0, None, "", None) for one in offers
    ]


async def test_a_route_that_is_not_there_is_taken_by_nothing(here: Site, world: World, tmp_path: Path) -> None:
    (found, *_) = await known(await at(here, world), world)
    world.indexers.asked.clear()
    ground = replace(here.ground, settings=Settings({}, data_dir=tmp_path))

    async def lost(kind: ConnectionKind, address: str, **settings: object) -> Line:
        led = replace(fast(kind), way=lambda _: "tunnel")
        return Line(ground, led, await here.add(f"{world.url}/{address}", kind=led, **settings))

    line = await lost(torznab.KIND, "torznab", api_key=demo.API_KEY)
    with pytest.raises(RouteDown):
        await search(line)
    assert not world.indexers.asked
    with pytest.raises(RouteDown):
        await links.fetch(line, found)
    with pytest.raises(RouteDown):
        await links.fetch(line, replace(found, link=f"http://127.0.0.1:{free_port()}/elsewhere"))
    with pytest.raises(RouteDown):
        await list_movies.search(await lost(list_movies.KIND, "well"), NIGHT)


# -- links -------------------------------------------------------------------------------------------------------------


async def fetched(line: Line, world: World, link: str, number: int = 0) -> bytes | Magnet:
    world.indexers.links = (link,)  # type: ignore[assignment]
    found = (await search(line))[number]
    return await torznab.INDEXER.fetch(line, found)


@pytest.mark.parametrize("link", ["torrent", "relative"])
async def test_a_link_to_a_file(line: Line, world: World, link: str) -> None:
    data = await fetched(line, world, link)
    assert isinstance(data, bytes)
    found = (await search(line))[0]
    assert metainfo.read(data).hash_v1 == found.info_hash


@pytest.mark.parametrize("link", ["301", "302", "hop"])
async def test_a_link_that_redirects_to_a_magnet(line: Line, world: World, link: str) -> None:
    world.indexers.trackers = ("udp://tracker.example:6969",)
    got = await fetched(line, world, link)
    assert isinstance(got, Magnet)
    assert (got.hash_v1, got.trackers) == ((await search(line))[0].info_hash, world.indexers.trackers)


async def test_an_empty_link_leads_to_a_magnet_of_the_hash(line: Line, world: World) -> None:
    got = await fetched(line, world, "empty")
    assert isinstance(got, Magnet)
    assert got.hash_v1 == (await search(line))[0].info_hash


async def test_a_file_that_is_not_what_was_promised_keeps_its_promise(line: Line, world: World) -> None:
    """Whoever asked compares both, and has the hash for a magnet."""
    place = next(one.number for one in world.indexers.shelf.of(FILMS[0]) if one.flaw == "wrong_hash")
    data = await fetched(line, world, "torrent", place)
    found = (await search(line))[place]
    assert isinstance(data, bytes)
    assert torrents.hash_of(data) != found.info_hash
    world.indexers.links = ("302",)
    assert (await torznab.INDEXER.fetch(line, found)).swarm == found.info_hash


async def test_a_link_to_a_page_is_a_failed_mirror(line: Line, world: World) -> None:
    with pytest.raises(Misread, match="an HTML page where a torrent is expected") as told:
        await fetched(line, world, "html")
    assert demo.API_KEY not in str(told.value)


async def test_a_release_that_is_gone_is_given_up_and_the_indexer_is_not(line: Line, world: World) -> None:
    with pytest.raises(GiveUp, match="does not have the release: Release not available") as told:
        await fetched(line, world, "gone")
    assert demo.API_KEY not in str(told.value)
    assert (await standing(line)).state is ConnectionState.OK


async def test_a_limit_of_downloads_is_one_of_the_indexer(line: Line, world: World) -> None:
    found = (await search(line))[0]
    world.indexers.errors = [DemoError(429, 429, "Grab Limit of 5 in last 24 hour(s) reached.", retry_after=600)]
    with pytest.raises(Retry, match="Grab Limit"):
        await links.fetch(line, found)
    assert (await standing(line)).state is ConnectionState.LIMITED


async def test_a_magnet_is_taken_where_the_link_leads_nowhere(line: Line, world: World) -> None:
    found = (await search(line))[0]
    world.indexers.links = ("gone",)
    text = f"magnet:?xt=urn:btih:{found.info_hash}&tr=udp%3A%2F%2Ft.example%3A1"
    got = await links.fetch(line, replace(found, magnet=text))
    assert got == magnet.parse(text)


async def test_a_release_with_nothing_to_fetch_is_given_up(line: Line) -> None:
    nothing = Found("1", "A film", "", "", "", None, None, None, None, "", None)
    with pytest.raises(GiveUp, match="neither a link nor a magnet"):
        await links.fetch(line, nothing)
    with pytest.raises(GiveUp, match="magnet cannot be read"):
        await links.fetch(line, replace(nothing, magnet="magnet:?xt=urn:sha1:AAAA"))


# -- links to other hosts ----------------------------------------------------------------------------------------------

Answer = Callable[[Request], Response]


class Elsewhere:
    """Another server: answers a path as it is told, and remembers what was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[Request] = []
        self.port = 0

    def says(self, path: str, body: bytes = b"", status: int = 200, **headers: str) -> str:
        self.answers[path] = lambda _: Response(
            body, status, {key.replace("_", "-"): text for key, text in headers.items()}
        )
        return f"http://127.0.0.1:{self.port}{path}"

    async def answer(self, request: Request) -> Response:
        self.asked.append(request)
        return self.answers[request.url.path](request)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[Elsewhere]:
        listener = listen(0)
        self.port = listener.getsockname()[1]
        server = DemoServer(Starlette(routes=[Route("/{rest:path}", self.answer)]))
        serving = asyncio.create_task(server.serve([listener]))
        await server.listening.wait()
        yield self
        server.leaving.set()
        await serving


@pytest.fixture
async def elsewhere() -> AsyncIterator[Elsewhere]:
    async with Elsewhere().serving() as made:
        yield made


def leading_to(url: str) -> Found:
    return Found("1", "A film", url, "", "", None, None, None, None, "", None)


TORRENT = torrents.film("The General", 1926)
MAGNET = torrents.magnet_of(TORRENT)


async def test_a_link_to_another_host_gets_no_login(line: Line, elsewhere: Elsewhere) -> None:
    url = elsewhere.says("/file/1", TORRENT)
    assert await links.fetch(line, leading_to(f"{url}?passkey=of-mine")) == TORRENT
    (seen,) = elsewhere.asked
    assert str(seen.url).endswith("/file/1?passkey=of-mine")
    assert demo.API_KEY not in f"{seen.url} {seen.headers}"
    assert not {"x-api-key", "authorization", "cookie"} & set(seen.headers)


async def test_redirects_are_followed_to_a_file_or_a_magnet(line: Line, elsewhere: Elsewhere) -> None:
    elsewhere.says("/b", status=307, location="/c?x=1")
    elsewhere.says("/c", status=302, location=MAGNET)
    url = elsewhere.says("/a", status=301, location=f"http://127.0.0.1:{elsewhere.port}/b")
    assert await links.fetch(line, leading_to(url)) == magnet.parse(MAGNET)
    elsewhere.says("/c", MAGNET.encode() + b"\n")
    assert await links.fetch(line, leading_to(url)) == magnet.parse(MAGNET), "some write it into the body"


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("/a", "redirects more than"),
        ("file:///etc/passwd", "no http address and no magnet"),
        ("magnet:?xt=urn:nothing", "magnet cannot be read"),
        ("http://[", "cannot be read"),
        ("", "redirects to nowhere"),
    ],
)
async def test_redirects_that_lead_nowhere(line: Line, elsewhere: Elsewhere, location: str, words: str) -> None:
    url = elsewhere.says("/a", status=302, location=location)
    with pytest.raises(NightcrewError, match=words):
        await links.fetch(line, leading_to(url))
    assert len(elsewhere.asked) <= links.MAX_HOPS + 1


@pytest.mark.parametrize("host", ["localhost", "127.0.0.2", "[::1]", "0.0.0.0", "127.1"])
async def test_no_link_leads_to_another_machine_of_the_private_network(
    line: Line, elsewhere: Elsewhere, host: str
) -> None:
    """The indexer is at home; what is in its answers comes from strangers."""
    elsewhere.says("/file", TORRENT)
    inside = f"http://{host}:{elsewhere.port}/file"
    for url in (inside, elsewhere.says("/a", status=302, location=inside)):
        with pytest.raises(GiveUp, match="private network"):
            await links.fetch(line, leading_to(url))
    assert [one.url.path for one in elsewhere.asked] == ["/a"]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b"<html>", Misread),
        (200, b"", Misread),
        (200, b"x" * 100, Misread),
        (404, b"", GiveUp),
        (403, b"", GiveUp),
        (401, b"", GiveUp),
        (429, b"", Retry),
        (500, b"", Retry),
    ],
)
async def test_what_another_host_does_is_no_fault_of_the_indexer(
    line: Line, elsewhere: Elsewhere, status: int, body: bytes, kind: type[NightcrewError]
) -> None:
    url = elsewhere.says("/a-secret-passkey/file", body, status)
    for _ in range(4):
        with pytest.raises(kind) as told:
            await links.fetch(line, leading_to(url))
        assert "a-secret-passkey" not in str(told.value)
    assert (await standing(line)).state is ConnectionState.OK


async def test_a_host_that_is_away_is_no_fault_of_the_indexer(line: Line) -> None:
    url = f"http://127.0.0.1:{free_port()}/dl/a-secret-passkey?key=another-secret"
    for _ in range(4):
        with pytest.raises(Retry) as told:
            await links.fetch(line, leading_to(url))
        assert "secret" not in str(told.value)
    assert (await standing(line)).state is ConnectionState.OK


async def test_a_file_has_a_limit(line: Line, elsewhere: Elsewhere) -> None:
    limit = links.TORRENT.max_bytes
    url = elsewhere.says("/file", b"d" * limit)
    assert await links.fetch(line, leading_to(url)) == b"d" * limit
    url = elsewhere.says("/file", b"d" * (limit + 1))
    with pytest.raises(GiveUp, match="larger"):
        await links.fetch(line, leading_to(url))


# -- lists of films ----------------------------------------------------------------------------------------------------


async def mirrors(here: Site, world: World, *names: str, **settings: object) -> Line:
    first, *more = (f"{world.url}/list_movies/{name}" if "/" not in name else name for name in names)
    return await here.line(first, *more, kind=fast(list_movies.KIND), **settings)


async def test_a_list_of_films_is_asked_by_id(here: Site, world: World) -> None:
    line = await mirrors(here, world, "well")
    found = await list_movies.search(line, NIGHT)
    assert [one.title for one in found] == [
        "Night of the Living Dead 1968 2160p WEBRip x265 2.0",
        "Night of the Living Dead 1968 1080p BluRay x264 2.0",
        "Night of the Living Dead 1968 1080p WEBRip x265 2.0",
        "Night of the Living Dead 1968 720p BluRay x264 2.0",
    ]
    data = await list_movies.INDEXER.fetch(line, found[1])
    assert isinstance(data, bytes)
    assert metainfo.read(data).hash_v1 == found[1].info_hash
    assert await list_movies.search(line, UNKNOWN) == [], "films without an answer have no list at all"
    assert await list_movies.search(line, Wanted("", 0, "…", "", None)) == []
    assert len(await list_movies.search(line, replace(NIGHT, imdb_id=""))) == 4


async def test_the_next_mirror_is_asked_when_one_fails(here: Site, world: World) -> None:
    gone = f"http://127.0.0.1:{free_port()}"
    line = await mirrors(here, world, "page", "dead", gone, "missing", "well")
    assert len(await list_movies.search(line, NIGHT)) == 4
    assert here.count("mirror") == 3
    before = world.counters["list_movies"]
    assert len(await list_movies.search(line, GENERAL)) == 4
    assert world.counters["list_movies"] == before + 1, "those that failed are left alone for a while"
    assert (await standing(line)).state is ConnectionState.OK


async def test_when_all_mirrors_fail_nothing_is_found_missing(here: Site, world: World) -> None:
    with pytest.raises(Misread):
        await list_movies.search(await mirrors(here, world, "dead", "page"), NIGHT)


async def test_a_limit_of_a_list_is_waited_for(here: Site, world: World) -> None:
    line = await mirrors(here, world, "well")
    world.faults.set("list_movies", Fault.ERROR_429, times=1)
    assert len(await list_movies.search(line, NIGHT)) == 4, "it asks for a second"
    assert here.count("rate_limit") == 1


@pytest.mark.parametrize("fault", [Fault.EMPTY, Fault.HALF_CLEAN, Fault.WRONG_TYPE, Fault.TRUNCATED_JSON, Fault.HTML])
async def test_what_is_no_list_is_misread(here: Site, world: World, fault: Fault) -> None:
    world.faults.set("list_movies", fault)
    with pytest.raises(Misread):
        await list_movies.search(await mirrors(here, world, "well"), NIGHT)


async def test_the_test_of_a_list_says_what_works(here: Site, world: World) -> None:
    world.indexers.shelf.films = {film.imdb: film for film in FILMS}
    line = await mirrors(here, world, "page", "well")
    assert await list_movies.KIND.test(line) == ["It answers with a list of 10 films."]
    whole = await mirrors(here, world, f"{world.url}/list_movies/well/list_movies.json")
    assert len(await list_movies.KIND.test(whole)) == 1


async def test_few_seeds_are_left_out_of_lists_too(here: Site, world: World) -> None:
    line = await mirrors(here, world, "well", min_seeds=10_000)
    assert await list_movies.search(line, NIGHT) == []


async def test_the_demo_gives_connections_that_work(here: Site, world: World) -> None:
    for values, kind in zip(demo.connections(world.url), INDEXERS, strict=True):
        line = await here.line(
            values["address"], *values.get("mirrors", ()), kind=fast(kind.kind), **values["settings"]
        )
        assert len(await kind.search(line, NIGHT)) >= 4
