"""Playlists: channels from providers, kept fresh. Declared in domain.py; other domains use what exports.py has."""
