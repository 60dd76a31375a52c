"""What is known of pieces of a list holds for the code that read them alone."""

from __future__ import annotations

import ast
from pathlib import Path

from nightcrew.playlists import known

ELSEWHERE = {
    "nightcrew.playlists.formats.packed",  # tells how a whole file is packed
    "nightcrew.playlists.addresses",  # weighs what is stored
    "nightcrew.playlists.store.staging_sql",
}
"""Modules that the readers import and that say nothing of a piece."""


def test_every_module_that_says_what_a_piece_holds_is_part_of_what_it_is_known_by() -> None:
    names = {module.__name__ for module in known.READERS}
    imported = set[str]()
    for module in known.READERS:
        for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("nightcrew.playlists"):
                whole = {f"{node.module}.{one.name}" for one in node.names}
                is_package = node.module in {
                    "nightcrew.playlists",
                    "nightcrew.playlists.formats",
                    "nightcrew.playlists.store",
                }
                imported |= whole if is_package else {str(node.module)}
    assert imported - names == ELSEWHERE
