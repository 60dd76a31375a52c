"""The recorder process by itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from nightcrew.recorder.wire import boottime, read_pulse


def test_a_storm_of_signals_does_not_stop_it(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-m", "nightcrew.recorder", str(tmp_path)])
    try:
        while read_pulse(tmp_path) is None:
            assert process.poll() is None
            time.sleep(0.05)
        end = time.monotonic() + 3
        while time.monotonic() < end:
            os.kill(process.pid, signal.SIGUSR1)
        time.sleep(2)
        pulse = read_pulse(tmp_path)
        assert pulse is not None
        assert boottime() - pulse.at < 2
        process.terminate()
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
