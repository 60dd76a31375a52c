"""A small bencode reader for answers of trackers (BEP 3). Pure."""

from __future__ import annotations

from typing import Any

MAX_DEPTH = 10
MAX_BYTES = 1 << 20


class NotBencode(ValueError):
    """What was read is not bencode, or too much of it."""


def bencoded(data: bytes) -> Any:
    """An int, bytes, list or dict with keys of bytes. Raises `NotBencode`, also for what follows it."""
    if len(data) > MAX_BYTES:
        raise NotBencode(f"it has more than {MAX_BYTES} bytes")
    value, end = _value(data, 0, 0)
    if end != len(data):
        raise NotBencode(f"something follows byte {end}")
    return value


def _value(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    first = data[at : at + 1]
    if first == b"i":
        return _number(data, at + 1, b"e", 20)
    if first in {b"l", b"d"}:
        return _many(data, at, depth)
    size, at = _number(data, at, b":", 7)
    if size < 0 or at + size > len(data):
        raise NotBencode(f"a text of {size} bytes does not fit")
    return data[at : at + size], at + size


def _many(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    if depth == MAX_DEPTH:
        raise NotBencode(f"it is nested more than {MAX_DEPTH} deep")
    is_dict, found = data[at : at + 1] == b"d", []
    at += 1
    while data[at : at + 1] != b"e":
        value, at = _value(data, at, depth + 1)
        found.append(value)
    if not is_dict:
        return found, at + 1
    keys = found[::2]
    if len(found) % 2 or not all(isinstance(key, bytes) for key in keys) or len(set(keys)) != len(keys):
        raise NotBencode("a dictionary has a key without a value, one that is no text, or one twice")
    return dict(zip(keys, found[1::2], strict=True)), at + 1


def _number(data: bytes, at: int, end: bytes, longest: int) -> tuple[int, int]:
    stop = data.find(end, at, at + longest + 1)
    digits = data[at:stop] if stop > 0 else b""
    if not digits.removeprefix(b"-").isdigit():
        raise NotBencode(f"byte {at}: there is no number")
    return int(digits), stop + 1
