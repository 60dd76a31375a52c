"""What is known of movies, shows and lists, kept current from TMDB."""
