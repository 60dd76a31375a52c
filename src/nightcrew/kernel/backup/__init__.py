"""Backups: one archive with a copy of the database, the key and the configuration file.

What is read from one is other people's: it is checked whole before anything is replaced, and of a database only rows are
taken. `archive.py` has the file, `manifest.py` what it says of itself, `sqlite.py` and `postgres.py` the copies.
"""
