"""A hand-over to a download client: how it may stand, what is done next, and when the next source is taken. Pure.

A hand-over is looked at again and again, and each look decides from what is seen alone: what was done before a crash is done again,
which changes nothing. Time counts only while the client is seen, so that nothing is given up because the client was away.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar

from nightcrew.kernel.errors import Conflict
from nightcrew.movies.clients.remote import RemoteFile, RemoteState, RemoteTorrent
from nightcrew.movies.torrents.model import Metainfo, TorrentFile

MOST_GAP = 90.0
"""Seconds that count at most between two looks, a little more than the longest pause: in longer ones the client was away, or we were."""
MOST_MISSED = 30.0
"""The same where the client does not show it: after a start it shows what it has a little later."""


class HandoverState(StrEnum):
    """How a hand-over stands."""

    CHOSEN = "chosen"
    """The source is chosen; the client may have it or not."""
    SENT = "sent"
    """The client has taken it, and is to show it."""
    METADATA = "metadata"
    """A magnet: the client asks its peers what files there are."""
    CHECKING = "checking"
    """Its files are known and looked at, and nothing is fetched."""
    DOWNLOADING = "downloading"
    STALLED = "stalled"
    DONE = "done"
    FAILED = "failed"
    REPLACED = "replaced"
    """Another source of the film, or none, is wanted."""


_ENDS = frozenset({HandoverState.FAILED, HandoverState.REPLACED})
MOVES: Mapping[HandoverState, frozenset[HandoverState]] = {
    HandoverState.CHOSEN: frozenset({HandoverState.SENT}) | _ENDS,
    HandoverState.SENT: frozenset({HandoverState.METADATA, HandoverState.CHECKING}) | _ENDS,
    HandoverState.METADATA: frozenset({HandoverState.CHECKING}) | _ENDS,
    HandoverState.CHECKING: frozenset({HandoverState.DOWNLOADING}) | _ENDS,
    HandoverState.DOWNLOADING: frozenset({HandoverState.STALLED, HandoverState.DONE}) | _ENDS,
    HandoverState.STALLED: frozenset({HandoverState.DOWNLOADING, HandoverState.DONE}) | _ENDS,
    HandoverState.DONE: frozenset({HandoverState.REPLACED}),
    HandoverState.FAILED: frozenset({HandoverState.CHOSEN}),  # a person wants it tried again
    HandoverState.REPLACED: frozenset(),
}
"""The moves that there are."""
OPEN = frozenset(HandoverState) - _ENDS - {HandoverState.DONE}
_LET_GO = frozenset({HandoverState.DOWNLOADING, HandoverState.STALLED})


class Cause(StrEnum):
    """Why a hand-over failed."""

    REFUSED = "refused"
    """Its files are not those of the film."""
    REJECTED = "rejected"
    """The client does not take it."""
    NO_METADATA = "no_metadata"
    STALLED = "stalled"
    GONE = "gone"
    """It is not at the client any more: somebody has removed it there."""
    ERROR = "error"
    """The client cannot go on, as when its disk is full: that is not the source's fault."""


BLOCKING = frozenset({Cause.REFUSED, Cause.REJECTED, Cause.NO_METADATA, Cause.STALLED})
"""Causes that lie in the source: it is not taken again, and the next one is. With any other a person decides."""


class Act(StrEnum):
    """What is done next."""

    NONE = "none"
    SEND = "send"
    PAUSE = "pause"
    INSPECT = "inspect"
    """Look at its files; it goes on by `inspected`."""


@dataclass(frozen=True, slots=True)
class HandoverPatience:
    """How long is waited, in seconds."""

    metadata: float = 1800.0
    """For the description of a magnet."""
    progress: float = 1800.0
    """For a byte more, where nobody seeds, until it is called stalled."""
    hopeless: float = 12 * 3600.0
    """For a byte more, whoever is said to seed."""
    stalled: float = 3600.0
    """For one that is stalled, until the next source is taken."""
    gone: float = 120.0
    """For one that the client does not show: it shows what it has taken, and what it has after a start, a little later."""


