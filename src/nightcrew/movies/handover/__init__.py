"""Handing sources over to download clients, by a person or by itself, and following them."""
