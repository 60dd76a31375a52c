"""What comes from elsewhere is what was published, with its licence."""

from __future__ import annotations

import hashlib
from pathlib import Path

import nightcrew.web

VENDOR = Path(nightcrew.web.__file__).parent / "static" / "vendor"


def test_every_vendored_file_is_the_one_that_was_published() -> None:
    lines = [line for line in (VENDOR / "HASHES").read_text("utf-8").splitlines() if line and not line.startswith("#")]
    known = {name: digest for digest, name in (line.split("  ") for line in lines)}
    assert set(known) == {path.name for path in VENDOR.iterdir()} - {"HASHES"}
    for name, digest in known.items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == digest, name


def test_every_vendored_library_comes_with_its_licence() -> None:
    libraries = {path.name.partition(".")[0] for path in VENDOR.iterdir()} - {"HASHES"}
    assert {path.stem for path in VENDOR.glob("*.LICENSE")} == libraries
