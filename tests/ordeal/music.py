"""Music: autosync reads a list at a service in each round; every track of it is wanted once."""

from __future__ import annotations

import json

from darkroom import Server

from . import Case, Outside

LIST = "00000000-0000-0000-0000-000000000001"


class Music(Case):
    def __init__(self) -> None:
        self.version = 1
        self.jobs: list[str] = []
        super().__init__("music", [Outside("lists of songs", self._answer)])

    def _answer(self, path: str) -> bytes | int:
        if path.startswith("/1/user/"):
            one = {"playlist": {"identifier": f"https://lists.example/playlist/{LIST}", "title": "Songs"}}
            return json.dumps({"playlists": [one], "playlist_count": 1}).encode()
        if path.startswith("/1/playlist/"):
            tracks = [{"title": f"Song {n}", "creator": "The Corsairs"} for n in range(10 * self.version)]
            return json.dumps({"playlist": {"track": tracks}}).encode()
        return json.dumps({"payload": {"recordings": []}}).encode()

    async def begin(self, server: Server) -> None:
        body = {"kind": "listenbrainz", "name": "Lists", "url": self.outsides[0].url, "settings": {"user": "anna"}}
        await server.post("/api/v1/connections", body)
        await server.patch("/api/v1/settings", {"music.artist_preferences": ["Nobody"]})  # nothing is searched for

    async def work(self, server: Server, number: int) -> None:
        self.version = number
        self.jobs.append((await server.post("/api/v1/music/autosync"))["job"])

    async def ended(self, server: Server, number: int) -> bool:
        if (await server.get(f"/api/v1/jobs/{self.jobs[-1]}"))["state"] not in {"done", "failed"}:
            return False
        if await self._wanted(server) == 10 * number:
            return True
        await self.work(server, number)  # the service was away
        return False

    async def check(self, server: Server, number: int) -> None:
        rows = (await server.get("/api/v1/music/wanted", params={"limit": 500}))["items"]
        assert len(rows) == len({row["title"] for row in rows}) == 10 * number
        runs = (await server.get("/api/v1/music/runs", params={"limit": 50}))["items"]
        assert len(runs) == len({one["id"] for one in runs})

    async def _wanted(self, server: Server) -> int:
        return len((await server.get("/api/v1/music/wanted", params={"limit": 500}))["items"])


CASE = Music
