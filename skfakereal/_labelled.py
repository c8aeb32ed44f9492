"""A Bunch of labelled images, with the types of what it holds."""

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch


class LabelledImages(Bunch):
    """scikit-learn's `Bunch`, which carries no types, with those of labelled images."""

    data: NDArray[np.object_]
    target: NDArray[np.int64]
    target_names: list[str]
    groups: NDArray[np.object_]
    split: NDArray[np.str_]  # only where the set has splits
    left_out: str  # only where a folder was listed
    DESCR: str
