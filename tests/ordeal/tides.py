"""The domain of docs/adding-a-domain.md: every harbour is measured in each round, and a report of all is written."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit

from darkroom import Server

from . import Case, Outside

HARBOURS = [f"harbour-{chr(97 + n)}" for n in range(12)]


class Tides(Case):
    def __init__(self) -> None:
        self.level = 1.0
        self.job = ""
        super().__init__("tides", [Outside("a tide service", self._answer)])

    def _answer(self, path: str) -> bytes:
        return json.dumps(HARBOURS if urlsplit(path).path == "/harbours" else {"level": self.level}).encode()

    async def begin(self, server: Server) -> None:
        login = {"settings": {"api_key": "s3cret-of-tides"}}
        service = {"kind": "tides", "name": "Tide service", "url": self.outsides[0].url, **login}
        await server.post("/api/v1/connections", service)
        await server.patch("/api/v1/settings", {"tides.interval": 1})
        for harbour in HARBOURS:
            await server.post("/api/v1/tides", {"harbour": harbour})

    async def work(self, server: Server, number: int) -> None:
        self.level = float(number)
        self.job = (await server.post("/api/v1/tides/report"))["job"]

    async def ended(self, server: Server, number: int) -> bool:
        levels = [row["level"] for row in (await server.get("/api/v1/tides"))["items"]]
        state = (await server.get(f"/api/v1/jobs/{self.job}"))["state"]
        return levels == [float(number)] * len(HARBOURS) and bool(state == "done")

    async def check(self, server: Server, number: int) -> None:
        assert len(Path(server.folder / "tides.txt").read_text().splitlines()) == len(HARBOURS)
        assert not list(server.folder.rglob("*.tmp-*"))


CASE = Tides
