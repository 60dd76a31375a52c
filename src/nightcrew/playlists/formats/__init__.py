"""Readers and writers of wire formats. Pure: bytes or rows in, rows or bytes out."""
