"""The table of films that may be fetched by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from nightcrew.kernel.rows import Word, column, table_of, text
from nightcrew.kernel.store import Id
from nightcrew.movies.handover.fetch_rules import Holdback


@dataclass(frozen=True, slots=True)
class FetchEntry:
    """A wanted film that has, or had, a good source. `due_at` is when it is looked at; None: it is held back."""

    movie_id: Annotated[int, column(Id, primary_key=True)]
    good_since: datetime
    held: Annotated[Holdback | None, column(Word(Holdback, 20))]
    due_at: Annotated[datetime | None, column(index=True)]
    holder: Annotated[str | None, text(100)]
    until: datetime | None


fetch = table_of("movie_fetch", FetchEntry)
