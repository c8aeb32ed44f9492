"""The name of the column in which a DataFrame has its paths."""

from typing import Any

from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data


def record_columns(estimator: BaseEstimator, X: Any, *, reset: bool) -> None:
    """Record the name of a DataFrame's column as `feature_names_in_`, or compare it."""
    # Without ensure_2d=False it would count features, which (n,) paths do not have.
    validate_data(estimator, X, reset=reset, skip_check_array=True, ensure_2d=False)
