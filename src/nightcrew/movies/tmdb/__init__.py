"""What TMDB knows of movies and shows (API version 3)."""
