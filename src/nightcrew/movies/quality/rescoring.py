"""The job that judges the sources of all films anew when another quality profile is in use, or the one in use was changed."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from nightcrew.kernel.declare import Job, Queue
from nightcrew.kernel.engine import Engine
from nightcrew.kernel.words import counted
from nightcrew.movies.quality import taste
from nightcrew.movies.settings import MovieSettings
from nightcrew.movies.sources import judging
from nightcrew.movies.sources.crew import MovieCrew
from nightcrew.movies.store import films, profiles

if TYPE_CHECKING:
    from nightcrew.kernel.run import Run
    from nightcrew.kernel.runtime import Runtime

NAME = "movies.rescore"
OPTIONS = frozenset({"movies.quality_profile", "movies.search_before_release"})
"""Settings by which sources are judged."""
BATCH = 200
"""Films of which the sources are judged in one step: after a crash at most these are judged once more."""
_RUN = re.compile(rf"{re.escape(NAME)}:(\d+):(\w+)")
_STANDS = frozenset({"queued", "running", "done"})


async def begin(runtime: Runtime) -> str:
    """Judge all sources by what is in use now; returns the id of the run. Nobody waits for it.

    All nodes that see the same change come to the same id, so that one of them does it. What was in use before, and is again, is
    another change.
    """
    return await Engine.outside(_begin(runtime))


async def _begin(runtime: Runtime) -> str:
    key = await _in_use(runtime)
    known = [(found, one) for one in await runtime.jobs.named(f"{NAME}:") if (found := _RUN.fullmatch(one.id))]
    found, last = max(known, key=lambda one: int(one[0][1]), default=(None, None))
    if found is not None and last is not None and found[2] == key and last.state in _STANDS:
        return last.id
    number = 1 if found is None else int(found[1]) + 1
    label = f"Judge all sources by {taste.name_in_use(runtime)}"
    return await runtime.jobs.start(NAME, key, run_id=f"{NAME}:{number}:{key}", label=label)


def follow(runtime: Runtime) -> None:
    """Judge all sources anew whenever one of the settings changes, on whichever node."""

    def changed(keys: frozenset[str]) -> None:
        if keys & OPTIONS:
            runtime.part(MovieCrew).tasks.spawn(_soon(runtime), "sources by another profile")

    runtime.settings.watch(changed)


async def _soon(runtime: Runtime) -> None:
    await begin(runtime)


async def run(run: Run, key: str) -> dict[str, Any]:
    """The job. `key`: what is in use, as `begin` saw it. It ends early when something else is: then another run does it all."""
    runtime, done, after = run.runtime, 0, 0
    total = await run.step("count", films.count_with_sources, runtime.store)
    while await run.stubborn_step("in use", _is_in_use, runtime, key):
        batch = await run.stubborn_step("judge", _judge_some, runtime, after)
        if batch is None:
            return {"films": done, "replaced": False}
        after, count = batch
        done += count
        await run.progress(done, max(done, total), f"{counted(done, 'film')} of {max(done, total)} judged")
    return {"films": done, "replaced": True}


async def _judge_some(runtime: Runtime, after: int) -> tuple[int, int] | None:
    ids = await films.all_ids(runtime.store, after=after, limit=BATCH)
    if not ids:
        return None
    await judging.choose(runtime, ids)
    runtime.bus.publish("movies")
    return ids[-1], len(ids)


async def _is_in_use(runtime: Runtime, key: str) -> bool:
    await Engine.outside(runtime.settings.load(runtime.store))  # another node may have changed them
    return await _in_use(runtime) == key


async def _in_use(runtime: Runtime) -> str:
    """What sources are judged by, in a word that is the same on all nodes."""
    options = runtime.settings.of(MovieSettings)
    stored = await profiles.get(runtime.store, options.quality_profile)
    said = [options.quality_profile, stored.changed_at.timestamp() if stored else None, options.search_before_release]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


JOB = Job(
    NAME, run, queue=Queue(NAME, over_all=1), help="Judges the sources of all films by the quality profile in use."
)
