"""What slskd answers, and what a program answers that is none."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.kernel.errors import Misread
from nightcrew.music.slskd import shapes
from nightcrew.music.slskd.places import local_path
from nightcrew.music.slskd.states import RemoteStanding, end_of, find, standing, standing_of

RESPONSES = [
    {
        "username": "some/body",
        "hasFreeUploadSlot": True,
        "queueLength": 3,
        "uploadSpeed": 1_000_000,
        "files": [
            {"filename": "Music\\A\\01 - B.flac", "size": 30_000_000, "length": 240, "bitDepth": 16, "isLocked": False},
            {"filename": "Music\\A\\cover.jpg", "size": 30_000},
            {"filename": "Music\\A\\02 - C.mp3", "size": 9_000_000, "length": 230, "bitRate": 320},
        ],
        "lockedFiles": [{"filename": "Music\\A\\03 - D.mp3", "size": 9_000_000}],
    }
]


def test_responses_are_files_of_music_that_can_be_had() -> None:
    found = shapes.files_of(RESPONSES)
    assert [(one.path, one.bitrate, one.free_slot, one.queue) for one in found] == [
        ("Music\\A\\01 - B.flac", None, True, 3),
        ("Music\\A\\02 - C.mp3", 320, True, 3),
    ]


def test_downloads_are_nested_and_leave_out_what_is_null() -> None:
    file = {"id": "1", "username": "a", "filename": "x\\y.mp3", "size": 10, "state": "Queued, Remotely"}
    answer = [{"username": "a", "directories": [{"directory": "x", "files": [file, {"id": "2"}]}]}]
    (one,) = shapes.transfers_of(answer, {"a"})
    assert (one.id, one.batch, one.state, one.place, one.waiting) == ("1", "", "Queued, Remotely", None, False)


def test_a_batch_says_what_was_taken_and_what_was_not() -> None:
    taken = {"id": "1", "username": "a", "filename": "x.mp3", "size": 1, "state": "Requested"}
    answer = {"batch": {"transfers": [taken]}, "failures": [{"filename": "y.mp3", "message": "no"}]}
    transfers, failed = shapes.batch_of(answer)
    assert [one.id for one in transfers] == ["1"]
    assert failed == {"y.mp3": "no"}


def test_an_event_has_its_data_as_json_in_a_text() -> None:
    data = {"localFilename": "/d/x.mp3", "remoteFilename": "r\\x.mp3", "transfer": {"id": "7", "username": "a"}}
    events = [
        {"type": "Other", "data": "{}"},
        {"type": "DownloadFileComplete", "data": json.dumps(data)},
        {"type": "DownloadFileComplete", "data": "[not json"},
        {"type": "DownloadFileComplete", "data": "[]"},
    ]
    page = shapes.events_of(events)
    assert page.completed == (("7", "a", "r\\x.mp3", "/d/x.mp3"),)
    assert (page.count, page.last) == (4, None)


def test_a_search_has_ended_when_its_answers_are_stored_and_not_before() -> None:
    assert shapes.ended({"id": "1", "isComplete": True}) is False
    assert shapes.ended({"id": "1", "isComplete": True, "endedAt": "2026-01-01T00:00:00Z"}) is True
    for state in ("Completed, Errored", "Completed, Cancelled"):
        assert shapes.ended({"id": "1", "state": state, "endedAt": "2026-01-01T00:00:00Z"}) is None, (
            "it has to be repeated"
        )


def test_counts_and_names_fit_into_the_database() -> None:
    file = {"filename": "x\\a.mp3", "size": 5, "bitRate": 1 << 40}
    long = {"filename": "漢" * 600 + ".mp3", "size": 5}
    half = {"filename": "\ud800.mp3", "size": 5}
    answer = [{"username": "a", "queueLength": 1 << 40, "uploadSpeed": 1 << 50, "files": [file, long, half]}]
    (one,) = shapes.files_of(answer)
    assert one.queue == one.speed == (1 << 31) - 1 and (one.bitrate or 0) < 1 << 31


@pytest.mark.parametrize(
    ("text", "version"),
    [('"0.26.1+65532"', (0, 26, 1)), ("0.22.5", (0, 22, 5)), ("0.26.0-rc1", (0, 26, 0))],
)
def test_versions(text: str, version: tuple[int, ...]) -> None:
    assert shapes.version_of(text) == version


NAMES = [
    "username",
    "files",
    "filename",
    "size",
    "directories",
    "id",
    "state",
    "batch",
    "transfers",
    "failures",
    "data",
    "type",
    "length",
    "bitRate",
    "placeInQueue",
    "transfer",
    "localFilename",
    "message",
]
JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(NAMES),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


READERS: dict[str, Callable[[Any], Any]] = {
    "responses": shapes.files_of,
    "downloads": partial(shapes.transfers_of, peers=["a"]),
    "batch": shapes.batch_of,
    "events": shapes.events_of,
    "search": shapes.ended,
    "server": shapes.server_of,
}


@pytest.mark.parametrize("kind", READERS)
@given(answer=JSON)
def test_whatever_comes_is_read_or_called_something_else(kind: str, answer: Any) -> None:
    with contextlib.suppress(Misread):
        READERS[kind](answer)


@given(JSON)
def test_a_file_that_is_found_has_a_name_and_a_size(answer: Any) -> None:
    with contextlib.suppress(Misread):
        for file in shapes.files_of(answer):
            assert file.size > 0 and file.peer and file.path


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("answer", [None, "text", 5, ["not", "what"]], ids=str)
def test_an_answer_of_another_kind_says_nothing_of_searches_and_downloads(kind: str, answer: Any) -> None:
    with pytest.raises(Misread):
        READERS[kind](answer)


@pytest.mark.parametrize("text", ["<html>", "", '["not"]', "1" * 5000])
def test_what_is_no_version_is_not_taken_for_an_old_one(text: str) -> None:
    with pytest.raises(Misread):
        shapes.version_of(text)


# -- how a download stands ---------------------------------------------------------------------------------------------


def transfer(number: str, state: str, *, requested: str = "2026-01-01", waiting: bool = False) -> shapes.Transfer:
    return shapes.Transfer(number, "", "a", "x.mp3", 10, state, 0, None, requested, waiting, "")


@pytest.mark.parametrize(
    ("state", "found"),
    [
        ("Requested", RemoteStanding.QUEUED),
        ("Queued, Locally", RemoteStanding.QUEUED),
        ("Queued, Remotely", RemoteStanding.QUEUED),
        ("Initializing", RemoteStanding.ACTIVE),
        ("InProgress", RemoteStanding.ACTIVE),
        ("Completed, Succeeded", RemoteStanding.SUCCEEDED),
        ("Completed, Cancelled", RemoteStanding.FAILED),
        ("Completed, TimedOut", RemoteStanding.FAILED),
        ("Completed, Errored", RemoteStanding.FAILED),
        ("Completed, Rejected", RemoteStanding.FAILED),
        ("Completed, Aborted", RemoteStanding.FAILED),
        ("Completed, Vanished", RemoteStanding.UNKNOWN),
        ("Dreaming", RemoteStanding.UNKNOWN),
        ("", RemoteStanding.UNKNOWN),
    ],
)
def test_states(state: str, found: RemoteStanding) -> None:
    assert standing_of(state) is found


def test_after_a_restart_the_new_transfer_is_ours() -> None:
    old, new = transfer("1", "Completed, Errored"), transfer("2", "Queued, Remotely", requested="2026-01-02")
    found = find([old, new], peer="a", path="x.mp3", remote_id="1")
    assert found is new


def test_what_slskd_tries_again_by_itself_has_not_failed() -> None:
    assert standing(transfer("1", "Completed, Errored", waiting=True)) is RemoteStanding.QUEUED


def test_a_transfer_from_before_is_not_ours_unless_it_goes_on() -> None:
    over, open_ = transfer("1", "Completed, Succeeded"), transfer("1", "InProgress")
    assert find([over], peer="a", path="x.mp3", remote_id=None, earlier=("1",)) is None
    assert find([open_], peer="a", path="x.mp3", remote_id=None, earlier=("1",)) is open_
    assert find([over], peer="a", path="x.mp3", remote_id="1", earlier=("1",)) is over


def test_the_end_is_said_in_words() -> None:
    assert end_of(transfer("1", "Completed, TimedOut")) == "it timed out"
    assert end_of(transfer("1", "Completed, Rejected")) == "it was rejected"


# -- where it lies -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "remote", "local", "path"),
    [
        ("/downloads/A/x.mp3", "/downloads", "/media/dl", "/media/dl/A/x.mp3"),
        ("/downloads/A/x.mp3", "", "", "/downloads/A/x.mp3"),
        ("C:\\dl\\A\\x.mp3", "c:\\DL", "/media/dl", "/media/dl/A/x.mp3"),
        ("/downloads/x.mp3", "/downloads/", "/d", "/d/x.mp3"),
    ],
)
def test_slskds_path_as_this_machine_sees_it(said: str, remote: str, local: str, path: str) -> None:
    assert str(local_path(said, remote, local)) == path


@pytest.mark.parametrize(
    ("said", "remote", "local"),
    [
        ("/elsewhere/x.mp3", "/downloads", "/media"),
        ("/downloads/../etc/passwd", "/downloads", "/media"),
        ("x.mp3", "/downloads", "/media"),
        ("C:\\dl\\x.mp3", "", ""),
        ("/downloadsX/x.mp3", "/downloads", "/media"),
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(said: str, remote: str, local: str) -> None:
    with pytest.raises(ValueError, match="slskd says"):
        local_path(said, remote, local)
