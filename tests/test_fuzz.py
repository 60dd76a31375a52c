"""The fuzzer's readers are those that are there: it runs in `make fuzz` alone, so a renamed one would be found late."""

from __future__ import annotations

import contextlib

from fuzz import readers


def test_each_reader_takes_what_it_begins_with() -> None:
    found = readers()
    assert len(found) > 10
    for read, expected, seeds in found.values():
        for seed in seeds:
            with contextlib.suppress(*expected):
                read(seed)
