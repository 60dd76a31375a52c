"""What movies and shows declare. `DOMAIN` is its only registration."""

from __future__ import annotations

from pathlib import Path

from nightcrew.kernel.declare import Domain
from nightcrew.movies import standing
from nightcrew.movies.settings import MovieSettings

_HERE = Path(__file__).parent

DOMAIN = Domain(
    name="movies",
    title="Movies and shows",
    settings=MovieSettings,
    migrations=_HERE / "migrations",
    states=standing.STATES,
    topics=("movies",),
)
