"""Files are whole or absent."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.kernel import files


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "list.m3u"
    with files.replacing(path) as file:
        file.write(b"old")
    with files.replacing(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert [entry.name for entry in path.parent.iterdir()] == ["list.m3u"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, OSError])
def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "list.m3u"
    path.write_bytes(b"old")
    with pytest.raises(error), files.replacing(path) as file:
        file.write(b"half")
        raise error
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_killed_writer_leaves_the_old_file_and_what_it_left_is_swept(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "list.m3u"
    path.parent.mkdir()
    path.write_bytes(b"old")
    script = f"""
        import sys, time
        from pathlib import Path
        from nightcrew.kernel import files
        with files.replacing(Path({str(path)!r})) as file:
            file.write(b"half" * 1_000_000)
            file.flush()
            print("writing", flush=True)
            time.sleep(60)
    """
    child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"writing\n"
    (left,) = [one for one in path.parent.iterdir() if one != path]
    os.utime(left, (0, 0))
    assert files.sweep_beside(path) == 0, "it is being written"
    child.send_signal(signal.SIGKILL)
    child.wait(10)
    child.stdout.close()
    assert path.read_bytes() == b"old"
    assert len(list(path.parent.iterdir())) == 2
    other = path.with_name(f"{path.name}x{files.TEMPORARY}1234")
    other.write_bytes(b"another file's")
    os.utime(other, (0, 0))
    assert files.sweep_beside(path) == 1
    assert set(path.parent.iterdir()) == {path, other}
    assert files.sweep(tmp_path) == 1
    assert list(path.parent.iterdir()) == [path]


def test_sweeping_leaves_whole_files_and_links_alone(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "film.tmp-1").write_bytes(b"precious")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "list.m3u").write_bytes(b"x")
    (inside / "link.tmp-2").symlink_to(outside / "film.tmp-1")
    (inside / "folder").symlink_to(outside)
    assert files.sweep(inside) == 0
    assert (outside / "film.tmp-1").exists()
    assert (inside / "list.m3u").exists()


def test_files_are_for_the_owner_only_unless_asked_otherwise(tmp_path: Path) -> None:
    mask = os.umask(0o022)
    try:
        for shared, mode in ((False, 0o600), (True, 0o644)):
            with files.replacing(tmp_path / "a", shared=shared) as file:
                assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) == mode
            assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == mode
    finally:
        os.umask(mask)


NASTY = st.one_of(
    st.text(max_size=200),
    st.sampled_from(
        ["", ".", "..", "../../etc/passwd", "/", "\\", "a/b", ".hidden", "-rf", "con", "a\0b", "\u2028", "x" * 500]
    ),
    st.text("./_\\ -", max_size=20),
)


@given(NASTY)
def test_a_safe_name_is_one_plain_name(text: str) -> None:
    name = files.safe_name(text)
    assert 1 <= len(name) <= 80
    assert not set(name) & set('/\\\0\n\r:*?"<>|')
    assert not name.startswith(".")
    assert name not in {".", ".."}
    assert name == files.safe_name(name)


@given(st.text(min_size=1, max_size=100))
def test_a_safe_name_fits_into_a_folder(text: str) -> None:
    """A file name has at most 255 bytes; endings, a hash and the temporary name's tail need some of them."""
    assert len(f"{files.safe_name(text)}-01234567.m3u.tmp-abcdefgh".encode()) <= 255


def test_the_longest_safe_name_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / f"{files.safe_name(chr(0x20000) * 80)}-01234567.m3u"
    with files.replacing(path) as file:
        file.write(b"x")
    assert path.read_bytes() == b"x"


def test_a_sweep_leaves_peoples_own_files_alone(tmp_path: Path) -> None:
    own = tmp_path / "recordings" / "Film.tmp-7 - S202611E01.mp4"
    own.parent.mkdir()
    own.write_bytes(b"film")
    (tmp_path / "playlists").mkdir()
    left = tmp_path / "playlists" / "DE.m3u.tmp-abc"
    left.write_bytes(b"half")
    assert files.sweep(tmp_path, keep={"recordings"}) == 1
    assert own.exists()
    assert not left.exists()