@dataclass(frozen=True, slots=True)
class HandoverWatch:
    """What is known of a hand-over. `waited`: seconds without progress in which it was seen; `missed`: in which it was not."""

    state: HandoverState
    looked_at: datetime
    waited: float = 0.0
    missed: float = 0.0
    got: int = 0
    cause: Cause | None = None
    reason: str = ""

    def move(self, to: HandoverState, *, cause: Cause | None = None, reason: str = "") -> HandoverWatch:
        """The same in another state. Raises `Conflict` for a move that there is not."""
        if to is self.state:
            return self
        if to not in MOVES[self.state]:
            raise Conflict(f"a hand-over cannot go from {self.state.value} to {to.value}")
        return replace(self, state=to, waited=0.0, missed=0.0, cause=cause, reason=reason)

    def fail(self, cause: Cause, reason: str) -> HandoverWatch:
        """It has failed."""
        return self.move(HandoverState.FAILED, cause=cause, reason=reason)


@dataclass(frozen=True, slots=True)
class HandoverVerdict:
    """How it stands after a look, and what is done now."""

    watch: HandoverWatch
    act: Act = Act.NONE


def judge(
    watch: HandoverWatch, remote: RemoteTorrent | None, now: datetime, patience: HandoverPatience
) -> HandoverVerdict:
    """One look. `remote`: how it stands at the client, which has answered; None: the client does not have it."""
    if watch.state not in OPEN:
        return HandoverVerdict(watch)
    if watch.state is HandoverState.CHOSEN:
        return HandoverVerdict(replace(watch, looked_at=now), Act.SEND)
    gap = max(0.0, (now - watch.looked_at).total_seconds())
    if remote is None:
        return _missing(replace(watch, looked_at=now, missed=watch.missed + min(MOST_MISSED, gap)), patience)
    waited = watch.waited + min(MOST_GAP, gap) if _counts(watch, remote) else watch.waited
    seen = replace(watch, looked_at=now, missed=0.0, waited=waited)
    if remote.state in {RemoteState.ERROR, RemoteState.MISSING}:
        return HandoverVerdict(seen.fail(Cause.ERROR, remote.error or "the client reports an error"))
    return _JUDGES[watch.state](seen, remote, patience)


def sent(watch: HandoverWatch) -> HandoverWatch:
    """The client has taken it."""
    return watch.move(HandoverState.SENT)


def inspected(watch: HandoverWatch, refused: Sequence[str]) -> HandoverWatch:
    """Its files were looked at: `refused` are the reasons against it. One that passes may be let go."""
    if refused:
        return watch.fail(Cause.REFUSED, "; ".join(refused))
    return watch.move(HandoverState.DOWNLOADING)


def _counts(watch: HandoverWatch, remote: RemoteTorrent) -> bool:
    """Whether time goes by. Before it is let go, only while peers are asked what is in it: one that waits for its turn, or that a
    person has paused, asks nobody.
    """
    return watch.state in _LET_GO or remote.state is RemoteState.METADATA


def _missing(watch: HandoverWatch, patience: HandoverPatience) -> HandoverVerdict:
    if watch.missed >= patience.gone:
        return HandoverVerdict(watch.fail(Cause.GONE, "the client does not have it any more"))
    return HandoverVerdict(watch, Act.SEND if watch.state is HandoverState.SENT else Act.NONE)


def _described(watch: HandoverWatch, remote: RemoteTorrent, patience: HandoverPatience) -> HandoverVerdict:
    """Not let go yet: nothing is fetched before its files were looked at."""
    if remote.metadata:
        still = remote.state in {RemoteState.PAUSED, RemoteState.DONE}  # what is complete need not be held
        return HandoverVerdict(watch.move(HandoverState.CHECKING), Act.INSPECT if still else Act.PAUSE)
    if watch.state is HandoverState.SENT:
        return HandoverVerdict(watch.move(HandoverState.METADATA))
    if watch.waited >= patience.metadata:
        return HandoverVerdict(
            watch.fail(Cause.NO_METADATA, f"nobody says within {_minutes(patience.metadata)} what is in it")
        )
    return HandoverVerdict(watch)


