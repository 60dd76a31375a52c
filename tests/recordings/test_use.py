"""Wrong use of the commands about recordings: no server is asked."""

from __future__ import annotations

import pytest

from terminal import run


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["record"], "either an address or --channel"),
        (["record", "http://192.0.2.1/", "--channel", "1"], "either an address or --channel"),
        (["record", "http://192.0.2.1/", "--for", "2x"], "the unit 'x'"),
        (["record", "http://192.0.2.1/", "--for", "90"], "does not say what 90 is"),
        (["record", "http://192.0.2.1/", "--until", "noon"], "'noon' is no moment"),
        (["record", "http://192.0.2.1/", "--for", "1h", "--until", "2099-01-01T10:00"], "either --for or --until"),
        (["record", "http://192.0.2.1/", "--kind", "tape"], "tape"),
        (["recordings", "list", "--show", "some"], "some"),
        (["recordings", "show", "it"], "integer"),
        (["recordings", "stop", "0"], "greater than or equal to 1"),
        (["recordings", "delete", "1", "--json"], "--dry-run or --yes"),
        (["recordings", "retention", "--apply", "--json"], "--yes"),
        (["recordings", "watch", "add"], "either an address or --channel"),
        (["recordings", "watch", "add", "http://192.0.2.1/", "--keep-count", "0"], "greater than or equal to 1"),
    ],
)
def test_wrong_use_exits_2_and_says_what_is_wrong(arguments: list[str], words: str) -> None:
    result = run(*arguments)
    assert (result.code, result.out) == (2, ""), result
    assert words in " ".join(result.err.replace("│", " ").split())
    assert "Traceback" not in result.err
