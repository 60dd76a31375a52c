"""The tabs above all pages about movies and shows."""

from __future__ import annotations

from collections.abc import Mapping

from nightcrew.kernel.runtime import Runtime
from nightcrew.movies.store import catalogue_views, handovers

Tab = tuple[str, str, bool, int | None]
"""Address, words, whether it is chosen, and a count."""


async def tabs_of(node: Runtime, chosen: str, figures: Mapping[str, int] | None = None) -> list[Tab]:
    """All of them. `figures`: as `catalogue_views.counts` gives them, where they are known already."""
    known = figures or await catalogue_views.counts(node.store)
    places = (
        ("movies", "/movies", "Movies", known["movies"]),
        ("wanted", "/movies?show=wanted", "Wanted movies", known["wanted"]),
        ("shows", "/shows", "Shows", known["shows"]),
        ("lists", "/movies/lists", "Lists", None),
        ("downloads", "/movies/downloads", "Downloads", await handovers.open_count(node.store) or None),
        ("quality", "/movies/quality", "Quality", None),
        ("tasks", "/movies/tasks", "Tasks", None),
    )
    return [(address, words, name == chosen, count) for name, address, words, count in places]
