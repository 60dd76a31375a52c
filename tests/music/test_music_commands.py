"""The commands that need a download: choose, cancel, retry, reject; and what the others say to people."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from nightcrew.music.models import WantedState
from support import until
from terminal import Result, run


@pytest.fixture
def ask(shop: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("NIGHTCREW_URL", shop.node.url)

    async def asked(*words: str) -> Result:
        result = await asyncio.to_thread(run, *words)
        assert result.code == 0, result
        return result

    return asked


def rows(result: Result) -> list[dict[str, Any]]:
    """The JSON that a command printed. The node of the test is in the same process, and writes its log between."""
    decoder = json.JSONDecoder()
    for at, sign in enumerate(result.out):
        if sign == "[":
            try:
                found, _ = decoder.raw_decode(result.out[at:])
            except ValueError:
                continue
            if isinstance(found, list):
                return found
    raise AssertionError(result)


async def test_a_wrong_song_on_the_command_line(shop: Any, ask: Any, tmp_path: Path) -> None:
    tracks = tmp_path / "tracks.m3u"
    tracks.write_text("#EXTM3U\n#EXTINF:14,Harbour Ensemble - Greensleeves\nx.mp3\n#EXTINF:-1,odd\ny.mp3\n")
    said = await ask("music", "wanted", "import", str(tracks))
    assert "1 track, 1 new" in said.out and "line 4" in said.err
    await shop.stands(1, WantedState.OWNED)
    assert len(rows(await ask("music", "wanted", "list", "--source", "list:tracks", "--json"))) == 1
    assert rows(await ask("music", "wanted", "list", "--source", "hand", "--json")) == []
    listed = rows(await ask("music", "downloads", "--json"))
    assert [(one["state"], one["progress"]) for one in listed] == [("completed", 1.0)]
    download = str(listed[0]["id"])
    assert "Harbour Ensemble - Greensleeves from @@archive: failed" in (await ask("music", "reject", download)).out
    assert shop.library == []
    assert "Greensleeves" in (await ask("music", "review")).out
    offers = rows(await ask("music", "review", "1", "--json"))
    basement = next(one for one in offers if one["peer"] == "basement")
    shop.network.stuck = True
    assert "from basement: queued" in (await ask("music", "choose", str(basement["id"]))).out

    async def running() -> bool:
        return bool(rows(await ask("music", "downloads", "--json"))[0]["state"] == "running")

    await until(running, 60.0)
    number = rows(await ask("music", "downloads", "--json"))[0]["id"]
    assert "cancelled" in (await ask("music", "cancel", str(number))).out
    shop.network.stuck = False
    assert "queued" in (await ask("music", "retry", str(number))).out
    await shop.stands(1, WantedState.OWNED)
    said = await ask("music", "wanted", "upgrade", "1")
    assert "Looking for a better file of Harbour Ensemble - Greensleeves" in said.out
    await shop.stands(1, WantedState.OWNED)
    dry = (await ask("music", "autosync", "--dry-run")).out
    assert "Nothing would be searched for" in dry and "0 tracks would be searched for" in dry
