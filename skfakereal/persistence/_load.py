"""A ``.skfr`` file -> a fitted estimator; scikit-learn is imported where the file holds it."""

import os
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skfakereal._paths import ImagePaths
from skfakereal.persistence._build import build_estimator
from skfakereal.persistence._read import read_model


class LoadedEstimator(Protocol):
    """For type checkers: what estimators have. Not each that a file can hold has it all."""

    classes_: NDArray[Any]

    def fit(self, X: ImagePaths, y: ArrayLike | None = None, **options: Any) -> Self:
        """Learn from X and y."""

    def predict(self, X: ImagePaths) -> NDArray[Any]:
        """Return labels."""

    def predict_proba(self, X: ImagePaths) -> NDArray[np.float64]:
        """Return the probability of each class."""

    def transform(self, X: ImagePaths) -> NDArray[Any]:
        """Return features."""

    def score(self, X: ImagePaths, y: ArrayLike) -> float:
        """Return the accuracy."""

    # Any more that the class in the file has, such as a threshold, a step, a history.
    def __getattr__(self, name: str) -> Any: ...


def load(path: str | os.PathLike[str]) -> LoadedEstimator:
    """Load an estimator that `save` wrote, without running any code of the file's maker.

    The classes that a file can name are a closed list, and every byte is checked. That a
    file is safe to load does not make its answers right: a stranger's model can call every
    fake real.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    estimator
        Equal to the one that was saved: its parameters, its fitted attributes, and its
        predictions to the bit with the same versions on the same machine.

    Raises
    ------
    OSError
        If the file cannot be read, or is a folder.
    ValueError
        If it is no ``.skfr`` file, damaged, cut short, of a newer format, or holds what
        does not fit this version of scikit-learn.

    Warns
    -----
    InconsistentVersionWarning
        If parts of scikit-learn's were saved with another version of it.
    FutureWarning
        If the file holds classes that `save` no longer writes.

    See Also
    --------
    save : Write such a file.
    skfakereal.persistence.read_description : What a file holds, without loading it.

    Notes
    -----
    A model of whose weights only a file's name is known predicts as it is; to fit it again,
    set its `weights` to the place of that file.

    Examples
    --------
    >>> import skfakereal
    >>> model = skfakereal.load("detector.skfr")  # doctest: +SKIP
    >>> model.predict(["suspect.jpg"])  # doctest: +SKIP
    array([1])
    """
    model = read_model(path)
    estimator: LoadedEstimator = build_estimator(model)
    return estimator


def load_with_metadata(
    path: str | os.PathLike[str], *, only_predict: bool = False
) -> tuple[Any, dict[str, Any]]:
    """Load an estimator, and what else its file says.

    Parameters
    ----------
    path : path-like
        The file.
    only_predict : bool, default=False
        Whether something that can only predict will do: of a `VGG16ImageClassifier`, alone
        or with a fixed threshold, it is made without importing scikit-learn.

    Returns
    -------
    estimator
        As `load` returns it, or a `Detector`, which predicts the same.
    metadata : dict of str to object
        What was handed to `save`.

    Raises
    ------
    OSError, ValueError
        As `load` does.
    """
    model = read_model(path)
    if only_predict:
        from skfakereal.persistence._detector import make_detector

        detector = make_detector(model)
        if detector is not None:
            return detector, model.metadata
    return build_estimator(model), model.metadata
