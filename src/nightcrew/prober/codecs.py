"""Which of the codecs that broadcasts use this machine's libav cannot decode: `python -m nightcrew.prober.codecs` prints them."""

from __future__ import annotations

import sys

BROADCAST = ("h264", "hevc", "mpeg2video", "aac", "ac3", "eac3", "mp2", "mp3")


def missing() -> list[str]:
    """Their names."""
    from av.codec import Codec
    from av.codec.codec import UnknownCodecError

    found = []
    for name in BROADCAST:
        try:
            Codec(name, "r")
        except UnknownCodecError:
            found.append(name)
    return found


if __name__ == "__main__":
    sys.stdout.write(" ".join(missing()))
