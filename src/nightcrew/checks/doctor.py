"""What checks need on a machine."""

from __future__ import annotations

import subprocess
import sys

from nightcrew.kernel.declare import Finding
from nightcrew.prober.wire import END, ProbeTask


def codecs() -> Finding:
    """Whether the libraries that look into streams decode what broadcasts are made of."""
    command = [sys.executable, "-m", "nightcrew.prober.codecs"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        return Finding("codecs", False, "libav does not answer, so streams cannot be checked")
    if done.returncode:
        return Finding("codecs", False, f"libav does not load: {done.stderr.strip().rpartition(chr(10))[2][:200]}")
    if missing := done.stdout.strip():
        return Finding(
            "codecs", False, f"libav cannot decode {missing}: take the wheel, pip install --force-reinstall av"
        )
    return Finding("codecs", True, "libav decodes what broadcasts are made of")


def prober() -> Finding:
    """Whether the process that looks into streams starts, finds its libraries, and answers a stream of nothing."""
    command = [sys.executable, "-m", "nightcrew.prober"]
    job = ProbeTask(limit=5).frame() + END
    try:
        done = subprocess.run(command, input=job, capture_output=True, timeout=20, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        return Finding("prober", False, "does not answer, so streams cannot be checked")
    words = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2][:100]
    ok = done.returncode == 0 and b'"error"' in done.stdout
    detail = "answers" if ok else f"does not start, so streams cannot be checked: pip install av ({words})"
    return Finding("prober", ok, detail)
