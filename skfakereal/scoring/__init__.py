"""Scoring any number of images, in runs that can be cut off and taken up again.

Each name is imported when it is first touched: `skfakereal predict` needs only verdicts.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skfakereal.scoring._result import ScoringResult
    from skfakereal.scoring._score import score_paths

__all__ = ["ScoringResult", "score_paths"]

_HOME = {
    "ScoringResult": "skfakereal.scoring._result",
    "score_paths": "skfakereal.scoring._score",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
