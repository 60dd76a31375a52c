"""Picture and sound that come apart as one transport stream: ffmpeg puts them together, without encoding either anew.

It reads two pipes and writes one, and opens nothing by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, AsyncIterator

import structlog

from nightcrew.containers import FORMATS
from nightcrew.kernel import processes
from nightcrew.kernel.errors import NightcrewError, Retry
from nightcrew.kernel.processes import Child, Command
from nightcrew.playlists.formats.media import BARE_SOUND, media_type
from nightcrew.transport.framing import framing
from nightcrew.transport.id3 import tag_time
from nightcrew.transport.ts import PACKET, first_time

log = structlog.get_logger("nightcrew.playlists")

BLOCK = 64 << 10
MOST_LEAD = 4 << 10
"""Bytes in which the first packet begins."""
MOST_LOOKED = 1 << 20
"""Bytes of a picture in which its time is sought."""
LOOKS = ("-probesize", "2M", "-analyzeduration", "2M", "-fpsprobesize", "2", "-thread_queue_size", "512")
"""How much ffmpeg reads of each before it begins; a live stream comes at the speed at which it is shown."""
ALLOWED = ("-protocol_whitelist", "pipe", "-format_whitelist", FORMATS)
WRITES = "-map 0:v? -map 1:a? -c copy -muxdelay 0 -flush_packets 1 -f mpegts pipe:1"


async def mixed(ffmpeg: str, picture: AsyncIterator[bytes], sound: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Both as a transport stream. When one of them fails, so does all; raises what reading it raises."""
    first = await anext(sound, b"")
    begun, at = b"", None
    bare = media_type(first) in BARE_SOUND
    if bare:
        begun, at = await _begun(picture)
        at = tag_time(first) if tag_time(first) is not None else at
    child, heard = await _started(ffmpeg, at, bare=bare)
    feeding = [
        asyncio.create_task(_fed(child.stdin, begun, picture), name="picture for ffmpeg"),
        asyncio.create_task(_fed(heard, first, sound), name="sound for ffmpeg"),
    ]
    try:
        while block := await child.stdout.read(BLOCK):
            yield block
            _check(feeding)
        _check(feeding)
        if not all(task.done() for task in feeding):
            raise Retry(f"its picture and sound could not be put together: {child.last_words() or 'ffmpeg has ended'}")
    finally:
        for task in feeding:
            task.cancel()
        await asyncio.gather(*feeding, return_exceptions=True)
        await child.end()


async def _begun(picture: AsyncIterator[bytes]) -> tuple[bytes, float | None]:
    """The beginning of a picture, and its time; None where it does not say.

    It is looked at again each time that it is twice as long: the work stays in proportion to its bytes, whatever pieces it comes in.
    """
    begun, looked = bytearray(), 0
    async for chunk in picture:
        begun += chunk
        if len(begun) < 2 * looked:
            continue
        looked = len(begun)
        found = framing(bytes(begun[:MOST_LEAD]))
        at = (
            first_time(bytes(begun[found[0] :]), looked // PACKET) if found is not None and found[1] == PACKET else None
        )
        if at is not None or looked > MOST_LOOKED:
            return bytes(begun), at
    return bytes(begun), None


async def _started(ffmpeg: str, at: float | None, *, bare: bool) -> tuple[Child, asyncio.StreamWriter]:
    """ffmpeg, and what it hears; its picture goes to its standard input. Raises `Retry`."""
    try:
        read, write = os.pipe()
    except OSError as exc:
        raise Retry(f"picture and sound cannot be put together: {exc.strerror}") from exc
    heard = await _writer(write)
    try:
        return await processes.start(Command(_words(ffmpeg, read, at, bare=bare), fds=(read,))), heard
    except OSError as exc:
        heard.close()
        raise Retry(f"picture and sound cannot be put together: {exc.strerror}") from exc
    except BaseException:
        heard.close()
        raise
    finally:
        os.close(read)


def _check(feeding: list[asyncio.Task[None]]) -> None:
    """Raise what one of them raised."""
    for task in feeding:
        if task.done():
            task.result()


def _words(ffmpeg: str, sound: int, at: float | None, *, bare: bool) -> tuple[str, ...]:
    """Both count from one moment, so their times are kept: subtitles count from it too. Bare sound counts from `at`, if that is known."""
    times = () if bare and at is None else ("-copyts",)
    begins = ("-itsoffset", f"{at:.6f}") if bare and at is not None else ()
    return (
        *(ffmpeg, "-hide_banner", "-nostdin", "-loglevel", "error", *times),
        *(*LOOKS, *ALLOWED, "-i", "pipe:0"),
        *(*LOOKS, *ALLOWED, *begins, "-i", f"pipe:{sound}"),
        *WRITES.split(),
    )


async def _writer(fd: int) -> asyncio.StreamWriter:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, os.fdopen(fd, "wb", 0))
    return asyncio.StreamWriter(transport, protocol, None, loop)


async def _fed(to: asyncio.StreamWriter, first: bytes, chunks: AsyncIterator[bytes]) -> None:
    """Pass all bytes on, at the pace of who reads. Raises what reading them raises."""
    try:
        if first:
            to.write(first)
        async for chunk in chunks:
            to.write(chunk)
            await to.drain()
    except (ConnectionError, BrokenPipeError):
        return  # ffmpeg has ended, which is told elsewhere
    except NightcrewError as exc:
        log.info("picture or sound broke off", reason=str(exc))
        raise
    finally:
        with contextlib.suppress(OSError, RuntimeError):
            to.close()
