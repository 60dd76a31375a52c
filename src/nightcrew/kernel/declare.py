"""What a domain may declare. One object is its only registration; adding a domain is one folder and one line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from datetime import datetime

    from fastapi import APIRouter
    from pydantic import BaseModel

    from nightcrew.kernel.connections.line import Line
    from nightcrew.kernel.nodes_store import KnownNode
    from nightcrew.kernel.runtime import Runtime as Runtime  # noqa: PLC0414 - named from here where only a type is meant
    from nightcrew.kernel.settings import Options, Settings

Seconds = float


@dataclass(frozen=True, slots=True)
class Tick:
    """Cheap work done often in memory; it finds due rows. It never overlaps itself; a late tick is skipped and counted.

    `every`, `promise` and `time_limit` are seconds; each may be a function of the runtime, so that a setting takes effect
    in the next cycle. The promise is how old the last success may be before the watchdog calls it broken.

    A tick with `next_at` sleeps after a cycle until the time that it gives, at least `every` seconds and at most some; None:
    nothing is known to become due. It is woken sooner when something becomes due under one of its `topics`, also by another
    node. A `steady` one keeps to its beat while there is work: it begins each `every` seconds, however long a cycle takes, and is not
    woken between two beats.
    """

    name: str
    run: Callable[[Runtime], Awaitable[None]]
    every: Seconds | Callable[[Runtime], Seconds]
    promise: Seconds | Callable[[Runtime], Seconds]
    time_limit: Seconds = 60.0
    jitter: Seconds = 0.0
    help: str = ""
    next_at: Callable[[Runtime], Awaitable[datetime | None]] | None = None
    topics: tuple[str, ...] = ()
    steady: bool = False


@dataclass(frozen=True, slots=True)
class Timetable:
    """Durable work at times of the day. It fires once over all nodes and starts the job `job`.

    `cron` is the default of an option, `<name>_cron`. It has five fields, or six with seconds last; times are in the installation's
    time zone. With `overlap="skip"` an occurrence
    is dropped while the run before is still going. What was missed while nothing ran is done once, not once for each time.
    """

    name: str
    cron: str
    job: str
    promise: Seconds
    overlap: Literal["skip", "allow"] = "skip"
    jitter: Seconds = 0.0
    help: str = ""


@dataclass(frozen=True, slots=True)
class Queue:
    """Where runs wait for their turn. How many go on at a time stands here and nowhere else: `per_node` of them on each node,
    `over_all` on all nodes together; None: any number. `rate` (n, seconds): no more than n begin in so many seconds.

    Those of jobs with the lowest `priority` begin first, and of these the oldest, to the second. Where jobs have locks, that
    holds for each key.
    """

    name: str
    per_node: int | None = None
    over_all: int | None = None
    rate: tuple[int, Seconds] | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """Work that must not be lost. `run` gets the run's handle and JSON-able arguments; it resumes after a crash.

    Code outside of `Run.step` is repeated at a resume, so it only decides; everything with an effect is a step.
    `queue` None starts at once. `here`: only the node that starts it runs it, as its files lie there.
    `lock` makes a key of the arguments, as a function or as a format ("feed {0}"): of all runs in the job's queue that have the
    same key, whatever their job, one goes on at a time over all nodes (with `here`: on this node), and the others wait, which
    holds up nobody else. `busy="join"`: who starts the job while a run of it with that key waits or goes on joins that run.
    A run that takes longer than `time_limit` seconds, counted anew where it resumes, is ended and has failed.
    """

    name: str
    run: Callable[..., Awaitable[Any]]
    queue: Queue | None = None
    lock: str | Callable[..., str] | None = None
    busy: Literal["wait", "join"] = "wait"
    priority: int = 1
    here: bool = False
    time_limit: Seconds = 6 * 3600.0
    help: str = ""


@dataclass(frozen=True, slots=True)
class Freshness:
    """A result that a domain promised to keep fresh. `age_s` None: there is no result yet, which may still be all right."""

    name: str
    title: str
    age_s: float | None
    promise_s: float
    fresh: bool


@dataclass(frozen=True, slots=True)
class Need:
    """Something that waits for a person, with the page where it can be settled.

    `key` names it where its message has words that change while it lasts: a person is told of it once.
    """

    level: Literal["error", "warning", "info"]
    message: str
    href: str
    key: str = ""


Group = Literal["broken", "recovered", "needs", "failed", "finished"]
"""What a person may want to be told of: a broken promise, what works again, what needs a person, what failed, what is finished."""


@dataclass(frozen=True, slots=True)
class NoticeKind:
    """A kind of activity that people are told of. `title` stands above one message, `many` behind the number of several.

    `by_subject`: what is told of one subject is the same, whatever its message says, since that has numbers that change.
    """

    kind: str
    group: Group
    title: str
    many: str
    by_subject: bool = False


Look = Literal["ok", "run", "wait", "warn", "bad", "off"]
"""How a state looks: fine, going on now, its turn comes, late or limited, failed, ended or switched off."""


@dataclass(frozen=True, slots=True)
class PlayerOutput:
    """What a player's token can be bound to: `name`, or `name/…` where there are several, each with addresses of its `own`.

    `leads_to` begin addresses that it opens besides. In `own` the sign `*` stands for what the token has behind `name/`; upper
    and lower case are one. `token_in`: how addresses begin that carry the token themselves, with TOKEN in its place. `posted`: those
    that some players ask by POST, with the login in a form; that is taken for the same question by GET. `short_for`: how addresses
    begin that players write without it, as /user/TOKEN/7.ts.
    """

    name: str
    title: str
    leads_to: tuple[str, ...]
    own: tuple[str, ...] = ()
    token_in: tuple[str, ...] = ()
    posted: tuple[str, ...] = ()
    short_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Metric:
    """Numbers for `/metrics`, as `nightcrew_<domain>_<name>`. `values` by what the label `label` says; "" where it has none."""

    name: str
    help: str
    values: Mapping[str, float]
    label: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that `nightcrew doctor` has looked at. One that is `needed` and not `ok` fails the command."""

    what: str
    ok: bool
    detail: str
    needed: bool = True


