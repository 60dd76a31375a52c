"""A backup made while the server works brings everything back: sources with their logins, channels, edits."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nightcrew.cli import app
from nightcrew.cli.client import Failed

from .conftest import Start


def command(*arguments: object) -> str:
    """Run a command in this process; returns what it printed. Raises its error."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.slow
def test_a_backup_of_a_running_server_brings_everything_back(start: Start, tmp_path: Path) -> None:
    playlist = tmp_path / "list.m3u"
    playlist.write_text(
        "#EXTM3U\n" + "".join(f"#EXTINF:-1 tvg-id='c{n}',C{n}\nhttp://192.0.2.1/{n}\n" for n in range(30))
    )
    server = start()
    made = server.post("/api/v1/sources", {"kind": "m3u", "name": "List", "url": str(playlist), "region": "DE"}).json()
    while server.get(f"/api/v1/jobs/{made['feeds'][0]['run']}").json()["state"] in {"queued", "running"}:
        pass
    channel = server.get("/api/v1/channels").json()["items"][0]
    server.patch(f"/api/v1/channels/{channel['id']}", {"name": "Mine"})
    saved = tmp_path / "saved.tar.gz"
    assert "nightcrew.db" in command("backup", saved, "--data-dir", server.folder)
    assert saved.stat().st_mode & 0o077 == 0, "it holds the key"
    with pytest.raises(Failed, match="--force"):
        command("restore", saved, "--data-dir", server.folder)
    with pytest.raises(Failed, match="stop it first"):
        command("restore", saved, "--data-dir", server.folder, "--force")

    elsewhere = tmp_path / "elsewhere"
    assert "would put back" in command("restore", saved, "--data-dir", elsewhere, "--dry-run")
    assert not elsewhere.exists()
    command("restore", saved, "--data-dir", elsewhere)
    server.kill()
    playlist.unlink()  # what is served must come from the backup
    again = start("elsewhere")
    text = again.get("/playlist/DE.m3u").text
    assert text.count("#EXTINF") == 30
    assert ",Mine\n" in text


@pytest.mark.parametrize("name", ["../evil", "/etc/cron.d/evil", "nightcrew.db"])
def test_a_hostile_backup_is_refused_and_changes_nothing(tmp_path: Path, name: str) -> None:
    bad, content = tmp_path / "bad.tar.gz", tmp_path / "content"
    content.write_text("no database")
    with tarfile.open(bad, "w:gz") as archive:
        archive.add(content, "secret.key")
        archive.add(content, name)
    with pytest.raises(Failed, match="backup"):
        command("restore", bad, "--data-dir", tmp_path / "data")
    assert not (tmp_path / "data").exists()
