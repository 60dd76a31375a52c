"""`python -m nightcrew.demo`: the world alone, until interrupted."""

import argparse
import asyncio
import signal
from pathlib import Path

from nightcrew.demo.songs import many
from nightcrew.demo.world import MUSIC, TELEVISION, World


def main() -> None:
    parser = argparse.ArgumentParser(prog="nightcrew.demo", description="Invented television providers on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--channels", type=int, default=60, help="channels of each provider")
    parser.add_argument("--streams", type=Path, help="folder that keeps the pictures for the next start")
    parser.add_argument(
        "--music", type=int, metavar="TRACKS", help="only slskd, with so many tracks besides the usual ones"
    )
    parser.add_argument("--no-streams", action="store_true", help="live streams answer 503; needs no ffmpeg")
    asyncio.run(run(parser.parse_args()))


async def run(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    live = not options.no_streams and options.music is None
    services = TELEVISION if options.music is None else MUSIC
    world = World(options.port, channels=options.channels, streams=options.streams, live=live, services=services)
    if options.music:
        world.soulseek.network += many(options.music)
    async with world:
        print(world.url, flush=True)  # noqa: T201
        await stop.wait()


if __name__ == "__main__":
    main()
