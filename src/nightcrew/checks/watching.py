"""Looks at what viewers see: a card that stands still or is black in a channel's place is left for the next stream."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import structlog

from nightcrew.checks import actions, rules
from nightcrew.checks.crew import Crew
from nightcrew.checks.probers import Chunks, ProberDied
from nightcrew.checks.settings import CheckSettings
from nightcrew.checks.store.queue import Scope
from nightcrew.kernel.errors import NightcrewError, Retry
from nightcrew.playlists.exports import Channel, Stream
from nightcrew.prober.wire import ProbeTask

if TYPE_CHECKING:
    from nightcrew.kernel.runtime import Runtime

log = structlog.get_logger("nightcrew.checks")

PATIENCE = 30.0
"""Seconds without a byte after which nothing is said."""


async def judge(runtime: Runtime, channel: Channel, stream: Stream, chunks: AsyncIterator[bytes]) -> str:
    """Why a stream that is being watched should be left, empty when it need not. It is then checked too, for its place in the order."""
    options = rules.for_channel(runtime.settings.of(CheckSettings), channel.name, channel.group)
    watched = options.watch and (options.fail_frozen or options.fail_black)
    if not watched or rules.is_radio(channel.name, channel.group, stream.attributes):
        return ""
    ask = ProbeTask(
        sample=options.sample_seconds,
        doubt=rules.doubt(options),
        limit=2 * rules.doubt(options),
        stillness=options.fail_frozen,
        blackness=options.fail_black,
        silence=False,
        loops=options.fail_looped,
        still=0,
    )
    try:
        async with Chunks(chunks) as coming:
            report = await runtime.part(Crew).probers.probe(ask, coming, patience=PATIENCE)
    except (ProberDied, Retry) as exc:
        log.info("nothing can be said of what is watched", channel=channel.name, reason=str(exc))
        return ""
    reason = rules.unwatchable(report, options)
    if reason:
        with contextlib.suppress(NightcrewError):
            title = f"{channel.name} from {stream.source}, which was watched"
            await actions.start_by_hand(runtime, Scope(stream_id=stream.id), title, actor="viewer", full=True)
    return reason
