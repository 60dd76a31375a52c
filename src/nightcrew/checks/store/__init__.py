"""What the checks domain stores, by subject."""
