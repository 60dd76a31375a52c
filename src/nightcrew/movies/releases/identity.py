"""Whether a release is the film that is wanted. Pure.

A wrong film costs more than one that is not found: what could be either is refused, with the reason.
"""

from __future__ import annotations

from nightcrew.movies.releases.known import TitleFit, fit, known, shares_word
from nightcrew.movies.releases.model import FilmIdentity, Head, Reading, Release, ReleaseKind, WantedFilm
from nightcrew.movies.releases.vocabulary import ARTICLES
from nightcrew.movies.releases.words import key, words

_KINDS = {
    ReleaseKind.EPISODE: "an episode or a season, not a film",
    ReleaseKind.PACK: "several films in one",
    ReleaseKind.EXTRA: "about the film or a part of its extras, not the film",
    ReleaseKind.OTHER: "no video",
}


def judge(release: Release | Head, film: WantedFilm, imdb_id: str = "") -> FilmIdentity:
    """Whether a release is the film. `imdb_id`: what the indexer says that it is; the name's own counts as well.

    The head of a name is enough, so that only what is the film must be read whole.
    """
    head = release.head if isinstance(release, Release) else release
    wanted, claimed = _number(film.imdb_id), {_number(imdb_id), _number(head.imdb_id)} - {0}
    if wanted and claimed - {wanted}:
        return FilmIdentity(False, f"its IMDb number is tt{max(claimed - {wanted}):07}, not {film.imdb_id}")
    has_id = bool(wanted and claimed)
    titles = known(film.titles)
    fits = [(fit(reading.title, titles), reading) for reading in head.readings]
    if not has_id and all(how is TitleFit.NONE for how, _ in fits):
        return FilmIdentity(False, f"the title “{head.title}” is none of the film's")
    if head.kind is not ReleaseKind.FILM and not _is_in_title(head, film):
        return FilmIdentity(False, f"it is {_KINDS[head.kind]} (“{head.why}”)")
    answers = [_judge_reading(how, reading, film, has_id=has_id) for how, reading in fits if how or has_id]
    return next((one for one in answers if one.ok), answers[0])


def _number(imdb_id: str) -> int:
    digits = imdb_id.strip().lower().removeprefix("tt")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 12 else 0


def _is_in_title(head: Head, film: WantedFilm) -> bool:
    """Whether the words that make it no film belong to the film's title: "Trilogy", "The Twilight Saga"."""
    why = key(head.why)
    return any(why in key(title) for title in film.titles) and why not in key(head.tail)


def _judge_reading(how: TitleFit, reading: Reading, film: WantedFilm, *, has_id: bool) -> FilmIdentity:
    title, year = reading.title, reading.year
    if how is TitleFit.NONE:
        if year is not None and year == film.year and shares_word(title, film.titles):
            return FilmIdentity(True, "the IMDb number and the year agree")
        return FilmIdentity(False, f"the title “{title}” is none of the film's, though the IMDb number agrees")
    if year is None:
        return _without_year(how, title, has_id=has_id)
    if film.year is None:
        if has_id:
            return FilmIdentity(True, "the title and the IMDb number agree")
        return FilmIdentity(False, "the year of the film is not known, and other films may have that title")
    return _by_year(how, reading, film, has_id=has_id)


def _without_year(how: TitleFit, title: str, *, has_id: bool) -> FilmIdentity:
    if has_id:
        return FilmIdentity(True, "the title and the IMDb number agree")
    if how is TitleFit.TWICE:
        return FilmIdentity(True, "two of the film's titles stand in the name")
    found = words(title)
    if how is TitleFit.WHOLE and len(found) > 2 and any(word.isdigit() and len(word) == 4 for word in found):
        return FilmIdentity(True, "the title agrees, with the number in it")
    return FilmIdentity(False, "the name gives no year, and other films may have that title")


def _by_year(how: TitleFit, reading: Reading, film: WantedFilm, *, has_id: bool) -> FilmIdentity:
    said, year = reading.year or 0, film.year or 0
    if said == year:
        return FilmIdentity(
            True, "title and year agree" if how >= TitleFit.WHOLE else "the title nearly agrees, the year does"
        )
    other = f"it is of {said}, the film of {year}"
    if abs(said - year) > 1:
        return FilmIdentity(False, other)
    if has_id:
        return FilmIdentity(True, f"title and IMDb number agree, the name says {said}")
    if how < TitleFit.WHOLE:
        return FilmIdentity(False, f"{other}, and the title agrees only nearly")
    return _beside(reading.title, said, film) or FilmIdentity(False, f"{other}, and other films may have that title")


def _beside(title: str, said: int, film: WantedFilm) -> FilmIdentity | None:
    """A year more or less: films are shown at festivals, or in other countries, in another year."""
    released, year = film.released_at, film.year or 0
    if released is None:
        return None
    if released.year == said:
        return FilmIdentity(True, f"the film was released in {said}")
    if len([word for word in words(title) if word not in ARTICLES]) < _TELLING:
        return None
    if said < year and released.month <= _FESTIVALS_BEFORE:
        return FilmIdentity(True, f"it may have been shown at a festival in {said}")
    if said > year and released.month >= _ELSEWHERE_FROM:
        return FilmIdentity(True, f"it may have come to other countries in {said}")
    return None


_FESTIVALS_BEFORE, _ELSEWHERE_FROM = 4, 9
"""Months: a film that is released until April may have been at a festival of the autumn before; one that is first shown from September
on, at such a festival or for the awards, comes to many countries in the year after."""
_TELLING = 2
"""Words without articles from which on two films a year apart hardly have the same title. "Titanic" was two."""
