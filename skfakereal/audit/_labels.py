"""Labels -> codes, and names for the reader."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfakereal._classifying.classes import class_names, usual_names


def name_classes(
    labels: NDArray[Any], target_names: Sequence[str] | None
) -> tuple[NDArray[np.intp], list[str]]:
    """Number the classes, and say what they are called."""
    classes, codes = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(
            f"y must hold two classes or more, got {classes.tolist()} only: pass the images "
            "of the other class too."
        )
    given = usual_names(classes) if target_names is None else target_names
    names = list(class_names(classes, given))
    if [name.casefold() == "fake" for name in names] == [True, False]:
        # Everywhere in this package 1 is fake.
        return 1 - codes, names[::-1]
    return codes, names
