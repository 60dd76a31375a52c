"""Frames on a pipe between the server and a process of ours: four bytes of length (big-endian), then as many bytes. Pure."""

from __future__ import annotations

import struct

LENGTH = struct.Struct(">I")


def framed(payload: bytes) -> bytes:
    """As it is sent."""
    return LENGTH.pack(len(payload)) + payload
