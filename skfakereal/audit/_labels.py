"""Labels and other columns as users hand them over -> codes, and names for the reader."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["check_side", "name_classes"]


def name_classes(
    labels: NDArray[Any], target_names: Sequence[str] | None
) -> tuple[NDArray[np.intp], list[str]]:
    """Number the classes, and say what they are called.

    Parameters
    ----------
    labels : ndarray of shape (n_images,)
        Labels.
    target_names : sequence of str or None
        Names in sorted order of the labels. None: the labels themselves, but "real" and
        "fake" for 0 and 1.

    Returns
    -------
    codes : ndarray of shape (n_images,)
        Class of each image, from 0 to n_classes - 1.
    names : list of str
        One name for each class; "fake" comes after "real".

    Raises
    ------
    ValueError
        If there is one class only, or not one name of its own for each.
    """
    classes, codes = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(
            f"y must hold two classes or more, got {classes.tolist()} only: pass the images "
            "of the other class too."
        )
    if target_names is not None:
        names = [str(name) for name in target_names]
    elif classes.tolist() == [0, 1]:
        names = ["real", "fake"]
    else:
        names = [str(c) for c in classes]
    if len(names) != len(classes) or len(set(names)) != len(names):
        raise ValueError(
            f"target_names must hold one name of its own for each of the classes "
            f"{classes.tolist()}, in this order, got {names}."
        )
    if [name.casefold() for name in names] == ["fake", "real"]:
        # Everywhere in this package 1 is fake.
        return 1 - codes, names[::-1]
    return codes, names


def check_side(
    column: ArrayLike | None, n_images: int, name: str
) -> NDArray[np.str_] | None:
    """Return a column that stands beside the paths as strings.

    Parameters
    ----------
    column : array-like of shape (n_images,) or None
        Groups or splits.
    n_images : int
        How many there must be.
    name : str
        What the error calls it.

    Returns
    -------
    ndarray of shape (n_images,) or None
        The column; None for None.

    Raises
    ------
    ValueError
        If its length or shape is wrong.
    """
    if column is None:
        return None
    values = np.asarray(column)
    if values.shape != (n_images,):
        raise ValueError(
            f"{name} must have one value for each of the {n_images} paths, got shape "
            f"{values.shape}."
        )
    return np.array([str(value) for value in values.tolist()])
