"""The name of the column in which a DataFrame has its paths."""

from typing import Any

from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

__all__ = ["record_columns"]


def record_columns(estimator: BaseEstimator, X: Any, *, reset: bool) -> None:
    """Record the name of a DataFrame's column as `feature_names_in_`, or compare it.

    Parameters
    ----------
    estimator : BaseEstimator
        On which it is recorded.
    X : array-like
        As it was passed.
    reset : bool
        Whether to record, in `fit`, or to compare, afterwards.

    Raises
    ------
    ValueError
        If the column is not the one that was recorded.
    """
    # Without ensure_2d=False it would count features, which (n,) paths do not have.
    validate_data(estimator, X, reset=reset, skip_check_array=True, ensure_2d=False)
