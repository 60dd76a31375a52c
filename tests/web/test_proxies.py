"""Whom we believe about a client, and what a browser calls itself."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from nightcrew.web.browsers import MOST, browser
from nightcrew.web.proxies import behind, is_trusted


def test_proxies_are_trusted_by_address_or_network_and_nonsense_trusts_nobody() -> None:
    trusted = ["192.168.1.2", "10.0.0.0/8", "fd00::/8", "nonsense", ""]
    assert all(is_trusted(one, trusted) for one in ("192.168.1.2", "10.9.9.9", "fd00::1", "::ffff:10.1.1.1"))
    assert not [one for one in ("192.168.1.3", "11.0.0.1", "", "nonsense", "0.0.0.0", "::") if is_trusted(one, trusted)]
    scope = {"client": ("203.0.113.1", 5), "scheme": "http"}
    assert behind(scope, Headers({"x-forwarded-for": "1.1.1.1"}), ["10.0.0.0/8"]) is scope


@given(st.text(max_size=300))
def test_what_a_browser_calls_itself_stays_a_short_line(agent: str) -> None:
    shown = browser(agent)
    assert shown and len(shown) <= MOST and shown.isprintable()
