"""Secrets never reach a log, an error, the activity feed or a page: they are shown as `•••`."""

from __future__ import annotations

import html
import json
import logging
import re
from bisect import bisect_right
from collections.abc import Iterable, MutableMapping
from typing import Any
from urllib.parse import unquote, urlsplit

from nightcrew.kernel import address_secrets
from nightcrew.kernel.address_secrets import MASK, MORE_NAMES, NAMES

_SECRET_KEY = re.compile(rf"(?i){NAMES}")
_QUERY = re.compile(rf"(?i)([?&;#](?:{NAMES}|{MORE_NAMES})=)(?!{MASK})[^&#\s\"'<>]+")
_USERINFO = re.compile(r"(?i)(\b[a-z][a-z0-9+.-]{0,20}://)([^/@:\s\"'<>]*+)(:?)[^/\s\"'<>]*@")
_FIELD = re.compile(
    r"(?i)\b((?:client_|access_|refresh_|id_)?(?:secret|token)|password|passwd|api_?key|passkey|authkey|torrent_pass|"
    rf"code_verifier)(['\"] ?: ?['\"]|='?)(?!{MASK})[^\s'\"&;<>]+"
)
"""A field of JSON, of a form or of Python's own notation."""
_ANNOUNCE = re.compile(r"(?i)(://[^/\s\"'<>]+/(?:[^/\s\"'<>]+/)*?)([0-9a-z]{16,})(/(?:announce|scrape)\b)")
"""A tracker's address with the passkey as a part of its path."""
_HEADER = re.compile(r"(?i)\b(x-api-key|x-signature|x-plex-token)(['\"]?\s*[:=]\s*['\"]?)[^\s'\",}]+")
_LONG_HEADER = re.compile(r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie)(['\"]?\s*[:=]\s*['\"]?)[^\r\n]+")
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
LAYERS = 4
"""How many times over a secret may be percent-encoded and still be found."""
_LITTLE = 4
"""A known secret shorter than this is not searched for in free text: it would hide ordinary words."""

_KNOWN_LEAST = 8
"""A secret shorter than this is not looked for everywhere, only where it is named."""
MOST_KNOWN = 5_000
_known: dict[str, bytes] = {}
"""What is hidden everywhere, and its bytes without percent-encoding."""
_in_addresses: dict[str, bytes] = {}
"""Known secrets that could be ordinary words: hidden where they are a whole part of an address."""


def know(secrets: Iterable[str]) -> None:
    """Hide these values wherever they stand, from now on. Those that were named longest ago are forgotten when there are too many."""
    _keep(_known, (form for secret in secrets for form in _forms(secret) if len(form) >= _KNOWN_LEAST))


def know_login(secrets: Iterable[str]) -> None:
    """As `know`; what is short or a mere word, as user names are, is only hidden where it is a whole part of an address."""
    secrets = [unquote(secret) for secret in secrets]
    know(secret for secret in secrets if not secret.isalpha())
    _keep(_in_addresses, (secret for secret in secrets if len(secret) >= _LITTLE))


def _keep(found: dict[str, bytes], more: Iterable[str]) -> None:
    for form in more:
        known = found.pop(form, None)  # it goes to the end
        found[form] = _bytes(form) if known is None else known
    while len(found) > MOST_KNOWN:
        del found[next(iter(found))]


def _forms(secret: str) -> set[str]:
    """How a secret is written in plain text, JSON, HTML and Python's own notation. `_escaped` finds it percent-encoded."""
    plain = {secret, unquote(secret)}
    return plain | {write(text) for text in plain for write in (_in_json, html.escape, _in_python)}


def _in_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _in_python(text: str) -> str:
    return repr(text)[1:-1]


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` with the credentials of URLs and headers, every one of `secrets`, and what is known to be one replaced by `•••`."""
    wanted = [form for secret in secrets if len(secret) >= _LITTLE for form in _forms(secret)]
    found = [secret for secret in wanted if secret in text]
    found += [secret for secret in _known if secret in text]
    for secret in sorted(found, key=len, reverse=True):
        text = text.replace(secret, MASK)
    if "%" in text or "+" in text:
        text = _escaped(text, [*map(_bytes, wanted), *_known.values()])
    if "://" in text:
        text = _USERINFO.sub(_without_password, text)
        text = _ANNOUNCE.sub(rf"\1{MASK}\3", text)
    if "?" in text or "&" in text or "#" in text:
        text = _QUERY.sub(rf"\1{MASK}", text)
    text = address_secrets.hide(text, _in_addresses)
    text = _FIELD.sub(rf"\1\2{MASK}", text)
    return _LONG_HEADER.sub(rf"\1\2{MASK}", _HEADER.sub(rf"\1\2{MASK}", text))


def _without_password(match: re.Match[str]) -> str:
    """What stands before a host: the user's name stays, but a name alone is a token."""
    scheme, name, colon = match.groups()
    return f"{scheme}{name}:{MASK}@" if colon else f"{scheme}{MASK}@"


def _bytes(text: str) -> bytes:
    """A text without percent-encoding, however often it was encoded, and spaces for `+`."""
    data = text.encode("utf-8", "surrogatepass")
    return _decoded(data)[0] if b"%" in data or b"+" in data else data


def _escaped(text: str, secrets: Iterable[bytes]) -> str:
    """`text` without those secrets of which at least one sign is percent-encoded, however often, or a space written as `+`."""
    data = text.encode("utf-8", "surrogatepass")
    plain, layers = _decoded(data)
    ranges: list[tuple[int, int]] = []
    for secret in secrets:
        place = plain.find(secret) if len(secret) >= _LITTLE else -1
        while place >= 0:
            ranges.append((place, place + len(secret)))
            place = plain.find(secret, place + len(secret))
    parts, end = [], 0
    for first, last in sorted(ranges):
        start = _original(first, layers)
        if start >= end:
            parts += [data[end:start], MASK.encode()]
        end = max(end, _original(last, layers))
    return b"".join((*parts, data[end:])).decode("utf-8", "surrogatepass") if ranges else text


_Layer = tuple[list[int], list[int]]
"""From which places of decoded bytes on the encoded ones stand how many bytes later."""


def _original(place: int, layers: list[_Layer]) -> int:
    """Where a byte of the decoded text stands in the encoded one."""
    for starts, gains in reversed(layers):
        at = bisect_right(starts, place) - 1
        place += gains[at] if at >= 0 else 0
    return place


def _decoded(data: bytes) -> tuple[bytes, list[_Layer]]:
    """The bytes without percent-encoding, and how to come back from each time that they were decoded."""
    layers: list[_Layer] = []
    while len(layers) < LAYERS and _ESCAPE.search(data):
        data, layer = _decoded_once(data)
        layers.append(layer)
    return data.replace(b"+", b" "), layers


def _decoded_once(data: bytes) -> tuple[bytes, _Layer]:
    parts: list[bytes] = []
    starts: list[int] = []
    gains: list[int] = []
    end = length = gain = 0
    for match in _ESCAPE.finditer(data):
        parts += [data[end : match.start()], bytes([int(match.group(1), 16)])]
        length += match.start() - end + 1
        gain += match.end() - match.start() - 1
        end = match.end()
        starts.append(length)
        gains.append(gain)
    return b"".join((*parts, data[end:])), (starts, gains)


def credentials_in(url: str) -> tuple[str, ...]:
    """The secret values that a provider URL carries (user info, password-like query values), longest first."""
    try:
        parts = urlsplit(url)
        found = {value for value in (parts.username, parts.password) if value}
    except ValueError:
        return ()
    for pair in re.split("[&;]", parts.query):
        key, _, value = pair.partition("=")
        if _SECRET_KEY.fullmatch(key):
            found.add(value)
    return tuple(sorted((value for value in found if len(value) >= _LITTLE), key=lambda value: (-len(value), value)))


def log_processor(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor that redacts every value of a log line, tracebacks included."""
    for key, value in event.items():
        event[key] = _redacted(value)
    return event


def _redacted(value: Any) -> Any:
    """A value as a log line may show it; what is no text is only turned into one when that would tell a secret."""
    if isinstance(value, str):
        return redact(value)
    if value is None or isinstance(value, int | float):
        return value
    shown = repr(value)
    hidden = redact(shown)
    return value if hidden == shown else hidden


class RedactingFormatter(logging.Formatter):
    """For what libraries log."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, with its traceback."""
        return redact(super().format(record))


__all__ = ["MASK", "RedactingFormatter", "credentials_in", "know", "know_login", "log_processor", "redact"]
