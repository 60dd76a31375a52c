"""A process that opens strangers' music files: it decodes one to its end, or reads the tags of many. It knows nothing of the server."""
