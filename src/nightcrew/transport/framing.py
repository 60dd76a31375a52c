"""How the packets of a transport stream lie, and packets of other sizes made plain. Pure."""

from __future__ import annotations

from nightcrew.transport.ts import PACKET, SYNC

_LEADS = {188: 0, 192: 4, 204: 0}
"""Sizes in which packets come, and how many bytes are before the packet itself: M2TS has a time code there; with 204 an error
correction follows it (ETSI EN 300 429)."""
_HEADS = 3
"""Heads at their distance that tell a transport stream which begins inside of a packet."""


def framing(first: bytes) -> tuple[int, int] | None:
    """Where the first whole packet begins, and the size of each with what is around it; None for what is no transport stream."""
    for size, lead in _LEADS.items():
        for start in range(min(size, len(first))):
            heads = [first[at : at + 4] for at in range(start, min(len(first), start + 5 * size), size)]
            certain = len(heads) >= _HEADS or (start == 0 and size == PACKET)
            if certain and all(map(_is_head, heads)):
                return (start - lead) % size, size
    return None


def _is_head(head: bytes) -> bool:
    """The sync byte, and a packet that has a payload, an adaptation field or both."""
    return head[0] == SYNC and (len(head) < 4 or bool(head[3] & 0x30))


class Plain:
    """Takes packets of 192 or 204 bytes, and gives the 188 of each. `start` and `size` are what `framing` found."""

    def __init__(self, start: int, size: int) -> None:
        self._skip, self._size, self._lead = start, size, _LEADS[size]
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """The whole packets of what has come so far."""
        data = self._held + chunk
        if self._skip:
            passed = min(self._skip, len(data))
            data, self._skip = data[passed:], self._skip - passed
        whole = len(data) - len(data) % self._size
        self._held = data[whole:]
        lead = self._lead
        return b"".join(data[at + lead : at + lead + PACKET] for at in range(0, whole, self._size))
