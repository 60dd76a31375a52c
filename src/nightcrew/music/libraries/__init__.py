"""Media servers whose music library is compared with what is wanted. Each is a kind of connection."""

from __future__ import annotations

from nightcrew.music.libraries import jellyfin, plex, subsonic

LIBRARIES = (subsonic.LIBRARY, jellyfin.LIBRARY, plex.LIBRARY)
"""Those that there are."""
