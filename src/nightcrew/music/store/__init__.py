"""Rows of the music domain. No other module of it speaks SQL."""
