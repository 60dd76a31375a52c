"""What checks found: a result for each, the last good facts, and the counts of its run, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from nightcrew.checks.conclusion import Conclusion
from nightcrew.checks.models import MAX_REASON, CheckResult, DueCheck, Facts, Verdict, checked, result, run
from nightcrew.checks.store import queue
from nightcrew.kernel.store import Moment, Store, wake
from nightcrew.playlists.exports import grades
from nightcrew.playlists.models import stream


async def finish(store: Store, due: DueCheck, finding: Conclusion, *, node: str, keep: int) -> bool:
    """Store a finding; False when the check is not this node's any more (cancelled, or taken over): then nothing is stored."""
    async with store.write() as connection:
        mine = sa.and_(checked.c.stream_id == due.stream_id, checked.c.lease_node == node)
        asked = (await connection.execute(sa.select(checked.c.run_id).where(mine))).first()
        if asked is None:
            return False
        known = _values(due, finding)
        if asked.run_id != due.run_id:  # asked for again meanwhile: that comes next, as it was asked
            known = {key: value for key, value in known.items() if key not in _QUEUED}
        await connection.execute(sa.update(checked).where(mine).values(known))
        values = {**finding.entry, "stream_id": due.stream_id, "run_id": due.run_id, "at": finding.at}
        values |= {"verdict": finding.verdict.value, "reason": finding.reason and finding.reason[:MAX_REASON]}
        await connection.execute(sa.insert(result).values(values))
        await _prune(connection, due.stream_id, keep)
        await _grade(connection, due, finding)
        if finding.unnamed:
            await wake(connection, queue.MEASURES.topic)
        if due.run_id is not None:
            await _count(connection, due, finding)
    return True


_QUEUED = frozenset({"due_at", "stage", "run_id", "full", "priority"})
"""Columns that say when and why a stream is checked next."""


def _values(due: DueCheck, finding: Conclusion) -> dict[str, Any]:
    values: dict[str, Any] = {
        "lease_node": None,
        "lease_until": None,
        "plan": None,
        "waiting": False,
        "due_at": finding.due_at,
        "run_id": due.run_id if finding.stays else None,
        "full": due.full and finding.stays,
        "priority": due.priority if finding.stays else queue.DEAD,
        "stage": None if finding.due_at is None else queue.WAITING,
        "verdict": finding.verdict.value,
        "reason": finding.reason and finding.reason[:MAX_REASON],
        "verdict_at": finding.at,
    }
    if finding.is_checked:
        values["checked_at"] = finding.at
    if finding.verdict is Verdict.FAILED:
        values["failures"] = due.failures + 1
    if finding.dead is True and not due.dead:
        values["dead_since"] = finding.at
    if finding.dead is False:
        values |= {"dead_since": None, "failures": 0}
    if finding.facts is not None:
        values |= _known(finding.facts, finding)
    return values


def _known(facts: Facts, finding: Conclusion) -> dict[str, Any]:
    """What is known of a stream that works; a bit rate that was not measured anew stays."""
    values: dict[str, Any] = {key: value for key, value in asdict(facts).items() if value is not None}
    values |= {"good_at": finding.at, "score": finding.score, "used_profile": finding.entry["used_profile"]}
    if finding.sampled:
        values["sampled_at"] = finding.at
    if finding.unnamed:
        values["measure_at"] = sa.func.coalesce(checked.c.measure_at, sa.literal(finding.at, Moment))
    return values


async def _grade(connection: AsyncConnection, due: DueCheck, finding: Conclusion) -> None:
    """Tell the playlists."""
    if finding.dead is True:
        await grades.bury(connection, due.stream_id)
    elif finding.facts is not None:
        profile = finding.entry["used_profile"]
        await grades.save(connection, due.stream_id, score=finding.score, profile=profile)


async def _count(connection: AsyncConnection, due: DueCheck, finding: Conclusion) -> None:
    if finding.stays:
        return
    column = run.c[finding.verdict.value]
    values: dict[Any, Any] = {column: column + 1}
    if finding.dead is True and not due.dead:
        values[run.c.died] = run.c.died + 1
    if finding.dead is False and due.dead:
        values[run.c.revived] = run.c.revived + 1
    await connection.execute(sa.update(run).where(run.c.id == due.run_id).values(values))


async def _prune(connection: AsyncConnection, stream_id: int, keep: int) -> None:
    oldest = (
        sa.select(result.c.id)
        .where(result.c.stream_id == stream_id)
        .order_by(result.c.id.desc())
        .offset(keep)
        .limit(1)
        .scalar_subquery()
    )
    await connection.execute(sa.delete(result).where(result.c.stream_id == stream_id, result.c.id <= oldest))


async def spare(store: Store, stream_ids: list[int], due_at: datetime) -> None:
    """Take back that these streams are dead: it was this machine that reached nothing. They are checked again at `due_at`."""
    values = {"dead_since": None, "failures": 0, "due_at": due_at, "stage": queue.WAITING}
    async with store.write() as connection:
        mine = sa.and_(checked.c.stream_id.in_(stream_ids), checked.c.run_id.is_(None))
        await connection.execute(sa.update(checked).where(mine).values(values))
        await grades.unbury(connection, stream_ids)


@dataclass(frozen=True, slots=True)
class KnownStream:
    """What is known of a stream that worked when it was last seen, and the score that it has for it."""

    stream_id: int
    facts: Facts
    score: float | None


async def facts(store: Store, *, after: int, limit: int) -> list[KnownStream]:
    """What is known of streams, by their ids, from the one behind `after` on."""
    query = (
        sa.select(checked)
        .where(checked.c.stream_id > after, checked.c.good_at.is_not(None))
        .order_by(checked.c.stream_id)
        .limit(limit)
    )
    async with store.read() as connection:
        rows = (await connection.execute(query)).all()
    return [
        KnownStream(row.stream_id, Facts(*(getattr(row, name) for name in Facts.__dataclass_fields__)), row.score)
        for row in rows
    ]


async def count_known(store: Store) -> int:
    """How many streams something is known of."""
    query = sa.select(sa.func.count()).select_from(checked).where(checked.c.good_at.is_not(None))
    async with store.read() as connection:
        return int((await connection.execute(query)).scalar() or 0)


async def rescore(store: Store, scores: Mapping[int, float]) -> None:
    """Streams are worth something else now; what is known of them stays."""
    if not scores:
        return
    values = [{"stream": stream_id, "worth": value} for stream_id, value in scores.items()]
    async with store.write() as connection:
        mine = checked.c.stream_id == sa.bindparam("stream")
        await connection.execute(sa.update(checked).where(mine).values(score=sa.bindparam("worth")), values)
        await grades.rescore(connection, scores)


async def page(
    store: Store,
    *,
    stream_id: int | None = None,
    run_id: int | None = None,
    verdict: Verdict | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[CheckResult]:
    """Results, newest first; `before` is the id of the last one that is known."""
    joined = sa.select(result, stream.c.url).join(stream, stream.c.id == result.c.stream_id)
    query = joined.order_by(result.c.id.desc()).limit(limit)
    given = {result.c.stream_id: stream_id, result.c.run_id: run_id, result.c.verdict: verdict and verdict.value}
    query = query.where(*(column == value for column, value in given.items() if value is not None))
    if before is not None:
        query = query.where(result.c.id < before)
    async with store.read() as connection:
        rows = (await connection.execute(query)).mappings().all()
    return [CheckResult(**row) for row in rows]
