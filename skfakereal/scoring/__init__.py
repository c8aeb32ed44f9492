"""Scoring any number of images, in runs that can be cut off and taken up again."""

from skfakereal.scoring._result import ScoringResult
from skfakereal.scoring._score import score_paths

__all__ = ["ScoringResult", "score_paths"]
