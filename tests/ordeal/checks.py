"""Checks: three streams that nobody can play get one verdict each in every round."""

from __future__ import annotations

from collections import Counter

from darkroom import Server

from . import Case, Outside, loaded

STREAMS = 3
AT_ONCE = {"checks.retries": 0, "checks.stagger": 0}


class Checks(Case):
    def __init__(self) -> None:
        super().__init__("checks", [Outside("streams", lambda _: 404)])

    async def begin(self, server: Server) -> None:
        await server.patch("/api/v1/settings", AT_ONCE)
        path = server.folder / "checked.m3u"
        entries = [f"#EXTINF:-1,Checked {n}\n{self.outsides[0].url}/{n}.ts" for n in range(STREAMS)]
        path.write_text("#EXTM3U\n" + "\n".join(entries) + "\n")
        self.source = await server.post(
            "/api/v1/sources", {"kind": "m3u", "name": "Checked", "url": str(path), "region": "CHECKED"}
        )
        await loaded(server, self.source)
        self.runs: list[int] = []

    async def work(self, server: Server, number: int) -> None:
        self.runs.append((await server.post("/api/v1/checks", {"source": self.source["id"]}))["id"])

    async def ended(self, server: Server, number: int) -> bool:
        return bool((await server.get(f"/api/v1/checks/runs/{self.runs[-1]}"))["state"] == "done")

    async def check(self, server: Server, number: int) -> None:
        for run in self.runs:
            row = await server.get(f"/api/v1/checks/runs/{run}")
            found = (await server.get("/api/v1/checks", params={"run": run}))["items"]
            verdicts = [one for one in found if one["verdict"] != "interrupted"]
            assert (row["total"], row["done"]) == (STREAMS, STREAMS), row
            assert sorted(Counter(one["stream"] for one in verdicts).values()) == [1] * STREAMS, found


CASE = Checks
