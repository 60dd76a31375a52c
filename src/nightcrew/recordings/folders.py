"""Deleting an episode, and the folders that are empty afterwards. Blocking: call it in a thread.

Nothing here follows a symlink, and no folder is deleted with what is in it, besides the parts (`*_segments`) that the caller
names: files go one by one and a folder by rmdir, so what appears meanwhile keeps it. A failure is noted, and the rest goes on.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nightcrew.kernel.errors import Invalid
from nightcrew.recordings.naming import SEGMENTS

METADATA = frozenset(
    {"poster.jpg", "fanart.jpg", "season-poster.jpg", "banner.jpg", "folder.jpg", "season.nfo", "tvshow.nfo"}
)
"""What a folder may hold, in any case, and still go; dot files and symlinks besides."""
VIDEO = frozenset(
    [".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ts", ".webm", ".wmv"]
)
MEDIA = VIDEO | frozenset([".aac", ".flac", ".m4a", ".m4s", ".mka", ".mp3", ".ogg", ".opus", ".part", ".wav"])
RESOURCE_FORK = "._"
"""macOS puts such a file beside each file on a share; `._film.mp4` is no film."""


@dataclass(frozen=True, slots=True)
class Removal:
    """What went, or in a dry run would go. `bytes`: the sizes of the files that went."""

    removed: tuple[Path, ...] = ()
    kept: tuple[str, ...] = ()
    """Why a folder stays, a sentence each."""
    errors: tuple[str, ...] = ()
    bytes: int = 0


def remove_episode(root: Path, files: Sequence[Path], *, dry_run: bool) -> Removal:
    """Delete the named files and `*_segments` folders, then each folder above them in which only metadata is left.

    Relative paths are below `root`, which itself always stays. A file that is not there is passed over. Raises `Invalid`
    before anything is deleted when one of the files lies outside of `root` or is another kind of folder.
    """
    base = root.resolve()
    targets = [_target(base, root / file) for file in files]
    sweep = _Sweep(base, dry_run)
    for target in targets:
        sweep.delete(target)
    above = {folder for target in targets for folder in target.parents if folder.is_relative_to(base)} - {base}
    for folder in sorted(above, key=lambda one: (-len(one.parts), one)):
        sweep.tidy(folder)
    return Removal(
        tuple(root / path.relative_to(base) for path in sweep.removed),
        tuple(sweep.kept),
        tuple(sweep.errors),
        sum(sweep.removed.values()),
    )


def remove_empty(root: Path, folder: Path) -> list[Path]:
    """Remove a folder below `root`, and those above it, as long as nothing at all is in them; returns those that went.

    For a recording that has left nothing: what lies beside it was put there by somebody else.
    """
    base, gone = root.resolve(), list[Path]()
    with contextlib.suppress(OSError, RuntimeError):  # something is in it, or it is not there
        one = _resolved(folder)
        while one != base and one.is_relative_to(base):
            one.rmdir()
            gone.append(one)
            one = one.parent
    return gone


def _target(base: Path, file: Path) -> Path:
    """The file's own place: symlinks in the folders above it are resolved, the last one is not."""
    try:
        target = _resolved(file.parent) / file.name
    except (OSError, RuntimeError, ValueError) as exc:  # a loop of symlinks, a NUL
        raise Invalid(f"Cannot tell where {file.name!r} is, so nothing was deleted.") from exc
    if file.name in {"", ".."} or not target.parent.is_relative_to(base):
        raise Invalid(f"{file} is not inside the library, so nothing was deleted.")
    if _is_folder(target) and not _is_segments(target.name):
        raise Invalid(f"{file} is a folder, but not a *{SEGMENTS} folder, so nothing was deleted.")
    return target


def _resolved(folder: Path) -> Path:
    """Without symlinks, whether it is there or not. A loop of them raises, which from Python 3.13 on `resolve` passes over."""
    found = folder.resolve()
    try:
        found.stat()
    except OSError as exc:
        if exc.errno == errno.ELOOP:
            raise
    return found


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False  # deleting it will tell what is the matter
    except ValueError as exc:
        raise Invalid(f"{path.name!r} is not a valid file name, so nothing was deleted.") from exc


def _is_segments(name: str) -> bool:
    return name.casefold().endswith(SEGMENTS)


