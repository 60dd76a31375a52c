"""What a person calls a good source: quality profiles and custom formats."""
