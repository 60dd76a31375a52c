"""Recordings: live streams on disk, with nothing missing that nobody knows of. Declared in domain.py."""
