"""Tell fake images from real ones with scikit-learn's grammar and VGG16's eyes.

Everything is imported when it is first touched, so that ``import skfakereal`` costs
next to nothing and loads neither TensorFlow nor Keras nor matplotlib.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skfakereal import (
        audit,
        cards,
        datasets,
        evaluation,
        explain,
        persistence,
        scoring,
        thresholds,
    )
    from skfakereal._augmentation import Augmentation
    from skfakereal._classifier import VGG16ImageClassifier
    from skfakereal._features import VGG16FeatureExtractor
    from skfakereal._images import ImageReadError
    from skfakereal.persistence import load, save

__version__ = "0.1.0"

__all__ = [
    "Augmentation",
    "ImageReadError",
    "VGG16FeatureExtractor",
    "VGG16ImageClassifier",
    "audit",
    "cards",
    "datasets",
    "evaluation",
    "explain",
    "load",
    "persistence",
    "save",
    "scoring",
    "thresholds",
]

_HOME = {
    "Augmentation": "skfakereal._augmentation",
    "ImageReadError": "skfakereal._images",
    "VGG16FeatureExtractor": "skfakereal._features",
    "VGG16ImageClassifier": "skfakereal._classifier",
    "load": "skfakereal.persistence",
    "save": "skfakereal.persistence",
}
_SUBPACKAGES = (
    "audit",
    "cards",
    "datasets",
    "evaluation",
    "explain",
    "persistence",
    "scoring",
    "thresholds",
)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    if name in _SUBPACKAGES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
