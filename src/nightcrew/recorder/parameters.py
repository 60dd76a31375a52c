"""How a codec is set up, read from the first bytes of a picture or a sound: its size, its sample rate, its channels. Pure.

Each function gives a text for people that also serves to compare, empty where nothing is found. Bytes are hostile: what makes
no sense is nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable

ADTS_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
MPEG_RATES = ((11025, 12000, 8000), (0, 0, 0), (22050, 24000, 16000), (44100, 48000, 32000))
"""By version: 2.5, reserved, 2, 1 (ISO/IEC 11172-3, 13818-3)."""
AC3_RATES = (48000, 44100, 32000)
AC3_CHANNELS = (2, 1, 2, 3, 3, 4, 4, 5)
"""By acmod, without the low frequencies (ATSC A/52, table 5.8)."""
HEADER = 64
"""Bytes of a sound in which its header is looked for."""
_EMULATION = re.compile(rb"\x00\x00\x03")


class Bits:
    """Reads bits from the front. Raises `IndexError` behind the end."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data), len(data) * 8

    def take(self, count: int) -> int:
        """The next `count` bits as a number."""
        if count > self._left:
            raise IndexError
        self._left -= count
        return self._value >> self._left & (1 << count) - 1

    def golomb(self) -> int:
        """An Exp-Golomb number (ISO/IEC 14496-10, 9.1)."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 31:
                raise IndexError
        return (1 << zeros) - 1 + self.take(zeros)

    def signed(self) -> int:
        """A signed one (9.1.1)."""
        found = self.golomb()
        return (found + 1) // 2 if found % 2 else -(found // 2)


def of(codec: str, data: bytes) -> str:
    """How a stream is set up, by the beginning of a packet of it; empty when this packet does not say."""
    reader = _READERS.get(codec)
    if reader is None:
        return ""
    try:
        return reader(data)
    except IndexError:
        return ""


def sound(rate: int, channels: int) -> str:
    """How people say it."""
    return f"{rate} Hz, {channels} channel{'s' * (channels != 1)}" if rate else ""


def picture(width: int, height: int) -> str:
    """How people say it."""
    return f"{width}x{height}" if 0 < width <= 1 << 15 and 0 < height <= 1 << 15 else ""


# -- sounds ------------------------------------------------------------------------------------------------------------


def adts(data: bytes) -> str:
    """AAC with a header in front of each frame (ISO/IEC 13818-7, 6.2)."""
    at = _sync(data, 0xFF, 0xF6, 0xF0)
    if at is None:
        return ""
    index, channels = data[at + 2] >> 2 & 0xF, (data[at + 2] & 1) << 2 | data[at + 3] >> 6
    profile = data[at + 2] >> 6
    if index >= len(ADTS_RATES):
        return ""
    said = sound(ADTS_RATES[index], {0: 0, 7: 8}.get(channels, channels))
    return said if profile == 1 else f"{said}, profile {profile}"  # 1 is AAC-LC, which nearly all are


def mpeg_audio(data: bytes) -> str:
    """MPEG-1 and -2 audio, layers 1 to 3 (ISO/IEC 11172-3, 2.4.1.3)."""
    at = _sync(data, 0xFF, 0xE0, 0xE0)
    if at is None:
        return ""
    version, layer, index = data[at + 1] >> 3 & 3, data[at + 1] >> 1 & 3, data[at + 2] >> 2 & 3
    if index == 3 or not layer:
        return ""
    said = sound(MPEG_RATES[version][index], 1 if data[at + 3] >> 6 == 3 else 2)
    return said and (said if layer == 2 else f"{said}, layer {4 - layer}")


def ac3(data: bytes) -> str:
    """AC-3 and E-AC-3 (ATSC A/52, 5.3 and E.1.2)."""
    at = data.find(b"\x0b\x77")
    if at < 0:
        return ""
    bits = Bits(data[at + 2 : at + 12])
    if data[at + 5] >> 3 > 10:
        bits.take(2 + 3 + 11)
        code = bits.take(2)
        half = bits.take(2)
        rate = AC3_RATES[half] // 2 if code == 3 else AC3_RATES[code]
        mode, low = bits.take(3), bits.take(1)
        return sound(rate, AC3_CHANNELS[mode] + low)
    bits.take(16)
    rate = AC3_RATES[bits.take(2)]
    bits.take(6 + 5 + 3)
    mode = bits.take(3)
    bits.take(2 * (bool(mode & 1 and mode != 1) + bool(mode & 4) + (mode == 2)))
    return sound(rate, AC3_CHANNELS[mode] + bits.take(1))


def _sync(data: bytes, first: int, mask: int, wanted: int) -> int | None:
    """Where a header begins, near the front: what comes before it is the end of another frame."""
    at = data.find(first)
    while 0 <= at < len(data) - 3:
        if data[at + 1] & mask == wanted:
            return at
        at = data.find(first, at + 1)
    return None


# -- pictures ----------------------------------------------------------------------------------------------------------


def h264(data: bytes) -> str:
    """The size that a sequence parameter set of H.264 says (ISO/IEC 14496-10, 7.3.2.1.1)."""
    unit = _unit(data, lambda head: head & 0x1F == 7)
    return h264_set(unit) if unit else ""


def h264_set(unit: bytes) -> str:
    """Of one without its start code."""
    bits = Bits(_plain(unit[1:200]))
    profile = bits.take(8)
    bits.take(16)
    bits.golomb()
    chroma = 1
    if profile in {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}:
        chroma = _high(bits)
    bits.golomb()
    order = bits.golomb()
    if order == 0:
        bits.golomb()
    elif order == 1:
        bits.take(1)
        bits.signed()
        bits.signed()
        for _ in range(min(bits.golomb(), 255)):
            bits.signed()
    bits.golomb()
    bits.take(1)
    width, height, frames = (bits.golomb() + 1) * 16, bits.golomb() + 1, bits.take(1)
    height *= 16 * (2 - frames)
    if not frames:
        bits.take(1)
    bits.take(1)
    left, right, top, bottom = [bits.golomb() for _ in range(4)] if bits.take(1) else [0] * 4
    across, down = (2 if chroma in {1, 2} else 1), (2 if chroma == 1 else 1) * (2 - frames)
    return picture(width - across * (left + right), height - down * (top + bottom))


def _high(bits: Bits) -> int:
    """What the high profiles say in between; returns the chroma format."""
    chroma = bits.golomb()
    if chroma == 3:
        bits.take(1)
    bits.golomb()
    bits.golomb()
    bits.take(1)
    if bits.take(1):
        for number in range(12 if chroma == 3 else 8):
            if bits.take(1):
                _scaling(bits, 16 if number < 6 else 64)
    return chroma


def _scaling(bits: Bits, count: int) -> None:
    last = following = 8
    for _ in range(count):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last


def hevc(data: bytes) -> str:
    """The size that a sequence parameter set of HEVC says (ISO/IEC 23008-2, 7.3.2.2)."""
    unit = _unit(data, lambda head: head >> 1 & 0x3F == 33)
    if not unit:
        return ""
    bits = Bits(_plain(unit[2:400]))
    bits.take(4)
    layers = bits.take(3)
    bits.take(1 + 96)
    flags = [(bits.take(1), bits.take(1)) for _ in range(layers)]
    bits.take(2 * (8 - layers) if layers else 0)
    for profile, level in flags:
        bits.take(88 * profile + 8 * level)
    bits.golomb()
    chroma = bits.golomb()
    if chroma == 3:
        bits.take(1)
    width, height = bits.golomb(), bits.golomb()
    left, right, top, bottom = [bits.golomb() for _ in range(4)] if bits.take(1) else [0] * 4
    across, down = (2 if chroma in {1, 2} else 1), (2 if chroma == 1 else 1)
    return picture(width - across * (left + right), height - down * (top + bottom))


def mpeg_video(data: bytes) -> str:
    """The size that a sequence header of MPEG-1 or -2 says (ISO/IEC 13818-2, 6.2.2.1)."""
    at = data.find(b"\x00\x00\x01\xb3")
    if at < 0 or at + 7 > len(data):
        return ""
    return picture(data[at + 4] << 4 | data[at + 5] >> 4, (data[at + 5] & 0xF) << 8 | data[at + 6])


def _unit(data: bytes, wanted: Callable[[int], bool]) -> bytes:
    """The first unit of a kind behind its start code."""
    at = data.find(b"\x00\x00\x01")
    while 0 <= at < len(data) - 4:
        if wanted(data[at + 3]):
            end = data.find(b"\x00\x00\x01", at + 3)
            return data[at + 3 : end if end > 0 else None]
        at = data.find(b"\x00\x00\x01", at + 3)
    return b""


def _plain(unit: bytes) -> bytes:
    """Without the bytes that keep start codes out of it."""
    return _EMULATION.sub(b"\x00\x00", unit)


_READERS: dict[str, Callable[[bytes], str]] = {
    "aac": adts,
    "mp2": mpeg_audio,
    "mp3": mpeg_audio,
    "ac3": ac3,
    "eac3": ac3,
    "h264": h264,
    "hevc": hevc,
    "mpeg1video": mpeg_video,
    "mpeg2video": mpeg_video,
}
