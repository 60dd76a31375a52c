"""What SECURITY.md promises is attacked by tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROMISED = (ROOT / "SECURITY.md").read_text()


def test_every_promise_names_tests_that_exist() -> None:
    code = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    rows = [line.split("|") for line in PROMISED.splitlines() if line.startswith("|") and "`" in line]
    assert len(rows) > 20
    for _, promise, tests, _ in rows:
        named = re.findall(r"`([^`]+)`", tests)
        assert named, promise
        for name in named:
            there = (ROOT / name).is_file() if name.endswith(".py") else f"def {name}(" in code
            assert there, f"{name} is not there: {promise}"


def test_what_attacks_is_named() -> None:
    """A file of attacks that stands for no promise is forgotten in the threat model."""
    code = {path: path.read_text() for path in (ROOT / "tests" / "attack").glob("test_*.py")}
    named = set(re.findall(r"`(test_\w+)`", PROMISED))
    for path, text in code.items():
        inside = set(re.findall(r"def (test_\w+)", text))
        assert (
            f"tests/attack/{path.name}" in PROMISED
            or inside & named
            or path.name in {"test_folders.py", "test_pages.py"}
        )
