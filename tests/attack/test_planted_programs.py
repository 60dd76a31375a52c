"""A setting that starts a program is the environment's alone: no API key, page, database or restored file plants one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from nightcrew.kernel.settings import Options, Settings, is_fixed, setting
from nightcrew.recordings.settings import RecordingSettings
from support import Node, running

KEY = "recordings.done_command"
PROGRAM = ["/bin/sh", "-c", "touch /tmp/planted"]
VARIABLE = "NIGHTCREW_RECORDINGS_DONE_COMMAND"


async def planted(node: Node, value: object) -> None:
    row = {"value": json.dumps(value), "changed_at": sa.func.now(), "changed_by": "a stranger"}
    async with node.runtime.store.write() as connection:
        await connection.execute(sa.insert(setting).values(key=KEY, **row))


async def test_neither_the_api_nor_the_page_sets_a_program(node: Node) -> None:
    answers = [
        await node.http.patch("/api/v1/settings", json={KEY: PROGRAM}),
        await node.http.patch("/api/v1/settings", json={"done_command": PROGRAM}),
        await node.http.post("/api/v1/settings/import", json={KEY: PROGRAM}),
        await node.http.post("/settings", data={KEY: "\n".join(PROGRAM), f"was.{KEY}": ""}),
        await node.http.post("/settings", data={"reset": KEY}),
    ]
    assert [answer.status_code for answer in answers] == [422] * 5
    assert all(VARIABLE in answer.text for answer in answers)
    assert node.runtime.settings.of(RecordingSettings).done_command == []


async def test_no_row_of_a_database_sets_a_program(tmp_path: Path) -> None:
    async with running(tmp_path / "data", work=False) as node:
        await planted(node, PROGRAM)
        await node.runtime.settings.load(node.runtime.store)
        assert node.runtime.settings.of(RecordingSettings).done_command == []
    async with running(tmp_path / "data", work=False) as node:
        assert node.runtime.settings.of(RecordingSettings).done_command == []
        (row,) = [one for one in (await node.get("/api/v1/settings"))["items"] if one["key"] == KEY]
        assert (row["value"], row["origin"], row["fixed"]) == ([], "default", True)


def test_no_file_of_a_backup_sets_a_program_and_the_environment_does(tmp_path: Path) -> None:
    (tmp_path / "nightcrew.toml").write_text(f"[recordings]\ndone_command = {json.dumps(PROGRAM)}\nkeep_count = 3\n")
    models: dict[str, type[Options]] = {"recordings": RecordingSettings}
    found = Settings(models, data_dir=tmp_path, env={}).of(RecordingSettings)
    assert (found.done_command, found.keep_count) == ([], 3)
    given = Settings(models, data_dir=tmp_path, env={VARIABLE: json.dumps(PROGRAM)}).of(RecordingSettings)
    assert given.done_command == PROGRAM


@pytest.mark.parametrize("name", sorted(RecordingSettings.model_fields))
def test_only_what_starts_a_program_is_fixed(name: str) -> None:
    assert is_fixed(RecordingSettings.model_fields[name]) is (name == "done_command")
