"""Makes torrents of a folder, of all kinds that libtorrent writes: `make_with_libtorrent.py FOLDER TARGET`. Run by libtorrent's own Python."""

import sys
from pathlib import Path

import libtorrent

folder, target = map(Path, sys.argv[1:])
make = libtorrent.create_torrent
kinds = {"hybrid": 0, "v2": make.v2_only, "v1": make.v1_only, "aligned": make.v1_only | make.canonical_files}
for name, flags in kinds.items():
    files = libtorrent.file_storage()
    libtorrent.add_files(files, str(folder))
    made = make(files, 32768, flags)
    made.add_tracker("http://127.0.0.1:1/announce", 0)
    made.set_priv(True)
    libtorrent.set_piece_hashes(made, str(folder.parent))
    (target / f"{name}.torrent").write_bytes(libtorrent.bencode(made.generate()))
