"""An estimator, however wrapped -> its steps, its threshold, a copy with other settings."""

import io
import pickle
from dataclasses import dataclass
from types import FunctionType, ModuleType
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
    """Where in an estimator the VGG16 is."""

    before: tuple[Any, ...]  # what is done to the paths before it
    network: Network16  # the very object inside the estimator
    after: tuple[Any, ...]  # what is done to its features

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


def inner_of(estimator: Any) -> Any:
    """Return the fitted estimator inside one that passes images on as they are, or None."""
    if hasattr(estimator, "best_estimator_"):
        return estimator.best_estimator_
    if isinstance(estimator, FrozenEstimator):
        return estimator.estimator
    if has_threshold(estimator):
        # Fitted by it, or frozen before.
        return getattr(estimator, "estimator_", estimator.estimator)
    return None


def has_threshold(estimator: Any) -> bool:
    """Tell whether it is one of scikit-learn's threshold classifiers."""
    return isinstance(estimator, FixedThresholdClassifier | TunedThresholdClassifierCV)


def inner_steps(estimator: Any) -> list[Any]:
    """Return the steps of an estimator without what is only wrapped around them."""
    inner = inner_of(estimator)
    if inner is not None:
        return inner_steps(inner)
    match estimator:
        case Pipeline():
            parts = [step for _, step in estimator.steps]
            parts = [step for step in parts if step not in (None, "passthrough")]
            return [inner for step in parts for inner in inner_steps(step)]
        case CalibratedClassifierCV(calibrated_classifiers_=folds):
            # Several folds of one frozen classifier share it; several fits share nothing.
            fits = [inner_steps(fold.estimator) for fold in folds]
            return fits[0] if all(_same(fits[0], other) for other in fits) else [estimator]
    return [estimator]


def _same(some: list[Any], others: list[Any]) -> bool:
    return len(some) == len(others) and all(
        a is b for a, b in zip(some, others, strict=True)
    )


def find_threshold(estimator: Any) -> float | None:
    """Return the threshold that a fitted classifier decides by, if it holds one."""
    while estimator is not None:
        if isinstance(estimator, TunedThresholdClassifierCV):
            return float(estimator.best_threshold_)
        if isinstance(estimator, FixedThresholdClassifier):
            chosen = estimator.threshold
            return None if chosen == "auto" else float(chosen)
        is_row = isinstance(estimator, Pipeline)
        estimator = estimator.steps[-1][1] if is_row else inner_of(estimator)
    return None


class _Pickler(pickle.Pickler):
    """Gives this package's estimators, wherever they are, other settings."""

    def __init__(self, file: io.BytesIO, settings: dict[str, Any]) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self.settings = settings
        self.networks: list[Network16] = []
        self.shared: list[Any] = []

    def persistent_id(self, obj: Any) -> int | None:
        # Those of no module, such as lambdas, can be shared, but not pickled.
        if not isinstance(obj, FunctionType | ModuleType | type):
            return None
        self.shared.append(obj)
        return len(self.shared) - 1

    def reducer_override(self, obj: Any) -> Any:
        if not isinstance(obj, Network16):
            return NotImplemented
        self.networks.append(obj)
        make, arguments, state = list(obj.__reduce_ex__(pickle.HIGHEST_PROTOCOL))[:3]
        return make, arguments, {**state, **self.settings}


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, shared: list[Any]) -> None:
        super().__init__(file)
        self.shared = shared

    def persistent_load(self, pid: Any) -> Any:
        return self.shared[pid]


def copy_with_settings(
    estimator: Any, settings: dict[str, Any]
) -> tuple[Any, list[Network16]]:
    """Copy an estimator with other settings of each VGG16 in it; return these, too."""
    buffer = io.BytesIO()
    pickler = _Pickler(buffer, settings)
    pickler.dump(estimator)
    buffer.seek(0)
    return _Unpickler(buffer, pickler.shared).load(), pickler.networks
