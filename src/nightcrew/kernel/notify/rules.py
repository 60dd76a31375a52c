"""Pure: what a target wants, when it is quiet, how long to wait, and how many notices become one message."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from urllib.parse import unquote, urlsplit

from nightcrew.kernel import declare
from nightcrew.kernel.declare import Need
from nightcrew.kernel.notify.models import Kind, Level, Message, Notice, Quiet, Target
from nightcrew.kernel.redaction import MASK, credentials_in
from nightcrew.kernel.words import counted, duration

LEVELS: tuple[Level, ...] = ("info", "warning", "error")
TITLES: dict[declare.Group, str] = {
    "broken": "A promise is broken",
    "recovered": "It works again",
    "needs": "Something needs a person",
    "failed": "Something failed",
    "finished": "Something is finished",
}
"""The groups, and what a person reads for them."""
PAUSES = (60.0, 300.0, 900.0, 3600.0)
"""Seconds between attempts; the last one again and again."""
LASTING = 86_400.0
"""Seconds after its first attempt when a message is given up."""
GATE = 300.0
"""Seconds that a new message waits at most after others have failed."""
QUIET = "quiet"
"""The batch of what has waited for the end of quiet hours: it is told in one message."""
NAMED = 3
"""Things that a message names; it counts the others."""
MAX_NAME = 80
MAX_TEXT = 2_000
TEST = "test"

_NUMBER = re.compile(r"(?<![\w-])\d+(?:[.,:]\d+)*(?![\w-])")


def is_wanted(target: Target, group: declare.Group, level: str) -> bool:
    """Whether a target is told of something of this group and level."""
    return group in target.wants and LEVELS.index(_level(level)) >= LEVELS.index(target.level)


def key_of(kind: str, subject: str | None, message: str, *, by_subject: bool) -> str:
    """The same for what need not be told twice."""
    return _digest(kind, subject or "", "" if by_subject and subject else message)


def quiet_until(now: datetime, quiet: Quiet | None, zone: tzinfo | None = None) -> datetime | None:
    """When the present quiet hours end, None when it is not quiet. `zone` None: this machine's local time."""
    if quiet is None:
        return None
    here = now.astimezone(zone)
    over_midnight = quiet.end <= quiet.begin
    late = here.time() >= quiet.begin
    early = here.time() < quiet.end
    if not (late or early if over_midnight else late and early):
        return None
    day = here.date() + timedelta(days=1) if over_midnight and late else here.date()
    return datetime.combine(day, quiet.end, tzinfo=zone).astimezone(UTC)


def pause(attempts: int) -> float:
    """Seconds until the next attempt after so many failed ones."""
    return PAUSES[min(max(attempts, 1), len(PAUSES)) - 1]


def gate(failures: int) -> float:
    """Seconds in which nothing is sent to a target after so many failures in a row."""
    return min(pause(failures), GATE)


def composed(notices: Sequence[Notice], known: Mapping[str, declare.NoticeKind]) -> Message:
    """One message of all `notices`, oldest first: their own words when they are few of one kind, else names and numbers."""
    kinds = dict[str, list[Notice]]()
    for one in notices:
        kinds.setdefault(one.kind, []).append(one)
    count = sum(one.repeats for one in notices)
    level = max((one.level for one in notices), key=LEVELS.index)
    good = all(_group(known, kind) in {"recovered", "finished"} for kind in kinds)
    last = notices[-1]
    if len(kinds) > 1:
        lines = [_line(rows, known) for rows in kinds.values()]
        title = f"{len(notices)} messages" + (" from the quiet hours" if last.batch == QUIET else "")
        kind, text = "summary", "\n".join(lines)
    else:
        kind = last.kind
        title = _title(notices, known)
        few = len(notices) <= NAMED
        text = "\n".join(_words(one) for one in notices) if few else named(notices)
    single = last if len(notices) == 1 else None
    return Message(
        kind=kind,
        level=level,
        title=title,
        text=text[:MAX_TEXT],
        at=last.last_at,
        subject=single.subject if single else None,
        node=last.node,
        page=_page(single),
        count=count,
        good=good,
    )


