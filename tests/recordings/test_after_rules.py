"""What a webhook and a program may be asked to do, and what they are told."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from nightcrew.recordings import after_rules as rules
from nightcrew.recordings.models import Recording


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["/usr/bin/true"],
        ["/bin/tool", "{file}", "--all", "{files}", "{id}"],
        ["/bin/tool", "{", "}", "{}x", "a{b}c"],
        ["/bin/tool", *["x"] * (rules.MOST_WORDS - 1)],
        ["/bin/tool", "x" * rules.LONGEST_WORD],
    ],
)
def test_a_program_with_whole_places_is_taken(words: list[str]) -> None:
    assert rules.checked_command(words) == words


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["tool"], "whole path"),
        (["./tool", "{file}"], "whole path"),
        (["/bin/tool", "{password}"], r"\{password\} is not known"),
        (["/bin/tool", "{}"], "is not known"),
        (["/bin/tool", "--in={file}"], "an argument of its own"),
        (["/bin/tool", "{file}{id}"], "an argument of its own"),
        (["/bin/tool", "a\0b"], "without NUL"),
        (["/bin/tool", *["x"] * rules.MOST_WORDS], "at most 50 arguments"),
        (["/bin/tool", "x" * (rules.LONGEST_WORD + 1)], "at most 50 arguments"),
    ],
)
def test_others_are_refused(words: list[str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        rules.checked_command(words)


@pytest.mark.parametrize("address", ["", "http://hooks.example/a?b=c", "https://hooks.example:8443/"])
def test_a_web_address_is_taken(address: str) -> None:
    assert rules.checked_webhook(address) == address


@pytest.mark.parametrize("address", ["ftp://a.example/", "hooks", "http://a.example/ b", "http://a.example/\x07"])
def test_what_is_no_web_address_is_refused_without_showing_it(address: str) -> None:
    with pytest.raises(ValueError, match="not an http or https address") as told:
        rules.checked_webhook(address)
    assert address not in str(told.value)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("", {}),
        ("X-Key: abc", {"X-Key": "abc"}),
        ("Authorization: Bearer abc def ", {"Authorization": "Bearer abc def"}),
        ("X-Key:abc", {"X-Key": "abc"}),
    ],
)
def test_a_header_is_read(line: str, found: dict[str, str]) -> None:
    assert rules.checked_header(line) == line
    assert rules.header_of(line) == found


@pytest.mark.parametrize("line", ["X-Key", "X-Key:", "X Key: a", "X-Key: a\r\nY: b", ": a", "X-Key: ä"])
def test_what_is_no_header_is_refused_without_showing_it(line: str) -> None:
    with pytest.raises(ValueError, match="NAME: VALUE") as told:
        rules.checked_header(line)
    assert line not in str(told.value)
    assert rules.header_of(line) == {}


def test_each_place_is_one_argument_whatever_signs_it_has() -> None:
    known = {"file": "/a; rm -rf /", "files": '["/a 1", "/b\\n2"]', "id": "7"}
    words = ["/bin/tool", "{file}", "--", "{files}", "{id}", "plain"]
    assert rules.arguments(words, known) == ("/bin/tool", "/a; rm -rf /", "--", "/a 1", "/b\n2", "7", "plain")
    assert rules.variables({"id": "7"}) == {"NIGHTCREW_ID": "7"}


def recording(**more: object) -> Recording:
    values: dict[str, object] = dict.fromkeys(Recording.__dataclass_fields__)
    values |= {"id": 7, "root": "/films", "folder": "f", "stem": "show", "name": "N", "title": "T", "category": "C"}
    values |= {"node": "attic", "seconds": 61.0, "missing": 1.5, "gaps": 2, "file": False, "file_bytes": 0}
    values |= {"started_at": datetime(2026, 3, 4, 5, tzinfo=UTC), "ended_at": datetime(2026, 3, 4, 6, tzinfo=UTC)}
    return Recording(**{**values, **more})  # type: ignore[arg-type]


def test_what_is_told_of_a_finished_recording() -> None:
    film = {"name": "show.mp4", "bytes": 9, "start": 0.0, "seconds": 61.0, "streams": ()}
    done = recording(file=True, file_bytes=9, films=(film,))
    known = rules.facts(done)
    assert (known["file"], known["folder"], known["files"]) == (
        "/films/f/show.mp4",
        "/films/f",
        '["/films/f/show.mp4"]',
    )
    assert (known["seconds"], known["missing"], known["gaps"], known["bytes"]) == ("61.000", "1.500", "2", "9")
    assert (known["started"], known["ended"]) == ("2026-03-04T05:00:00Z", "2026-03-04T06:00:00Z")
    assert known.keys() == rules.PLACES
    told = rules.payload(done, base_url="http://tv.example")
    assert (told["file"], told["files"], told["url"]) == (
        "/films/f/show.mp4",
        ["/films/f/show.mp4"],
        "http://tv.example/recordings/7",
    )


def test_what_is_not_known_is_empty() -> None:
    known = rules.facts(recording(started_at=None, ended_at=None))
    assert [known[name] for name in ("file", "folder", "files", "started", "ended")] == ["", "", "[]", "", ""]
    told = rules.payload(recording(), base_url="http://tv.example")
    assert (told["file"], told["files"]) == (None, [])
