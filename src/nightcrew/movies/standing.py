"""How movies and shows stand: states in words, what needs a person, figures for the first page."""

from __future__ import annotations

from collections.abc import Mapping

from nightcrew.kernel.declare import Look
from nightcrew.movies.models import SourceState

STATES: Mapping[str, tuple[Look, str]] = {
    "list.new": ("wait", "not read yet"),
    "list.fresh": ("ok", "as TMDB has it"),
    "list.held": ("warn", "held back"),
    "list.failing": ("bad", "cannot be read"),
    "list.paused": ("off", "left alone"),
    "season.open": ("run", "not complete"),
    f"source.{SourceState.FOUND}": ("wait", "not checked yet"),
    f"source.{SourceState.UNREAD}": ("warn", "magnet link only"),
    f"source.{SourceState.VERIFIED}": ("ok", "checked"),
    f"source.{SourceState.REFUSED}": ("bad", "refused"),
    f"source.{SourceState.MARKED}": ("warn", "not offered now"),
    f"source.{SourceState.GONE}": ("off", "gone"),
}
