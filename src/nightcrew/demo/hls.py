"""Text of HLS playlists."""

from datetime import UTC, datetime

from .pictures import FRAMES_PER_SECOND, LOOP_SEGMENTS, VARIANTS, Loop
from .window import SEGMENT_SECONDS, window_at

MEDIA_TYPE = "application/vnd.apple.mpegurl"
CODECS = "avc1.42c01e,mp4a.40.2"


def master(loop: Loop) -> str:
    """Bit rates are those of the segments that will be served: the highest and the mean (RFC 8216, 4.3.4.2)."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:6", "#EXT-X-INDEPENDENT-SEGMENTS"]
    for variant in VARIANTS:
        bits = [len(segment) * 8 // SEGMENT_SECONDS for segment in loop[variant.name]]
        lines += [
            f"#EXT-X-STREAM-INF:BANDWIDTH={max(bits)},AVERAGE-BANDWIDTH={sum(bits) // len(bits)},"
            f'RESOLUTION={variant.width}x{variant.height},FRAME-RATE={FRAMES_PER_SECOND}.000,CODECS="{CODECS}"',
            f"{variant.name}/index.m3u8",
        ]
    return "\n".join([*lines, ""])


def media(now: float, prefix: str = "") -> str:
    """The window at `now`; segments are named after their media sequence number, behind `prefix`."""
    window = window_at(now, LOOP_SEGMENTS)
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:6",
        f"#EXT-X-TARGETDURATION:{SEGMENT_SECONDS}",
        f"#EXT-X-MEDIA-SEQUENCE:{window.media_sequence}",
        f"#EXT-X-DISCONTINUITY-SEQUENCE:{window.discontinuity_sequence}",
    ]
    for entry in window.entries:
        begin = datetime.fromtimestamp(entry.number * SEGMENT_SECONDS, UTC)
        lines += ["#EXT-X-DISCONTINUITY"] if entry.wraps else []
        lines += [
            f"#EXT-X-PROGRAM-DATE-TIME:{begin:%Y-%m-%dT%H:%M:%S.000Z}",
            f"#EXTINF:{SEGMENT_SECONDS}.000,",
            f"{prefix}{entry.number}.ts",
        ]
    return "\n".join([*lines, ""])
