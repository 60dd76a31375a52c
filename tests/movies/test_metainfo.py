"""Torrents from strangers: v1, v2 and hybrid."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightcrew.demo.bencoding import decode, encode
from nightcrew.demo.torrents import Kind, film, hash_of, hashes_of, info_of, make
from nightcrew.movies.torrents import addresses, metainfo
from nightcrew.movies.torrents.metainfo import BadTorrent, Metainfo, TorrentFile, read, read_info, verify
from torrent_damage import bytes_changed, several, values_changed, written_otherwise

BLOCK = 16384
KINDS: tuple[Kind, ...] = ("v1", "v2", "hybrid")
kinds = pytest.mark.parametrize("kind", KINDS)
FILES: dict[str, bytes | int] = {"a.mkv": 5 * BLOCK + 77, "Subs/b.srt": b"two" * 20_000, "c.nfo": 3}


def changed(change: Callable[[dict[bytes, Any]], object], kind: Kind = "v1", **options: Any) -> bytes:
    """A good torrent whose values were changed: `change` gets the outer dictionary."""
    outer = decode(make("Nosferatu", FILES, kind, piece_length=BLOCK, **options))[0]
    change(outer)
    return encode(outer)


def info_with(kind: Kind = "v1", **values: Any) -> bytes:
    """Values of the info dictionary; "_" is a space, None takes one away."""
    named = {key.replace("_", " ").encode(): value for key, value in values.items()}

    def change(outer: dict[bytes, Any]) -> None:
        info = {**outer[b"info"], **named}
        outer[b"info"] = {key: value for key, value in info.items() if value is not None}

    return changed(change, kind)


def refused(data: bytes) -> str:
    with pytest.raises(BadTorrent) as caught:
        read(data)
    return str(caught.value)


def called(*path: bytes, **more: Any) -> bytes:
    """A v1 torrent whose second file has this path."""
    file = {"length": 60_000, "path": list(path), **more}
    return changed(lambda outer: outer[b"info"][b"files"].__setitem__(1, file))


@kinds
def test_a_torrent_is_read(kind: Kind) -> None:
    trackers = ["http://127.0.0.1/announce", ["udp://127.0.0.1:1", "udp://127.0.0.1:2"]]
    data = make(
        "Nosferatu", FILES, kind, piece_length=BLOCK, trackers=trackers, web_seeds=["http://127.0.0.1/w"], private=True
    )
    torrent = read(data)
    assert (torrent.hash_v1, torrent.hash_v2) == hashes_of(data)
    assert torrent.swarm == hash_of(data)
    assert (torrent.hash_v1 is None, torrent.hash_v2 is None) == (kind == "v2", kind == "v1")
    assert torrent.name == "Nosferatu"
    assert {"/".join(file.path): file.size for file in torrent.content} == {
        "a.mkv": 81_997,
        "Subs/b.srt": 60_000,
        "c.nfo": 3,
    }
    assert torrent.size == 142_000
    assert torrent.tiers == (("http://127.0.0.1/announce",), ("udp://127.0.0.1:1", "udp://127.0.0.1:2"))
    assert torrent.trackers == ("http://127.0.0.1/announce", "udp://127.0.0.1:1", "udp://127.0.0.1:2")
    assert torrent.web_seeds == ("http://127.0.0.1/w",)
    assert torrent.private
    assert not torrent.single
    assert torrent.piece_length == BLOCK
    assert torrent.pieces == (9 if kind == "v1" else 11)


@kinds
def test_a_torrent_of_one_file_has_no_folder(kind: Kind) -> None:
    torrent = read(make("a.mkv", {"a.mkv": 100_000}, kind))
    assert torrent.single
    assert torrent.files == (TorrentFile(("a.mkv",), 100_000),)
    assert not read(make("a", {"a.mkv": 100_000}, kind)).single
    assert not torrent.private
    assert torrent.trackers == torrent.web_seeds == ()


def test_pads_are_no_content() -> None:
    torrent = read(make("Nosferatu", FILES, "hybrid", piece_length=BLOCK))
    assert [file.pad for file in torrent.files] == [False, True, False, True, False]
    assert torrent.size == sum(file.size for file in torrent.content) == 142_000
    old = called(b"_____padding_file_0_if you see this file")
    assert [file.pad for file in read(old).files] == [False, True, False]
    assert [file.pad for file in read(called(b"x", attr=b"xp")).files] == [False, True, False]
    assert [file.pad for file in read(called(b"x", attr=b"x")).files] == [False, False, False]


@kinds
def test_the_info_dictionary_alone_is_read(kind: Kind) -> None:
    data = film("Nosferatu", 1922, kind, trackers=["http://127.0.0.1/a"])
    whole, alone = read(data), read_info(info_of(data))
    assert (alone.hash_v1, alone.hash_v2, alone.files, alone.name) == (
        whole.hash_v1,
        whole.hash_v2,
        whole.files,
        whole.name,
    )
    assert alone.trackers == ()
    with pytest.raises(BadTorrent, match=r"byte \d+: something follows the info dictionary"):
        read_info(info_of(data) + b"\n")
    with pytest.raises(BadTorrent, match="its info is no dictionary"):
        read_info(b"le")


@kinds
def test_a_torrent_has_to_hash_as_promised(kind: Kind) -> None:
    data = film("Nosferatu", 1922, kind)
    v1, v2 = hashes_of(data)
    for promised in filter(None, (v1, v2, v2 and v2[:40], hash_of(data).upper(), f" {hash_of(data)}\n")):
        assert verify(data, promised) == read(data)
    other = film("Nosferatu", 1922, kind, defect="wrong_hash")
    with pytest.raises(BadTorrent, match="it does not hash as promised: [0-9a-f]+ instead of [0-9a-f]+"):
        verify(other, hash_of(data))
    for nothing in ("", "x" * 40, "é" * 32, "1" * 32, "0" * 39, "0" * 65):
        with pytest.raises(BadTorrent, match="the hash that was promised is none"):
            verify(data, nothing)


def test_hashes_are_over_the_bytes_as_they_are() -> None:
    data = make("a.mkv", {"a.mkv": 100}, "v1")
    info = info_of(data)
    odd = b"d6:lengthi0100e" + info[len("d6:lengthi100e") :]
    torrent = read(b"d1:zi1e4:info" + odd + b"e\r\n")
    assert torrent.hash_v1 == hashlib.sha1(odd).hexdigest() != hash_of(data)
    assert torrent.size == 100


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ([b"..", b"x"], 'file 2 has the name ".."'),
        ([b"."], 'file 2 has the name "."'),
        ([b".. "], 'file 2 has the name ".. "'),
        ([b"..."], 'file 2 has the name "..."'),
        ([b"a", b""], "file 2 has an empty name"),
        ([b"/etc/passwd"], 'file 2 has a name with a path in it: "/etc/passwd"'),
        ([b"a", b"b/c"], 'file 2 has a name with a path in it: "b/c"'),
        ([b"..\\x"], 'file 2 has a name with a path in it: "..\\x"'),
        ([b"C:x"], 'file 2 has a name with a drive in it: "C:x"'),
        ([b"c:"], 'file 2 has a name with a drive in it: "c:"'),
        ([b"a\0.mkv"], r'file 2 has a name with control characters: "a\x00.mkv"'),
        ([b"a/" + b"x" * 90], f'file 2 has a name with a path in it: "a/{"x" * 78}"'),
        ([b"a\n"], r'file 2 has a name with control characters: "a\n"'),
        ([b"a\x7f"], r'file 2 has a name with control characters: "a\x7f"'),
        ([b"AUX"], 'file 2 is called "AUX", which is a device'),
        ([b"nul. "], 'file 2 is called "nul. ", which is a device'),
        ([b"com1", b"x"], 'file 2 is called "com1", which is a device'),
        ([b"x" * 256], "file 2 has a name of more than 255 bytes"),
        ([b"x" * 1021], "file 2 has a name of 1021 bytes"),
        ([b"x"] * 33, "file 2 lies more than 32 folders deep"),
        ([b"x" * 255] * 17, "file 2 has a path of more than 4096 bytes"),
        ([b"a.mkv"], 'two files are called "a.mkv"'),
        ([b"a.mkv", b"x"], '"a.mkv" is a file and a folder'),
        ([], "file 2 has no path"),
        ([1], "file 2 has no path"),
        (b"x", "file 2 has no path"),
    ],
)
def test_a_name_that_leaves_its_place_is_refused(path: Any, why: str) -> None:
    file = {"length": 60_000, "path": path}
    assert refused(changed(lambda outer: outer[b"info"][b"files"].__setitem__(1, file))) == why


@pytest.mark.parametrize(
    "name", ["Con.Air.mkv", "V: Film.mkv", "..Film", "Film...", "x" * 255, "映" * 85, ".hidden", "com10", "a b"]
)
def test_a_name_that_only_looks_odd_is_taken(name: str) -> None:
    assert read(called(name.encode())).files[1].path == (name,)


def test_the_deepest_path_is_taken() -> None:
    assert read(called(*[b"x"] * 32)).files[1].path == ("x",) * 32


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (b"", "the torrent has an empty name"),
        (b"..", 'the torrent has the name ".."'),
        (b"a/b", 'the torrent has a name with a path in it: "a/b"'),
        (7, "the torrent has no name"),
        (None, "the torrent has no name"),
    ],
)
def test_the_torrents_own_name_is_a_folder_too(name: Any, why: str) -> None:
    assert refused(info_with(name=name)) == why


@kinds
def test_a_path_that_leads_out_is_refused(kind: Kind) -> None:
    assert '".."' in refused(film("Nosferatu", 1922, kind, defect="traversal"))


def test_names_in_utf8_of_their_own_are_taken() -> None:
    assert read(called(b"???.mkv", **{"path.utf-8": ["映画.mkv"]})).files[1].path == ("映画.mkv",)
    assert read(called(b"\x89f\x89\xe6.mkv", **{"path.utf-8": ["映画.mkv"]})).files[1].path == ("映画.mkv",)
    assert read(called(b"a b.mkv", **{"path.utf-8": [b"\xff.mkv"]})).files[1].path == ("a b.mkv",)
    assert read(called(b"b.mkv", **{"path.utf-8": b"x"})).files[1].path == ("b.mkv",)
    only = changed(lambda outer: outer[b"info"][b"files"].__setitem__(1, {"length": 60_000, "path.utf-8": ["x.srt"]}))
    assert read(only).files[1].path == ("x.srt",)
    assert read(info_with(**{"name.utf-8": b"\xe6\x98\xa0"})).name == "映"
    assert read(info_with(**{"name.utf-8": b"\xff"})).name == "Nosferatu"


def test_two_names_that_end_otherwise_are_two_files() -> None:
    assert refused(called(b"x.exe", **{"path.utf-8": ["x.mkv"]})) == 'file 2 has two names: "x.exe" and "x.mkv"'
    assert refused(called(b"x", b"y.mkv", **{"path.utf-8": ["y.mkv"]})) == "file 2 has two paths that differ"
    assert refused(called(b"x.mkv", **{"path.utf-8": [".."]})).startswith("file 2 has two names")
    assert refused(called(b"x", **{"path.utf-8": [".."]})) == 'file 2 has the name ".."'
    assert refused(info_with(name=b"x.exe", **{"name.utf-8": b"x.mkv"})).startswith("the torrent has two names")
    assert read(called(b"x.MKV", **{"path.utf-8": ["X.mkv"]})).files[1].path == ("X.mkv",)


def test_names_in_another_charset_are_read_where_it_is_named() -> None:
    def change(outer: dict[bytes, Any], encoding: bytes) -> None:
        outer[b"encoding"] = encoding
        outer[b"info"][b"files"][1][b"path"] = ["Größe.mkv".encode("latin-1")]

    assert read(changed(lambda outer: change(outer, b"ISO-8859-1"))).files[1].path == ("Größe.mkv",)
    for none in (b"none", b"unicode_escape", b"ascii", b"x" * 50, b"\xff", b"zlib"):
        assert read(changed(lambda outer, none=none: change(outer, none))).files[1].path == ("Gr\ufffd\ufffde.mkv",)  # type: ignore[misc]
    assert read(changed(lambda outer: outer.update({b"encoding": 7}))).name == "Nosferatu"


def test_a_charset_cannot_bring_a_path_in() -> None:
    def change(outer: dict[bytes, Any]) -> None:
        outer[b"encoding"] = b"utf-16-le"
        outer[b"info"][b"files"][1][b"path"] = [b".\0.\0/\0x\0\x80\xd8\x00\xdc"]

    assert "a name with a path in it" in refused(changed(change))


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"length": 7}, "it is one file and several at once"),
        ({"files": []}, "its list of files is empty or none"),
        ({"files": 1}, "its list of files is empty or none"),
        ({"files": [1]}, "file 1 is no dictionary"),
        ({"files": None}, "the file has no length"),
        ({"files": None, "length": b"7"}, "the file has no length"),
        ({"files": None, "length": -1}, "the file has a negative length"),
        ({"files": None, "length": 0, "pieces": b""}, "its files are empty"),
        ({"files": None, "length": BLOCK}, "it has 9 hashes for 1 pieces"),
        ({"files": None, "length": 9 * BLOCK + 1}, "it has 9 hashes for 10 pieces"),
        ({"files": [{"path": ["x"]}]}, "file 1 has no length"),
        ({"files": [{"path": ["x"], "length": -1}]}, "file 1 has a negative length"),
        ({"pieces": None}, "its hashes of pieces are broken"),
        ({"pieces": 1}, "its hashes of pieces are broken"),
        ({"pieces": b"x" * 179}, "its hashes of pieces are broken"),
        ({"piece_length": None}, "its piece length is none"),
        ({"piece_length": 0}, "its piece length is none"),
        ({"piece_length": -1}, "its piece length is none"),
        ({"piece_length": b"1"}, "its piece length is none"),
        ({"piece_length": (1 << 28) + 1}, "its piece length is none"),
        ({"meta_version": 3}, "it is of a version that is not known"),
        ({"meta_version": 0}, "it is of a version that is not known"),
        ({"meta_version": b"2"}, "it is of a version that is not known"),
        ({"meta_version": 2}, "it has no file tree"),
        ({"file_tree": {}}, "it has a file tree and does not say that it is of version 2"),
        (
            {"files": None, "length": (2_097_152 << 14) + 1},
            "it has 2,097,153 pieces; 2,097,152 are the most that are read",
        ),
        ({"files": None, "length": 2_097_152 << 14}, "it has 9 hashes for 2097152 pieces"),
    ],
)
def test_a_v1_torrent_that_makes_no_sense_is_refused(values: dict[str, Any], why: str) -> None:
    assert refused(info_with(**values)) == why


@pytest.mark.parametrize("length", [1, 1000, 1 << 28])
def test_pieces_of_a_v1_torrent_may_have_any_length(length: int) -> None:
    data = info_with(piece_length=length, files=None, length=length, pieces=b"x" * 20)
    assert read(data).piece_length == length


def leaf(outer: dict[bytes, Any], **values: Any) -> None:
    """Values of the file a.mkv in the tree."""
    file = outer[b"info"][b"file tree"][b"a.mkv"][b""]
    file.update({key.replace("_", " ").encode(): value for key, value in values.items()})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            lambda outer: outer[b"info"].update({b"piece length": 24_576}),
            "its piece length of 24576 is no power of two from 16384 on",
        ),
        (
            lambda outer: outer[b"info"].update({b"piece length": 8192}),
            "its piece length of 8192 is no power of two from 16384 on",
        ),
        (lambda outer: outer[b"info"].update({b"file tree": {}}), "its file tree is empty"),
        (lambda outer: outer[b"info"].update({b"file tree": {b"a": {b"b": {}}}}), "its file tree is empty"),
        (lambda outer: outer[b"info"].update({b"file tree": []}), "it has no file tree"),
        (lambda outer: outer[b"info"][b"file tree"].update({b"": {b"length": 1}}), "file 1 has an empty name"),
        (lambda outer: outer[b"info"][b"file tree"].update({b"..": {b"": {}}}), 'file 1 has the name ".."'),
        (lambda outer: outer[b"info"][b"file tree"].update({b"zz": 1}), "file 4 is no dictionary"),
        (lambda outer: outer[b"info"][b"file tree"].update({b"zz": {b"": 1}}), "file 4 is no dictionary"),
        (lambda outer: outer[b"info"][b"file tree"][b"a.mkv"].update({b"x": {}}), "file 2 is a file and a folder"),
        (lambda outer: leaf(outer, length=-1), "file 2 has a negative length"),
        (lambda outer: leaf(outer, length=0), "file 2 is empty and has pieces"),
        (lambda outer: leaf(outer, pieces_root=b""), "file 2 has no root of its pieces"),
        (lambda outer: leaf(outer, pieces_root=b"x" * 31), "file 2 has no root of its pieces"),
        (lambda outer: leaf(outer, pieces_root=1), "file 2 has no root of its pieces"),
        (lambda outer: leaf(outer, attr=b"l", symlink_path=[b".."]), 'the target of file 2 has the name ".."'),
        (lambda outer: leaf(outer, length=6 * BLOCK + 1), "the piece layer of file 2 has 192 bytes"),
        (lambda outer: leaf(outer, length=5 * BLOCK), "the piece layer of file 2 has 192 bytes"),
        (lambda outer: outer.update({b"piece layers": []}), "its piece layers are no dictionary"),
        (
            lambda outer: outer[b"piece layers"].update(dict.fromkeys(outer[b"piece layers"], 1)),
            "the piece layer of file 1 is no text",
        ),
        (
            lambda outer: outer[b"piece layers"].update(
                {key: bytes(len(it)) for key, it in outer[b"piece layers"].items()}
            ),
            "the piece layer of file 1 does not lead to its root",
        ),
        (lambda outer: leaf(outer, length=(2_097_147 << 14)), "the piece layer of file 2 has 192 bytes"),
        (
            lambda outer: leaf(outer, length=(2_097_147 << 14) + 1),
            "it has 2,097,153 pieces; 2,097,152 are the most that are read",
        ),
    ],
)
def test_a_v2_torrent_that_makes_no_sense_is_refused(change: Callable[[dict[bytes, Any]], object], why: str) -> None:
    found = refused(changed(change, "v2"))
    assert found == why


def test_piece_layers_may_be_missing_since_peers_have_them() -> None:
    assert read(changed(lambda outer: outer.pop(b"piece layers"), "v2")).size == 142_000
    assert read(changed(lambda outer: outer[b"piece layers"].popitem(), "v2")).size == 142_000


@pytest.mark.parametrize(
    "size", [1, BLOCK, BLOCK + 1, 2 * BLOCK, 3 * BLOCK, 4 * BLOCK + 1, 33 * BLOCK, 64 * BLOCK, 100 * BLOCK + 5]
)
@pytest.mark.parametrize("length", [BLOCK, 4 * BLOCK])
def test_piece_layers_of_all_widths_are_checked(size: int, length: int) -> None:
    data = make("a", {"a": size}, "v2", piece_length=length)
    assert read(data).size == size
    outer = decode(data)[0]
    for key, layer in outer[b"piece layers"].items():
        for at in (0, len(layer) - 1):
            damaged = layer[:at] + bytes([layer[at] ^ 1]) + layer[at + 1 :]
            assert "does not lead to its root" in refused(encode({**outer, b"piece layers": {key: damaged}}))


def test_two_files_of_the_same_content_share_a_layer() -> None:
    data = make("x", {"a": b"x" * 100_000, "b": b"x" * 100_000, "c": b""}, "v2", piece_length=BLOCK)
    assert len(decode(data)[0][b"piece layers"]) == 1
    assert read(data).size == 200_000


def test_a_v2_torrent_has_one_form() -> None:
    data = make("a", {"a": 100}, "v2")
    why = "its info dictionary is not written in the one form that version 2 allows"
    assert refused(data.replace(b"6:lengthi100e", b"6:lengthi0100e")) == why
    assert refused(data.replace(b"4:name1:a", b"").replace(b"4:infod", b"4:infod4:name1:a")) == why
    assert read(data + b"\n").size == 100


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda info: info[b"files"][0].update({b"path": [b"b.mkv"]}), "its v1 half and its v2 half have other files"),
        (lambda info: info[b"files"][0].update({b"length": 60_001}), "its v1 half and its v2 half have other files"),
        (lambda info: info[b"files"].reverse(), "its v1 half and its v2 half have other files"),
        (lambda info: info[b"files"].pop(2), "its v1 half and its v2 half have other files"),
        (lambda info: info[b"files"][1].pop(b"attr"), "its v1 half and its v2 half have other files"),
        (lambda info: info[b"files"][1].update({b"length": 1}), "its v1 half and its v2 half have other pieces"),
        (
            lambda info: info[b"files"].insert(0, {b"path": [b"p"], b"attr": b"p", b"length": BLOCK}),
            "a pad file is as long as a piece",
        ),
        (lambda info: info.pop(b"pieces"), "its hashes of pieces are broken"),
        (lambda info: info.pop(b"files"), "the file has no length"),
    ],
)
def test_both_halves_of_a_hybrid_say_the_same(change: Callable[[dict[bytes, Any]], object], why: str) -> None:
    def all_pieces(outer: dict[bytes, Any]) -> None:
        info = outer[b"info"]
        change(info)
        if b"pieces" in info and b"files" in info:
            info[b"pieces"] = b"x" * 20 * -(-sum(file[b"length"] for file in info[b"files"]) // BLOCK)

    assert refused(changed(all_pieces, "hybrid")) == why


def test_a_v2_torrent_with_half_of_a_v1_torrent_is_refused() -> None:
    assert refused(info_with("v2", length=142_000)).startswith("its hashes of pieces are broken")
    assert refused(info_with("v2", pieces=b"x" * 20)) == "the file has no length"


def test_an_empty_file_needs_no_piece_of_its_own() -> None:
    def unpadded(outer: dict[bytes, Any]) -> None:
        files = outer[b"info"][b"files"]
        files[1], files[2] = files[2], files[1]

    outer = decode(make("x", {"a": 100, "b": b"", "c": 100}, "hybrid", piece_length=BLOCK))[0]
    unpadded(outer)
    assert [file.size for file in read(encode(outer)).content] == [100, 0, 100]


def test_a_symbolic_link_stays_in_the_torrent() -> None:
    link: dict[str, Any] = {"attr": b"l", "length": 0}
    assert (
        refused(called(b"x", **link, **{"symlink path": [b"..", b"etc"]})) == 'the target of file 2 has the name ".."'
    )
    assert refused(called(b"x", **link)) == "the target of file 2 has no path"

    def change(outer: dict[bytes, Any]) -> None:
        outer[b"info"][b"files"].append({"length": 0, "path": ["x"], "attr": "l", "symlink path": ["a.mkv"]})

    assert read(changed(change)).files[-1] == TorrentFile(("x",), 0)


def test_what_is_no_torrent_is_refused() -> None:
    assert refused(b"le") == "it is no dictionary"
    assert refused(b"de") == "it has no info dictionary"
    assert refused(b"d4:infolee") == "its info is no dictionary"
    assert refused(b"<html>") == "it is a web page and no torrent"
    assert "cut short" in refused(film("Nosferatu", 1922, defect="damaged"))


@pytest.mark.parametrize("private", [1, 2, b"1", [], -1])
def test_whatever_says_private_keeps_it_private(private: Any) -> None:
    assert read(info_with(private=private)).private


@pytest.mark.parametrize("private", [0, b"0", b"", None])
def test_a_torrent_that_is_not_private(private: Any) -> None:
    assert not read(info_with(private=private)).private


def test_trackers_that_cannot_be_asked_are_left_out() -> None:
    def with_trackers(**values: Any) -> Metainfo:
        named = {key.replace("_", "-").encode(): value for key, value in values.items()}
        return read(changed(lambda outer: outer.update(named)))

    odd = [
        "wss://h/a",
        "ftp://h/a",
        "udp://h",
        "http://",
        "http://[::1",
        "http://h:99999/",
        "http://h:0/",
        "http://h/a b",
        "http://h/\n1",
    ]
    odd += ["http://h/é", "http://h/" + "x" * 2000, "", "announce"]
    listed: list[Any] = [[*odd, b"\xff", 7, " http://h/1 "], "udp://h:1/x", [], 7, ["http://h/1", "https://h"]]
    torrent = with_trackers(announce="http://h/0", announce_list=listed)
    assert torrent.tiers == (("http://h/1",), ("udp://h:1/x",), ("http://h/1", "https://h"))
    assert torrent.trackers == ("http://h/1", "udp://h:1/x", "https://h")
    assert with_trackers(announce="http://h/0", announce_list=[["wss://h"]]).tiers == (("http://h/0",),)
    assert with_trackers(announce="http://h/0", announce_list=7).tiers == (("http://h/0",),)
    assert with_trackers(announce=7).tiers == ()
    many = with_trackers(
        announce_list=[[f"http://h/{at}" for at in range(150)], [f"http://i/{at}" for at in range(150)], ["http://j"]]
    )
    assert [len(tier) for tier in many.tiers] == [150, 50]
    assert (
        len(with_trackers(announce_list=[[f"http://h/{at}" for at in range(500)]]).trackers)
        == addresses.MAX_ADDRESSES
        == 200
    )
    assert with_trackers(announce="http://h/" + "x" * 1991).trackers


def test_web_seeds_are_one_or_several() -> None:
    def seeds(value: Any) -> tuple[str, ...]:
        return read(changed(lambda outer: outer.update({b"url-list": value}))).web_seeds

    assert seeds("http://h/a") == ("http://h/a",)
    assert seeds(["http://h/a", "https://h/b", "ftp://h/c", "udp://h:1", 7, "http://h/a"]) == (
        "http://h/a",
        "https://h/b",
    )
    assert seeds("") == seeds([]) == seeds(7) == ()
    assert len(seeds([f"http://h/{at}" for at in range(300)])) == 200


@given(st.integers(0, 2**32))
def test_damage_is_refused_and_nothing_else(seed: int) -> None:
    rng = random.Random(seed)
    data = several(rng)
    good = read(data)
    assert (good.hash_v1, good.hash_v2) == hashes_of(data)
    for change in (bytes_changed, values_changed, written_otherwise):
        try:
            torrent = read(change(data, rng))
        except BadTorrent:
            continue
        assert torrent.size > 0
        assert all(part not in {"", ".", ".."} and "/" not in part for file in torrent.files for part in file.path)


@given(st.binary(max_size=300))
def test_any_info_dictionary_is_read_or_refused(data: bytes) -> None:
    for one in (data, b"d" + data + b"e"):
        try:
            read_info(one)
        except BadTorrent:
            pass


def test_the_largest_are_read() -> None:
    data = info_with(files=None, length=490_000 << 14, pieces=bytes(490_000 * 20))
    assert read(data).pieces == 490_000
    many = [{"length": 1, "path": [f"{at:06}"]} for at in range(20_000)]
    assert len(read(info_with(files=many, pieces=b"x" * 40)).files) == 20_000
    deep = [{"length": 1, "path": ["x"] * 31 + [f"{at:05}"]} for at in range(5_000)]
    assert len(read(info_with(files=deep, pieces=b"x" * 20)).files) == 5_000
    assert metainfo.MAX_PIECES == 2_097_152


def test_a_hybrid_of_a_large_film_is_read() -> None:
    assert read(film("Metropolis", 1927, "hybrid", minutes=153, mb_per_minute=400)).size > 61_200_000_000
