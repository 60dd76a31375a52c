"""Several recordings of one source: who is too slow, whose failure is whose, and what is kept for whom."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nightcrew.recorder import broadcast, sharing, shelf
from nightcrew.recorder.broadcast import Broadcast, FellBehind
from nightcrew.recorder.sharing import Sources
from nightcrew.recorder.shelf import PLAYLIST, Shelf
from nightcrew.recorder.source import Offline, ResolvedStream, Unreadable
from nightcrew.recorder.wire import Order

PACKETS = (b"\x47" + b"\x1f\xff\x10" + b"\xff" * 184) * 100


class Tap:
    """An answer that gives a chunk when it is told to."""

    url = "http://tap/"

    def __init__(self, *, chunks: int) -> None:
        self.left, self.closed = chunks, False

    def chunks(self) -> Iterator[bytes]:
        while self.left:
            self.left -= 1
            yield PACKETS

    def close(self) -> None:
        self.closed = True


def stream(tap: Tap) -> ResolvedStream:
    return ResolvedStream(None, object(), tap.url, answer=tap)  # type: ignore[arg-type]


def order(number: int, url: str = "http://tap/") -> Order:
    return Order(number, "", "", url)


def nothing() -> None:
    """Nobody has to stop."""


# -- bytes -------------------------------------------------------------------------------------------------------------


def test_each_reader_has_all_bytes_at_its_own_pace() -> None:
    made = Broadcast(stream(Tap(chunks=10)))
    one, two = made.read(), made.read()
    first = [next(one) for _ in range(7)]
    second = [chunk for chunk in two if chunk]
    first += [chunk for chunk in one if chunk]
    assert b"".join(first) == b"".join(second) == PACKETS * 10


def test_who_joins_later_has_what_came_a_moment_ago_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broadcast, "RECENT_BYTES", 3 * len(PACKETS))
    made = Broadcast(stream(Tap(chunks=10)))
    one = made.read()
    for _ in range(5):
        next(one)
    assert len(b"".join(made.read())) == 8 * len(PACKETS)


def test_who_is_too_slow_has_to_join_anew_and_keeps_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broadcast, "BEHIND_BYTES", 3 * len(PACKETS))
    monkeypatch.setattr(broadcast, "RECENT_BYTES", 2 * len(PACKETS))
    made = Broadcast(stream(Tap(chunks=10)))
    slow, quick = made.read(), made.read()
    next(slow)
    assert len(b"".join(quick)) == 10 * len(PACKETS)
    with pytest.raises(FellBehind):
        list(slow)
    assert len(b"".join(made.read())) > 0


def test_an_end_is_everybodys_end_once_they_have_what_came() -> None:
    class Breaks(Tap):
        def chunks(self) -> Iterator[bytes]:
            yield PACKETS
            raise OSError("broken")

    made = Broadcast(stream(Breaks(chunks=1)))
    one, two = made.read(), made.read()
    assert next(one) == PACKETS
    for reader, got in ((one, b""), (two, PACKETS)):
        found = b""
        with pytest.raises(OSError, match="broken"):
            for chunk in reader:
                found += chunk
        assert found == got


# -- who shares --------------------------------------------------------------------------------------------------------


def test_the_last_who_leaves_hangs_up(monkeypatch: pytest.MonkeyPatch) -> None:
    taps: list[Tap] = []

    def resolve(_: Order) -> ResolvedStream:
        taps.append(Tap(chunks=10))
        return stream(taps[-1])

    monkeypatch.setattr(sharing, "resolve", resolve)
    sources = Sources()
    with sources.joined(order(1)) as one:
        next(one.chunks())
        with sources.joined(order(2)) as two, sources.joined(order(3, "http://other/")) as three:
            assert one is two is not three
            next(two.chunks())
            next(three.chunks())
        assert [tap.closed for tap in taps] == [False, True]
    assert [tap.closed for tap in taps] == [True, True]
    with sources.joined(order(1)) as again:
        assert again is not one


def test_one_failure_is_met_by_all_and_each_does_not_ask_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def resolve(given: Order) -> ResolvedStream:
        asked.append(given.recording)
        raise Unreadable("HTTP 403", crowded=True)

    monkeypatch.setattr(sharing, "resolve", resolve)
    sources = Sources()

    def tries(number: int) -> Unreadable:
        with pytest.raises(Unreadable) as met, sources.joined(order(number)) as shared:
            assert shared.source
        return met.value

    assert tries(1).crowded and tries(2).crowded
    assert asked == [1], "the second hears what the first has met"
    tries(2)
    assert asked == [1, 2], "its next try is one"
    tries(1)
    assert asked == [1, 2]
    monkeypatch.setattr(sharing, "ECHO", 0.0)
    tries(3)
    assert asked == [1, 2, 3]


def test_who_was_too_slow_does_not_end_it_for_the_others_and_who_finds_it_broken_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sharing, "resolve", lambda _: stream(Tap(chunks=10)))
    sources = Sources()
    with sources.joined(order(1)) as one:
        with pytest.raises(FellBehind), sources.joined(order(2)):
            raise FellBehind("slow")
        assert not one.retired
        coming = one.chunks()
        next(coming)
        with pytest.raises(Offline), sources.joined(order(2)):
            raise Offline("it is over")
        assert one.retired
        with pytest.raises(Unreadable, match="anew"):
            list(coming)
        with sources.joined(order(2)) as other:
            assert other is not one


# -- what is kept ------------------------------------------------------------------------------------------------------


def test_what_one_has_read_is_kept_for_the_others_while_there_are_any() -> None:
    made, asked = Shelf(), list[str]()

    def get(name: str, after: float = 0.0) -> bytes:
        return made.get(name, lambda: asked.append(name) or b"x", len, nothing, after=after)[0]  # type: ignore[func-returns-value]

    get("a"), get("a")
    assert asked == ["a", "a"], "one alone has no use for it"
    made.keeping = True
    get("a"), get("a"), get("b")
    assert asked == ["a", "a", "a", "b"]
    get("a", after=time.monotonic())
    assert asked[4:] == ["a"], "who has seen that one wants a newer one"
    made.forget()
    get("b")
    assert asked[5:] == ["b"]
    made.keeping = False
    get("c")
    made.keeping = True
    get("b")
    assert asked[6:] == ["c", "b"], "what nobody wants is not kept"


def test_the_oldest_goes_when_there_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "KEPT_BYTES", 10)
    made, asked = Shelf(), list[int]()
    made.keeping = True
    for number in (1, 2, 3, 2, 1):
        made.get(number, lambda n=number: asked.append(n) or b"four", len, nothing, after=0.0)  # type: ignore[misc]
    assert asked == [1, 2, 3, 1]


def test_who_waits_for_anothers_request_can_be_stopped(tmp_path: Path) -> None:
    made, inside, go = Shelf(), threading.Event(), threading.Event()

    def slowly() -> bytes:
        inside.set()
        go.wait(30)
        return b""

    thread = threading.Thread(target=lambda: made.get(PLAYLIST, slowly, len, nothing, after=0.0))
    thread.start()
    inside.wait(30)

    def stop() -> None:
        raise KeyError("stopped")

    try:
        with pytest.raises(KeyError):
            made.get("other", lambda: b"", len, stop, after=0.0)
    finally:
        go.set()
        thread.join()
