"""`nightcrew` with the domain of docs/adding-a-domain.md, as if its folder and its name stood in the source.

Import it before anything else of nightcrew; as a program it takes the arguments of `nightcrew`.
"""

from __future__ import annotations

from pathlib import Path

import nightcrew
from nightcrew import domains

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"

if str(EXAMPLES) not in nightcrew.__path__:
    nightcrew.__path__.append(str(EXAMPLES))
WITH_TIDES = (*domains.FOLDERS, "tides")

if __name__ == "__main__":
    domains.FOLDERS = WITH_TIDES

    from nightcrew.cli import main

    main()
