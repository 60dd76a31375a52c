"""How a download of ours stands by what slskd says, over its restarts. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import StrEnum

from nightcrew.music.slskd.shapes import Transfer


class RemoteStanding(StrEnum):
    """What a transfer's state means for us."""

    QUEUED = "queued"
    ACTIVE = "active"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"


_WORDS = {
    "none": RemoteStanding.QUEUED,
    "requested": RemoteStanding.QUEUED,
    "queued": RemoteStanding.QUEUED,
    "initializing": RemoteStanding.ACTIVE,
    "inprogress": RemoteStanding.ACTIVE,
}
_ENDS = {"cancelled", "timedout", "errored", "rejected", "aborted"}
_BEST = (
    RemoteStanding.SUCCEEDED,
    RemoteStanding.ACTIVE,
    RemoteStanding.QUEUED,
    RemoteStanding.UNKNOWN,
    RemoteStanding.FAILED,
)


def standing_of(state: str) -> RemoteStanding:
    """`Completed, Succeeded`, `Queued, Remotely`, `InProgress` and so on; what is not known is UNKNOWN, which changes nothing."""
    first, *rest = (word.strip().lower() for word in state.split(","))
    if first == "completed":
        if "succeeded" in rest:
            return RemoteStanding.SUCCEEDED
        return RemoteStanding.FAILED if _ENDS & set(rest) else RemoteStanding.UNKNOWN
    return _WORDS.get(first, RemoteStanding.UNKNOWN)


def waits_at_peer(state: str) -> bool:
    """Whether a file waits in the queue of its peer, `Queued, Remotely`: when it begins is not for slskd to say."""
    first, *rest = (word.strip().lower() for word in state.split(","))
    return first == "queued" and "remotely" in rest


def best_place(before: int | None, told: int | None) -> int | None:
    """The best place that is known in a queue. That others are put before us is no progress when it passes again."""
    return min((one for one in (before, told) if one is not None), default=None)


def end_of(transfer: Transfer) -> str:
    """Why a transfer failed, for a person."""
    word = transfer.state.partition(",")[2].strip().lower() or transfer.state
    said = {"timedout": "it timed out", "errored": "it failed", "aborted": "it was aborted"}.get(word, f"it was {word}")
    return f"{said}: {transfer.problem}" if transfer.problem else said


def find(
    transfers: Iterable[Transfer], *, peer: str, path: str, remote_id: str | None, earlier: Collection[str] = ()
) -> Transfer | None:
    """The transfer of a download of ours.

    slskd fails what is active when it is restarted, and enqueues it again under a new id without the batch: of several for one
    file the one that stands best counts, ours where they stand alike. `earlier`: ids that were there before ours was sent;
    those that are over belong to another download.
    """
    same = [one for one in transfers if one.peer == peer and one.path == path]
    same = [one for one in same if one.id == remote_id or one.id not in earlier or not _over(one)]
    return min(same, key=lambda one: (_BEST.index(standing(one)), one.id != remote_id, _newest(one)), default=None)


def standing(transfer: Transfer) -> RemoteStanding:
    """How a transfer stands; one that slskd tries again by itself has not failed."""
    found = standing_of(transfer.state)
    return RemoteStanding.QUEUED if found is RemoteStanding.FAILED and transfer.waiting else found


def _over(transfer: Transfer) -> bool:
    return standing(transfer) in {RemoteStanding.SUCCEEDED, RemoteStanding.FAILED}


def _newest(transfer: Transfer) -> tuple[int, ...]:
    return tuple(-ord(char) for char in transfer.requested)
