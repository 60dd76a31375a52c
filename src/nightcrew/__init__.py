"""Nightcrew: the background work of a home media server in one supervised, durable, visible program."""

__version__ = "0.1.0"
