"""Bencode (BEP 3), as the demo world writes and reads it. It trusts what it reads: that is always its own."""

from collections.abc import Mapping, Sequence
from typing import Any

Value = int | str | bytes | Sequence["Value"] | Mapping[Any, "Value"]


def encode(value: Value) -> bytes:
    """Texts as UTF-8; the keys of a dictionary in the order of their bytes."""
    match value:
        case int():
            return b"i%de" % value
        case bytes():
            return b"%d:%b" % (len(value), value)
        case str():
            return encode(value.encode())
        case Mapping():
            keyed = {key if isinstance(key, bytes) else key.encode(): one for key, one in value.items()}
            return b"d" + b"".join(encode(key) + encode(keyed[key]) for key in sorted(keyed)) + b"e"
        case _:
            return b"l" + b"".join(map(encode, value)) + b"e"


def decode(data: bytes, at: int = 0) -> tuple[Any, int]:
    """A value, and where it ends. Dictionaries have keys of bytes."""
    sign = data[at : at + 1]
    if sign == b"i":
        end = data.index(b"e", at)
        return int(data[at + 1 : end]), end + 1
    if sign in {b"l", b"d"}:
        found, at = [], at + 1
        while data[at : at + 1] != b"e":
            one, at = decode(data, at)
            found.append(one)
        return (found if sign == b"l" else dict(zip(found[::2], found[1::2], strict=True))), at + 1
    begin = data.index(b":", at) + 1
    end = begin + int(data[at : begin - 1])
    return data[begin:end], end
