"""What every service that knows wanted tracks can be asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from nightcrew.kernel.connections.line import Line
from nightcrew.kernel.declare import ConnectionKind
from nightcrew.music.store.listings import NewTrack


@dataclass(frozen=True, slots=True)
class SourceList:
    """A list of a service. `key` tells it from its others; `whole`: all of it was read, which is not so where it is only known to be."""

    key: str
    title: str
    tracks: Sequence[NewTrack]
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Plays:
    """How often somebody has played a recording lately. `key` is `rules.key_of` of its names; `mbid` may be empty."""

    key: str
    mbid: str
    count: int


@dataclass(frozen=True, slots=True)
class SourceKind:
    """A kind of service.

    `read` gives all lists, also those that cannot be read: one that is not among them is gone. It raises what `Line.ask` does, and
    then nothing that is stored is changed.

    `plays`, where it knows that, gives what was played lately, and raises alike.
    """

    kind: ConnectionKind
    read: Callable[[Line], Awaitable[list[SourceList]]]
    plays: Callable[[Line], Awaitable[list[Plays]]] | None = None
