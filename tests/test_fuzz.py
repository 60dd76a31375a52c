"""The fuzzer's readers are those that are there: it runs in `make fuzz` alone, so a renamed one would be found late."""

from __future__ import annotations

from fuzz import readers


def test_each_reader_takes_what_it_begins_with() -> None:
    for name, (read, expected, seeds) in readers().items():
        for seed in seeds:
            assert read(seed) is not NotImplemented, name
        assert all(issubclass(one, Exception) for one in expected)
