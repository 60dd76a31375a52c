"""Every domain withstands what `ordeal` does to it: kill -9, a database that is away, each of its services away in turn."""

from __future__ import annotations

import functools
import inspect
import os
from importlib import import_module
from pathlib import Path

import pytest

from counter import Film
from darkroom import serving
from nightcrew.domains import FOLDERS
from ordeal import Case, torment
from support import locked_out

KILLS = int(os.environ.get("NIGHTCREW_KILLS", "2"))
QUIET = {"NIGHTCREW_PLAYLIST_REBUILD_ON_START": "false", "NIGHTCREW_LOG_LEVEL": "WARNING"}


def case_of(domain: str, film: Film) -> Case:
    """The case that a domain brings."""
    made = import_module(f"ordeal.{domain}").CASE
    found: Case = made(film) if "film" in inspect.signature(made).parameters else made()
    assert found.domain == domain
    return found


def test_every_domain_brings_its_case() -> None:
    missing = [name for name in FOLDERS if not (Path(__file__).parents[1] / "ordeal" / f"{name}.py").exists()]
    assert missing == [], "docs/adding-a-domain.md says what a case is"


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_nothing_is_lost_and_nothing_is_done_twice_whatever_is_killed_or_away(
    tmp_path: Path, postgres: str, film: Film
) -> None:
    async with serving(tmp_path / "data", NIGHTCREW_DATABASE_URL=postgres, **QUIET) as server:
        cases = [case_of(name, film) for name in FOLDERS]
        await torment(server, cases, kills=KILLS, seed=20261129, away=functools.partial(locked_out, postgres))
