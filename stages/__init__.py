"""Frames, faces and models: everything a pipeline can be wired from."""
