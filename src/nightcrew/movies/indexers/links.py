"""From a release to its .torrent file or its magnet: over links that redirect, to other hosts and to `magnet:` too.

Redirects are followed here, one at a time, since the last one may lead to a magnet. A link often carries an API key or a passkey: all
of it but the host is kept out of errors.
"""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from nightcrew.kernel.clock import utcnow
from nightcrew.kernel.connections.line import Line
from nightcrew.kernel.connections.question import Question
from nightcrew.kernel.errors import GiveUp, Misread, NightcrewError, Retry
from nightcrew.kernel.http import Limits, Reply
from nightcrew.kernel.http_answers import retry_after
from nightcrew.kernel.redaction import credentials_in
from nightcrew.kernel.targets import is_web_address
from nightcrew.movies.indexers import torznab_errors, torznab_xml, values
from nightcrew.movies.indexers.base import Found
from nightcrew.movies.torrents import magnet
from nightcrew.movies.torrents.magnet import Magnet

MAX_HOPS = 5
TORRENT = Limits(max_bytes=10 << 20, seconds=60.0)
REDIRECTS = frozenset({301, 302, 303, 307, 308})
READ = frozenset(range(200, 600)) - frozenset(range(300, 400)) | REDIRECTS


async def fetch(line: Line, found: Found) -> bytes | Magnet:
    """The .torrent file of a release, unread, or its magnet, as `base.Fetch`. A link that leads nowhere is no loss beside a magnet."""
    if not found.link:
        return _magnet_of(found)
    try:
        return await _follow(line, found.link)
    except (GiveUp, Misread):
        if not found.magnet:
            raise
        return _magnet_of(found)


def _magnet_of(found: Found) -> Magnet:
    """What a release is known by where it has no link. Raises `GiveUp`."""
    if not found.magnet and not found.info_hash:
        raise GiveUp(f"{found.title!r} has neither a link nor a magnet")
    return _parsed(found.magnet or f"magnet:?xt=urn:btih:{found.info_hash}")


def _parsed(text: str) -> Magnet:
    try:
        return magnet.parse(text)
    except magnet.BadMagnet as exc:
        raise GiveUp(f"its magnet cannot be read: {exc}") from exc


async def _follow(line: Line, url: str) -> bytes | Magnet:
    for _ in range(MAX_HOPS + 1):
        if url[:7].lower() == "magnet:":
            return _parsed(url)
        if not is_web_address(url):
            raise GiveUp(f"a link of {line.name} leads to no http address and no magnet")
        answer = await _ask(line, url)
        if isinstance(answer, bytes):
            return answer
        try:
            url = urljoin(url, answer)
        except ValueError as exc:
            raise GiveUp(f"a link of {line.name} redirects to an address that cannot be read") from exc
    raise GiveUp(f"a link of {line.name} redirects more than {MAX_HOPS} times")


async def _ask(line: Line, url: str) -> bytes | str:
    """The file, or where the link leads on."""
    question = Question(url, secrets=secrets_of(url))
    if not line.is_own(url):
        return read(line.name, await line.elsewhere(question, good=READ, limits=TORRENT), own=False)

    async def own(reply: Reply) -> bytes | str:
        return read(line.name, reply, own=True)

    return await line.read(question, own, good=READ, limits=TORRENT)


def secrets_of(url: str) -> tuple[str, ...]:
    """All of a link behind its host, and what stands before it."""
    parts = urlsplit(url)
    behind = [parts.path, parts.query, f"{parts.path}?{parts.query}", f"?{parts.query}"]
    return tuple(dict.fromkeys([*(one for one in behind if len(one) > 1), *credentials_in(url)]))


def read(name: str, reply: Reply, *, own: bool) -> bytes | str:
    """A .torrent file as it came, or the address where to go on. `own`: the indexer itself answers.

    Raises what the answer means.
    """
    if reply.status in REDIRECTS:
        if not (target := reply.headers.get("location", "").strip()):
            raise Misread(f"a link of {name} redirects to nowhere")
        return target[: values.MAX_MAGNET]
    if reply.status < 300 and reply.body[:1] == b"d":
        return reply.body
    if reply.status < 300 and reply.body[:8].lower() == b"magnet:?":
        return reply.text().strip()[: values.MAX_MAGNET]
    raise _error(name, reply) if own else _elsewhere(name, reply)


def _error(name: str, reply: Reply) -> NightcrewError:
    try:
        answer = torznab_xml.read(reply.body[: torznab_xml.MAX_BYTES])
    except Misread:
        answer = None
    said = answer if isinstance(answer, torznab_xml.Said) else None
    if said is None and reply.status < 300:
        return Misread(f"a link of {name} leads to {torznab_xml.looks(reply.body)} where a torrent is expected")
    now = utcnow().astimezone()
    after = retry_after(reply.headers.get("retry-after"), now)
    return torznab_errors.error_of(name, reply.status, said, after, now, link=True)


def _elsewhere(name: str, reply: Reply) -> NightcrewError:
    """What another service's answer means: nothing of it is the indexer's, and no person can mend a login there."""
    if reply.status < 300:
        return Misread(f"a link of {name} leads to a page where a torrent is expected")
    if reply.status in {408, 425, 429} or reply.status >= 500:
        return Retry(
            f"a link of {name} leads to a server that answers HTTP {reply.status}",
            after=retry_after(reply.headers.get("retry-after"), utcnow()),
        )
    refused = GiveUp(f"a link of {name} leads to a server that answers HTTP {reply.status}")
    refused.status = reply.status
    return refused
