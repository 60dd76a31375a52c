"""What other domains may use of playlists."""

from __future__ import annotations

from nightcrew.playlists import accounts, models
from nightcrew.playlists.accounts import Profile
from nightcrew.playlists.actions import add_missing as add_missing_sources
from nightcrew.playlists.api import shown_url
from nightcrew.playlists.formats.master import Variant, best_variant, parse_master, unnamed, variant_key
from nightcrew.playlists.formats.media import media_type
from nightcrew.playlists.models import DEAD_PLACES, UNPLACED, Channel, Source, Stream
from nightcrew.playlists.origin import Media, media
from nightcrew.playlists.picking import is_film
from nightcrew.playlists.play import Player
from nightcrew.playlists.providers.base import host_is_private
from nightcrew.playlists.relay import Relay
from nightcrew.playlists.releases import TOO_MANY, Patience, Releases, released
from nightcrew.playlists.rules import groups_of
from nightcrew.playlists.segments import PLAYLIST_LIMITS
from nightcrew.playlists.settings import PlaylistSettings
from nightcrew.playlists.store import channels, grades, sources, variants

__all__ = [
    "DEAD_PLACES",
    "PLAYLIST_LIMITS",
    "TOO_MANY",
    "UNPLACED",
    "Channel",
    "Media",
    "Patience",
    "Player",
    "PlaylistSettings",
    "Profile",
    "Relay",
    "Releases",
    "Source",
    "Stream",
    "Variant",
    "accounts",
    "add_missing_sources",
    "best_variant",
    "channels",
    "grades",
    "groups_of",
    "host_is_private",
    "is_film",
    "media",
    "media_type",
    "models",
    "parse_master",
    "released",
    "shown_url",
    "sources",
    "unnamed",
    "variant_key",
    "variants",
]
