"""The whole world in one object."""

import asyncio
import contextlib
import copy
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from starlette.applications import Starlette
from starlette.routing import BaseRoute

from . import (
    catalogue,
    control,
    downloaders,
    grants,
    guide,
    indexers,
    live,
    m3u,
    mediaservers,
    slskd,
    spotify,
    tmdb,
    tracker,
    wishes,
    workbench,
    xtream,
)
from .cinema import films
from .downloads import Downloads
from .gate import Gate
from .grants import Grants
from .indexing import Indexers
from .lineup import make_lineup
from .musiclib import MusicLibrary, Wishes
from .releases import ShelfFilm
from .scene import Scene
from .server import DemoServer, listen, log
from .soulseek import Soulseek
from .tmdb_world import TOKEN, TmdbWorld
from .tracking import DemoTracker, UdpServer

Service = Callable[[Scene], list[BaseRoute]]
TELEVISION: tuple[Service, ...] = (
    m3u.routes,
    xtream.routes,
    catalogue.routes,
    guide.routes,
    live.routes,
    workbench.routes,
)


MUSIC: tuple[Service, ...] = (slskd.routes, mediaservers.routes, wishes.routes, spotify.routes)
MOVIES: tuple[Service, ...] = (tmdb.routes, indexers.routes, tracker.routes, downloaders.routes)


