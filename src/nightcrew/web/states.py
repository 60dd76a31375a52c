"""One vocabulary of states: how each looks, and the word for it. A domain adds its own in `Domain.states`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nightcrew.kernel.declare import Domain, Look

LOOKS: Mapping[Look, str] = {
    "ok": "It is as it should be.",
    "run": "It is happening now.",
    "wait": "Nothing is wrong; its turn comes, or it has not begun.",
    "warn": "It is late, limited, interrupted or held back, and goes on by itself or after a decision.",
    "bad": "It failed.",
    "off": "A person or a rule has ended it or switched it off.",
}
"""The six looks of a pill and what each means; a shape and a word go with every colour."""

KERNEL: Mapping[str, tuple[Look, str]] = {
    "job.queued": ("wait", "queued"),
    "job.running": ("run", "running"),
    "job.done": ("ok", "done"),
    "job.failed": ("bad", "failed"),
    "job.cancelled": ("off", "cancelled"),
    "worker.waiting": ("ok", "on time"),
    "worker.late": ("warn", "late"),
    "worker.running": ("run", "running"),
    "worker.failing": ("bad", "failing"),
    "worker.paused": ("off", "paused"),
    "run.ok": ("ok", "worked"),
    "run.failed": ("bad", "failed"),
    "node.alive": ("ok", "alive"),
    "node.silent": ("bad", "silent"),
    "node.gone": ("bad", "dead"),
    "node.stopped": ("off", "stopped"),
    "target.new": ("wait", "not used yet"),
    "target.works": ("ok", "works"),
    "target.failing": ("bad", "failing"),
    "target.off": ("off", "off"),
    "connection.new": ("wait", "not used yet"),
    "connection.ok": ("ok", "works"),
    "connection.limited": ("warn", "limited"),
    "connection.away": ("bad", "away"),
    "connection.cooling": ("warn", "cooling down"),
    "connection.person": ("bad", "needs you"),
    "connection.off": ("off", "off"),
    "route.unknown": ("bad", "not known"),
    "route.up": ("ok", "up"),
    "route.suspect": ("warn", "suspect"),
    "route.down": ("bad", "down"),
    "route.recovering": ("warn", "coming back"),
    "notice.waiting": ("wait", "waiting"),
    "notice.sent": ("ok", "sent"),
    "notice.failed": ("bad", "given up"),
    "notice.dropped": ("off", "dropped"),
}


def all_states(domains: Iterable[Domain]) -> dict[str, tuple[Look, str]]:
    """The kernel's states and every domain's, by `thing.state`. Raises ValueError when two say the same name."""
    found = dict(KERNEL)
    for domain in domains:
        if twice := found.keys() & domain.states.keys():
            raise ValueError(f"{domain.name} declares states that are declared already: {', '.join(sorted(twice))}")
        found |= domain.states
    return found
