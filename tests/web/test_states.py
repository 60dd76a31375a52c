"""One vocabulary of states: whatever something can be, a pill knows it."""

from __future__ import annotations

import dataclasses
from typing import get_args

import pytest

from nightcrew.app import DOMAINS
from nightcrew.checks.models import RunState, Verdict
from nightcrew.kernel import job_state, workers
from nightcrew.kernel.declare import Look
from nightcrew.kernel.notify import models as notify
from nightcrew.playlists.rules import Status
from nightcrew.recordings.models import RecordingState
from nightcrew.web.states import LOOKS, all_states

KNOWN = all_states(DOMAINS)


@pytest.mark.parametrize(
    ("thing", "states"),
    [
        ("job", set(job_state.STATES.values())),
        ("worker", {one.value for one in workers.WorkerState}),
        ("notice", {one.value for one in notify.NoticeState}),
        ("feed", {one.value for one in Status}),
        ("check", {one.value for one in Verdict}),
        ("check_run", {one.value for one in RunState}),
        ("recording", {one.value for one in RecordingState}),
    ],
)
def test_every_state_has_a_look_and_a_word(thing: str, states: set[str]) -> None:
    assert {f"{thing}.{state}" for state in states} - KNOWN.keys() == set()


def test_there_are_six_looks_and_all_are_used() -> None:
    assert set(LOOKS) == set(get_args(Look)) == {look for look, _ in KNOWN.values()}


def test_two_domains_cannot_give_one_state_two_looks() -> None:
    one = dataclasses.replace(DOMAINS[0], states={"owl.awake": ("ok", "awake")})
    with pytest.raises(ValueError, match=r"owl\.awake"):
        all_states([one, dataclasses.replace(one, name="other", states={"owl.awake": ("bad", "awake")})])
