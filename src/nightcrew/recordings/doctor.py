"""What recordings need on a machine."""

from __future__ import annotations

import subprocess

from nightcrew.kernel import ffmpeg as program
from nightcrew.kernel.declare import Finding
from nightcrew.kernel.errors import NeedsUser


def ffmpeg() -> Finding:
    """Whether ffmpeg starts. It makes one file of a recording's parts."""
    try:
        found = program.ffmpeg()
    except NeedsUser as exc:
        return Finding("ffmpeg", False, str(exc), needed=False)
    try:
        answer = subprocess.run([found, "-version"], capture_output=True, text=True, timeout=20, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as exc:
        why = "does not answer" if isinstance(exc, subprocess.TimeoutExpired) else f"does not start: {exc.strerror}"
        return Finding("ffmpeg", False, f"{found} {why}: install another", needed=False)
    version = answer.stdout.partition("\n")[0][:60]
    return Finding("ffmpeg", answer.returncode == 0, f"{version or 'does not start'} ({found})", needed=False)
