"""A process that makes a transport stream of one stream of another kind: `python -m nightcrew.recorder.remux PARENT`.

The first line of standard input is the address to read, or empty: then the stream's bytes follow. The transport stream goes to
standard output; one sentence to standard error says why there is none. Nothing is decoded, and no time is changed.

The bytes come from the parent, so that what they name is never opened: there are no playlists among the formats, and no
protocol is allowed. An address is one that only libav can read (rtsp, rtmp), and only its parent knows whether it may be read.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Disposition, Stream

from nightcrew.child import die_with_parent, limit_memory, own_pipes, write_all
from nightcrew.containers import FORMATS

MEMORY = 1 << 30
"""Bytes of address space that it may take beyond what it starts with."""
MAX_ADDRESS = 8192
NETWORK = "rtp,srtp,udp,tcp,tls,srt,rtmp,rtmps,rtmpt,rtmpts,rtmpe,rtmpte,ffrtmphttp,ffrtmpcrypt,http,https"
"""Protocols for an address: none of them reads a file."""
FROM_BYTES = {"format_whitelist": FORMATS, "protocol_whitelist": "none"}
FROM_ADDRESS = {
    "format_whitelist": f"{FORMATS},rtsp,sdp,rtp",
    "protocol_whitelist": NETWORK,
    "rtsp_flags": "prefer_tcp",
}
TARGET = {"flush_packets": "1", "mpegts_copyts": "1"}


class InputPipe:
    """What a file descriptor sends, as a file that is only read forward."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def read(self, size: int) -> bytes:
        """What is there, at most `size` bytes; empty at the end."""
        return os.read(self._fd, size)


class OutputPipe:
    """A file descriptor to write to."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def write(self, data: bytes) -> int:
        """All of it."""
        write_all(self._fd, data)
        return len(data)


def main() -> None:
    """Remux until the stream ends, or the parent does."""
    die_with_parent()
    given, out = own_pipes()
    words, sink = os.dup(2), OutputPipe(out)
    os.dup2(1, 2)  # nobody reads what libav complains of, and a full pipe would hold it up
    limit_memory(MEMORY)
    address = _line(given)
    try:
        what, options = (address, FROM_ADDRESS) if address else (InputPipe(given), FROM_BYTES)
        with (
            av.open(what, "r", options=options) as source,
            av.open(sink, "w", format="mpegts", options=TARGET) as target,
        ):
            remux(source, target)
    except BrokenPipeError:
        return
    except (av.FFmpegError, EOFError, ValueError, MemoryError) as exc:
        os.write(words, reason(exc).encode())
        sys.exit(1)


def remux(source: InputContainer, target: OutputContainer) -> None:
    """All pictures and sounds of `source`. Raises ValueError when there are none."""
    copies = {one.index: target.add_stream_from_template(one) for one in _media(source)}
    if not copies:
        raise ValueError("it has neither video nor audio")
    last: dict[int, int] = {}
    for packet in source.demux(*(source.streams[index] for index in copies)):
        index = packet.stream.index
        if packet.size and _in_order(packet, last.get(index)):
            last[index] = packet.dts or 0
            packet.stream = copies[index]
            target.mux(packet)


def reason(exc: BaseException) -> str:
    """Why there is nothing, without the address: it may hold a login."""
    if isinstance(exc, av.FFmpegError):
        return (exc.strerror or type(exc).__name__)[:200].lower()
    return str(exc)[:200] if isinstance(exc, ValueError) and "://" not in str(exc) else type(exc).__name__


def _media(source: InputContainer) -> Iterator[Stream]:
    for one in source.streams:
        shown = one.type == "audio" or (one.type == "video" and not one.disposition & Disposition.attached_pic)
        if shown and one.codec_context is not None:
            yield one


def _in_order(packet: Packet[Any], last: int | None) -> bool:
    """Give a packet the times that a transport stream needs: each one decoded later than the one before it."""
    dts = packet.dts
    if dts is None:
        dts = packet.pts if last is None else last + max(1, packet.duration or 1)
    if dts is None:
        return False
    packet.dts = dts = dts if last is None else max(dts, last + 1)
    packet.pts = dts if packet.pts is None else max(dts, packet.pts)
    return True


def _line(fd: int) -> str:
    found = b""
    while len(found) < MAX_ADDRESS:
        byte = os.read(fd, 1)
        if byte in {b"", b"\n"}:
            break
        found += byte
    return found.decode()


if __name__ == "__main__":
    main()
