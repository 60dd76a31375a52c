"""Prints as JSON what libtorrent finds in torrents: [v1 hash, v2 hash, bytes of content] of each, and why it refuses one.

Run by libtorrent's own Python, with a file of base64 lines.
"""

import base64
import json
import sys
from pathlib import Path

import libtorrent


def look(data: bytes) -> "list[object] | str":
    try:
        torrent = libtorrent.load_torrent_buffer(data).ti
    except RuntimeError as exc:
        return str(exc)
    hashes = torrent.info_hashes()
    v1, v2 = hashes.has_v1() and str(hashes.v1), hashes.has_v2() and str(hashes.v2)
    files = torrent.layout()
    pads = files.flag_pad_file
    content = [files.file_size(at) for at in range(files.num_files()) if not files.file_flags(at) & pads]
    return [v1 or None, v2 or None, sum(content)]


lines = Path(sys.argv[1]).read_bytes().splitlines()
json.dump([look(base64.b64decode(line)) for line in lines], sys.stdout)
