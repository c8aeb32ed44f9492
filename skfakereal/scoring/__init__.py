"""Scoring any number of images, in runs that can be cut off and taken up again.

Each name is imported when it is first touched: `skfakereal predict` needs only verdicts.
"""

from typing import TYPE_CHECKING

from skfakereal._lazy import lazily

if TYPE_CHECKING:
    from skfakereal.scoring._score import ScoringResult as ScoringResult
    from skfakereal.scoring._score import score_paths as score_paths


__getattr__, __dir__, __all__ = lazily(
    __name__,
    _score="ScoringResult score_paths",
)
