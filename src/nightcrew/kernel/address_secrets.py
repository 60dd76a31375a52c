"""Logins and tokens inside of addresses: in the path, before the host, and in what stands behind the question mark. Pure.

Nothing says which part of a path is a secret, so the shapes that providers use are known here: an Xtream panel's
`/live/<user>/<password>/<id>.ts`, `token:…` and `key=…`, a box's MAC address, and parts that only a machine can have made up.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import pairwise
from urllib.parse import unquote

MASK = "•••"

NAMES = (
    "password|passwd|pass|pwd|token|access_token|refresh_token|id_token|api_key|api-key|apikey|key|secret|client_secret|"
    "sig|signature|auth|authkey|authorization|passkey|torrent_pass|rsskey|code_verifier|session|sid|username|user|"
    "login|mac"
)
"""Names of fields whose values are secrets. Placeholders in stored addresses count by it: a new name goes to `MORE_NAMES`."""
MORE_NAMES = (
    "hdnts|hdnea|hdntl|hmac|jwt|sjwt|wmsauthsign|nimblesessionid|session_?id|sessid|phpsessid|jsessionid|play_?token|auth_?token|"
    "user_?token|api_?token|stoken|hash|md5|pin|x-amz-signature|x-amz-credential|x-amz-security-token|x-plex-token|policy|serial|sn"
)
"""Further ones that are hidden where an address is shown."""

_ADDRESS = re.compile(r"(?i)(\b[a-z][a-z0-9+.-]{0,20}://)([^\s\"'<>]+)")
_TAIL = re.compile(r"[?#]")
_PAIRS = re.compile(r"([&;#?])")
_NAME = re.compile(rf"(?i){NAMES}|{MORE_NAMES}")
_NAMED = re.compile(rf"(?i)(?<![a-z0-9])((?:{NAMES}|{MORE_NAMES})(?:[:=]|%3a|%3d))(?!{MASK})[^/?#]+")
_LOGIN = re.compile(
    rf"(?i)(/(?:live|movies?|series|timeshifts?|playlist|xmltv|epg)/)(?!{MASK})[^/\s\"'<>]+/[^/\s\"'<>]+"
    r"(/\d+|/[^/\s\"'<>?#]+\.[a-z0-9]{2,5}\b)"
)
_SEGMENT = re.compile(rf"(?i)(/(?:{NAMES}|{MORE_NAMES})(?:[:=]|%3a|%3d))(?!{MASK})[^/?#\s\"'<>]+")
_MAC = re.compile(r"(?i)(?<![0-9a-f:])[0-9a-f]{2}(?:(?::|-|%3a)[0-9a-f]{2}){5}(?![0-9a-f:])|\b001a79[0-9a-f]{6}\b")
_NUMBER = re.compile(r"(?i)(\d+(?:_\d+)?)(\.[a-z0-9]{1,5})?[.,:;)\]}]*")
_RUN = re.compile(r"[A-Za-z0-9]+")
_UUID = re.compile(r"(?i)[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_SCHEMED = re.compile(r"(?i)[a-z][a-z0-9+.-]{0,20}://")

LOGIN_KINDS = frozenset({"live", "movie", "movies", "series", "timeshift", "timeshifts", "playlist", "xmltv", "epg"})
"""Parts of a panel's paths behind which user name and password stand."""
SAID = frozenset(
    {"password", "passwd", "pass", "pwd", "token", "key", "apikey", "api_key", "api-key", "secret", "passkey", "jwt"}
)
"""Parts of a path behind which a secret stands as a part of its own."""
RANDOM_LENGTH, RANDOM_CHANGES = 16, 4
"""Of what a machine made up: how long it is at least, and how often it changes between digits, small and capital letters."""


def hide(text: str, known: Collection[str] = ()) -> str:
    """`text` without what looks like a login or a token in its addresses; `known`: secrets that are hidden as a whole part of one."""
    if "://" in text:
        text = _ADDRESS.sub(lambda match: match.group(1) + _hidden(match.group(2), known), text)
    if "/" in text:  # also where the host stands elsewhere, as in a log line with path=
        text = _LOGIN.sub(rf"\1{MASK}/{MASK}\2", text)
        text = _SEGMENT.sub(rf"\1{MASK}", text)
    return text


