"""Channels as a playlist's text: which stream, at which address, with what a player has to know."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from nightcrew.playlists import placeholders, rules, ways
from nightcrew.playlists.archives import days_of
from nightcrew.playlists.formats import catchup, m3u
from nightcrew.playlists.formats.headers import for_our_address
from nightcrew.playlists.guide_matching import SHIFTED
from nightcrew.playlists.models import Channel, Stream
from nightcrew.playlists.settings import PlaylistSettings


@dataclass(slots=True)
class PlaylistWriter:
    """Turns channels into playlist text."""

    base: str
    options: PlaylistSettings
    secrets: dict[int, tuple[str, ...]]
    hidden: Collection[int] = ()
    """Sources whose addresses no player is given."""
    hidden_feeds: Collection[int] = ()
    """Their lists and guides, whose logos are left out."""
    filter: rules.Filter = field(init=False)

    def __post_init__(self) -> None:
        self.filter = self.options.kept

    def entry(self, channel: Channel) -> bytes:
        """A channel's entry as UTF-8; nothing for one that is left out."""
        group = self.filter.apply(channel.name, channel.group)
        if group is None or is_left_out(channel, self.options):
            return b""
        stream = best_stream(channel)
        ours = self.is_ours(channel, stream)
        attributes = m3u.harmless(for_our_address(stream.attributes) if ours else stream.attributes)
        if channel.guide is not None:
            attributes.pop(SHIFTED, None)  # its programmes are served as they are shifted
        if ours and (days := days_of(channel)):
            attributes |= {"catchup": catchup.OURS, "catchup-days": str(days)}
        text = m3u.item(
            channel_id=channel.id,
            name=channel.name,
            group=group,
            number=channel.number,
            logo="" if self._hides_logo(channel) else m3u.picture(channel.logo),
            guide_id=guide_id_of(channel, self.options),
            url=self.address(channel, stream),
            attributes=attributes if "name" not in channel.edited else _renamed(attributes),
        )
        return text.encode("utf-8", "surrogatepass")

    def address(self, channel: Channel, stream: Stream) -> str:
        """What a player opens: `/play/<id>` for addresses that expire, the source itself otherwise."""
        if self.is_ours(channel, stream):
            return f"{self.base}/play/{channel.id}"
        return m3u.playable(rules.fill_secrets(stream.url, self.secrets.get(stream.source_id, ())))

    def _hides_logo(self, channel: Channel) -> bool:
        """Whether a player would have to ask a provider for it that it has no way to; what a person entered is shown."""
        return "logo" not in channel.edited and channel.logo_feed in self.hidden_feeds

    def is_ours(self, channel: Channel, stream: Stream) -> bool:
        """Whether players open a stream at Nightcrew, which sends what its provider wants to be sent."""
        if ways.is_passed_on(channel, self.hidden):
            return True
        through_us = stream.expires or self.options.stream_mode != "direct" or self.options.RES
        return bool(through_us and stream.playable)


def best_stream(channel: Channel) -> Stream:
    """The stream that is tried first: the first one that can be played."""
    return next((stream for stream in channel.streams if stream.usable), channel.streams[0])


def guide_id_of(channel: Channel, options: PlaylistSettings) -> str:
    """Under which id a channel's programmes are in the guide; one without gets an id where it has placeholders."""
    return channel.served_guide_id or (placeholders.guide_id(channel.id) if options.placeholder_programmes else "")


def is_left_out(channel: Channel, options: PlaylistSettings) -> bool:
    """Whether a channel is kept out of playlists because checks found all its streams dead."""
    usable = [stream for stream in channel.streams if stream.usable]
    return options.hide_dead and bool(usable) and all(stream.dead for stream in usable)


def _renamed(attributes: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in attributes.items() if key != "tvg-name"}
