"""What the network is asked for a track: a ladder of queries, each tried only after an empty answer. Pure.

Terms that begin with `-` exclude and terms of one letter are dropped by the server, so no query has any. It also drops the names of
some artists without a word: the second query hides the first letters of the name.
"""

from __future__ import annotations

import re
import unicodedata

from nightcrew.music.matching.model import WantedTrack
from nightcrew.music.matching.titles import read_title
from nightcrew.music.matching.versions import named_in
from nightcrew.music.matching.words import words

MAX_TERMS = 12
_TERM = re.compile(r"[^\W_]+")


def ladder(track: WantedTrack) -> list[str]:
    """The queries, in their order: artist and title; the artist with `*` for the first letters; title and album; the title alone."""
    artist = _artist_terms(track.artists[0]) if track.artists else []
    title = _title_terms(track.title)
    album = [one for one in _title_terms(track.album) if one not in title]
    hidden = [f"*{term[1:]}" if len(term) > 2 else term for term in artist]
    steps = [[*artist, *title], [*hidden, *title], [*title, *album] if album else [], title]
    texts = [" ".join(step[:MAX_TERMS]) for step in steps if step]
    return list(dict.fromkeys(texts))


def _artist_terms(name: str) -> list[str]:
    """The terms of an artist's name, without an article before it, which many leave out."""
    terms = _terms(name)
    return terms[1:] if len(terms) > 1 and terms[0].lower() == "the" else terms


def _title_terms(text: str) -> list[str]:
    """The terms of a title that every file of the recording has: without guests, and without "remastered" and the like."""
    terms, reading = _terms(text), read_title(text)
    core, kinds = frozenset(reading.core), reading.versions.kinds

    def counts(term: str) -> bool:
        found = words(term)
        return not found or bool(set(found) & core) or bool(named_in(found, loose=True).kinds & kinds)

    return [term for term in terms if counts(term)] or terms


def _terms(text: str) -> list[str]:
    found = _TERM.findall(unicodedata.normalize("NFKC", text.replace("'", "").replace("’", "")))
    return [term for term in found if len(term) > 1 or not term.isascii()] or found
