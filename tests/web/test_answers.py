"""Every JSON route says what it answers, down to the unit of each number."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from nightcrew.app import DOMAINS
from nightcrew.web.answers import Items, WorkerRow
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
