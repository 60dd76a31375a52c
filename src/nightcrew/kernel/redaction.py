"""Secrets never reach a log, an error, the activity feed or a page: they are shown as `•••`."""

from __future__ import annotations

import re
from collections.abc import Iterable, MutableMapping
from typing import Any
from urllib.parse import quote, urlsplit

MASK = "•••"

_SECRET_KEYS = (
    "password|passwd|pass|pwd|token|access_token|refresh_token|id_token|api_key|api-key|apikey|key|secret|client_secret|"
    "sig|signature|auth|authkey|authorization|passkey|torrent_pass|rsskey|code_verifier|session|sid|username|user|"
    "login|mac"
)
_SECRET_KEY = re.compile(rf"(?i){_SECRET_KEYS}")
_QUERY = re.compile(rf"(?i)([?&;](?:{_SECRET_KEYS})=)(?!{MASK})[^&#\s\"'<>]+")
_USERINFO = re.compile(r"(?i)(\b[a-z][a-z0-9+.-]{0,20}://)([^/@:\s\"'<>]*+)[^/\s\"'<>]*@")
_XTREAM_PATH = re.compile(
    r"(?i)(/(?:live|movie|series|timeshift)/)([^/\s\"'<>]+)/([^/\s\"'<>]+)(/\d+|/[^/\s\"'<>?#]+\.(?:m3u8|mpd|ts|mp4|mkv)\b)"
)
_FIELD = re.compile(
    r"(?i)\b((?:client_|access_|refresh_|id_)?(?:secret|token)|password|passwd|api_?key|passkey|authkey|torrent_pass|"
    rf"code_verifier)(['\"] ?: ?['\"]|='?)(?!{MASK})[^\s'\"&;<>]+"
)
"""A field of JSON, of a form or of Python's own notation."""
_ANNOUNCE = re.compile(r"(?i)(://[^/\s\"'<>]+/(?:[^/\s\"'<>]+/)*?)([0-9a-z]{16,})(/(?:announce|scrape)\b)")
"""A tracker's address with the passkey as a part of its path."""
_XTREAM_SHORT = re.compile(r"(://[^/\s\"'<>]+/)([^/\s\"'<>]+)/([^/\s\"'<>]+)(/\d+(?:\.ts)?(?=[\s\"'<>?#]|$))")
_HEADER = re.compile(r"(?i)\b(x-api-key|x-signature|x-plex-token)(['\"]?\s*[:=]\s*['\"]?)[^\s'\",}]+")
_LONG_HEADER = re.compile(r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie)(['\"]?\s*[:=]\s*['\"]?)[^\r\n]+")
_LITTLE = 4
"""A known secret shorter than this is not searched for in free text: it would hide ordinary words."""

_KNOWN_LEAST = 8
"""A secret shorter than this is not looked for everywhere, only where it is named."""
MOST_KNOWN = 5_000
_known: dict[str, None] = {}


def know(secrets: Iterable[str]) -> None:
    """Hide these values wherever they stand, from now on. Those that were named longest ago are forgotten when there are too many."""
    for secret in secrets:
        for form in {secret, quote(secret, safe="")}:
            if len(form) >= _KNOWN_LEAST:
                _known.pop(form, None)
                _known[form] = None
    while len(_known) > MOST_KNOWN:
        del _known[next(iter(_known))]


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` with the credentials of URLs and headers, every one of `secrets`, and what is known to be one replaced by `•••`."""
    found = [secret for secret in secrets if len(secret) >= _LITTLE and secret in text]
    found += [secret for secret in _known if secret in text]
    for secret in sorted(found, key=len, reverse=True):
        text = text.replace(secret, MASK)
    if "://" in text:
        text = _USERINFO.sub(rf"\1\2:{MASK}@", text)
        text = _XTREAM_SHORT.sub(rf"\1{MASK}/{MASK}\4", text)
        text = _ANNOUNCE.sub(rf"\1{MASK}\3", text)
    if "?" in text or "&" in text:
        text = _QUERY.sub(rf"\1{MASK}", text)
    text = _XTREAM_PATH.sub(rf"\1{MASK}/{MASK}\4", text)
    text = _FIELD.sub(rf"\1\2{MASK}", text)
    return _LONG_HEADER.sub(rf"\1\2{MASK}", _HEADER.sub(rf"\1\2{MASK}", text))


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
    """A structlog processor that redacts every text value of a log line, tracebacks included."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = redact(value)
    return event
