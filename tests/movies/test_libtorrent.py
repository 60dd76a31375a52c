"""The hashes that we find are those that download clients find: libtorrent, in an environment of its own, and Transmission."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from nightcrew.movies.torrents.metainfo import BadTorrent, Metainfo, read
from torrent_damage import torrents

PYTHON = Path(__file__).parents[2] / ".tools" / "libtorrent" / "bin" / "python"
COUNT = 4000


def missing(what: str, how: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is missing, and CI must have it: {how}")
    pytest.skip(f"{what} is not here: {how}")


def ours(data: bytes) -> Metainfo | None:
    try:
        return read(data)
    except BadTorrent:
        return None


def test_libtorrent_finds_the_same_hashes_and_bytes_in_every_torrent_that_both_accept(tmp_path: Path) -> None:
    if not PYTHON.exists():
        missing("libtorrent", "make .tools/libtorrent/.done")
    made = list(torrents(COUNT, seed=11))
    (tmp_path / "torrents").write_bytes(b"\n".join(map(base64.b64encode, made)))
    script = Path(__file__).with_name("ask_libtorrent.py")
    command = [str(PYTHON), "-W", "ignore", str(script), str(tmp_path / "torrents")]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": ""}, capture_output=True, check=True, text=True)
    both, only_we = 0, []
    for data, theirs in zip(made, json.loads(done.stdout), strict=True):
        torrent = ours(data)
        if torrent and isinstance(theirs, list):
            both += 1
            assert [torrent.hash_v1, torrent.hash_v2, torrent.size] == theirs, data
        elif torrent and "piece layer" not in theirs:  # layers that belong to no file are passed over
            only_we.append((theirs, data))
    assert both > COUNT / 3
    assert len(only_we) < COUNT / 200, only_we


@pytest.mark.parametrize("kind", ["hybrid", "v2", "v1", "aligned"])
def test_libtorrent_makes_what_we_read(tmp_path: Path, kind: str) -> None:
    if not PYTHON.exists():
        missing("libtorrent", "make .tools/libtorrent/.done")
    sizes = {"film.mkv": 300_000, "a.nfo": 100, "Subs/x.srt": 70_000, "empty": 0}
    for path, size in sizes.items():
        (tmp_path / "Nosferatu" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "Nosferatu" / path).write_bytes(path.encode() * size)
        os.truncate(tmp_path / "Nosferatu" / path, size)
    script = Path(__file__).with_name("make_with_libtorrent.py")
    command = [str(PYTHON), "-W", "ignore", str(script), str(tmp_path / "Nosferatu"), str(tmp_path)]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": ""}, check=True, capture_output=True)
    torrent = read((tmp_path / f"{kind}.torrent").read_bytes())
    assert {"/".join(file.path): file.size for file in torrent.content} == sizes
    assert (torrent.hash_v1 is None, torrent.hash_v2 is None) == (kind == "v2", kind in {"v1", "aligned"})
    assert any(file.pad for file in torrent.files) == (kind in {"hybrid", "aligned"})
    assert (torrent.name, torrent.private, torrent.trackers) == ("Nosferatu", True, ("http://127.0.0.1:1/announce",))


def test_transmission_makes_what_we_read(tmp_path: Path) -> None:
    if not shutil.which("transmission-create"):
        missing("transmission-cli", "install it with your package manager")
    folder = tmp_path / "Nosferatu 1922"
    (folder / "Subs").mkdir(parents=True)
    (folder / "film.mkv").write_bytes(b"x" * 300_000)
    (folder / "Subs" / "Größe.srt").write_bytes(b"y" * 5_000)
    target, tracker = tmp_path / "made.torrent", "http://127.0.0.1:1/announce"
    env = {**os.environ, "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    command = ["transmission-create", "-p", "-t", tracker, "-o", str(target), str(folder)]
    subprocess.run(command, env=env, check=True, capture_output=True)
    torrent = read(target.read_bytes())
    assert {file.path: file.size for file in torrent.files} == {("film.mkv",): 300_000, ("Subs", "Größe.srt"): 5_000}
    assert (torrent.name, torrent.private, torrent.trackers) == ("Nosferatu 1922", True, (tracker,))
    shown = subprocess.run(
        ["transmission-show", str(target)], env=env, check=True, capture_output=True, text=True
    ).stdout
    assert f"Hash: {torrent.hash_v1}" in shown or f"Hash v1: {torrent.hash_v1}" in shown
