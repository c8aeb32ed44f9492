"""Tell fake images from real ones with scikit-learn's grammar and VGG16's eyes.

Everything is imported when it is first touched, so that ``import skfakereal`` costs
next to nothing and loads neither TensorFlow nor Keras nor matplotlib.
"""

from typing import TYPE_CHECKING

from skfakereal._lazy import lazily
from skfakereal._version import __version__ as __version__

if TYPE_CHECKING:
    from skfakereal import audit as audit
    from skfakereal import cards as cards
    from skfakereal import cases as cases
    from skfakereal import datasets as datasets
    from skfakereal import evaluation as evaluation
    from skfakereal import explain as explain
    from skfakereal import persistence as persistence
    from skfakereal import provenance as provenance
    from skfakereal import scoring as scoring
    from skfakereal import thresholds as thresholds
    from skfakereal._augmentation import Augmentation as Augmentation
    from skfakereal._classifier import VGG16ImageClassifier as VGG16ImageClassifier
    from skfakereal._features import VGG16FeatureExtractor as VGG16FeatureExtractor
    from skfakereal._images.read import ImageReadError as ImageReadError
    from skfakereal.persistence import export_onnx as export_onnx
    from skfakereal.persistence import load as load
    from skfakereal.persistence import save as save

__getattr__, __dir__, __all__ = lazily(
    __name__,
    *("audit", "cards", "cases", "datasets", "evaluation", "explain", "persistence"),
    *("provenance", "scoring", "thresholds"),
    _augmentation="Augmentation",
    _classifier="VGG16ImageClassifier",
    _features="VGG16FeatureExtractor",
    persistence="export_onnx load save",
    **{"_images.read": "ImageReadError"},
)
