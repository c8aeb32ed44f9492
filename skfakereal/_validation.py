"""X and y as users hand them over -> arrays of paths, labels and weights."""

import os
import re
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets

__all__ = ["check_labels", "check_paths", "check_weights", "refuse_missing"]

# Two letters at least before the colon: C:// is a drive, not a scheme.
_URL = re.compile(r"^(data:|[a-zA-Z][a-zA-Z0-9+.-]+://)")


def check_paths(X: Any, *, name: str = "X") -> list[str]:
    """Return the image paths in `X` as a list of strings.

    Parameters
    ----------
    X : array-like of shape (n_images,) or (n_images, 1)
        A list, array, Series or one-column DataFrame of `str` or `os.PathLike`.
    name : str, default="X"
        What the errors call it.

    Returns
    -------
    list of str
        The paths, in order. Whether the files exist is for the reader to find out.

    Raises
    ------
    ValueError
        If `X` is empty, a single path, of a wrong shape, or holds anything but paths;
        the message names the index.
    """
    if isinstance(X, str | bytes | os.PathLike):
        path = str(os.fsdecode(X))  # NumPy's strings show their type
        raise ValueError(
            f"{name} must be an array of image paths, got one path: {path!r}. Put it into "
            f"a list: [{path!r}]."
        )
    values = _as_column(X, name)
    if not values:
        raise ValueError(
            f"Found array with 0 sample(s) while a minimum of 1 is required: {name} must "
            "hold at least one image path."
        )
    return [
        # A colon is all that makes a URL of a string: the rest need not be looked at.
        value
        if type(value) is str and ":" not in value and not value.isspace() and value
        else _check_path(value, f"{name}[{i}]")
        for i, value in enumerate(values)
    ]


def _as_column(X: Any, name: str) -> list[Any]:
    """Return the elements of a vector or of a matrix with one column."""
    if isinstance(X, list | tuple) and not any(isinstance(x, list | tuple) for x in X):
        # np.asarray would make strings of everything that stands beside a string,
        # None and NaN included.
        return [x.item() if isinstance(x, np.ndarray) and x.size == 1 else x for x in X]
    if hasattr(X, "toarray"):
        raise ValueError(
            f"{name} must be an array of image paths, got a sparse matrix. Pass paths, not "
            "pixels."
        )
    array = np.asarray(X, dtype=object if isinstance(X, list | tuple) else None)
    if np.iscomplexobj(array):
        raise ValueError(f"Complex data not supported: {name} must hold image paths.")
    if array.ndim == 0:
        raise ValueError(
            f"{name} must be an array of image paths, got {_shown(X)}. Pass a list."
        )
    if array.ndim == 1 or (array.ndim == 2 and array.shape[1] == 1):
        column: list[Any] = array.ravel().tolist()
        return column
    raise ValueError(
        f"{name} must be an array of image paths of shape (n_images,) or (n_images, 1), "
        f"got shape {array.shape}. Pass one column of paths, not pixels or features."
    )


def _check_path(value: Any, where: str) -> str:
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if not isinstance(value, str):
        raise ValueError(
            f"{where} must be the path of an image (str or pathlib.Path), got "
            f"{_shown(value)}. {_way_out(value)}"
        )
    if not value.strip():
        raise ValueError(
            f"{where} must be the path of an image, got the empty path {value!r}. Leave "
            "such rows out."
        )
    if _URL.match(value):
        raise ValueError(
            f"{where} must be the path of a local file, got the URL {value[:200]!r}. "
            "Download it first."
        )
    return str(value)


def _shown(value: Any) -> str:
    text = repr(value)
    short = text if len(text) <= 100 else f"{text[:100]}..."
    return f"{short} of type {type(value).__name__}"


def _way_out(value: Any) -> str:
    if _is_missing(value):
        return "Leave out the rows whose path is missing."
    if isinstance(value, bytes):
        return "Decode it with os.fsdecode."
    return "Pass paths, not pixels or features."


def _is_missing(value: Any) -> bool:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):  # pandas's
        return True
    return isinstance(value, float | np.floating) and bool(np.isnan(value))


