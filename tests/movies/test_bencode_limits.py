"""What the worst torrents cost."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = """
import resource, sys
from nightcrew.movies.torrents import bencode
resource.setrlimit(resource.RLIMIT_AS, (600 << 20, 600 << 20))
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
kind = sys.argv[1]
data = {
    "dictionaries": b"l" + b"d0:0:e" * 749_990 + b"e",
    "lists": b"l" + b"le" * 4_000_000,
}[kind]
try:
    bencode.read(data)
except bencode.BadTorrent as exc:
    print(exc)
"""


@pytest.mark.parametrize("kind", ["dictionaries", "lists"])
def test_the_worst_that_fits_needs_little_memory_and_time(kind: str) -> None:
    """In a process that may have 600 MB of addresses and a minute of work; it takes 200 MB and two seconds."""
    done = subprocess.run([sys.executable, "-c", HEAVY, kind], capture_output=True, text=True)
    said = "byte 3000000: it has more than 3,000,000 parts\n" if kind == "lists" else ""
    assert (done.returncode, done.stdout) == (0, said), done.stderr
