"""Warp, mask and blend."""
