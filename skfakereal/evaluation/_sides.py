"""A column that stands beside the paths -> text, by which images belong together."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["check_side"]


def check_side(values: ArrayLike, n_images: int, name: str) -> NDArray[np.str_]:
    """Return what each image belongs to, as text.

    Parameters
    ----------
    values : array-like of shape (n_images,)
        Names or numbers.
    n_images : int
        How many there must be.
    name : str
        What the errors call them.

    Returns
    -------
    ndarray of shape (n_images,)
        Their text, by which they are equal or not.

    Raises
    ------
    ValueError
        If there are too few or too many, or some are missing.
    """
    column = np.asarray(values, dtype=object)
    if column.shape != (n_images,):
        raise ValueError(
            f"{name} must hold one value for each of the {n_images} images, got an array of "
            f"shape {column.shape}."
        )
    for i, value in enumerate(column):
        # Pandas has missing values of its own; NaN is the number that is not itself.
        if value is None or type(value).__name__ == "NAType" or value != value:
            raise ValueError(
                f"Every image needs a value, but {name}[{i}] is {value!r}. Name what is "
                "unknown, for instance 'unknown'."
            )
    return np.array([str(value) for value in column])