def check_labels(y: ArrayLike | None, n_images: int, *, name: str = "y") -> NDArray[Any]:
    """Return the labels as an array of shape (n_images,).

    Parameters
    ----------
    y : array-like of shape (n_images,)
        Class labels, strings or integers.
    n_images : int
        How many there must be.
    name : str, default="y"
        What the errors call it.

    Returns
    -------
    ndarray of shape (n_images,)
        The labels.

    Raises
    ------
    ValueError
        If there are none, too few or too many, missing ones, or if they are not classes.
    """
    if y is None:
        raise ValueError(
            f"This estimator requires y to be passed, but the target {name} is None."
        )
    elements = np.asarray(y, dtype=object).ravel().tolist()
    # Before NumPy sees them: beside a string it would make strings of None and NaN.
    _refuse_bad_labels(elements, name)
    labels = np.asarray(column_or_1d(y, warn=True))
    if len(labels) != n_images:
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: {n_images} image "
            f"paths, but {len(labels)} labels in {name}."
        )
    if labels.dtype == object and not isinstance(elements[0], str):
        # Integers in an array of objects, which scikit-learn does not take for classes.
        labels = np.asarray(labels.tolist())
    if labels.dtype == bool and np.asarray(y).dtype == object:
        # Else fit would take these labels, and a score with the very same ones refuse them.
        raise ValueError(
            f"{name} holds booleans in an array of objects. Pass {name}.astype(bool)."
        )
    check_classification_targets(labels)
    return labels


def _refuse_bad_labels(labels: list[Any], name: str) -> None:
    for i, label in enumerate(labels):
        if _is_missing(label):
            raise ValueError(
                f"Every image needs a label, but {name}[{i}] is {label!r}. Leave out the "
                "rows whose label is missing."
            )
        if isinstance(label, bytes) or label in (np.inf, -np.inf):
            raise ValueError(
                f"Labels must be strings or integers, but {name}[{i}] is {_shown(label)}."
            )
        if isinstance(label, str) != isinstance(labels[0], str):
            raise ValueError(
                f"Labels must be all strings or all numbers, but {name}[0] is "
                f"{labels[0]!r} and {name}[{i}] is {label!r}."
            )


def check_weights(
    sample_weight: ArrayLike | None, n_images: int, *, name: str = "sample_weight"
) -> NDArray[np.float64]:
    """Return the weights of the images as a new array; ones where none are given.

    Parameters
    ----------
    sample_weight : array-like of shape (n_images,), a number, or None
        Weights, zero or more.
    n_images : int
        How many images there are.
    name : str, default="sample_weight"
        What the errors call it.

    Returns
    -------
    ndarray of shape (n_images,)
        The weights, never the caller's own array.

    Raises
    ------
    ValueError
        If they are not finite, negative, all zero, or not as many as the images.
    """
    if sample_weight is None:
        return np.ones(n_images)
    try:
        weights = np.array(sample_weight, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"Weights must be numbers, but {name} has {error}.") from error
    if weights.ndim == 0:
        weights = np.full(n_images, weights)
    if weights.ndim != 1:
        raise ValueError(
            f"Sample weights must be 1D array or scalar, but {name} has shape "
            f"{weights.shape}."
        )
    if len(weights) != n_images:
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: {n_images} image "
            f"paths, but {len(weights)} weights in {name}."
        )
    bad = ~(np.isfinite(weights) & (weights >= 0))
    if bad.any():
        first = int(np.argmax(bad))
        raise ValueError(
            f"Weights must be finite and not negative, but {name}[{first}] is "
            f"{weights[first]}."
        )
    if not weights.any():
        raise ValueError(f"All weights in {name} are zero: nothing is left to learn from.")
    return weights


def refuse_missing(values: ArrayLike, name: str) -> None:
    """Refuse None, NaN and pandas's NA in an array.

    Parameters
    ----------
    values : array-like
        Anything.
    name : str
        What the error calls it.

    Raises
    ------
    ValueError
        If there is one; the message names its index.
    """
    for i, value in enumerate(np.asarray(values, dtype=object).ravel().tolist()):
        if _is_missing(value):
            raise ValueError(
                f"{name} must have no missing values, but {name}[{i}] is {value!r}."
            )
