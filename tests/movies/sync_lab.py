"""A node that follows the changes at TMDB and does nothing else, as a process that a test kills. Argument: its data folder."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from nightcrew import app
from nightcrew.kernel.connections.lines import Connections
from nightcrew.movies.catalogue import syncing
from nightcrew.movies.domain import DOMAIN


async def main(folder: Path) -> None:
    async with app.node(app.Config(data_dir=folder)) as (runtime, _):
        assert DOMAIN.start
        await DOMAIN.start(runtime)
        runtime.add(Connections(runtime))
        while True:
            await syncing.sync(runtime)
            await asyncio.sleep(0.05)


asyncio.run(main(Path(sys.argv[1])))
