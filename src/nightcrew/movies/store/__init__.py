"""What is stored of movies, shows, lists and sources."""
