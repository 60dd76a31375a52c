"""What a reverse proxy says about the client behind it. It is believed only when it comes from an address that is trusted."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.types import Scope

MOST_HOPS = 10


def is_trusted(address: str, trusted: Sequence[str]) -> bool:
    """Whether an address is one of the trusted ones, or in one of the trusted networks. What is neither is not."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return any((mapped or found) in network for network in map(_network, trusted) if network is not None)


def behind(scope: Scope, headers: Headers, trusted: Sequence[str]) -> Scope:
    """The request as its client sent it: `X-Forwarded-For` (the last address that is no trusted proxy), `X-Forwarded-Proto`."""
    client = scope.get("client")
    if not trusted or not client or not is_trusted(client[0], trusted):
        return scope
    said = [one.strip() for one in ",".join(headers.getlist("x-forwarded-for")).split(",") if one.strip()]
    for address in reversed(said[-MOST_HOPS:]):
        if _is_address(address):
            client = (address, 0)
        if not is_trusted(address, trusted):
            break
    scheme = headers.get("x-forwarded-proto", "").strip().lower()
    return {**scope, "client": client, "scheme": scheme if scheme in {"http", "https"} else scope["scheme"]}


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        return None
