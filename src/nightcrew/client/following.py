"""Following what goes on at a server to its end: a bar on a terminal, elsewhere a line for each state.

Ctrl-C ends the following and not the work. A server that is being restarted is waited for.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypedDict, TypeVar

import typer

from nightcrew.client import exits
from nightcrew.client.changes import Changes, patiently
from nightcrew.client.out import note, plain, say
from nightcrew.client.server import Server

if TYPE_CHECKING:
    from rich.progress import Progress

SAMPLES = 15
"""Looks that are kept, for what is said of a rate."""


class Followed(TypedDict):
    """The least that the API says of something that goes on: also how it stands."""

    id: Any
    state: str


ThingT = TypeVar("ThingT", bound=Followed)


@dataclass(frozen=True, slots=True)
class Way(Generic[ThingT]):
    """How things of one kind are followed. `{id}` in its texts is the thing's.

    `words` says how one stands, from the last looks at it; `share` how much of it is done, None where that cannot be told.
    `see` and `end` are the commands for who follows no longer.
    """

    noun: str
    kind: type[ThingT]
    path: str
    over: frozenset[str]
    words: Callable[[Sequence[ThingT]], str]
    share: Callable[[ThingT], float | None]
    see: str
    end: str

    def is_over(self, thing: ThingT) -> bool:
        """Whether it has come to its end."""
        return thing["state"] in self.over

    def left(self, thing: ThingT) -> str:
        """What is said to who follows it no longer."""
        see, end = (f"`nightcrew {command.format(id=thing['id'])}`" for command in (self.see, self.end))
        return f"{self.noun} {thing['id']} goes on, and is not followed any more; see {see}, end it with {end}"


def follow(server: Server, things: Sequence[ThingT], way: Way[ThingT], *, lines: bool = False) -> list[ThingT]:
    """The things as they stand at their ends. `lines`: without a terminal, a line on stdout for each state."""
    looks = [deque([thing], maxlen=SAMPLES) for thing in things]
    try:
        with Changes(server) as changes, _Board(way, looks, lines=lines and not sys.stderr.isatty()) as board:
            while going := [seen for seen in looks if not way.is_over(seen[-1])]:
                changes.wait()
                for seen in going:
                    path = way.path.format(id=seen[-1]["id"])
                    seen.append(patiently(partial(server.get, way.kind, path), board.away))
                    board.show(seen)
    except KeyboardInterrupt:
        for seen in looks:
            if not way.is_over(seen[-1]):
                note(way.left(seen[-1]))
        raise typer.Exit(exits.INTERRUPTED) from None
    return [seen[-1] for seen in looks]


class _Board(Generic[ThingT]):
    """What is shown meanwhile."""

    def __init__(self, way: Way[ThingT], looks: Sequence[deque[ThingT]], *, lines: bool) -> None:
        self._way, self._looks, self._lines = way, looks, lines
        self._bars: Progress | None = None
        self._tasks: dict[Any, Any] = {}
        self._states: dict[Any, str] = {}

    def __enter__(self) -> _Board[ThingT]:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeRemainingColumn())
            self._bars = Progress(*columns, console=Console(stderr=True), transient=True)
            self._bars.start()
        for seen in self._looks:
            if self._bars:
                self._tasks[seen[-1]["id"]] = self._bars.add_task("", total=None)
            self.show(seen)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars:
            self._bars.stop()

    def show(self, seen: deque[ThingT]) -> None:
        """How one stands."""
        thing, words = seen[-1], plain(self._way.words(seen))
        if self._bars:
            share = self._way.share(thing)
            total = None if share is None else 1.0
            self._bars.update(self._tasks[thing["id"]], description=words, total=total, completed=share or 0.0)
        elif self._lines and self._states.get(thing["id"]) != thing["state"]:
            say(words)
        self._states[thing["id"]] = thing["state"]

    def away(self) -> None:
        """The server does not answer; it is waited for."""
        for task in self._tasks.values():
            if self._bars:
                self._bars.update(task, description="The server does not answer. It is waited for.")


# -- jobs --------------------------------------------------------------------------------------------------------------


class JobJson(TypedDict):
    """A job's run, as far as commands look at it."""

    id: str
    title: str
    state: str
    progress: float | None
    message: str
    error: str | None
    result: Any


JOBS = Way(
    noun="job",
    kind=JobJson,
    path="/api/v1/jobs/{id}",
    over=frozenset({"done", "failed", "cancelled"}),
    words=lambda seen: seen[-1]["message"] or seen[-1]["title"],
    share=lambda job: job["progress"],
    see="jobs show {id}",
    end="jobs cancel {id}",
)


def follow_jobs(server: Server, ids: Sequence[str]) -> list[JobJson]:
    """Jobs as they ended."""
    return follow(server, [server.get(JobJson, f"/api/v1/jobs/{one}") for one in ids], JOBS)
