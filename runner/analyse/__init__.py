"""`glabella analyse`: a clip or photo in; tables, figures and curves of its Action Units out."""

from runner.analyse.job import analyse_clip
from runner.analyse.options import Options

__all__ = ["Options", "analyse_clip"]
