"""Every JSON route says what it answers, down to the unit of each number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import PurePosixPath
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pydantic import Field

from nightcrew.app import DOMAINS
from nightcrew.web.answers import Answer, Items, Milliseconds, Moment, Text, WorkerRow
from nightcrew.web.api import page_of
from nightcrew.web.server import create_app

BARE = {"type": "object", "additionalProperties": True}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    nothing = cast("Any", SimpleNamespace(health=SimpleNamespace(metrics=None)))
    made: dict[str, Any] = create_app(nothing, nothing, DOMAINS).openapi()
    return made


def json_answers(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The schema of each good JSON answer, by method and path."""
    found = {}
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            for status, answer in operation["responses"].items():
                if (
                    path.startswith("/api/v1/")
                    and status.startswith("2")
                    and "application/json" in answer.get("content", {})
                ):
                    found[f"{method} {path}"] = answer["content"]["application/json"]["schema"]
    return found


def test_no_route_lacks_a_response_model(schema: dict[str, Any]) -> None:
    found = json_answers(schema)
    assert len(found) > 50
    assert sorted(name for name, answer in found.items() if "$ref" not in answer) == []


OTHERS = ("/player_api.php", "/panel_api.php", "/discover.json", "/lineup.json", "/lineup_status.json", "/health")
"""What is answered as the protocols of others have it, and what Kubernetes and the like read."""


def test_no_route_outside_of_the_api_lacks_one_either(schema: dict[str, Any]) -> None:
    """Those under the seeds' addresses, for instance. A file and a text are no JSON."""
    bare = []
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            for status, answer in operation["responses"].items():
                said = answer.get("content", {}).get("application/json", {}).get("schema")
                if status.startswith("2") and said is not None and said != {} and "$ref" not in said:
                    bare.append(f"{method} {path}")
                if said == {} and ("/api/" in path or "/admin/" in path):
                    bare.append(f"{method} {path}")
    assert [one for one in bare if not one.endswith(OTHERS)] == []


def test_seconds_and_bytes_say_their_unit(schema: dict[str, Any]) -> None:
    without = []
    for name, model in schema["components"]["schemas"].items():
        for field, about in model.get("properties", {}).items():
            counts = field.endswith(("_s", "_bytes", "_kbps")) or field in {"seconds", "bytes", "seconds_left"}
            if counts and name.endswith(("Row", "Answer", "Detail", "Standing", "Run")) and "'unit'" not in repr(about):
                without.append(f"{name}.{field}")
    assert without == []


def test_a_field_that_nobody_declared_is_an_error_and_not_left_out() -> None:
    with pytest.raises(ValueError, match="wings"):
        Items[WorkerRow].model_validate({"items": [{"wings": 2}], "next": None})


def test_whole_numbers_stay_whole() -> None:
    row: dict[str, Any] = dict.fromkeys(WorkerRow.model_fields) | {
        "name": "owl",
        "domain": "wood",
        "kind": "tick",
        "help": "",
        "state": "waiting",
        "promise_s": 60,
        "age_s": 0.5,
        "fresh": True,
        "failures": 0,
        "skipped": 0,
        "runs": [],
        "node": "attic",
    }
    assert '"promise_s":60,"age_s":0.5' in WorkerRow.model_validate(row).model_dump_json()


@dataclass(frozen=True)
class Berth:
    id: int
    since: datetime
    wait: float
    folder: PurePosixPath
    boat: SimpleNamespace
    keel: str = "is not told"


class BerthRow(Answer):
    id: int
    since: Moment | None
    wait_s: Milliseconds = Field(validation_alias="wait")
    folder: Text
    boat: str = Field(validation_alias="boat.name")
    free: bool


def test_an_answer_is_made_of_a_row_and_what_the_row_does_not_have() -> None:
    row = Berth(3, datetime(2026, 1, 2, 3, 4, 5, 6, UTC), 1.23456, PurePosixPath("/a/b"), SimpleNamespace(name="Owl"))
    made = BerthRow.of(row, free=True).model_dump(mode="json")
    told = {"id": 3, "since": "2026-01-02T03:04:05Z", "wait_s": 1.235, "folder": "/a/b", "boat": "Owl", "free": True}
    assert made == told


def test_what_neither_the_row_nor_the_caller_has_is_a_defect() -> None:
    with pytest.raises(ValueError, match="free"):
        BerthRow.of(SimpleNamespace(id=3, since=None, wait=1.0, folder="/", boat=SimpleNamespace(name="Owl")))


class PierRow(Answer):
    pier: int = Field(validation_alias="id")
    since: Moment | None


def test_a_route_may_return_rows_and_only_a_full_page_is_followed_by_another() -> None:
    rows = [SimpleNamespace(id=4, since=datetime(2026, 1, 2, tzinfo=UTC), lamp=1), SimpleNamespace(id=7, since=None)]
    made = Items[PierRow].model_validate(page_of(rows, 2)).model_dump(mode="json")
    first, second = {"pier": 4, "since": "2026-01-02T00:00:00Z"}, {"pier": 7, "since": None}
    assert made == {"items": [first, second], "next": "7"}
    assert page_of(rows[:1], 1, attrgetter("lamp"))["next"] == "1"
    assert page_of(rows, 3)["next"] is None
    assert page_of([], 3)["next"] is None
