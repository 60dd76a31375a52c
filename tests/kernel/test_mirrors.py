"""Which address of a connection is asked first, and when one that failed is tried again."""

from __future__ import annotations

from nightcrew.kernel.connections import rules
from nightcrew.kernel.connections.mirrors import PROBE, Mirrors


def test_failures_are_forgotten_after_a_while_of_answers() -> None:
    mirrors = Mirrors()
    mirrors.failed("a", 0)
    for _ in range(rules.SETTLED - 1):
        mirrors.worked("a")
    mirrors.failed("a", 100)
    assert mirrors.order(["a", "b"], 159) == ["b"], "the second pause in a row is twice as long"
    for _ in range(rules.SETTLED):
        mirrors.worked("a")
    assert mirrors.of("a") is None
    mirrors.failed("a", 200)
    assert mirrors.order(["a", "b"], 230) == ["a", "b"]


def test_an_address_that_is_probed_is_left_to_the_one_that_does() -> None:
    mirrors = Mirrors()
    mirrors.failed("a", 0)
    assert mirrors.order(["a", "b"], 30, probe=False) == ["b"]
    assert mirrors.order(["a", "b"], 30) == ["a", "b"]
    assert mirrors.order(["a", "b"], 30) == ["b"]
    assert mirrors.order(["a", "b"], 30 + PROBE) == ["a", "b"], "whoever probed it did not come back"
    mirrors.worked("a")
    assert [mirrors.order(["a", "b"], 45, probe=False) for _ in range(2)] == [["a", "b"]] * 2


def test_the_last_answer_and_the_last_reason_are_known() -> None:
    mirrors = Mirrors()
    assert (mirrors.last, mirrors.of("a")) == ("", None)
    mirrors.failed("a", 10, "it is slow")
    mirrors.worked("b")
    known = mirrors.of("a")
    assert known is not None
    assert (mirrors.last, known.reason, known.failures, known.until, known.answers) == ("b", "it is slow", 1, 40, 0)
    assert (mirrors.is_probed("a"), mirrors.is_probed("b")) == (True, False)
    assert (mirrors.is_cooling("a", 39.9), mirrors.is_cooling("a", 40), mirrors.is_cooling("b", 0)) == (
        True,
        False,
        False,
    )
    mirrors.worked("a")
    assert not mirrors.is_probed("a")


def test_a_lone_address_is_asked_however_it_stands_and_nobody_waits_for_its_probe() -> None:
    mirrors = Mirrors()
    mirrors.failed("a", 0)
    assert mirrors.order(["a"], 1) == ["a"]
    assert [mirrors.order(["a"], 30) for _ in range(2)] == [["a"], ["a"]]
    known = mirrors.of("a")
    assert known is not None
    assert known.until == 30


def test_when_nothing_else_is_there_what_may_not_be_sent_twice_goes_to_one_that_is_due() -> None:
    mirrors = Mirrors()
    mirrors.failed("a", 0)
    mirrors.failed("b", 20)
    assert mirrors.order(["a", "b"], 30, probe=False) == ["a"]


def test_an_address_that_was_taken_out_is_forgotten() -> None:
    mirrors = Mirrors()
    mirrors.failed("a", 0)
    mirrors.order(["b"], 1)
    assert mirrors.of("a") is None
