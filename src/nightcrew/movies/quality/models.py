"""The table of quality profiles."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from nightcrew.kernel.rows import Json, column, table_of, text
from nightcrew.movies.columns import MAX_NAME


@dataclass(frozen=True, slots=True)
class StoredProfile:
    """A quality profile of a person's."""

    name: Annotated[str, text(MAX_NAME, primary_key=True)]
    body: Annotated[dict[str, Any], column(Json)]
    changed_at: datetime


profile = table_of("movie_profile", StoredProfile)
