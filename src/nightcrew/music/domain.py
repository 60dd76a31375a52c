"""What music declares. `DOMAIN` is its only registration."""

from __future__ import annotations

from nightcrew.kernel.declare import Domain
from nightcrew.music import api
from nightcrew.music.settings import MusicSettings

DOMAIN = Domain(name="music", title="Music", settings=MusicSettings, routers=(api.router,))
