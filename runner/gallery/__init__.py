"""`glabella gallery`: a declared list of clips and gains rendered to be looked at, with scores beside the pictures."""

from runner.gallery.job import gallery

__all__ = ["gallery"]
