"""Decoding, native planes, encoding."""
