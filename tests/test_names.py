"""One name means one thing: no two modules have a class of the same name (docs/glossary.md)."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import nightcrew

ROOT = Path(nightcrew.__file__).parent


def modules_by_class() -> dict[str, set[str]]:
    """Where each class is defined, at whatever depth."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                found[node.name].add(str(path.relative_to(ROOT)))
    return found


def test_a_class_name_means_one_thing() -> None:
    found = modules_by_class()
    assert len(found) > 300
    twice = {name: sorted(modules) for name, modules in found.items() if len(modules) > 1}
    assert twice == {}
