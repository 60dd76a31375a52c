"""Music: from a wanted track to a verified file in the library."""
