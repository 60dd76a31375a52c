"""Catch-up: the address under which a provider plays what is over. Pure.

The attributes of M3U that say how (`catchup`, `catchup-source`, `catchup-days`, and the older `timeshift`, `tvg-rec`) and the placeholders
are those that Kodi's pvr.iptvsimple documents; Flussonic's addresses are from its documentation, Xtream's from its panels.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from nightcrew.guidereader.moments import zone_named

ZONE = "xc:zone"
"""The attribute in which a panel's zone is kept: its times are its own."""
DAYS, MOST_DAYS = 7, 31
"""Days of an archive that does not say how many it has, and the most that count."""
OURS = "shift"
"""What we tell players of our own addresses: they append `?utc=…&lutc=…`."""

_OFF = frozenset(["", "0", "none", "disabled", "false", "no"])
_SHIFT = frozenset(["shift", "timeshift"])
_FLUSSONIC = re.compile(r"(?:fs|flussonic(?:-hls|-ts)?)")
_FLUSSONIC_PATH = re.compile(r"(https?://[^/]+(?:/[^/?]+)*?)/([^/?]+?)(\.m3u8)?(\?.*)?")
_XC = re.compile(r"(https?://[^/]+)/(?:live/)?([^/?]+)/([^/?]+)/(\d+)(\.[A-Za-z0-9]{1,5})?(?:\?.*)?")
_TIMES = {
    **dict.fromkeys(["utc", "start"], "start"),
    **dict.fromkeys(["utcend", "end"], "stop"),
    **dict.fromkeys(["lutc", "now", "timestamp"], "now"),
}
_PLACE = re.compile(r"\$?\{([A-Za-z-]{1,20})(?::([^{}]{1,40}))?\}")
_BRACES = {ord("{"): "%7B", ord("}"): "%7D"}
"""A guide's word must not become a placeholder, of which some stand for a login."""
_LETTERS = {"Y": "%Y", "m": "%m", "d": "%d", "H": "%H", "M": "%M", "S": "%S"}


@dataclass(frozen=True, slots=True)
class Span:
    """What somebody wants to see: two moments, the present, and the programme's own id in the archive, if it has one."""

    start: datetime
    stop: datetime
    now: datetime
    catchup_id: str = ""


@dataclass(frozen=True, slots=True)
class Archive:
    """How a stream's archive is asked: an address with placeholders, and how many days it holds."""

    template: str
    days: float
    correction: timedelta
    zone: ZoneInfo | None

    def address(self, span: Span) -> str:
        """Where a span of it is."""
        moments = {"start": span.start - self.correction, "stop": span.stop - self.correction, "now": span.now}
        seconds = {
            "duration": max(1, int((span.stop - span.start).total_seconds())),
            "offset": max(1, int((span.now - span.start).total_seconds())),
        }

        def value(found: re.Match[str]) -> str:
            name, more = found.groups()
            if name in _TIMES:
                moment = moments[_TIMES[name]]
                return self._written(more, moment) if more else str(int(moment.timestamp()))
            if name in seconds:
                unit = int(more) if more and more.isdecimal() and 0 < int(more) < 10**6 else 1
                return str(max(1, round(seconds[name] / unit)))
            if name in _LETTERS and not more:
                return self._written(name, moments["start"])
            return span.catchup_id.translate(_BRACES) if name == "catchup-id" else found.group()

        return _PLACE.sub(value, self.template)

    def _written(self, form: str, moment: datetime) -> str:
        local = moment.astimezone(self.zone)  # without one in this machine's, as players do it
        return "".join(local.strftime(_LETTERS[sign]) if sign in _LETTERS else sign for sign in form)


def archive_of(url: str, attributes: Mapping[str, str]) -> Archive | None:
    """How the archive of a stream is asked; None when it has none, or nobody can say where it is."""
    days = days_said(attributes)
    if not days:
        return None
    mode, source = _mode(attributes), attributes.get("catchup-source", "").strip()
    template = _template(mode, url, source)
    if template is None or not _PLACE.search(template):  # it would play the same whatever is asked for
        return None
    return Archive(
        template, days, _correction(attributes.get("catchup-correction", "")), zone_named(attributes.get(ZONE, ""))
    )


def days_said(attributes: Mapping[str, str]) -> float:
    """How many days a stream's archive has by its list; 0 for none."""
    return 0.0 if _mode(attributes) in _OFF else max(0.0, _days(attributes))


def _mode(attributes: Mapping[str, str]) -> str:
    mode = (attributes.get("catchup") or attributes.get("catchup-type") or "").strip().lower()
    if mode:
        return mode
    if attributes.get("catchup-source", "").strip():
        return "default"
    return "shift" if "timeshift" in attributes or "tvg-rec" in attributes else ""


def _template(mode: str, url: str, source: str) -> str | None:
    if mode in _SHIFT:
        return f"{url}{'&' if '?' in url else '?'}{source.lstrip('?&') or 'utc={utc}&lutc={lutc}'}"
    if mode == "vod":  # the guide says the id; where it goes is the list's word alone
        return source if "://" in source.partition("{")[0] else None
    if mode in {"default", "append"} and source:
        return source if "://" in source.partition("?")[0] else _appended(url, source)
    if _FLUSSONIC.fullmatch(mode):
        return _flussonic(url, as_ts=mode.endswith("-ts"))
    if mode in {"xc", "xtream"}:
        found = _XC.fullmatch(url)
        if found is None:
            return None
        server, user, password, number, suffix = found.groups()
        when = "{duration:60}/{Y}-{m}-{d}:{H}-{M}"
        return f"{server}/timeshift/{user}/{password}/{when}/{number}{suffix or '.ts'}"
    return None


def _appended(url: str, source: str) -> str:
    """A source that goes behind the address, with the sign that belongs between them."""
    if source[0] in "?&":
        return f"{url}{'&' if '?' in url else '?'}{source[1:]}"
    return url + source


def _flussonic(url: str, *, as_ts: bool) -> str | None:
    """`…/CHANNEL/mpegts` → `…/CHANNEL/timeshift_abs-START.ts`; `…/CHANNEL/index.m3u8` → `…/CHANNEL/timeshift_rel-SECONDS.m3u8`."""
    found = _FLUSSONIC_PATH.fullmatch(url)
    if found is None or found[1].count("/") < 3:  # there is no channel before the last part
        return None
    channel, last, playlist, query = found[1], found[2], found[3], found[4] or ""
    if as_ts or (last == "mpegts" and not playlist):
        return f"{channel}/timeshift_abs-{{utc}}.ts{query}"
    if not playlist:
        return None
    name = "timeshift_rel" if last == "index" else f"{last}-timeshift_rel"
    return f"{channel}/{name}-{{offset:1}}.m3u8{query}"


def _days(attributes: Mapping[str, str]) -> float:
    for name in ("catchup-days", "tvg-rec", "timeshift"):
        if attributes.get(name, "").strip():
            days = _number(attributes[name])
            return float(MOST_DAYS) if days < 0 else min(days, MOST_DAYS)
    if attributes.get("catchup-time", "").strip():
        return min(_number(attributes["catchup-time"]) / 86_400, MOST_DAYS)
    return DAYS


def _correction(text: str) -> timedelta:
    hours = _number(text) if text.strip() else 0.0
    return timedelta(hours=hours) if abs(hours) <= 24 else timedelta()


def _number(text: str) -> float:
    """A figure as lists write it; 0 for anything else."""
    match = re.fullmatch(r"\s*([+-]?\d{1,9}(?:[.,]\d{1,4})?)\s*", text, re.ASCII)
    return float(match[1].replace(",", ".")) if match else 0.0
