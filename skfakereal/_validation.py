"""X and y as users hand them over -> arrays of paths, labels and weights."""

import os
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import assert_all_finite, check_consistent_length

__all__ = ["check_labels", "check_paths", "check_weights"]

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
        raise ValueError(
            f"{name} must be an array of image paths, got one path: {os.fspath(X)!r}. "
            f"Put it into a list: [{os.fspath(X)!r}]."
        )
    values = _as_column(X, name)
    if len(values) == 0:
        raise ValueError(
            f"Found array with 0 sample(s) while a minimum of 1 is required: {name} must "
            "hold at least one image path."
        )
    return [_check_path(value, f"{name}[{i}]") for i, value in enumerate(values)]


def _as_column(X: Any, name: str) -> Sequence[Any] | NDArray[Any]:
    if isinstance(X, list | tuple) and not any(isinstance(x, list | tuple) for x in X):
        # np.asarray would make strings of everything that stands beside a string,
        # None and NaN included.
        return [x.item() if isinstance(x, np.ndarray) and x.size == 1 else x for x in X]
    if hasattr(X, "toarray"):
        raise ValueError(f"{name} must be an array of image paths, got a sparse matrix.")
    array = np.asarray(X)
    if np.iscomplexobj(array):
        raise ValueError(f"Complex data not supported: {name} must hold image paths.")
    if array.ndim == 0:
        raise ValueError(f"{name} must be an array of image paths, got {X!r}.")
    if array.ndim == 1:
        return array
    if array.ndim == 2 and array.shape[1] == 1:
        return array[:, 0]
    raise ValueError(
        f"{name} must be an array of image paths of shape (n_images,) or (n_images, 1), "
        f"got shape {array.shape}. Pixels are never passed, only paths."
    )


def _check_path(value: Any, where: str) -> str:
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if not isinstance(value, str):
        raise ValueError(
            f"Every element of X must be an image path (str or pathlib.Path), but {where} "
            f"is {value!r} of type {type(value).__name__}."
        )
    if not value.strip():
        raise ValueError(f"Every element of X must be an image path, but {where} is empty.")
    if _URL.match(value):
        raise ValueError(
            f"Every element of X must be the path of a local file, but {where} is a URL: "
            f"{value[:200]!r}. Download it first."
        )
    return str(value)


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
    labels = column_or_1d(y, warn=True)
    if len(labels) != n_images:
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: {n_images} image "
            f"paths, but {len(labels)} labels in {name}."
        )
    missing = [i for i, label in enumerate(labels) if label is None]
    if missing:
        raise ValueError(f"Every image needs a label, but {name}[{missing[0]}] is None.")
    assert_all_finite(labels, input_name=name)
    check_classification_targets(labels)
    return np.asarray(labels)


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
    weights = np.array(sample_weight, dtype=np.float64)
    if weights.ndim == 0:
        weights = np.full(n_images, weights)
    if weights.ndim != 1:
        raise ValueError("Sample weights must be 1D array or scalar")
    check_consistent_length(weights, range(n_images))
    assert_all_finite(weights, input_name=name)
    if (weights < 0).any():
        first = int(np.argmax(weights < 0))
        raise ValueError(
            f"Weights must not be negative, but {name}[{first}] is {weights[first]}."
        )
    if not weights.any():
        raise ValueError(f"All weights in {name} are zero: nothing is left to learn from.")
    return weights
