"""The matcher over the API: a question, its answer, and what is no question."""

from __future__ import annotations

from typing import Any

import pytest

from support import Node

TRACK = {"title": "Upside Down", "artists": ["Diana Ross"], "album": "Diana", "seconds": 245}
RIGHT = {"path": r"@@abc\Music\Diana Ross\(1980) Diana [FLAC]\01 - Upside Down.flac", "seconds": 246}
LIVE = {"path": r"@@def\Diana Ross\Live in Vegas\01 Upside Down.mp3", "seconds": 250}
OTHER = {"path": r"Diana Ross\Hits\Crew - 03 - Upside Down.mp3"}


async def test_files_are_ranked_with_the_reasons(node: Node) -> None:
    found = await node.post("/api/v1/music/match", {"track": TRACK, "candidates": [LIVE, RIGHT]})
    assert (found["picked"], found["review"]) == (1, False)
    assert (
        found["reason"]
        == "0.99: title 1.00, artist 1.00, length +1 s, album fits; runner-up refused: it is another version (live)"
    )
    (best,) = found["ranked"]
    assert best["path"] == RIGHT["path"]
    assert (best["parts"]["title"], best["parts"]["number"], best["off"]) == (1.0, None, 1.0)
    assert [(one["index"], one["reason"]) for one in found["refused"]] == [(0, "it is another version (live)")]


async def test_files_of_one_folder_say_what_their_names_mean(node: Node) -> None:
    beside = [{"path": rf"Diana Ross\Hits\Crew - 0{number} - Song {number}.mp3"} for number in (1, 2)]
    found = await node.post("/api/v1/music/match", {"track": TRACK, "candidates": [OTHER, *beside]})
    assert found["picked"] == 0
    alone = await node.post("/api/v1/music/match", {"track": TRACK, "candidates": [OTHER]})
    assert alone["refused"][0]["reason"] == "its name says Crew"


async def test_how_sure_it_has_to_be_is_a_setting_that_takes_effect_at_once(node: Node) -> None:
    slip = {"path": "Downloads/Diana Ros - Upside Down.mp3"}
    question = {"track": {**TRACK, "seconds": None}, "candidates": [slip]}
    assert (await node.post("/api/v1/music/match", question))["picked"] == 0
    await node.patch("/api/v1/settings", {"music.matching_confidence_threshold": 0.99})
    refused = await node.post("/api/v1/music/match", question)
    assert refused["picked"] is None
    assert refused["reason"].startswith("none is certain enough")


@pytest.mark.parametrize(
    "question",
    [
        {},
        {"track": TRACK},
        {"track": {**TRACK, "title": ""}, "candidates": []},
        {"track": {**TRACK, "artists": []}, "candidates": []},
        {"track": {**TRACK, "seconds": -1}, "candidates": []},
        {"track": TRACK, "candidates": [{"path": ""}]},
        {"track": TRACK, "candidates": [{"path": "x" * 1_001}]},
        {"track": TRACK, "candidates": [{"path": "x", "secnds": 3}]},
        {"track": TRACK, "candidates": [{"path": "x"}] * 5_001},
    ],
    ids=["nothing", "no files", "no title", "no artist", "time", "no path", "long path", "misspelled", "too many"],
)
async def test_what_is_no_question_is_refused_in_words(node: Node, question: dict[str, Any]) -> None:
    answer = await node.http.post("/api/v1/music/match", json=question)
    assert answer.status_code == 422
    assert answer.json()["detail"]
