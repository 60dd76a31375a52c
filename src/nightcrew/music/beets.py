"""beets as the importer: a program of its own, in its own environment, which people configure. Its exit code proves nothing.

A file counts as imported when beets' library has a row for it and the file is where the row says.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from pathlib import Path

from nightcrew.kernel import files
from nightcrew.kernel.errors import NeedsUser, Retry
from nightcrew.kernel.processes import Command, start
from nightcrew.kernel.runtime import Runtime
from nightcrew.music.models import TrackDownload, WantedEntry
from nightcrew.music.settings import MusicSettings

LIMIT = 300.0
"""Seconds that beets may take for one file."""
MOST_OUTPUT = 1 << 20
_OF_TEMPLATES = re.compile(r"[$%}]")
FOLDER = "beets"
"""In the data directory: its library, unless a person has a configuration of their own."""


class BeetsSkipped(Exception):
    """beets has looked at the file and taken it not, such as a duplicate of one that it has. The text says so."""


async def imported(runtime: Runtime, row: TrackDownload, entry: WantedEntry, path: Path, root: Path) -> Path:
    """Have beets import a file; returns where it is then. One that was imported before is found again.

    Raises `BeetsSkipped`, `NeedsUser` when beets cannot be used, `Retry`.
    """
    options = runtime.settings.of(MusicSettings)
    home = await asyncio.to_thread(_prepare, runtime, options, root)
    job = row.batch_id
    if (place := await _found(options, home, job)) is None:
        fields = {"nc_job": job, "artist": entry.artists[0], "title": entry.title}
        fields |= {"album": entry.album} if entry.album else {}
        sets = [f"--set={name}={_literal(value)}" for name, value in fields.items()]
        await _beet(options, home, "import", "-q", "-s", "-A", *sets, "--", str(path))
        place = await _found(options, home, job)
    if place is None or not await asyncio.to_thread(place.is_file):
        raise BeetsSkipped(
            "beets did not import it: it may be a duplicate, or not be music; try `beet import` with this file"
        )
    return place


async def known(runtime: Runtime, row: TrackDownload, root: Path) -> Path | None:
    """Where beets has put the file of a download; None when it has none, or is not used. Raises `NeedsUser`, `Retry`."""
    options = runtime.settings.of(MusicSettings)
    if not options.beets_program:
        return None
    home = await asyncio.to_thread(_prepare, runtime, options, root)
    place = await _found(options, home, row.batch_id)
    return place if place is not None and await asyncio.to_thread(place.is_file) else None


async def remove(runtime: Runtime, row: TrackDownload, root: Path) -> None:
    """Have beets delete the file of a download. Raises `NeedsUser`, `Retry`."""
    options = runtime.settings.of(MusicSettings)
    home = await asyncio.to_thread(_prepare, runtime, options, root)
    if await _found(options, home, row.batch_id) is not None:
        await _beet(options, home, "rm", "-d", "-f", _exactly(row.batch_id))


def _exactly(job: str) -> str:
    """The query for one import: `:=` is equality, where `:` alone finds parts. The id never comes back, as a row's number may."""
    return f"nc_job:={job}"


def _literal(text: str) -> str:
    """beets reads `$field` and `%function{}` in what is set, and `$` makes the sign behind it stand for itself."""
    return _OF_TEMPLATES.sub(r"$\g<0>", text.replace("\x00", ""))


async def _found(options: MusicSettings, home: Path, job: str) -> Path | None:
    """The file that beets has for a download of ours."""
    lines = (await _beet(options, home, "ls", "-f", "$path", _exactly(job))).splitlines()
    return Path(lines[0]) if lines and Path(lines[0]).is_absolute() else None


def _prepare(runtime: Runtime, options: MusicSettings, root: Path) -> Path:
    """Its folder, with what we ask of an import beside a person's own configuration. Raises `NeedsUser`."""
    home = Path(options.beets_folder).expanduser() if options.beets_folder else runtime.data_dir / FOLDER
    try:
        home.mkdir(parents=True, exist_ok=True)
        ours = {
            "import": {
                "resume": False,
                "incremental": False,
                "quiet": True,
                "quiet_fallback": "asis",
                "duplicate_action": "skip",
                "move": not options.keep_downloads,
                "copy": options.keep_downloads,
                "write": True,
                "log": None,
            },
            "threaded": False,
        }
        if not options.beets_folder:
            ours |= {"directory": str(root), "library": str(home / "library.db")}
        with files.replacing(home / "nightcrew.yaml") as file:
            file.write(json.dumps(ours, indent=1).encode())  # JSON is YAML
    except OSError as exc:
        raise NeedsUser(f"beets' folder {home} cannot be used: {exc.strerror}; see music.beets_folder") from exc
    return home


async def _beet(options: MusicSettings, home: Path, *arguments: str) -> str:
    """What beets prints. Raises `NeedsUser` when it cannot be started or ends with an error, `Retry` when it takes too long."""
    args: Sequence[str] = (options.beets_program, "-c", str(home / "nightcrew.yaml"), *arguments)
    variables = {"BEETSDIR": str(home), "HOME": str(home), "PYTHONIOENCODING": "utf-8", "PYTHONPATH": ""}
    try:
        child = await start(Command(tuple(args), variables=variables, grace=5.0))
    except OSError as exc:
        raise NeedsUser(f"beets cannot be started ({options.beets_program}): {exc.strerror}") from exc
    try:
        child.stdin.close()
        async with asyncio.timeout(LIMIT):
            output = await child.stdout.read(MOST_OUTPUT)
            await child.wait()
    except TimeoutError as exc:
        raise Retry(f"beets takes longer than {LIMIT:.0f} s") from exc
    finally:
        await child.end()
    if child.code:
        raise NeedsUser(f"beets ended with an error: {child.last_words()[-200:] or child.code}")
    return output.decode("utf-8", "replace")
