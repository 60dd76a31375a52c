"""How long a command takes, as a multiple of a Python that does nothing: the quickest of several, one after the other.

python bench/cli.py [rounds]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from idle import answers, free_port

NOTHING = (sys.executable, "-c", "pass")
NIGHTCREW = str(Path(sys.executable).with_name("nightcrew"))
GOALS = {"--help": 12, "--version": 12, "source --help": 20, "status": 20, "status --json": 20}
"""Commands, and the multiples that they may take."""


def seconds(command: tuple[str, ...]) -> float:
    """Until it has ended, by the clock."""
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.perf_counter() - began


def main(rounds: int) -> None:
    """Measure each command and nothing in turns, beside a server with nothing to do."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        os.environ["NIGHTCREW_URL"] = f"http://127.0.0.1:{port}"
        command = [NIGHTCREW, "serve", "--data-dir", folder, "--port", str(port)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
            try:
                while not answers(port):
                    time.sleep(0.05)
                time.sleep(5)  # until it rests
                commands = {words: (NIGHTCREW, *words.split()) for words in GOALS}
                best = dict.fromkeys([*commands, ""], 1e9)
                for _ in range(rounds):
                    for words, called in [("", NOTHING), *commands.items()]:
                        best[words] = min(best[words], seconds(called))
            finally:
                server.terminate()
    print(f"python -c pass          {best[''] * 1000:6.1f} ms")
    for words, most in GOALS.items():
        print(f"nightcrew {words:14}{best[words] * 1000:6.1f} ms, {best[words] / best['']:5.1f} ×   (goal {most} ×)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
