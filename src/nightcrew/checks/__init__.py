"""Checks: which streams are really good, and with which profile. Declared in domain.py."""
