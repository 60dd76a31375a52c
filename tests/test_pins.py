"""The pinned requirements: one version of each package, whichever Python installs them."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

REQUIREMENTS = Path(__file__).parents[1] / "requirements"
PIN = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>[^ ;]+)", re.MULTILINE)


def pins(name: str) -> list[tuple[str, str]]:
    """Name and version of every line that pins a package."""
    return PIN.findall((REQUIREMENTS / name).read_text())


@pytest.mark.parametrize("name", ["runtime.txt", "dev.txt"])
def test_no_package_is_pinned_twice(name: str) -> None:
    found = pins(name)
    assert len(found) > 50, "they are read at all"
    assert [package for package, count in Counter(package for package, _ in found).items() if count > 1] == []


def test_the_tests_run_with_the_versions_that_people_get() -> None:
    assert set(pins("runtime.txt")) <= set(pins("dev.txt"))
