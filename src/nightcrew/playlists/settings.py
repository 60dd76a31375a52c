"""Options of the playlists domain. Upper-case names are the seed's, so that its config.json can be imported as it is."""

from __future__ import annotations

from typing import Literal

from pydantic import field_validator

from nightcrew.kernel.settings import Options, option
from nightcrew.playlists import rules


class PlaylistSettings(Options):
    """How channels are fetched, filtered and served."""

    refresh_interval: int = option(
        600,
        ge=60,
        le=86_400,
        unit="s",
        help="How often every source is fetched. 600 suits most lists; 300 is for lists that change often, 1800 or 3600 for stable ones.",
    )
    PLAYLIST_REBUILD_ON_START: bool = option(
        True,
        help="Fetch every source anew, without using caches, when Nightcrew starts. Old data is served until the new is whole.",
    )
    LOCALES: list[tuple[str, str]] = option(
        [("de", "DE")],
        max_length=200,
        help="Language and region pairs. A catalogue without locales of its own is fetched once for each pair.",
    )
    COMBINED_PLAYLISTS: list[dict[str, str | list[str]]] = option(
        [],
        max_length=200,
        help='Playlists built from several regions: {"name": "DACH", "regions": ["DE", "AT", "CH"]}.',
    )
    FILTER_ENABLED: bool = option(False, help="Serve only channels whose name contains one of the filter keywords.")
    FILTER_KEYWORDS: list[str] = option(
        [],
        max_length=500,
        help='Keywords, or "keyword:Group" to put what matches into that group. Without keywords the filter keeps everything.',
    )
    RES: bool = option(
        False,
        help="Find out the resolution of every stream and play the best variant of its master playlist (1080p50, 720p50, 1080p25, "
        "720p25, then the largest). Variants that nothing describes are measured, four at a time.",
    )
    stream_mode: Literal["direct", "redirect", "proxy"] = option(
        "direct",
        help="What playlists point at: direct = the source itself wherever its addresses do not expire; "
        "redirect = always Nightcrew, which answers with the present address; proxy = always Nightcrew, which passes the "
        "stream on, keeps to the connections that the account allows, and changes to another stream when one fails. The streams "
        "of a source that takes a route are always passed on.",
    )
    shrink_guard: int = option(
        30,
        ge=0,
        le=100,
        unit="%",
        help="A refresh that would drop more than this share of a source's channels is held back until a person accepts it.",
    )
    merge_sources: bool = option(
        True,
        help="Streams of different sources with the same guide id in the same region become one channel with several streams.",
    )
    max_playlist_mb: int = option(
        256, ge=1, le=4096, unit="MiB", help="The largest list or guide that is read from a source, measured unpacked."
    )
    max_channels: int = option(500_000, ge=100, le=2_000_000, help="The most channels that are read from one source.")
    hide_dead: bool = option(
        False,
        help="Leave channels out of playlists while checks find all their streams dead. They come back when one works again; "
        "without this, dead streams are only tried last.",
    )
    keep_gone_days: int = option(
        30,
        ge=1,
        le=3650,
        unit="days",
        help="How long a channel that its source no longer lists keeps its id, number and edits.",
    )
    guide_interval: int = option(43_200, ge=900, le=604_800, unit="s", help="How often programme guides are fetched.")
    placeholder_programmes: bool = option(
        False,
        help="Give channels that no guide has programmes for entries with the channel's name, for players and media servers that hide "
        "channels without a guide.",
    )
    guide_days: int = option(8, ge=1, le=30, unit="days", help="How far ahead programmes are kept and served.")
    logos_days: int = option(
        30,
        ge=1,
        le=3650,
        unit="days",
        help="Logos of channels that were fetched longer ago are deleted on each machine.",
    )
    logos_mb: int = option(
        200, ge=1, le=100_000, unit="MB", help="Space for the logos of channels on each machine; the oldest go first."
    )

    @property
    def kept(self) -> rules.Filter:
        """What the filter keeps."""
        return rules.Filter.of(self.FILTER_ENABLED, self.FILTER_KEYWORDS)

    @field_validator("LOCALES")
    @classmethod
    def _locales(cls, value: list[tuple[str, str]]) -> list[tuple[str, str]]:
        return [(lang.strip(), rules.region_name(region)) for lang, region in value]

    @field_validator("COMBINED_PLAYLISTS")
    @classmethod
    def _combined(cls, value: list[dict[str, str | list[str]]]) -> list[dict[str, str | list[str]]]:
        return [rules.checked_combination(entry) for entry in value]
