"""What commands are made of: they ask a running server over its HTTP API, and say what they found to people or to scripts.

A command is a function. What it wants of these parts it names by type: a `Server` brings `--url` and `--api-key`, an `Out` brings
`--json` (`options.py`). It prints nothing by itself. Commands of every domain stand on this, so it imports little: httpx and what
draws tables and bars are loaded when they are needed.
"""

from nightcrew.client import exits
from nightcrew.client.agreement import DryRun, Yes, carefully, confirm
from nightcrew.client.changes import Changes, patiently
from nightcrew.client.following import JobJson, Way, follow, follow_jobs
from nightcrew.client.options import Limit, bound, described, named, read_by, read_json
from nightcrew.client.out import Out, as_json, note, plain, say
from nightcrew.client.server import Failed, Row, Server, Unreachable, given

__all__ = [
    "Changes",
    "DryRun",
    "Failed",
    "JobJson",
    "Limit",
    "Out",
    "Row",
    "Server",
    "Unreachable",
    "Way",
    "Yes",
    "as_json",
    "bound",
    "carefully",
    "confirm",
    "described",
    "exits",
    "follow",
    "follow_jobs",
    "given",
    "named",
    "note",
    "patiently",
    "plain",
    "read_by",
    "read_json",
    "say",
]
