"""Large JSON, read in a thread while the event loop goes on.

A thread alone does not help: Python's reader is C code, and nothing else runs until it has read everything. Where it calls
Python, for each object and each number, others get their turn (bench/choices.py).
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

LARGE = 256 << 10
"""Bytes or characters from which on a thread is worth its cost."""


async def loads(data: bytes | str) -> Any:
    """As `json.loads`, in a thread when it is large."""
    return await asyncio.to_thread(read, data) if len(data) >= LARGE else json.loads(data)


def read(data: bytes | str) -> Any:
    """As `json.loads`, with turns for other threads."""
    return json.loads(data, object_hook=_pass_on, parse_int=_whole, parse_float=_real)


def _pass_on(value: dict[str, Any]) -> dict[str, Any]:
    return value


def _whole(digits: str) -> int:
    return int(digits)


def _real(digits: str) -> float:
    return float(digits)
