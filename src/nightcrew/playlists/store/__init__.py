"""All SQL of the playlists domain, as named functions. Rows and sessions never leave it."""
