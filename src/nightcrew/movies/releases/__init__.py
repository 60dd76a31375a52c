"""Names of releases: what they say, whether they are the film that is wanted, and which one is best."""