def _coming(watch: HandoverWatch, remote: RemoteTorrent, patience: HandoverPatience) -> HandoverVerdict:
    if remote.state is RemoteState.DONE:
        return HandoverVerdict(watch.move(HandoverState.DONE))
    if remote.got > watch.got:
        return HandoverVerdict(replace(watch.move(HandoverState.DOWNLOADING), got=remote.got, waited=0.0))
    if remote.state is not RemoteState.DOWNLOADING:  # a person has paused it, or it waits for its turn
        return HandoverVerdict(replace(watch, waited=0.0))
    if watch.state is HandoverState.STALLED:
        if watch.waited >= patience.stalled:
            more = _minutes(patience.stalled)
            return HandoverVerdict(watch.fail(Cause.STALLED, f"it stalled, and nothing has come for another {more}"))
        return HandoverVerdict(watch)
    limit = patience.hopeless if remote.seeds else patience.progress
    if watch.waited >= limit:
        who = "" if remote.seeds else ", and nobody seeds it"
        return HandoverVerdict(watch.move(HandoverState.STALLED, reason=f"nothing has come for {_minutes(limit)}{who}"))
    return HandoverVerdict(watch)


_JUDGES: Mapping[HandoverState, Callable[[HandoverWatch, RemoteTorrent, HandoverPatience], HandoverVerdict]] = {
    HandoverState.SENT: _described,
    HandoverState.METADATA: _described,
    HandoverState.CHECKING: _described,
    HandoverState.DOWNLOADING: _coming,
    HandoverState.STALLED: _coming,
}


def _minutes(seconds: float) -> str:
    return f"{round(seconds / 60)} min" if seconds < 7200 else f"{round(seconds / 3600)} h"


# -- what is taken off the client --------------------------------------------------------------------------------------


class RemovalKind(StrEnum):
    """What is taken off the client at the end."""

    NONE = "none"
    ENTRY = "entry"
    ALL = "all"
    """With its data."""


def removal(watch: HandoverWatch, remote: RemoteTorrent | None, tag: str) -> RemovalKind:
    """What is removed when a hand-over has ended.

    Only what bears our tag, and no film that is complete. What failed by no fault of the source stays for a person to look at.
    """
    if remote is None or tag not in remote.tags or watch.state not in _ENDS:
        return RemovalKind.NONE
    if watch.state is HandoverState.FAILED and watch.cause not in BLOCKING:
        return RemovalKind.NONE
    if remote.state is RemoteState.DONE:
        return RemovalKind.NONE
    return RemovalKind.ALL if remote.got else RemovalKind.ENTRY


# -- the next source ---------------------------------------------------------------------------------------------------


class Choice(Protocol):
    """A source that may be handed over."""

    @property
    def swarm(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def size(self) -> int | None: ...


ChoiceT = TypeVar("ChoiceT", bound=Choice)
_SIGNS = re.compile(r"[\W_]+")


def fingerprints(swarm: str, name: str, size: int | None) -> tuple[str, ...]:
    """What a source is known again by: its swarm, and its name together with its size, as the same files come in other swarms."""
    plain = _SIGNS.sub(" ", unicodedata.normalize("NFKC", name).casefold()).strip()[:200]
    found = [f"swarm:{swarm.lower()}"] if swarm else []
    return (*found, f"name:{plain}:{size}") if plain and size else tuple(found)


def next_source(candidates: Iterable[ChoiceT], blocked: Collection[str]) -> ChoiceT | None:
    """The first that is not blocked and whose swarm is known; they come the best first."""
    for one in candidates:
        if one.swarm and not set(fingerprints(one.swarm, one.title, one.size)) & set(blocked):
            return one
    return None


def described(remote: RemoteTorrent, files: Sequence[RemoteFile]) -> Metainfo:
    """What a client says of a torrent's files, as what is looked at before they are fetched."""
    single = len(files) == 1 and len(files[0].path) == 1
    tops = {file.path[0] for file in files if len(file.path) > 1}
    inside = not single and len(tops) == 1 and all(len(file.path) > 1 for file in files)
    read = [TorrentFile(file.path[1:] if inside else file.path, file.size, file.pad) for file in files]
    name = tops.pop() if inside else remote.name
    return Metainfo(name=name, files=tuple(read), hash_v1=remote.hash, single=single)