def test_message(node: str, now: datetime) -> Message:
    """What the test button sends."""
    text = f"This is a test from {node}. If you can read it, messages arrive here."
    return Message(
        kind=TEST, level="info", title="Nightcrew: a test", text=text, at=now, node=node, page="/", good=True
    )


def named(notices: Iterable[Notice]) -> str:
    """The first names, and how many more there are: "A, B, C and 9 more"."""
    names = list(dict.fromkeys(name_of(one.subject, one.message) for one in notices))
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def name_of(subject: str | None, message: str) -> str:
    """What a message is about: its subject where it begins with it, else what stands before its first colon."""
    if subject and message.startswith(subject):
        return subject
    return message.partition(": ")[0][:MAX_NAME]


def keyed(needs: Iterable[Need]) -> dict[str, Need]:
    """Needs that a person is told of, by what they are: the numbers in their sentences may change while they last."""
    found: dict[str, Need] = {}
    for need in needs:
        if need.level == "info":
            continue
        key = _digest(need.level, need.href, need.key or _NUMBER.sub("#", need.message))
        while key in found:  # another one that differs by its numbers alone
            key = _digest(key)
        found[key] = need
    return found


def shown_address(kind: Kind, address: str) -> str:
    """What may be seen of an address: how it is reached, and of a web address its host."""
    schema, _, rest = address.partition("://")
    if kind == "apprise":
        return f"{schema}://{MASK}"
    parts = urlsplit(address)
    host = f"{schema}://{parts.netloc.rpartition('@')[2]}"
    return host if rest.rstrip("/") == parts.netloc and "@" not in rest else f"{host}/{MASK}"


def secrets_in(address: str) -> tuple[str, ...]:
    """The parts of an address that no error may show: all behind its host, and a login before it."""
    _, _, rest = address.partition("://")
    behind = rest[len(re.split("[/?#]", rest, maxsplit=1)[0]) :]
    pieces = {behind, *re.split(r"[/?&=;#]+", behind), *credentials_in(address)}
    pieces |= {unquote(piece) for piece in pieces}
    return tuple(sorted((piece for piece in pieces if piece), key=lambda piece: (-len(piece), piece)))


def trouble(target: Target, now: datetime) -> str:
    """That a target does not work, in a sentence."""
    since = duration((now - target.failing_since).total_seconds()) if target.failing_since else "a while"
    done = "could not be called" if target.kind == "heartbeat" else "has not taken a message"
    return f"{target.name} {done} for {since}: {target.error or 'no reason is known'}"


def given_up(target: Target, count: int, reason: str) -> str:
    """That notices were not told for a day, in a sentence."""
    what = counted(count, "message")
    return (
        f"{target.name} has not taken {what} for a day, so {'it is' if count == 1 else 'they are'} given up: {reason}"
    )


def page_of(target_id: int) -> str:
    """Where a target is settled."""
    return f"/settings/notifications#target-{target_id}"


def _line(rows: Sequence[Notice], known: Mapping[str, declare.NoticeKind]) -> str:
    return _words(rows[0]) if len(rows) == 1 else f"{_title(rows, known)}: {named(rows)}"


def _title(rows: Sequence[Notice], known: Mapping[str, declare.NoticeKind]) -> str:
    declared = known.get(rows[0].kind)
    if declared is None:
        return rows[0].kind
    return declared.title if len(rows) == 1 else f"{len(rows)} {declared.many}"


def _words(one: Notice) -> str:
    if one.repeats == 1:
        return one.message
    return f"{one.message} ({one.repeats} times since {one.created_at.astimezone():%H:%M})"


def _group(known: Mapping[str, declare.NoticeKind], kind: str) -> declare.Group | None:
    declared = known.get(kind)
    return declared.group if declared else None


def _page(single: Notice | None) -> str:
    subject = single.subject if single else None
    return subject if subject and subject.startswith("/") else "/activity"


def _level(text: str) -> Level:
    return next((level for level in LEVELS if level == text), "error")


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
