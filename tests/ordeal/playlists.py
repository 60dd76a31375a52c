"""Playlists: a list whose every address names its version is refreshed in each round."""

from __future__ import annotations

from darkroom import Server
from nightcrew.kernel.files import TEMPORARY

from . import Case, Outside, loaded

CHANNELS = 300


class Playlists(Case):
    def __init__(self) -> None:
        self.version = 0
        self.ids: set[int] = set()
        super().__init__("playlists", [Outside("a provider", self._list)])

    def _list(self, _path: str) -> bytes:
        entries = [
            f'#EXTINF:-1 tvg-id="c{n}.example" group-title="G{n % 7}",Channel {n}\nhttp://192.0.2.1/v{self.version}/{n}.ts'
            for n in range(CHANNELS)
        ]
        return ("#EXTM3U\n" + "\n".join(entries) + "\n").encode()

    async def begin(self, server: Server) -> None:
        source = {"kind": "m3u", "name": "Ordeal", "url": f"{self.outsides[0].url}/list.m3u", "region": "ORDEAL"}
        self.source = await server.post("/api/v1/sources", source)
        await loaded(server, self.source)

    async def work(self, server: Server, number: int) -> None:
        self.version = number
        (self.job,) = (await server.post(f"/api/v1/sources/{self.source['id']}/refresh"))["jobs"]

    async def ended(self, server: Server, number: int) -> bool:
        state = (await server.get(f"/api/v1/jobs/{self.job}"))["state"]
        if state == "failed":  # the provider was away
            await self.work(server, number)
        return state == "done"

    async def check(self, server: Server, number: int) -> None:
        answer = await server.http.get("/playlist/ORDEAL.m3u")
        addresses = [line for line in answer.text.splitlines() if line.startswith("http://192.0.2.1/")]
        assert len(addresses) == len(set(addresses)) == CHANNELS
        assert {address.split("/")[3] for address in addresses} == {f"v{number}"}
        assert not list(server.folder.rglob(f"*{TEMPORARY}*"))
        assert not list((server.folder / "tmp").glob("*"))
        listed = (await server.get("/api/v1/channels", params={"region": "ORDEAL", "limit": 1000}))["items"]
        ids = {one["id"] for one in listed}
        assert len(ids) == CHANNELS
        assert ids == (self.ids or ids), "a channel was made anew"
        self.ids = ids


CASE = Playlists
