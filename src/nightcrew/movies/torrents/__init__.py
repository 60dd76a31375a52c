"""Torrents as files and links: what they hold, by which hashes they are known, and which are refused. Pure: nothing is asked or fetched.

`bencode` reads bytes, `metainfo` what they mean (`v1`, `v2`, `layers`, `paths`, `addresses`), `magnet` links, and `inspection` says
what speaks against a torrent's content.
"""
