"""Scores of what was made."""
