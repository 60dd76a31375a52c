"""Whether what was compiled for this machine loads on it. That is tried in another process, as what does not fit may end it."""

from __future__ import annotations

import subprocess
import sys

from nightcrew.kernel.declare import Finding

COMPILED = {
    "argon2": "argon2-cffi",
    "av": "av",
    "cryptography.fernet": "cryptography",
    "Crypto.Cipher.AES": "pycryptodome",
    "greenlet": "greenlet",
    "lxml.etree": "lxml",
    "psutil": "psutil",
    "psycopg": "psycopg[binary]",
    "pydantic": "pydantic",
    "rapidfuzz": "rapidfuzz",
    "sqlalchemy": "sqlalchemy",
}
"""Modules and the packages that bring them."""
ELSEWHERE = frozenset({"av", "lxml", "pycryptodome"})
"""Packages that only processes of their own load: a server starts without them."""
TRYING = (
    "import importlib, sys\nfor name in sys.argv[1:]:\n    print(name, flush=True)\n    importlib.import_module(name)"
)
LIMIT = 60.0


def findings() -> list[Finding]:
    """One for all that load, and one for each that does not."""
    left, broken = list(COMPILED), []
    while left:
        began, why = _tried(left)
        if not why:
            break
        package = COMPILED[began]
        broken.append(Finding(package, False, f"does not load here ({why}): pip install --force-reinstall {package}"))
        left = left[left.index(began) + 1 :]
    return broken or [Finding("libraries", True, f"all {len(COMPILED)} that were compiled load here")]


def _tried(names: list[str]) -> tuple[str, str]:
    """The module that was loaded last, and why that went wrong; no reason when all of them load."""
    command = [sys.executable, "-c", TRYING, *names]
    try:
        done = subprocess.run(command, capture_output=True, timeout=LIMIT, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as exc:
        return _last(exc.stdout) or names[0], f"it took more than {LIMIT:.0f} s"
    except OSError as exc:
        return names[0], str(exc)
    if done.returncode == 0:
        return names[-1], ""
    if done.returncode < 0:
        return _last(done.stdout) or names[0], f"it ended Python with signal {-done.returncode}"
    return _last(done.stdout) or names[0], _last(done.stderr)[:200]


def _last(output: bytes | None) -> str:
    return (output or b"").decode("utf-8", "replace").strip().rpartition("\n")[2]
