"""A line to a service without a node behind it: adapters are tried with their requests alone."""

from __future__ import annotations

from typing import Any, cast

from pydantic import BaseModel

from nightcrew.kernel.connections.calls import Calls
from nightcrew.kernel.connections.line import Line
from nightcrew.kernel.connections.question import Reach
from nightcrew.kernel.declare import ConnectionKind, Signed
from nightcrew.kernel.http import Http


class PlainLine(Calls):
    """As `Line`, without a row: nothing is paused, and nothing is noted."""

    def __init__(self, http: Http, kind: ConnectionKind, url: str, settings: BaseModel) -> None:
        signed = kind.sign(settings) if kind.sign else Signed()
        super().__init__(http, Reach((url,), private=True, signed=signed, safe=kind.safe), kind.allowance)
        self.settings, self.name = settings, kind.title


def plain_line(http: Http, kind: ConnectionKind, url: str, **settings: Any) -> Line:
    """A line to `url` with what a person would enter."""
    return cast("Line", PlainLine(http, kind, url, kind.settings(**settings)))
