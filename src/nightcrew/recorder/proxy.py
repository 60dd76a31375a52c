"""The proxy of a recording: everything goes through it, and nothing goes around it. It finds the addresses of names itself.

Where a name leads is seen by the proxy alone, so the guard of private networks can refuse what is written as an address, and no more.
The proxy itself may lie in the private network: a person has named it.
"""

from __future__ import annotations

import requests
import socks
import urllib3.exceptions
from streamlink import Streamlink

from nightcrew.addresses import names_private

HTTP_ALONE = "only http and https go through a proxy"
NOT_INSIDE = "it leads into a private network, where a proxy is not used"


class ProxiedInside(OSError):
    """A request that would have the proxy look into a private network."""


WORDS: tuple[tuple[type[Exception], str], ...] = (
    (ProxiedInside, NOT_INSIDE),
    (socks.SOCKS5AuthError, "the proxy refuses the login"),
    (socks.ProxyConnectionError, "the proxy cannot be reached"),
    (socks.ProxyError, "the proxy cannot reach the server"),
)
"""What errors mean, those first that say more: one of the last kind may hold one of another."""


def check_named(host: str) -> None:
    """Raises `ProxiedInside` for a host that is written as a private address."""
    if names_private(host):
        raise ProxiedInside(NOT_INSIDE)


def set_proxy(made: Streamlink, proxy: str) -> None:
    """Let all requests of a session take it; what opens connections in other ways is switched off."""
    made.http.proxies = {"http": proxy, "https": proxy}
    made.set_option("webbrowser", False)  # it would take its own way


def trouble_with(exc: BaseException) -> str:
    """What is wrong with the proxy, in a sentence; empty when an error is about something else."""
    causes = _causes(exc)
    for kind, words in WORDS:
        if any(isinstance(cause, kind) for cause in causes):
            return words
    if isinstance(exc, requests.exceptions.ProxyError):
        text = str(exc)
        if "Tunnel connection failed" in text:
            refused = "failed: 407" in text
            return "the proxy refuses the login" if refused else "the proxy cannot reach the server"
        return "the proxy cannot be reached"
    return ""


def _causes(exc: BaseException) -> list[BaseException]:
    """An error and all that it comes from."""
    found: list[BaseException] = []
    waiting: list[object] = [exc]
    while waiting:
        one = waiting.pop()
        if not isinstance(one, BaseException) or one in found:
            continue
        found.append(one)
        waiting += [one.__cause__, one.__context__]
        if isinstance(one, requests.RequestException | urllib3.exceptions.HTTPError):
            waiting += [getattr(one, "reason", None), *one.args]
    return found
