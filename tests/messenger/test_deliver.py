"""What becomes of a message whose plugin has a defect."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from nightcrew.messenger import __main__ as messenger
from nightcrew.messenger.wire import Delivery, Told

SECRET = "k7Wq-very-secret"
ADDRESS = f"json://user:{SECRET}@127.0.0.1/path"


def broken(*_: Any, **__: Any) -> bool:
    raise KeyError(SECRET)


def test_a_plugin_that_raises_anything_is_an_answer_without_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    service = SimpleNamespace(service_name="JSON", notify=broken)
    monkeypatch.setattr(messenger, "service_of", lambda _: service)
    assert messenger.deliver(Delivery(ADDRESS, "t", "x")) == Told(False, f"KeyError: '{messenger.MASK}'", "JSON")
    assert messenger.deliver(Delivery(ADDRESS, send=False)) == Told(True, service="JSON")


def test_a_plugin_that_cannot_even_be_made_is_an_answer_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messenger, "service_of", broken)
    assert messenger.deliver(Delivery(ADDRESS, send=False)) == Told(False, f"KeyError: '{messenger.MASK}'")
