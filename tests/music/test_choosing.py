"""Which file comes first, which is tried next, and what is kept of a search."""

from __future__ import annotations

import random
from typing import Any, cast

from nightcrew.music import choosing, payload
from nightcrew.music.matching.model import WantedTrack
from nightcrew.music.matchmaking import KEPT, score
from nightcrew.music.models import Offer, WantedEntry
from nightcrew.music.quality import QualityRules
from nightcrew.music.slskd.shapes import FoundFile

RULES = QualityRules(192)


def offer(peer: str, path: str = "x.mp3", **values: Any) -> Offer:
    known: dict[str, Any] = {
        "id": 1, "wanted_id": 1, "size": 9, "seconds": None, "bitrate": 320, "free_slot": True, "queue": 0, "speed": 1,
        "confidence": 0.9, "explanation": "", "accepted": True, "verdict": "", "final": False, "search_id": "s",
        "connection_id": 1,
    }  # fmt: skip
    return Offer(**{**known, "peer": peer, "path": path, **values})


def test_the_next_file_is_from_another_peer() -> None:
    found = [offer("a", "1.mp3", verdict="it timed out"), offer("a", "2.flac"), offer("b", bitrate=192)]
    following = choosing.following(found, RULES)
    assert following is not None and following.peer == "b"
    assert choosing.following(found[:2], RULES) is None
    assert choosing.following(found, RULES, peer="b") is None
    rejected = [offer("a", "1.mp3", verdict="wrong song", final=True), offer("a", "2.flac")]
    assert choosing.following(rejected, RULES) is not None, "a person has rejected a file, and not its peer"


def test_a_person_sees_files_by_the_order_by_which_they_are_fetched() -> None:
    found = [
        offer("a", "1.mp3", confidence=0.92),
        offer("b", "2.flac", bitrate=None, confidence=0.91),
        offer("c", "3.flac", accepted=False, confidence=0.99),
        offer("d", "4.mp3", confidence=0.7),
    ]
    assert [one.peer for one in choosing.in_order(found, RULES)] == ["b", "a", "d", "c"]


def test_the_best_files_of_a_search_are_kept_and_those_alone_are_counted() -> None:
    class Entry:
        id = 1

        def track(self) -> WantedTrack:
            return WantedTrack("Greensleeves", ("Harbour Ensemble",), "Tunes")

    path = "Harbour Ensemble\\Tunes\\01 - Greensleeves"
    found = [FoundFile(f"p{at}", f"{path}.mp3", 9_000_000, None, 320, True, 0, at) for at in range(KEPT + 15)]
    found.append(FoundFile("best", f"{path}.flac", 30_000_000, None, None, True, 0, 1))
    found.append(FoundFile("other", "Somebody\\Else.mp3", 9_000_000, None, 320, True, 0, 1))
    random.Random(3).shuffle(found)
    said = payload.read(payload.written(payload.Search(1, 1, "s"), found))
    made = score(cast("WantedEntry", Entry()), said, 0.65, RULES)
    assert made.rows[0]["peer"] == "best"
    assert sum(row["accepted"] for row in made.rows) == made.accepted == KEPT
    assert made.discarded == len(found) - KEPT
