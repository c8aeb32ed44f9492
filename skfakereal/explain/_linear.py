"""Steps of scikit-learn's on features -> one Dense layer that gives the same scores."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from skfakereal._network import Dense

_SCALERS = (MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler)
_TOLERANCE = 1e-6


def linear_head(steps: Sequence[Any], n_features: int) -> Dense:
    """Return the Dense layer that scalers and a linear classifier amount to."""
    slope, offset = np.ones(n_features), np.zeros(n_features)
    for step in steps[:-1]:
        _require_scaler(step)
        # A scaler treats each feature by itself, so two points of each line tell it.
        at_zero, at_one = (
            np.asarray(step.transform(np.full((1, n_features), value)))[0]
            for value in (0.0, 1.0)
        )
        slope, offset = slope * (at_one - at_zero), offset * (at_one - at_zero) + at_zero
    coefficients, intercept = _coefficients(steps[-1], n_features)
    kernel = slope[:, None] * coefficients.T
    bias = offset @ coefficients.T + intercept
    return Dense(kernel.astype(np.float32), bias.astype(np.float32), "linear")


def _require_scaler(step: Any) -> None:
    if not isinstance(step, _SCALERS) or getattr(step, "clip", False):
        known = ", ".join(scaler.__name__ for scaler in _SCALERS)
        raise TypeError(
            f"Between the features and the classifier, only {known} (without clip) can be "
            f"differentiated, got {type(step).__name__}. Use occlusion, which explains any "
            "classifier."
        )


def _coefficients(
    classifier: Any, n_features: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what makes up the scores, after a look at whether they are that indeed."""
    if all(hasattr(classifier, name) for name in ("coef_", "intercept_", "classes_")):
        coefficients = np.atleast_2d(np.asarray(classifier.coef_, dtype=np.float64))
        intercept = np.broadcast_to(classifier.intercept_, len(coefficients))
        n_scores = 1 if len(classifier.classes_) == 2 else len(classifier.classes_)
        probe = np.random.RandomState(0).standard_normal((2, n_features))
        if coefficients.shape == (n_scores, n_features):
            given = np.asarray(classifier.decision_function(probe)).reshape(2, -1)
            expected = probe @ coefficients.T + intercept
            if np.allclose(given, expected, _TOLERANCE, _TOLERANCE * np.abs(given).max()):
                return coefficients, np.asarray(intercept, dtype=np.float64)
    raise TypeError(
        "The classifier on top of the features must be a linear one, such as "
        f"LogisticRegression, for its scores to be differentiated, got "
        f"{type(classifier).__name__}. Use occlusion, which explains any classifier."
    )
