"""The SQL of the recordings domain. Rows and connections do not leave it."""
