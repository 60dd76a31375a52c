"""What a node costs while there is nothing to do: processor time and memory, with all domains on.

    python bench/idle.py [seconds]

The peer of the same run is a Python that does nothing but wake ten times a second.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import psutil

SETTLED = 30.0
"""Seconds after its start in which a node still has something to do."""
WAKES = "import time\nwhile True: time.sleep(0.1)"


def family(process: psutil.Process) -> list[psutil.Process]:
    """A process and all that it has started."""
    return [process, *process.children(recursive=True)]


def used(processes: list[psutil.Process]) -> float:
    """Seconds of processor time."""
    return sum(times.user + times.system for times in (one.cpu_times() for one in processes))


def free_port() -> int:
    """One that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def started(*command: str) -> subprocess.Popen[bytes]:
    """A program that writes to nobody."""
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def answers(port: int) -> bool:
    """Whether the server is up."""
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def main(seconds: float) -> None:
    """Start both, wait until the node has settled, and measure them at the same time."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        command = [sys.executable, "-m", "nightcrew", "serve", "--data-dir", folder, "--port", str(port)]
        began = time.monotonic()
        with started(*command) as node, started(sys.executable, "-c", WAKES) as peer:
            try:
                while not answers(port):
                    time.sleep(0.02)
                up = time.monotonic() - began
                time.sleep(SETTLED)
                ours, other = family(psutil.Process(node.pid)), family(psutil.Process(peer.pid))
                before = used(ours), used(other)
                time.sleep(seconds)
                node_used, peer_used = used(ours) - before[0], used(other) - before[1]
                memory = sum(one.memory_full_info().pss for one in ours) / 1e6
            finally:
                node.kill()
                peer.kill()
    share, least = 100 * node_used / seconds, 100 * peer_used / seconds
    print(f"start to first answer   {up:6.2f} s")
    print(f"at rest                 {share:6.2f} % of a core")
    print(
        f"a Python that wakes     {least:6.2f} % of a core: the node takes {share / max(least, 0.01):.0f} times as much"
    )
    print(f"memory (PSS)            {memory:6.0f} MB in {len(ours)} process{'es' if len(ours) > 1 else ''}")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0)
