"""What guessit says of names: JSON lines of a name in, of title and year out. Runs in an environment of its own, as it is LGPL."""

from __future__ import annotations

import json
import sys

from guessit import guessit

for line in sys.stdin:
    try:
        found = guessit(json.loads(line))
    except Exception:  # it raises what it likes; such a name is one that it cannot read
        found = {}
    titles = [str(found[name]) for name in ("title", "alternative_title") if name in found]
    print(json.dumps([titles, found.get("year"), found.get("type") == "movie"], default=str))
