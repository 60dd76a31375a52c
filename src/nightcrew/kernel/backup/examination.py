"""A backup is looked at whole, before anything is replaced by it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nightcrew.kernel import canary
from nightcrew.kernel.backup import postgres, sqlite
from nightcrew.kernel.backup.archive import CONFIGURATION, DATABASE, KEY, NODE, RUNS, Unpacked, unpack
from nightcrew.kernel.backup.manifest import Manifest
from nightcrew.kernel.errors import Invalid, NeedsUser
from nightcrew.kernel.vault import KEY_VARIABLE, Vault

NODE_NAME = re.compile(r"[\w.-]{1,100}")

UNSIGNED = "the backup was made by hand or by an older Nightcrew, or was changed since, and running jobs would go on as it says"
STRANGE = (
    "running jobs would go on at the next start, and only your key proves that the backup is yours. To take them along, set "
    f"{KEY_VARIABLE} to your key and restore again"
)


@dataclass(frozen=True, slots=True)
class Examined:
    """A backup that may be put back. `files` are to be moved into the data directory, by name; `tables`: with its manifest,
    those of a PostgreSQL database. `without_runs`: why its running jobs are left out."""

    files: dict[str, Path]
    tables: tuple[Unpacked, Manifest] | None
    without_runs: str | None = None


def examine(file: Path, into: Path, *, folders: Sequence[Path], given: bytes | None) -> Examined:
    """Unpack a backup into an empty folder and look at all of it. `folders` have the migrations.

    `given` is the key that the environment sets. Raises `Invalid` for what is no
    backup, or is damaged, or of a newer Nightcrew, and `NeedsUser` when the key does not fit.
    """
    saved = unpack(file, into)
    if KEY not in saved.members:
        raise Invalid(f"this is not a Nightcrew backup: it has no {KEY}")
    files = {name: saved.path(name) for name in (KEY, NODE, CONFIGURATION) if name in saved.members}
    _check_node(files.get(NODE))
    _check_configuration(files.get(CONFIGURATION))
    if saved.manifest is not None and saved.manifest.database == "postgresql":
        if saved.members.keys() & {DATABASE, RUNS}:
            raise Invalid("this is not a Nightcrew backup: it has databases of both kinds")
        postgres.check(saved, saved.manifest, folders)
        _settle_key(files[KEY], given, postgres.canary_of(saved, saved.manifest))
        return Examined(files, (saved, saved.manifest))
    if DATABASE not in saved.members or saved.tables():
        raise Invalid(f"this is not a Nightcrew backup: it has {'tables' if saved.tables() else 'no database'}")
    files[DATABASE] = into / "rebuilt.db"
    sqlite.rebuild(saved.path(DATABASE), files[DATABASE], folders)
    saved_key = files[KEY].read_bytes().strip()
    _settle_key(files[KEY], given, sqlite.canary_of(files[DATABASE]))
    without = _why_without_runs(saved, saved_key, given) if RUNS in saved.members else None
    if RUNS in saved.members and without is None:
        sqlite.check(saved.path(RUNS))
        files[RUNS] = saved.path(RUNS)
    return Examined(files, None, without)


def _why_without_runs(saved: Unpacked, saved_key: bytes, given: bytes | None) -> str | None:
    """Runs go on at the next start, whoever wrote them: they are taken along when a person's own key proves the backup.

    The archive's key proves nothing, as whoever makes an archive chooses it; nor does that of the data directory, which may
    come from a restore before.
    """
    if given is not None and saved.proven(given):
        return None
    return STRANGE if saved.proven(saved_key) else UNSIGNED


def _settle_key(path: Path, given: bytes | None, sealed: str | None) -> None:
    """See that the key that is put back, and the one that the environment sets, open the backup's secrets."""
    saved = path.read_bytes().strip()
    vault = Vault(saved)
    if sealed is not None and not canary.opens(vault, sealed):
        if given is None or not canary.opens(Vault(given), sealed):
            raise NeedsUser(
                f"the backup's {KEY} does not open its secrets: set {KEY_VARIABLE} to the key that was in use then"
            )
        path.write_bytes(given)
        return
    if given is None:
        return
    if given != saved if sealed is None else not canary.opens(Vault(given), sealed):
        raise NeedsUser(
            f"{KEY_VARIABLE} is set to another key than the backup's, and would open none of its secrets: unset it, or set "
            f"it to the one in the backup ({KEY})"
        )


def _check_node(path: Path | None) -> None:
    if path is None:
        return
    if not NODE_NAME.fullmatch(path.read_bytes().decode("utf-8", "replace").removesuffix("\n")):
        raise Invalid(f"the backup's {NODE} is not a valid node name")


def _check_configuration(path: Path | None) -> None:
    if path is None:
        return
    try:
        tomllib.loads(path.read_bytes().decode())
    except (ValueError, RecursionError) as exc:
        raise Invalid(f"the backup's {CONFIGURATION} cannot be read: {str(exc)[:200]}") from exc