@dataclass(frozen=True, slots=True)
class Page:
    """An entry of the navigation."""

    path: str
    title: str


@dataclass(frozen=True, slots=True)
class Demo:
    """A domain's part of `nightcrew demo`: `DEMO` in its demo.py, which is imported by nothing else.

    `servers` make routes for the world on loopback from what its servers share (`nightcrew.demo.scene.Scene`). `fill` is called
    at each start with the world, and sets up what uses them. `kinds` gives, by the world's address, kinds of connection that in
    the demo lead there, in the place of those of the same name.
    """

    servers: tuple[Callable[[Any], list[Any]], ...]
    fill: Callable[[Runtime, Any], Awaitable[None]]
    kinds: Callable[[str], Sequence[ConnectionKind]] = lambda _: ()


@dataclass(frozen=True, slots=True)
class Budget:
    """At most `most` requests in any time of `seconds`, counted over all nodes and restarts, for the address that is asked."""

    most: int
    seconds: Seconds


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much one connection may ask: requests a second and at a time on each node, and a budget over all of them."""

    per_second: float = 20.0
    at_once: int = 4
    budget: Budget | None = None
    longest_pause: float | None = None
    """Seconds for which a service that fails, or refuses the login, is left alone at most; None: an hour, or a day for a login."""


@dataclass(frozen=True, slots=True)
class OAuth:
    """Access that a person grants at the service's own page (RFC 6749 and 7636: authorization code with PKCE).

    The settings class has the field `client_id`, and `client_secret` where the service wants one. `lifetime_days`: after how many
    days the person has to grant it anew; a person is told `warn_days` before.
    """

    authorize: str
    token: str
    scopes: tuple[str, ...] = ()
    lifetime_days: int | None = None
    warn_days: int = 30


@dataclass(frozen=True, slots=True)
class Signed:
    """What makes a request of ours one with a login."""

    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConnectionKind:
    """A kind of outside service that people connect Nightcrew with.

    `settings` declares its fields with `fields.ask`; those of type `fields.Secret` are sealed and never shown. `test` says in
    sentences what works, and raises what does not. `sign` makes the login of a request from the settings. `mirrors`: there may be
    further addresses that answer alike.
    """

    name: str
    title: str
    settings: type[BaseModel]
    test: Callable[[Line], Awaitable[list[str]]]
    help: str = ""
    address: str = ""
    """The address that the form begins with."""
    allowance: Allowance = Allowance()
    sign: Callable[[Any], Signed] | None = None
    safe: frozenset[str] = frozenset()
    """Methods that may be repeated besides those that always may: {"POST"} where a POST only asks."""
    mirrors: bool = False
    oauth: OAuth | None = None
    way: Callable[[Settings], str] | None = None
    """The route of those that have none of their own, as an option of the domain names it."""


@dataclass(frozen=True, slots=True)
class OwnedKind:
    """A kind of outside service that belongs to something of a domain: people enter and change it there.

    `page` is that place, with {} for the number of what owns it. `test` gets the owner, says in sentences what works, and
    raises what does not.
    """

    name: str
    title: str
    page: str
    test: Callable[[Runtime, str], Awaitable[list[str]]]
    allowance: Allowance = Allowance()


@dataclass(frozen=True, slots=True)
class Domain:
    """All that a folder may declare, in its domain.py. What a server does not need stands apart: `Commands`, `Demo`."""

    name: str
    title: str
    settings: type[Options]
    seed_options: Mapping[str, str] = field(default_factory=dict)
    """Names in the configuration file of a program that the domain takes the place of, as `name` or `group.name`, and ours."""
    migrations: Path | None = None
    ticks: tuple[Tick, ...] = ()
    timetables: tuple[Timetable, ...] = ()
    jobs: tuple[Job, ...] = ()
    routers: tuple[APIRouter, ...] = ()
    pages: tuple[Page, ...] = ()
    templates: Path | None = None
    activity: Mapping[str, str] = field(default_factory=dict)
    """What people call its kinds of activity, by how they begin: {"recording.": "Recordings"}."""
    connections: tuple[ConnectionKind, ...] = ()
    """Kinds of outside services that it asks."""
    owned: tuple[OwnedKind, ...] = ()
    """Kinds of those that belong to something that it has."""
    states: Mapping[str, tuple[Look, str]] = field(default_factory=dict)
    """How its things may stand: look and word, by thing and state: {"recording.paused": ("warn", "paused")}."""
    notices: tuple[NoticeKind, ...] = ()
    """Kinds of activity that people are told of, wherever they are."""
    folders: tuple[str, ...] = ()
    """Folders in the data directory that hold people's own files: nothing in them is ever swept away."""
    start: Callable[[Runtime], Awaitable[None]] | None = None
    """Called before the first tick; puts the domain's own parts into the runtime."""
    stop: Callable[[Runtime], Awaitable[None]] | None = None
    """Called after the last tick; ends what the domain still does."""
    node_gone: Callable[[Runtime, KnownNode], Awaitable[list[str]]] | None = None
    """Called on one living node when another has died or was stopped for long: takes over what the domain had there, and
    returns that in sentences."""
    freshness: Callable[[Runtime], Awaitable[list[Freshness]]] | None = None
    """How old the domain's results are, against what it promises."""
    needs: Callable[[Runtime], Awaitable[list[Need]]] | None = None
    """What waits for a person."""
    route_users: Callable[[Runtime, str], Awaitable[list[str]]] | None = None
    """What of it takes a route of this name besides its connections, in words. A route in use cannot be removed."""
    player_outputs: tuple[PlayerOutput, ...] = ()
    outputs: Callable[[Runtime], Awaitable[dict[str, str]]] | None = None
    """Of `player_outputs` of which there are several, those that there are: `name/…` and title."""
    overview: Callable[[Runtime], Awaitable[dict[str, Any]]] | None = None
    """Figures for the first page."""
    topics: tuple[str, ...] = ()
    """What it publishes on the bus: pages that show these things ask anew."""
    metrics: Callable[[Runtime], Awaitable[list[Metric]]] | None = None
    """Numbers as they are now."""
    upkeep: Callable[[Runtime], Awaitable[dict[str, int]]] | None = None
    """Called each night on one node: forgets what is old, and returns how much of what."""
    doctor: tuple[Callable[[], Finding], ...] = ()
    """What the domain needs on a machine. They may block."""
