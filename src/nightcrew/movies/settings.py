"""Options of movies and shows."""

from __future__ import annotations

from nightcrew.kernel.settings import Options, Settings, option


class MovieSettings(Options):
    """How often the catalogue is made current, which way searches take, and which source is good enough."""

    language: str = option(
        "en-US",
        pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$",
        help="The language of titles and descriptions, such as en-US or de-DE.",
    )
    list_refresh_interval: float = option(
        3600, ge=300, le=7 * 86_400, unit="s", help="How often the lists are read again."
    )
    sync_interval: float = option(
        5400, ge=300, le=7 * 86_400, unit="s", help="How often it is asked which movies and shows have changed."
    )
    images_days: int = option(
        150,
        ge=1,
        le=180,
        unit="days",
        help="Posters that were fetched longer ago are fetched anew. TMDB lets nobody keep them for more than six months.",
    )
    images_mb: int = option(
        500,
        ge=10,
        le=100_000,
        unit="MB",
        help="Space for posters on each machine; those that nobody looks at go first.",
    )
    route: str = option(
        "direct",
        max_length=100,
        help="The way out for searches, torrent files and trackers: the name of a route. While it is down, they wait.",
    )
    search_before_release: bool = option(
        False, help="Search for films that are not out yet. What is offered before the release date is mostly fake."
    )
    quality_profile: str = option(
        "HD", max_length=80, help="Which sources are good enough, and which is best: the name of a quality profile."
    )
    fetch: bool = option(
        False,
        help="Hand the best source of each wanted film over to the download client by itself, once for each film.",
    )
    fetch_delay: float = option(
        1800,
        ge=0,
        le=30 * 86_400,
        unit="s",
        help="How long a film waits from its first good source on, so that better ones are seen before it is fetched by itself.",
    )
    metadata_minutes: float = option(
        30,
        ge=1,
        le=1440,
        unit="min",
        help="How long a download client may ask what is in a magnet link, until the next source is taken.",
    )
    stalled_minutes: float = option(
        30,
        ge=5,
        le=10_080,
        unit="min",
        help="A download that nobody seeds is called stalled when nothing has come for so long; one with seeds after 12 h.",
    )
    next_source_minutes: float = option(
        60,
        ge=5,
        le=10_080,
        unit="min",
        help="How long a download stays stalled until it is given up and the next source is taken.",
    )
    private_trackers: bool = option(
        False, help="Ask trackers in private networks too. Torrents of strangers may name any address, so it is off."
    )


def way(settings: Settings) -> str:
    """The route of indexers that have none of their own."""
    return settings.of(MovieSettings).route