class World:
    """Serves from entering to leaving, on 127.0.0.1, in the loop that enters it.

    `channels` of each kind are offered. Live streams answer 503 until their pictures are made (some 7 s, see `ready`);
    `streams` keeps the pictures for the next start; `live=False` makes none, needs no ffmpeg and leaves it at 503.
    `services` make the routes: what is offered.
    Raises OSError when the port is taken. Its tasks belong to the object and not to a TaskGroup, because test fixtures
    leave in another task than they entered in.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        channels: int = 60,
        streams: Path | None = None,
        live: bool = True,
        services: Iterable[Service] = TELEVISION,
    ) -> None:
        self._services = tuple(services)
        self._scene = Scene(make_lineup(channels))
        self._port, self._streams, self._live = port, streams, live
        self._server: DemoServer | None = None
        self._serving: asyncio.Task[None] | None = None
        self._painting: asyncio.Task[None] | None = None
        self._closing = contextlib.ExitStack()
        self.url = ""
        self.faults = self._scene.faults
        self.catalogue = self._scene.lineup
        self.counters = self._scene.counters

    @property
    def max_connections(self) -> int:
        """How many .ts streams the Xtream account may have open."""
        return self._scene.max_connections

    @max_connections.setter
    def max_connections(self, most: int) -> None:
        self._scene.max_connections = most

    @property
    def open_streams(self) -> int:
        """How many .ts streams the Xtream account has open now."""
        return self._scene.open_streams

    @property
    def soulseek(self) -> Soulseek:
        """The network behind slskd, with its switches."""
        return self._scene.soulseek

    @property
    def library(self) -> MusicLibrary:
        """What the media servers have."""
        return self._scene.library

    @property
    def wishes(self) -> Wishes:
        """What somebody has saved."""
        return self._scene.wishes

    @property
    def grants(self) -> Grants:
        """Access to Spotify that was granted."""
        return self._scene.grants

    @property
    def tmdb(self) -> TmdbWorld:
        """What TMDB knows of movies and shows, with its switches."""
        return self._scene.tmdb

    @property
    def indexers(self) -> Indexers:
        """The switches of the indexers, and the releases that they know."""
        return self._scene.indexers

    @property
    def tracker(self) -> DemoTracker:
        """Who shares which torrent, and how badly that is answered."""
        return self._scene.tracker

    @property
    def downloads(self) -> Downloads:
        """What the download client has, with its switches."""
        return self._scene.downloads

    @property
    def clock(self) -> Callable[[], float]:
        """Seconds since 1970 as the servers see them: turn it to let tokens and signed URLs expire."""
        return self._scene.clock

    @clock.setter
    def clock(self, clock: Callable[[], float]) -> None:
        self._scene.clock = clock

    def remember(self, folder: Path) -> None:
        """Keep in a folder, over a start of the world, what a download client was given."""
        self._scene.downloads.remember(folder / "downloads.json")

    async def __aenter__(self) -> Self:
        listener = listen(self._port)
        if slskd.routes in self._services:
            folder = self._streams or Path(self._temporary())
            self._scene.soulseek.begin(folder / "slskd")
        self.url = self._scene.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        if tracker.routes in self._services:
            self._closing.callback((await UdpServer.start(self._scene.tracker)).close)
            self._scene.indexers.trackers = tuple(self.trackers())
            self._scene.tracker.swarms.invents = self._scene.indexers.shelf.numbers
            self._scene.downloads.shared = self._scene.indexers.shelf.shared
            for film in [one for one in films() if one.imdb_id]:
                self._scene.indexers.shelf.add(
                    ShelfFilm(film.title, int(film.released[:4]), film.imdb_id, film.minutes)
                )
        self._server = server = DemoServer(Gate(self._application(), self._scene))
        self._serving = asyncio.create_task(server.serve([listener]), name="demo servers")
        self._serving.add_done_callback(lambda _: server.listening.set())
        await server.listening.wait()
        if self._live:
            self._painting = asyncio.create_task(self._paint(), name="demo pictures")
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _exc: BaseException | None, _tb: TracebackType | None
    ) -> None:
        if self._painting:
            self._painting.cancel()
            await asyncio.gather(self._painting, return_exceptions=True)
        if self._server and self._serving:
            self._server.leaving.set()
            await self._serving
        self._closing.close()

    def _temporary(self) -> str:
        return self._closing.enter_context(tempfile.TemporaryDirectory(prefix="nightcrew-demo-"))

    async def ready(self) -> None:
        """Waits until all live streams play. Raises OSError when they never will."""
        if self._painting:
            await asyncio.wait([self._painting])
        if not self._scene.pictures.complete:
            raise OSError(self._scene.pictures.problem)

    def sources(self) -> list[dict[str, object]]:
        """One of each kind, as the product's API takes them; valid once the world is entered."""
        base = self.url
        return [
            {
                "kind": "m3u",
                "name": "Harbour list",
                "url": f"{base}/m3u/list.m3u",
                "region": "DE",
                "guide_url": f"{base}/guide/guide.xml.gz",
            },
            {
                "kind": "xtream",
                "name": "Lantern panel",
                "url": f"{base}/xtream",
                "username": xtream.USERNAME,
                "password": xtream.PASSWORD,
                "region": "AT",
            },
            {
                "kind": "catalogue",
                "name": "Meridian catalogue",
                "url": f"{base}/catalogue",
                "locales": [["de", "CH"]],
                "options": copy.deepcopy(catalogue.OPTIONS),
            },
            {"kind": "guide", "name": "Night guide", "url": f"{base}/guide/guide.xml"},
        ]

    def services(self) -> dict[str, dict[str, object]]:
        """The services around music, by kind, as the product's API takes connections."""
        settings: dict[str, dict[str, object]] = {
            "slskd": {"api_key": slskd.API_KEY, "remote_folder": "", "local_folder": ""},
            "jellyfin": {"api_key": mediaservers.JELLYFIN_KEY},
            "plex": {"token": mediaservers.PLEX_TOKEN},
            "subsonic": {"user": mediaservers.SUBSONIC_USER, "password": mediaservers.SUBSONIC_PASSWORD},
            "listenbrainz": {"user": wishes.LISTENER, "token": wishes.LISTENER_TOKEN},
            "spotify": {"client_id": grants.CLIENT_ID},
        }
        return {
            kind: {"kind": kind, "name": f"Demo {kind}", "url": f"{self.url}/{kind}", "settings": one}
            for kind, one in settings.items()
        }

    def cinema(self) -> dict[str, dict[str, object]]:
        """The services around movies and shows, by kind, as the product's API takes connections."""
        login = {"user": self.downloads.user, "password": self.downloads.password}
        settings: dict[str, dict[str, object]] = {
            "tmdb": {"token": TOKEN},
            "qbittorrent": {**login, "category": "films"},
        }
        names = {"tmdb": ("Demo TMDB", "tmdb/3"), "qbittorrent": ("Demo downloads", "qbittorrent")}
        return {
            kind: {"kind": kind, "name": name, "url": f"{self.url}/{path}", "settings": settings[kind]}
            for kind, (name, path) in names.items()
        }

    def trackers(self) -> list[str]:
        """Where the world's torrents are announced, over UDP and HTTP; valid once the world is entered."""
        return [self._scene.tracker.udp, f"{self.url}/tracker/announce"]

    def workbench(self) -> list[dict[str, object]]:
        """Two lists of streams that fail in many ways, for checks; as the product's API takes them."""
        base = f"{self.url}/workbench"
        return [
            {"kind": "m3u", "name": "Workbench", "url": f"{base}/list.m3u", "region": "LAB"},
            {"kind": "m3u", "name": "Workbench spare", "url": f"{base}/spare.m3u", "region": "LAB"},
        ]

    def _application(self) -> Starlette:
        return Starlette(
            routes=[
                *control.routes(self._scene, self.sources),
                *(route for service in self._services for route in service(self._scene)),
            ]
        )

    async def _paint(self) -> None:
        with contextlib.ExitStack() as stack:
            folder = self._streams or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nightcrew-demo-")))
            try:
                await self._scene.pictures.prepare(folder)
                await self._scene.defects.prepare(folder)
            except OSError as exc:
                self._scene.pictures.problem = str(exc)
                log.exception("no live streams")
