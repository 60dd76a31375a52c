"""The unit for systemd: it says what systemd understands, leaves a stop its time, and has room for a library elsewhere."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from nightcrew.app import DOMAINS

from .test_container import ALL_STOPPED

CONTRIB = Path(__file__).parents[2] / "contrib"
UNIT = (CONTRIB / "nightcrew.service").read_text("utf-8")
LIBRARY = (CONTRIB / "library.conf").read_text("utf-8")


def test_a_stop_has_its_time_and_recorders_are_left_to_it() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[method-assign, assignment]
    unit.read_string(UNIT)
    assert int(unit["Service"]["TimeoutStopSec"]) >= ALL_STOPPED
    assert unit["Service"]["KillMode"] == "process"
    assert unit["Service"]["ExecStart"].endswith(f"--data-dir /var/lib/{unit['Service']['StateDirectory']}")


def test_libraries_of_the_drop_in_lie_where_it_lets_write() -> None:
    (writable,) = re.findall(r"^ReadWritePaths=(.+)$", LIBRARY, re.MULTILINE)
    libraries = re.findall(r"^Environment=NIGHTCREW_\w+_LIBRARY=(.+)$", LIBRARY, re.MULTILINE)
    assert len(libraries) == sum("library" in domain.settings.model_fields for domain in DOMAINS)
    for library in libraries:
        assert Path(library).is_relative_to(writable)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
@pytest.mark.parametrize("wish", ["as it is", "with a credential", "with a library elsewhere"])
def test_systemd_understands_every_line(tmp_path: Path, wish: str) -> None:
    unit = UNIT.replace("/opt/nightcrew/bin/nightcrew", shutil.which("true") or "/bin/true")
    if wish == "with a credential":
        unit = re.sub(r"^#(LoadCredential|Environment)=", r"\1=", unit, flags=re.MULTILINE)
        assert "\nLoadCredential=" in unit
    (tmp_path / "nightcrew.service").write_text(unit)
    if wish == "with a library elsewhere":
        (tmp_path / "nightcrew.service.d").mkdir()
        (tmp_path / "nightcrew.service.d" / "library.conf").write_text(LIBRARY)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--generators=no", tmp_path / "nightcrew.service"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    said = [line for line in done.stderr.splitlines() if "nightcrew.service" in line or "library.conf" in line]
    assert (done.returncode, said) == (0, [])
