"""A ``.skfr`` file -> a fitted estimator."""

import os
from typing import Any

from skfakereal.persistence._read import read_model

__all__ = ["load", "load_with_metadata"]


def load(path: str | os.PathLike[str]) -> Any:
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
    from skfakereal.persistence._build import build_estimator

    return build_estimator(model)


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
    from skfakereal.persistence._build import build_estimator

    return build_estimator(model), model.metadata
