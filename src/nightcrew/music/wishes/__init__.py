"""Services that know which tracks a person wants. Each is a kind of connection with a way to read its lists."""

from __future__ import annotations

from nightcrew.music.wishes import listenbrainz, spotify

SOURCES = (spotify.SOURCE, listenbrainz.SOURCE)
"""Those that there are."""