@dataclass(frozen=True, slots=True, order=True)
class _Entry:
    name: str
    mode: int
    size: int

    @property
    def is_folder(self) -> bool:
        return stat.S_ISDIR(self.mode)

    @property
    def is_link(self) -> bool:
        return stat.S_ISLNK(self.mode)


@dataclass(slots=True)
class _Sweep:
    """One run. In a dry run what was "removed" is still there and is looked past."""

    base: Path
    dry_run: bool
    removed: dict[Path, int] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def delete(self, target: Path) -> None:
        """One of the named files or folders."""
        self._tried(target, lambda: self._delete(target))

    def tidy(self, folder: Path) -> None:
        """The folder goes when nothing but metadata is left in it."""
        self._tried(folder, lambda: self._tidy(folder))

    def _tried(self, path: Path, work: Callable[[], bool]) -> bool:
        """Whether it is gone, also when somebody else was quicker. What fails is noted."""
        try:
            return work()
        except FileNotFoundError:
            return True
        except OSError as exc:
            self.errors.append(f"{self._shown(path)} cannot be deleted: {exc.strerror or exc}.")
            return False

    def _delete(self, target: Path) -> bool:
        info = target.lstat()
        if stat.S_ISDIR(info.st_mode) and _is_segments(target.name):
            return self._clear(target)
        return self._unlink(target, info.st_size if stat.S_ISREG(info.st_mode) else 0)

    def _tidy(self, folder: Path) -> bool:
        with _opened(folder) as (handle, found):
            left = [entry for entry in found if not (self.dry_run and folder / entry.name in self.removed)]
            if reason := next(filter(None, map(_keeps, left)), None):
                self.kept.append(f"{self._shown(folder)} is kept: {reason}.")
                return False
            gone = [self._unlink(folder / entry.name, entry.size, handle) for entry in left]
        return all(gone) and self._rmdir(folder)

    def _clear(self, folder: Path) -> bool:
        """The folder with all that is in it; False when some of it stays."""
        return self._tried(folder, lambda: self._emptied(folder)) and self._rmdir(folder)

    def _emptied(self, folder: Path) -> bool:
        with _opened(folder) as (handle, found):
            gone = [
                self._clear(folder / entry.name)
                if entry.is_folder
                else self._unlink(folder / entry.name, entry.size, handle)
                for entry in found
            ]
        return all(gone)

    def _unlink(self, path: Path, size: int, handle: int | None = None) -> bool:
        """`handle`: the folder that was looked into, so that no other one is hit when its name means another by now."""

        def work() -> bool:
            if not self.dry_run:
                os.unlink(path if handle is None else path.name, dir_fd=handle)
            self.removed[path] = size
            return True

        return self._tried(path, work)

    def _rmdir(self, folder: Path) -> bool:
        def work() -> bool:
            try:
                if not self.dry_run:
                    folder.rmdir()
            except OSError as exc:
                if exc.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                    raise
                self.kept.append(f"{self._shown(folder)} was kept: something new appeared in it.")
                return False
            self.removed[folder] = 0
            return True

        return self._tried(folder, work)

    def _shown(self, path: Path) -> str:
        return str(path.relative_to(self.base))


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[tuple[int, list[_Entry]]]:
    """A descriptor of the folder and what is in it, by name. Raises `OSError`, also when it is a symlink by now."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        with os.scandir(handle) as found:
            entries = [entry for one in found if (entry := _entry(one))]
        yield handle, sorted(entries)
    finally:
        os.close(handle)


def _entry(found: os.DirEntry[str]) -> _Entry | None:
    try:
        info = found.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    return _Entry(found.name, info.st_mode, info.st_size if stat.S_ISREG(info.st_mode) else 0)


def _keeps(entry: _Entry) -> str | None:
    """Why a folder with this in it stays. A film stays even under a hidden name."""
    name = entry.name.casefold()
    if entry.is_link:
        return None
    if entry.is_folder:
        return f"it contains the folder {entry.name}"
    if Path(name).suffix in MEDIA and not name.startswith(RESOURCE_FORK):
        return f"it contains the recording {entry.name}"
    if name in METADATA or name.startswith("."):
        return None
    return f"it contains {entry.name}"
