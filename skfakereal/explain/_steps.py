"""An estimator, however wrapped -> its steps in a row, from the paths to the decision."""

from dataclasses import dataclass
from typing import Any

from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skfakereal._classifier import VGG16ImageClassifier
from skfakereal._features import VGG16FeatureExtractor

Network16 = VGG16ImageClassifier | VGG16FeatureExtractor


@dataclass(frozen=True)
class Steps:
    """Where in an estimator the VGG16 is.

    Parameters
    ----------
    before : tuple of transformers
        What is done to the paths before it.
    network : VGG16ImageClassifier or VGG16FeatureExtractor
        The very object inside the estimator.
    after : tuple of estimators
        What is done to its features.
    """

    before: tuple[Any, ...]
    network: Network16
    after: tuple[Any, ...]

    def transformed(self, X: Any) -> Any:
        """Return the paths as the VGG16 takes them, whatever comes before it."""
        for step in self.before:
            X = step.transform(X)
        return X


def find_network(estimator: Any) -> Steps | None:
    """Find the one VGG16 through which an estimator sees its images."""
    steps = inner_steps(estimator)
    for i, step in enumerate(steps):
        if isinstance(step, VGG16ImageClassifier | VGG16FeatureExtractor):
            check_is_fitted(step)
            return Steps(tuple(steps[:i]), step, tuple(steps[i + 1 :]))
    return None


def inner_steps(estimator: Any) -> list[Any]:
    """Return the steps of an estimator without what is only wrapped around them."""
    if hasattr(estimator, "best_estimator_"):
        return inner_steps(estimator.best_estimator_)
    match estimator:
        case Pipeline():
            parts = [step for _, step in estimator.steps]
            parts = [step for step in parts if step not in (None, "passthrough")]
            return [inner for step in parts for inner in inner_steps(step)]
        case FrozenEstimator():
            return inner_steps(estimator.estimator)
        case FixedThresholdClassifier() | TunedThresholdClassifierCV():
            return inner_steps(getattr(estimator, "estimator_", estimator.estimator))
        case CalibratedClassifierCV(calibrated_classifiers_=folds):
            # Several folds of one frozen classifier share it; several fits share nothing.
            inner = [inner_steps(fold.estimator) for fold in folds]
            return (
                inner[0] if all(_same(inner[0], other) for other in inner) else [estimator]
            )
    return [estimator]


def _same(some: list[Any], others: list[Any]) -> bool:
    return len(some) == len(others) and all(
        a is b for a, b in zip(some, others, strict=True)
    )
