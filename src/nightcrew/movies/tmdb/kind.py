"""TMDB as a connection that people enter."""

from __future__ import annotations

from pydantic import BaseModel

from nightcrew.kernel.connections.line import Line
from nightcrew.kernel.declare import Allowance, ConnectionKind, Signed
from nightcrew.kernel.errors import NeedsUser
from nightcrew.kernel.fields import Secret, ask
from nightcrew.kernel.words import counted
from nightcrew.movies.catalogue.models import Medium
from nightcrew.movies.tmdb.client import Tmdb

NAME = "tmdb"
RATE = 40.0
"""Requests a second that TMDB takes from one account, about."""
ATTRIBUTION = "This product uses the TMDB API but is not endorsed or certified by TMDB."
"""What TMDB's terms of use want to be shown."""


class TmdbLogin(BaseModel):
    """What a person enters: one of both."""

    token: Secret = ask(
        "", label="API read access token", help="From the settings of your account at TMDB, under API.", max_length=2000
    )
    api_key: Secret = ask(
        "", label="API key", help="Only where you have no token: the shorter key of version 3.", max_length=200
    )


def sign(login: TmdbLogin) -> Signed:
    """The token, else the key."""
    if login.token:
        return Signed({"Authorization": f"Bearer {login.token}"})
    return Signed(params={"api_key": login.api_key}) if login.api_key else Signed()


async def try_out(line: Line) -> list[str]:
    """What the button Test says. Raises `NeedsUser` where nothing was entered."""
    login = line.settings
    if isinstance(login, TmdbLogin) and not (login.token or login.api_key):
        raise NeedsUser("TMDB wants a token: enter the API read access token of your account")
    client = Tmdb(line, "en-US")
    await client.images()
    genres = await client.genres(Medium.MOVIE)
    return ["TMDB accepts the token.", f"It knows {counted(len(genres), 'genre')} of movies."]


KIND = ConnectionKind(
    NAME,
    "TMDB",
    TmdbLogin,
    try_out,
    help="Lists, titles, seasons and posters of movies and shows. It needs a free account there.",
    address="https://api.themoviedb.org/3",
    allowance=Allowance(per_second=RATE, at_once=24, longest_pause=300.0),
    sign=sign,
)
