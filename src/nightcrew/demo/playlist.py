"""Text of M3U playlists, with the irregularities of real ones: a consumer has to live with all of them."""

from collections.abc import Callable, Iterable

from .lineup import DemoChannel


def playlist(base: str, guide: str, channels: Iterable[DemoChannel], url_of: Callable[[DemoChannel], str]) -> str:
    """Quotes inside values are not escaped, as is usual. Every 7th channel names its group in `#EXTGRP`."""
    return f'#EXTM3U x-tvg-url="{guide}"\n' + "".join(_entry(base, channel, url_of(channel)) for channel in channels)


def _entry(base: str, channel: DemoChannel, url: str) -> str:
    group = "" if channel.number % 7 == 0 else f' group-title="{channel.group}"'
    lines = [
        f'#EXTINF:-1 tvg-id="{channel.guide_id}" tvg-name="{channel.name}" tvg-logo="{base}{channel.logo}" '
        f'tvg-chno="{channel.number}"{group},{channel.name}'
    ]
    if not group:
        lines.append(f"#EXTGRP:{channel.group}")
    if channel.number % 5 == 0:
        lines.append("#EXTVLCOPT:http-user-agent=HarbourPlayer/1.0")
    return "\n".join([*lines, url, ""])
