"""A node that searches, reads torrent files and counts, and does nothing else, as a process that a test kills. Argument: its data folder."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from nightcrew import app
from nightcrew.kernel.connections.lines import Connections
from nightcrew.movies.domain import DOMAIN
from nightcrew.movies.sources import files, search, stats


async def main(folder: Path) -> None:
    async with app.node(app.Config(data_dir=folder)) as (runtime, _):
        assert DOMAIN.start
        await DOMAIN.start(runtime)
        runtime.add(Connections(runtime))
        while True:
            await search.search(runtime)
            await files.read_files(runtime)
            await stats.count(runtime)
            await asyncio.sleep(0.02)


asyncio.run(main(Path(sys.argv[1])))
