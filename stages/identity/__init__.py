"""Whose face is put on: consent, photos, and what a renderer draws of them."""
