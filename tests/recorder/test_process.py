"""The recorder process by itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from counted import LONG, Counted
from counter import Film, account, numbers_of
from nightcrew.recorder import ledger
from nightcrew.recorder.wire import Order, boottime, read_pulse
from support import until


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


@pytest.mark.parametrize("continuous", [False, True])
async def test_who_may_not_use_the_connection_hangs_up_and_goes_on_later(
    tmp_path: Path, film: Film, continuous: bool
) -> None:
    async with Counted(film, window=10, keeps=LONG) as source:
        url = source.ts if continuous else source.url
        order = Order(1, str(tmp_path / "out"), "x", url, private=True)
        order.save(tmp_path / "p")
        process = subprocess.Popen([sys.executable, "-m", "nightcrew.recorder", str(tmp_path / "p")])
        try:
            await until(lambda: ledger.read(tmp_path / "out").segments > 3, 30)
            replace(order, hold_until=0.0).save(tmp_path / "p")
            await until(lambda: _state(tmp_path / "p") == "held", 10)
            await until(lambda: not source.open, 3)
            held = ledger.read(tmp_path / "out").segments
            order.save(tmp_path / "p")
            await until(lambda: ledger.read(tmp_path / "out").segments > held + 3, 20)
            process.terminate()
            await until(lambda: process.poll() is not None, 10)
        finally:
            process.kill()
            process.wait()
    tally = ledger.read(tmp_path / "out")
    found = account(numbers_of(*(tmp_path / "out" / part.path for part in tally.parts)))
    assert not found.doubled
    missing = sum(last - first + 1 for first, last in found.missing)
    assert abs(missing - tally.missing * 25) < 13, (found, tally.gaps)
    assert continuous or found.whole


def _state(folder: Path) -> str:
    pulse = read_pulse(folder)
    return pulse.recordings[1].state if pulse is not None and 1 in pulse.recordings else ""
