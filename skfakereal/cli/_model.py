"""A run folder or a joblib file -> a fitted classifier, and what its classes are called."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.utils.validation import check_is_fitted

from skfakereal.evaluation._classes import class_names, positive_class

__all__ = ["MODEL_FILE", "Model", "load_model", "name_classes"]

MODEL_FILE = "model.joblib"
_CONFIG_FILE = "config.json"


@dataclass(frozen=True)
class Model:
    """A fitted classifier over image paths.

    Parameters
    ----------
    estimator : estimator
        The classifier.
    names : tuple of str
        What its ``classes_`` are called, in their order.
    positive : int or None
        Position of the class that probabilities and figures speak of; None with more than
        two classes.
    run : Path or None
        The run folder that it comes from.
    config : dict
        What that folder records of the run.
    """

    estimator: Any
    names: tuple[str, ...]
    positive: int | None
    run: Path | None = None
    config: dict[str, Any] = field(default_factory=dict)


def load_model(
    place: str, *, pos_label: str | None = None, names: Sequence[str] | None = None
) -> Model:
    """Load a model, which runs whatever code its file holds.

    Parameters
    ----------
    place : str
        A run folder, or a joblib file.
    pos_label : str or None, default=None
        Name of the positive class; None for "fake".
    names : sequence of str or None, default=None
        What the classes are called, in the order of ``classes_``. None: as the run folder
        says, else "real" and "fake" for 0 and 1, else the labels themselves.

    Returns
    -------
    Model
        The model.

    Raises
    ------
    OSError
        If there is no such file.
    ValueError
        If it is no joblib file, the names do not fit, or the positive class is open.
    TypeError
        If what it holds is no fitted classifier.
    """
    path = Path(place)
    file = path / MODEL_FILE if path.is_dir() else path
    if not file.is_file():
        raise FileNotFoundError(
            f"MODEL must be a folder that `skfakereal train` made, with {MODEL_FILE} in it, "
            f"or a joblib file, but there is no file {str(file)!r}."
        )
    estimator = _load(file)
    config = _read_config(file) if file.name == MODEL_FILE else {}
    if names is None:
        names = config.get("data", {}).get("classes")
    known = name_classes(estimator.classes_, names)
    positive = _positive(estimator.classes_, known, pos_label)
    return Model(estimator, known, positive, file.parent if config else None, config)


def _load(file: Path) -> Any:
    try:
        estimator = joblib.load(file)
    except Exception as error:  # a pickle can raise anything
        what = f"{type(error).__name__}: {error}"
        raise ValueError(
            f"{str(file)!r} cannot be loaded as a joblib file ({what}). A model needs the "
            "versions of Python and of the packages that it was saved with."
        ) from error
    if not (hasattr(estimator, "predict") and hasattr(estimator, "fit")):
        raise TypeError(
            f"{str(file)!r} must hold a fitted classifier, but holds an object of type "
            f"{type(estimator).__name__}."
        )
    check_is_fitted(estimator)
    if not hasattr(estimator, "classes_"):
        raise TypeError(
            f"{str(file)!r} must hold a classifier, but its {type(estimator).__name__} has "
            "no classes_."
        )
    return estimator


def _read_config(file: Path) -> dict[str, Any]:
    try:
        config = json.loads((file.parent / _CONFIG_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    made_here = isinstance(config, dict) and "skfakereal" in config
    return config if made_here else {}


def name_classes(classes: Any, names: Sequence[str] | None = None) -> tuple[str, ...]:
    """Return what the classes are called.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The classifier's labels.
    names : sequence of str or None, default=None
        Names that are known; None: "real" and "fake" for 0 and 1, else the labels.

    Returns
    -------
    tuple of str
        One name for each class.

    Raises
    ------
    ValueError
        If there are too few or too many names.
    """
    if names is None and np.asarray(classes).tolist() == [0, 1]:
        names = ("real", "fake")
    return class_names(np.asarray(classes), names)


def _positive(classes: Any, names: tuple[str, ...], pos_label: str | None) -> int | None:
    if pos_label is None:
        return positive_class(np.asarray(classes), names)
    if pos_label not in names:
        raise ValueError(
            f"--pos-label must be one of the classes {list(names)}, got {pos_label!r}."
        )
    return names.index(pos_label)
