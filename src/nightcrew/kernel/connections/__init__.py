"""Outside services: who they are, how they stand, how much they may be asked, and what is done when they fail."""
