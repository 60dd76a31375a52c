"""Tides: how high the water stands at each harbour, asked from a tide service."""
