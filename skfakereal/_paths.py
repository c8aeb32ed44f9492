"""X as users hand it over -> image paths; nothing here needs scikit-learn."""

import os
import re
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

# To a type checker, a list of pathlib's paths is no ArrayLike.
ImagePaths: TypeAlias = ArrayLike | Sequence[str | os.PathLike[str]]

# Two letters at least before the colon: C:// is a drive, not a scheme.
_URL = re.compile(r"^(data:|[a-zA-Z][a-zA-Z0-9+.-]+://)")


def check_paths(X: Any, *, name: str = "X") -> list[str]:
    """Return the image paths in `X` as a list of strings; `name` is what errors call it.

    Whether the files exist is for the reader to find out.
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
        return [
            unmasked(x).item() if isinstance(x, np.ndarray) and x.size == 1 else x
            for x in X
        ]
    if hasattr(X, "toarray"):
        raise ValueError(
            f"{name} must be an array of image paths, got a sparse matrix. Pass paths, not "
            "pixels."
        )
    array = np.asarray(unmasked(X), dtype=object if isinstance(X, list | tuple) else None)
    if np.iscomplexobj(array):
        raise ValueError(f"Complex data not supported: {name} must hold image paths.")
    if array.ndim == 0:
        raise ValueError(
            f"{name} must be an array of image paths, got {shown(X)}. Pass a list."
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
            f"{shown(value)}. {_way_out(value)}"
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


def shown(value: Any) -> str:
    """Return a value and its type for an error, cut where it is long."""
    text = repr(value)
    short = text if len(text) <= 100 else f"{text[:100]}..."
    return f"{short} of type {type(value).__name__}"


def _way_out(value: Any) -> str:
    if is_missing(value):
        return "Leave out the rows whose path is missing."
    if isinstance(value, bytes):
        return "Decode it with os.fsdecode."
    return "Pass paths, not pixels or features."


def unmasked(values: Any) -> Any:
    """Return a masked array with None in place of what is masked, and all else as it is."""
    if not isinstance(values, np.ma.MaskedArray):
        return values
    if not np.ma.is_masked(values):
        return values.data
    elements = values.data.astype(object)
    elements[np.ma.getmaskarray(values)] = None
    return elements


def is_missing(value: Any) -> bool:
    """Return whether a value stands for a missing one: None, NaN, pandas's NA or NaT."""
    if (
        value is None
        or value is np.ma.masked
        or type(value).__name__ in ("NAType", "NaTType")
    ):  # pandas's
        return True
    # NaN, in any type of number and date, does not equal itself.
    return not isinstance(value, str | int) and np.ndim(value) == 0 and value != value


def as_fitted(estimator: Any, paths: Sequence[str]) -> NDArray[np.object_]:
    """Return paths as a fitted estimator takes them.

    Those that were fitted on a column, as `BaggingClassifier` is, are given a column.
    """
    X = np.array(paths, dtype=object)
    return X[:, np.newaxis] if getattr(estimator, "n_features_in_", None) == 1 else X