def _hidden(rest: str, known: Collection[str], depth: int = 0) -> str:
    """What stands behind the scheme of an address."""
    cut = _TAIL.search(rest)
    path, query = (rest[: cut.start()], rest[cut.start() :]) if cut else (rest, "")
    host, slash, tail = path.partition("/")
    if slash:
        host = f"{host}/{'/'.join(_parts(tail.split('/'), known))}"
    return host + (_query(query, known, depth) if query else "")


def _parts(parts: list[str], known: Collection[str]) -> list[str]:
    """The parts of a path."""
    secret = _placed(parts)
    return [MASK if place in secret else _part(part, known) for place, part in enumerate(parts)]


def _placed(parts: list[str]) -> set[int]:
    """Which parts are secrets by where they stand."""
    found: set[int] = set()
    last = len(parts) - 1
    for place, part in enumerate(parts):
        kind = part.lower()
        if kind in LOGIN_KINDS and place + 3 <= last and parts[place + 3]:
            found |= {place + 1, place + 2}
        elif kind == "hlsr":  # /hlsr/<token>/<user>/<password>/<channel>/<hash>/<segment>
            found |= set(range(place + 1, last))
        elif place < last and _names_secret(kind, parts[place + 1]):
            found.add(place + 1)
    number = _NUMBER.fullmatch(parts[last])
    if number and last >= 2 and (number.group(2) or last == 2):  # the short form: /<user>/<password>/<id>
        found |= {last - 1, last - 2}
    return {place for place in found if parts[place]}


def _names_secret(kind: str, value: str) -> bool:
    """Whether a part of a path says that the next one is a secret; of doubtful names it has to look like one."""
    return kind in SAID or (_NAME.fullmatch(kind) is not None and len(value) >= 6 and any(map(str.isdigit, value)))


def _part(part: str, known: Collection[str]) -> str:
    plain = unquote(part) if "%" in part else part
    if plain in known:
        return MASK
    part = _MAC.sub(MASK, _NAMED.sub(rf"\1{MASK}", part))
    if MASK in part:
        return part
    stem, dot, kind = part.rpartition(".")
    if dot and len(kind) <= 5:
        return f"{MASK}.{kind}" if is_random(stem) or unquote(stem) in known else part
    return MASK if is_random(part) else part


def _query(query: str, known: Collection[str], depth: int) -> str:
    """A query or fragment with its marks; addresses inside of a value are looked through as well."""
    pieces = _PAIRS.split(query)
    for place in range(0, len(pieces), 2):
        name, equals, value = pieces[place].partition("=")
        if value in {"", MASK}:
            continue
        plain = unquote(value)
        secret = _NAME.fullmatch(name) is not None or plain in known or is_random(plain) or _holds(plain, known, depth)
        pieces[place] = f"{name}{equals}{MASK if secret else _MAC.sub(MASK, value)}"
    return "".join(pieces)


def _holds(value: str, known: Collection[str], depth: int) -> bool:
    """Whether a value is an address with a secret in it. Beyond three of them, one inside of the other, it is taken for one."""
    scheme = _SCHEMED.search(value)
    if scheme is None:
        return "%2f" in value.lower() and (depth >= 3 or _holds(unquote(value), known, depth + 1))
    rest = value[scheme.end() :]
    return depth >= 3 or "@" in rest.partition("/")[0] or _hidden(rest, known, depth + 1) != rest


def is_random(text: str) -> bool:
    """Whether a text looks as if a machine had made it up: a digest, a UUID, base64 or a signed token."""
    if len(text) < RANDOM_LENGTH:
        return False
    return _UUID.search(text) is not None or any(_is_made_up(run) for run in _RUN.findall(text))


def _is_made_up(run: str) -> bool:
    if len(run) < RANDOM_LENGTH:
        return False
    kinds = ["d" if sign.isdigit() else "u" if sign.isupper() else "l" for sign in run]
    return (
        sum(a != b and (a, b) != ("u", "l") for a, b in pairwise(kinds)) >= RANDOM_CHANGES
    )  # words begin with capitals
