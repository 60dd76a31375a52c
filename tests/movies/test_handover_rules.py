"""How a hand-over moves: what each look decides, and what is done at its end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.kernel.errors import Conflict
from nightcrew.movies.clients.remote import RemoteFile, RemoteState, RemoteTorrent
from nightcrew.movies.handover import rules
from nightcrew.movies.handover.rules import Act, Cause, HandoverPatience, HandoverState, HandoverWatch, RemovalKind
from nightcrew.movies.torrents.inspection import Expected, Reason, refusals

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
PATIENCE = HandoverPatience(metadata=600, progress=600, hopeless=6000, stalled=1200, gone=120)
THERE = RemoteTorrent(
    "a" * 40, "a" * 40, "Film", RemoteState.DOWNLOADING, 0.5, 1000, 500, None, 3, "", "/d", True, ("ours",)
)
NAMELESS = replace(THERE, state=RemoteState.METADATA, metadata=False, got=0)


def watch(state: HandoverState, **more: object) -> HandoverWatch:
    return replace(HandoverWatch(state, NOW), **more)  # type: ignore[arg-type]


def looks(
    begin: HandoverWatch, remote: RemoteTorrent | None, seconds: float, step: float = 60.0
) -> rules.HandoverVerdict:
    """Looks every `step` seconds for a while."""
    verdict = rules.HandoverVerdict(begin)
    for number in range(1, int(seconds / step) + 1):
        verdict = rules.judge(verdict.watch, remote, NOW + timedelta(seconds=step * number), PATIENCE)
    return verdict


def test_a_torrent_file_is_sent_looked_into_and_let_go() -> None:
    verdict = rules.judge(watch(HandoverState.CHOSEN), None, NOW, PATIENCE)
    assert verdict.act is Act.SEND
    held = replace(THERE, state=RemoteState.PAUSED, got=0)
    verdict = rules.judge(rules.sent(verdict.watch), held, NOW, PATIENCE)
    assert (verdict.watch.state, verdict.act) == (HandoverState.CHECKING, Act.INSPECT)
    going = rules.inspected(verdict.watch, [])
    assert going.state is HandoverState.DOWNLOADING
    assert rules.judge(going, replace(THERE, state=RemoteState.DONE), NOW, PATIENCE).watch.state is HandoverState.DONE


def test_a_magnet_waits_for_its_description_and_is_stopped_before_it_is_looked_into() -> None:
    verdict = rules.judge(watch(HandoverState.SENT), NAMELESS, NOW, PATIENCE)
    assert verdict.watch.state is HandoverState.METADATA
    verdict = rules.judge(verdict.watch, THERE, NOW, PATIENCE)
    assert (verdict.watch.state, verdict.act) == (HandoverState.CHECKING, Act.PAUSE)
    verdict = rules.judge(verdict.watch, THERE, NOW, PATIENCE)
    assert verdict.act is Act.PAUSE  # it goes on by itself: once more
    assert rules.judge(verdict.watch, replace(THERE, state=RemoteState.PAUSED), NOW, PATIENCE).act is Act.INSPECT


def test_nothing_is_let_go_that_was_refused() -> None:
    failed = rules.inspected(watch(HandoverState.CHECKING), ["it holds a program: a.exe"])
    assert (failed.state, failed.cause) == (HandoverState.FAILED, Cause.REFUSED)
    assert failed.reason == "it holds a program: a.exe"


def test_a_magnet_that_nobody_describes_is_given_up() -> None:
    assert looks(watch(HandoverState.METADATA), NAMELESS, 540).watch.state is HandoverState.METADATA
    assert looks(watch(HandoverState.METADATA), NAMELESS, 600).watch.cause is Cause.NO_METADATA


def test_without_seeds_it_stalls_sooner_than_with_some() -> None:
    begin = watch(HandoverState.DOWNLOADING, got=500)
    assert looks(begin, replace(THERE, seeds=0), 600).watch.state is HandoverState.STALLED
    assert looks(begin, THERE, 600).watch.state is HandoverState.DOWNLOADING
    assert looks(begin, THERE, 6000).watch.state is HandoverState.STALLED


def test_a_stalled_one_goes_on_with_the_next_byte_and_else_fails() -> None:
    stalled = watch(HandoverState.STALLED, got=500)
    assert looks(stalled, replace(THERE, got=501), 60).watch.state is HandoverState.DOWNLOADING
    assert looks(stalled, THERE, 1140).watch.state is HandoverState.STALLED
    assert looks(stalled, THERE, 1200).watch.cause is Cause.STALLED


@pytest.mark.parametrize("state", [RemoteState.PAUSED, RemoteState.QUEUED, RemoteState.CHECKING, RemoteState.UNKNOWN])
def test_what_a_person_paused_or_waits_for_its_turn_does_not_stall(state: RemoteState) -> None:
    begin = watch(HandoverState.DOWNLOADING, got=500)
    assert looks(begin, replace(THERE, state=state, seeds=0), 60_000).watch.state is HandoverState.DOWNLOADING


def test_time_in_which_nobody_looked_does_not_count() -> None:
    begin = watch(HandoverState.DOWNLOADING, got=500)
    late = rules.judge(begin, replace(THERE, seeds=0), NOW + timedelta(days=3), PATIENCE)
    assert late.watch.state is HandoverState.DOWNLOADING
    assert late.watch.waited == rules.MOST_GAP


@pytest.mark.parametrize("state", [HandoverState.SENT, HandoverState.DOWNLOADING, HandoverState.STALLED])
def test_one_look_after_a_restart_of_the_machine_loses_nothing(state: HandoverState) -> None:
    verdict = rules.judge(watch(state), None, NOW + timedelta(minutes=5), PATIENCE)
    assert (verdict.watch.state, verdict.watch.missed) == (state, rules.MOST_MISSED)
    later = NOW + timedelta(minutes=5, seconds=20)
    shown = rules.judge(verdict.watch, NAMELESS if state is HandoverState.SENT else THERE, later, PATIENCE).watch
    assert shown.missed == 0.0
    assert shown.state in rules.OPEN


@pytest.mark.parametrize("state", [RemoteState.QUEUED, RemoteState.PAUSED, RemoteState.CHECKING, RemoteState.UNKNOWN])
def test_a_magnet_that_waits_for_its_turn_is_not_given_up(state: RemoteState) -> None:
    waiting = replace(NAMELESS, state=state)
    assert looks(watch(HandoverState.METADATA), waiting, 60_000).watch.state is HandoverState.METADATA
    asked = looks(watch(HandoverState.METADATA), NAMELESS, 540).watch
    then = rules.judge(asked, waiting, asked.looked_at + timedelta(seconds=60), PATIENCE).watch
    assert then.waited == asked.waited, "what was waited before still counts"
    last = rules.judge(then, NAMELESS, then.looked_at + timedelta(seconds=60), PATIENCE).watch
    assert last.cause is Cause.NO_METADATA


@pytest.mark.parametrize("seeds", [0, 3])
def test_the_reason_of_one_that_stalled_says_how_long_it_was_waited_for(seeds: int) -> None:
    stuck = replace(THERE, seeds=seeds)
    stalled = looks(watch(HandoverState.DOWNLOADING, got=500), stuck, 6000 if seeds else 600).watch
    assert stalled.reason == (
        "nothing has come for 100 min" if seeds else "nothing has come for 10 min, and nobody seeds it"
    )
    begin = replace(stalled, looked_at=NOW)
    assert looks(begin, stuck, 1200).watch.reason == "it stalled, and nothing has come for another 20 min"


def test_one_that_is_not_shown_at_once_is_sent_again_and_then_given_up_without_blame() -> None:
    assert looks(watch(HandoverState.SENT), None, 60).act is Act.SEND
    assert looks(watch(HandoverState.DOWNLOADING), None, 60).act is Act.NONE
    gone = looks(watch(HandoverState.DOWNLOADING), None, 120, step=30).watch
    assert gone.cause is Cause.GONE
    assert gone.cause not in rules.BLOCKING


def test_a_full_disk_is_not_the_fault_of_a_source() -> None:
    broken = replace(THERE, state=RemoteState.ERROR, error="No space left on device")
    failed = rules.judge(watch(HandoverState.DOWNLOADING), broken, NOW, PATIENCE).watch
    assert (failed.cause, failed.reason) == (Cause.ERROR, "No space left on device")
    assert rules.removal(failed, broken, "ours") is RemovalKind.NONE


def test_only_what_is_ours_and_not_complete_is_removed() -> None:
    failed = watch(HandoverState.DOWNLOADING).fail(Cause.STALLED, "nothing has come")
    assert rules.removal(failed, THERE, "ours") is RemovalKind.ALL
    assert rules.removal(failed, replace(THERE, got=0), "ours") is RemovalKind.ENTRY
    assert rules.removal(failed, replace(THERE, tags=()), "ours") is RemovalKind.NONE
    replaced = watch(HandoverState.DONE).move(HandoverState.REPLACED)
    assert rules.removal(replaced, replace(THERE, state=RemoteState.DONE), "ours") is RemovalKind.NONE
    assert rules.removal(watch(HandoverState.DONE), THERE, "ours") is RemovalKind.NONE


def test_a_move_that_there_is_not_is_refused() -> None:
    with pytest.raises(Conflict, match="cannot go from replaced to done"):
        watch(HandoverState.REPLACED).move(HandoverState.DONE)


REMOTES = st.builds(
    replace,
    st.just(THERE),
    state=st.sampled_from(RemoteState),
    metadata=st.booleans(),
    got=st.integers(0, 1000),
    seeds=st.integers(0, 3),
)


@given(
    st.sampled_from(HandoverState),
    st.lists(st.tuples(st.one_of(st.none(), REMOTES), st.floats(-10, 4000)), max_size=20),
)
def test_whatever_a_client_says_each_look_is_a_move_that_there_is(
    state: HandoverState, seen: list[tuple[RemoteTorrent | None, float]]
) -> None:
    now, found = NOW, watch(state)
    for remote, seconds in seen:
        now += timedelta(seconds=seconds)
        verdict = rules.judge(found, remote, now, PATIENCE)
        if verdict.act is Act.INSPECT:
            assert verdict.watch.state is HandoverState.CHECKING
            assert remote is not None
            assert remote.metadata
        if found.state not in rules.OPEN:
            assert verdict == rules.HandoverVerdict(found)
        found = rules.sent(verdict.watch) if verdict.act is Act.SEND and remote is None else verdict.watch


@dataclass
class Offer:
    swarm: str
    title: str
    size: int | None


def test_the_same_files_in_another_swarm_are_blocked_with_the_first() -> None:
    first, copy = (
        Offer("a" * 40, "Night.of.the.Living.Dead.1968", 700),
        Offer("b" * 40, "night of the living dead 1968", 700),
    )
    other = Offer("c" * 40, "Night.of.the.Living.Dead.1968", 701)
    blocked = rules.fingerprints(first.swarm, first.title, first.size)
    assert rules.next_source([first, copy, other], blocked) is other
    assert rules.next_source([first, copy], blocked) is None
    assert rules.next_source([Offer("", "No hash", 1), first], ()) is first


def test_a_file_list_of_a_client_is_judged_as_a_torrent_is() -> None:
    files = [
        RemoteFile(0, ("Film.1968", "Film.1968.mkv"), 700_000_000, True, 0.0),
        RemoteFile(1, ("Film.1968", "setup.exe"), 90_000, True, 0.0),
    ]
    torrent = rules.described(THERE, files)
    assert torrent.name == "Film.1968"
    assert torrent.swarm == THERE.hash
    assert [file.path for file in torrent.files] == [("Film.1968.mkv",), ("setup.exe",)]
    assert Reason.PROGRAM in {one.kind for one in refusals(torrent, Expected(claimed_hash=THERE.hash))}
    alone = rules.described(THERE, [RemoteFile(0, ("Film.mkv",), 700, True, 0.0)])
    assert alone.single


def test_files_outside_of_a_folder_stay_where_they_are() -> None:
    def paths(*given: tuple[str, ...]) -> tuple[str, bool, list[tuple[str, ...]]]:
        files = [RemoteFile(at, path, 700, True, 0.0) for at, path in enumerate(given)]
        found = rules.described(THERE, files)
        return found.name, found.single, [file.path for file in found.files]

    assert paths(("Film.mkv",)) == ("Film", True, [("Film.mkv",)])
    assert paths(("Film", "Film.mkv")) == ("Film", False, [("Film.mkv",)])
    assert paths(("Other", "a.mkv"), ("b.mkv",)) == ("Film", False, [("Other", "a.mkv"), ("b.mkv",)])
    assert paths(("One", "a.mkv"), ("Two", "b.mkv")) == ("Film", False, [("One", "a.mkv"), ("Two", "b.mkv")])
    assert paths(("a.mkv",), ("b.mkv",)) == ("Film", False, [("a.mkv",), ("b.mkv",)])


def test_a_name_says_which_files_it_means_only_with_their_size() -> None:
    assert rules.fingerprints("A" * 40, "A Film", None) == (f"swarm:{'a' * 40}",)
    assert rules.fingerprints("", "A Film", None) == ()
    assert rules.fingerprints("", "...", 700) == ()
    assert rules.fingerprints("", "A.Film_(1968)", 700) == ("name:a film 1968:700",)


def test_the_usual_patience_is_what_the_documents_say() -> None:
    usual = HandoverPatience()
    assert (usual.metadata, usual.progress, usual.stalled) == (30 * 60, 30 * 60, 60 * 60)
    assert (usual.hopeless, usual.gone) == (12 * 3600, 2 * 60)


def test_what_has_moved_on_is_waited_for_anew() -> None:
    waited = watch(HandoverState.METADATA, waited=590.0, missed=20.0)
    moved = rules.judge(waited, THERE, NOW, PATIENCE).watch
    assert (moved.state, moved.waited, moved.missed) == (HandoverState.CHECKING, 0.0, 0.0)
    more = rules.judge(watch(HandoverState.STALLED, waited=900.0, got=100), THERE, NOW, PATIENCE).watch
    assert (more.state, more.waited, more.got) == (HandoverState.DOWNLOADING, 0.0, 500)
