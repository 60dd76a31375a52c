"""The workers' figures: flat for scripts, and for Prometheus."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any

from support import running, until


async def test_heartbeats_and_the_last_scan_are_unix_times_in_the_metrics(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as node:

        async def flat() -> dict[str, Any]:
            return dict(await node.get("/api/v1/music/status"))

        async def has_worked() -> bool:
            found = await flat()
            return bool(found["plex_last_scan"] and found["worker.sync.last_stop"] and found["worker.scan.last_stop"])

        await until(has_worked)
        before, text, after = await flat(), (await node.http.get("/metrics")).text, await flat()
        said = dict(re.findall(r"^nightcrew_music_(\S+_timestamp_seconds\S*) (\S+)$", text, re.MULTILINE))
        for name, key in {
            'worker_last_seen_timestamp_seconds{worker="sync"}': "worker.sync.last_seen",
            'worker_last_start_timestamp_seconds{worker="matching"}': "worker.matching.last_start",
            'worker_last_stop_timestamp_seconds{worker="scan"}': "worker.scan.last_stop",
            "last_scan_timestamp_seconds": "plex_last_scan",
        }.items():
            first, last = (datetime.fromisoformat(one[key]).timestamp() for one in (before, after))
            assert first <= float(said[name]) <= last, name
        assert after["worker.autosync.last_start"] is None, "it has not run yet"
        assert 'worker_last_start_timestamp_seconds{worker="autosync"}' not in said
