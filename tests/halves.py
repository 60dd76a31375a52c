"""`make test`: two pytest sessions at the same time, as half of the tests mostly wait for live streams. Ends with 1 when one fails."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
WAITING = ("faults", "recordings", "recorder", "cli")
"""Folders whose tests mostly wait."""


def main() -> int:
    """Run both; the first shows its progress, the second is shown when it has ended."""
    folders = sorted(path.name for path in HERE.iterdir() if path.is_dir() and any(path.glob("test_*.py")))
    working = [str(HERE / name) for name in folders if name not in WAITING]
    waiting = [str(HERE / name) for name in folders if name in WAITING]
    with tempfile.TemporaryFile() as output, tempfile.TemporaryDirectory(prefix="nightcrew-tests-") as folder:
        second = subprocess.Popen(
            [sys.executable, "-m", "pytest", f"--basetemp={folder}/b", *sys.argv[1:], *waiting],
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTEST_ADDOPTS": "-p no:cacheprovider"},
        )
        try:
            first = subprocess.call([sys.executable, "-m", "pytest", f"--basetemp={folder}/a", *sys.argv[1:], *working])
            ended = second.wait()
        finally:
            if second.poll() is None:
                second.terminate()
                second.wait()
        output.seek(0)
        print("The half that mostly waits:", flush=True)
        sys.stdout.write(output.read().decode("utf-8", "replace"))
    return max(first, ended)


if __name__ == "__main__":
    raise SystemExit(main())
