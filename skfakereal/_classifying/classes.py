"""Which classes there are, what they are called, and which of them is the positive one."""

from collections.abc import Sequence
from reprlib import repr as short
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skfakereal._paths import unmasked


def class_codes(
    y: NDArray[Any], classes: NDArray[Any], paths: Sequence[str], *, name: str = "y"
) -> NDArray[np.intp]:
    """Return for each label its position among the classes."""
    position = {label: i for i, label in enumerate(classes.tolist())}
    for i, label in enumerate(y.tolist()):
        if label not in position:
            raise ValueError(
                f"Every label must be one of the classes {short(classes.tolist())}, but "
                f"{name}[{i}] is {short(label)} (image {paths[i]!r}). Leave such images "
                "out, or fit the classifier on this class too."
            )
    return np.array([position[label] for label in y.tolist()], dtype=np.intp)


def class_names(
    classes: NDArray[Any], target_names: Sequence[str] | None
) -> tuple[str, ...]:
    """Return what the classes are called in tables and pictures."""
    names = tuple(str(name) for name in (classes if target_names is None else target_names))
    if len(names) != len(classes) or len(set(names)) != len(names):
        raise ValueError(
            f"target_names must hold a distinct name for each of the classes "
            f"{short(classes.tolist())}, in this order, got {short(list(names))}."
        )
    return names


def usual_names(classes: NDArray[Any]) -> tuple[str, str] | None:
    """Return "real" and "fake" for 0 and 1, or False and True; None for other classes."""
    return ("real", "fake") if np.asarray(classes).tolist() == [0, 1] else None


def name_classes(
    labels: NDArray[Any], target_names: Sequence[str] | None
) -> tuple[NDArray[np.intp], list[str]]:
    """Number the classes of labels, fake as 1, and name them."""
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


def positive_class(
    classes: NDArray[Any], names: Sequence[str], pos_label: Any = None
) -> int | None:
    """Return the position of the class that precision, recall and F1 speak of."""
    labels = classes.tolist()
    if len(labels) != 2:
        if pos_label is not None:
            raise ValueError(
                f"pos_label is for two classes, got {len(labels)}: {short(labels)}. Leave it out; "
                "figures are then averaged over the classes."
            )
        return None
    if pos_label is not None:
        if pos_label not in labels:
            raise ValueError(
                f"pos_label must be one of {short(labels)}, got {pos_label!r}."
            )
        return int(labels.index(pos_label))
    fakes = [i for i, name in enumerate(names) if name.casefold() == "fake"]
    if len(fakes) == 1:
        return fakes[0]
    if labels in ([0, 1], [-1, 1]):
        return 1
    raise ValueError(
        f"Which of the classes {short(labels)} is the positive one? Pass pos_label (on the command "
        'line, --pos-label); the default is a class named "fake", or 1 beside 0.'
    )


def positive_scores(
    y_true: ArrayLike, y_proba: ArrayLike, pos_label: Any = None
) -> tuple[NDArray[np.bool_], NDArray[np.float64], Any, Any]:
    """Return what a threshold or a band is chosen by."""
    proba = np.asarray(unmasked(y_proba), dtype=np.float64)
    if proba.ndim == 1:
        proba = proba[:, np.newaxis]
    if proba.ndim != 2 or proba.shape[1] not in (1, 2):
        raise ValueError(
            "y_proba must hold the probability of the positive class, or one column for "
            f"each of the two classes, got shape {np.shape(y_proba)}."
        )
    from skfakereal._validation import check_labels  # scikit-learn; no verdict needs it

    labels = check_labels(y_true, len(proba), name="y_true")
    classes = np.unique(labels)
    pair = classes.tolist()
    if len(pair) != 2:
        raise ValueError(
            f"Images of two classes are needed, but y_true has {pair}. Pass validation "
            "images of both."
        )
    positive = positive_class(classes, class_names(classes, None), pos_label)
    assert positive is not None
    score = proba[:, positive if proba.shape[1] == 2 else 0]
    wrong = np.flatnonzero((score < 0) | (score > 1))
    if len(wrong):
        raise ValueError(
            f"Probabilities lie between 0 and 1, but y_proba[{wrong[0]}] is "
            f"{score[wrong[0]]}."
        )
    return labels == classes[positive], score, pair[positive], pair[1 - positive]
