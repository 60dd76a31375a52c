"""Custom formats as Radarr has them and the TRaSH guides publish them: named conditions on a release, with a score. Pure.

Conditions of one kind are alternatives, of which those that are required must all hold; every kind that a format has must be met.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nightcrew.movies.releases.conditions import CONDITIONS, BadCondition, Condition, Subject

MOST_BYTES = 4 << 20
MOST_FORMATS = 500
MOST_CONDITIONS = 300
MOST_SCORE = 100_000
MOST_SLOW = 5
"""Formats that may take too long for one release; the others are then not asked."""


class BadFormat(ValueError):
    """A custom format cannot be used; the sentence says which one and why."""


@dataclass(frozen=True, slots=True)
class Specification:
    """One condition of a format. `kind`: those of one kind are alternatives. `is_required`: it must hold whatever others do."""

    name: str
    kind: str
    condition: Condition
    is_negated: bool
    is_required: bool


@dataclass(frozen=True, slots=True)
class CustomFormat:
    """A format. `score`: what it gives where it holds."""

    name: str
    score: int
    specifications: tuple[Specification, ...]

    def holds(self, subject: Subject) -> bool:
        """Whether a release has it. Raises TimeoutError where an expression takes too long."""
        kinds: dict[str, list[tuple[Specification, bool]]] = {}
        for one in self.specifications:
            kinds.setdefault(one.kind, []).append((one, one.condition(subject) is not one.is_negated))
        return bool(kinds) and all(
            any(held for _, held in ones) and all(held for one, held in ones if one.is_required)
            for ones in kinds.values()
        )


@dataclass(frozen=True, slots=True)
class FormatsHeld:
    """The formats that a release has, and those that took too long to tell, or were not asked after five such."""

    names: tuple[str, ...]
    slow: tuple[str, ...]


def held(formats: Sequence[CustomFormat], subject: Subject) -> FormatsHeld:
    """Which formats a release has. One that takes too long counts as not held."""
    names, slow = list[str](), list[str]()
    for one in formats:
        if len(slow) >= MOST_SLOW:
            slow.append(one.name)
            continue
        try:
            if one.holds(subject):
                names.append(one.name)
        except TimeoutError:
            slow.append(one.name)
    return FormatsHeld(tuple(names), tuple(slow))


def imported(
    data: str | bytes, *, scores: str = "default", given: Mapping[str, int] | None = None
) -> list[CustomFormat]:
    """The formats of a JSON file: one, or a list. `scores`: the set of scores that counts (TRaSH has several), "default" where it
    is missing. `given`: scores by name, which come first. Raises BadFormat.
    """
    if len(data) > MOST_BYTES:
        raise BadFormat(f"The file has more than {MOST_BYTES >> 20} MiB.")
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadFormat("The file is no JSON.") from error
    many = found if isinstance(found, list) else [found]
    if len(many) > MOST_FORMATS:
        raise BadFormat(f"The file has more than {MOST_FORMATS} custom formats.")
    formats = [_format(one, scores, given or {}) for one in many]
    names = [one.name for one in formats]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise BadFormat(f"“{twice}” stands there twice.")
    return formats


def name_of(found: Mapping[str, Any]) -> str:
    """What a format is called here, as it is written; empty where it has no name."""
    name = found.get("name")
    return name.strip()[:200] if isinstance(name, str) else ""


def _format(found: Any, scores: str, given: Mapping[str, int]) -> CustomFormat:
    if not (isinstance(found, dict) and isinstance(found.get("name"), str) and found["name"].strip()):
        raise BadFormat("A custom format is an object with a name.")
    name = name_of(found)
    specifications = found.get("specifications")
    if not isinstance(specifications, list) or not specifications or len(specifications) > MOST_CONDITIONS:
        raise BadFormat(f"“{name}” has no list of specifications, or more than {MOST_CONDITIONS}.")
    try:
        return CustomFormat(name, given.get(name, _score(found, scores)), tuple(map(_specification, specifications)))
    except BadCondition as error:
        raise BadFormat(f"“{name}”: {error}.") from error


def _score(found: Mapping[str, Any], scores: str) -> int:
    """A score may be a number or its digits; `score` is what Radarr's profiles write, the others are TRaSH's."""
    sets = found.get("trash_scores")
    sets = sets if isinstance(sets, dict) else {}
    value = next(
        (
            one
            for one in (sets.get(scores), sets.get("default"), found.get("score"), found.get("trash_score"))
            if one is not None
        ),
        0,
    )
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadFormat(f"“{found['name']}” has a score that is no number.") from error
    if abs(number) > MOST_SCORE:
        raise BadFormat(f"“{found['name']}” has a score beyond {MOST_SCORE}.")
    return number


def _specification(found: Any) -> Specification:
    if not (isinstance(found, dict) and isinstance(found.get("implementation"), str)):
        raise BadCondition("a specification is an object with an implementation")
    kind, name = found["implementation"], str(found.get("name", ""))[:200]
    reader = CONDITIONS.get(kind)
    if reader is None:
        raise BadCondition(f"“{name}” is a {kind[:60]}, which is not known here")
    try:
        condition = reader(_fields(found.get("fields")))
    except BadCondition as error:
        raise BadCondition(f"“{name}” cannot be used: {error}") from error
    return Specification(name, kind, condition, found.get("negate") is True, found.get("required") is True)


def _fields(found: Any) -> dict[str, Any]:
    """TRaSH has an object of values, Radarr a list of objects with name and value."""
    if isinstance(found, dict):
        return found
    ones: Iterable[Any] = found if isinstance(found, list) else ()
    return {one["name"]: one.get("value") for one in ones if isinstance(one, dict) and isinstance(one.get("name"), str)}
