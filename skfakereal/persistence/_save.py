"""A fitted estimator -> a ``.skfr`` file, which is there as a whole or not at all."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skfakereal._durable import replacing
from skfakereal._version import __version__
from skfakereal.persistence._container import pack
from skfakereal.persistence._read import MAX_METADATA, read_model

_SUFFIX = ".skfr"


def save(
    estimator: Any,
    path: str | os.PathLike[str],
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Save a fitted estimator in a file that is safe to load.

    The file holds arrays and settings and no code, so that `load` runs no code of whoever
    made it. It holds the weights too: what loads it needs no other file and no network.

    Parameters
    ----------
    estimator : estimator
        A fitted `VGG16ImageClassifier` or `VGG16FeatureExtractor`, alone or in a pipeline,
        a threshold or a calibration of scikit-learn's, with its scalers, `PCA`,
        `LogisticRegression` and `RidgeClassifier` (docs/model_file.md has the list).
    path : path-like
        The file, with the suffix ``.skfr``. It is replaced in one step, or stays as it is.
    metadata : mapping of str to object, default=None
        A note of up to 64 KiB of JSON, for whoever loads it: the class names,
        who made it. `read_description` returns it.

    Raises
    ------
    NotFittedError
        If the estimator has not been fitted.
    TypeError
        If a part of it cannot be held by such a file; the message names the part and the
        ways out. joblib takes any estimator, but its files can run code.
    ValueError
        If the suffix is another one, the metadata is not JSON, or a part is inconsistent.
    OSError
        If the file cannot be written, or `path` is a folder.

    See Also
    --------
    load : The way back.

    Notes
    -----
    Nothing in the file names a folder: of `weights` that is a path only the name is kept,
    `cache` that is a path becomes "auto" and `memory` None. All else is as it was.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import skfakereal
    >>> with TemporaryDirectory() as folder:
    ...     skfakereal.save(skfakereal.Augmentation(zoom=0.2), f"{folder}/views.skfr")
    ...     skfakereal.load(f"{folder}/views.skfr")
    Augmentation(zoom=0.2)
    """
    place = _check_place(path)
    noted = _check_metadata(metadata)
    from sklearn.utils.validation import check_is_fitted

    from skfakereal.persistence._build import build_estimator
    from skfakereal.persistence._encode import encode_estimator

    if hasattr(estimator, "fit"):
        check_is_fitted(estimator)
    objects, arrays = encode_estimator(estimator)
    description = {"made_with": _versions(), "metadata": noted, "objects": objects}

    def verify(part: Path) -> None:
        try:
            build_estimator(read_model(part))
        except ValueError as error:
            raise ValueError(
                f"{str(place)!r} was not written, since it could not be read back: {error}"
            ) from error

    # What could not be loaded must not take the place of what can.
    with replacing(place, before=verify) as file:
        for piece in pack(description, arrays):
            file.write(piece)


def _check_place(path: str | os.PathLike[str]) -> Path:
    place = Path(path)
    if place.is_dir():
        raise IsADirectoryError(
            f"{str(place)!r} is a folder. Name a file in it, such as "
            f"{str(place / 'model.skfr')!r}."
        )
    if not place.parent.is_dir():
        raise FileNotFoundError(
            f"The folder of {str(place)!r} does not exist. Create it first."
        )
    if place.suffix != _SUFFIX:
        raise ValueError(
            f"A model file must have the suffix {_SUFFIX}, since the names of pickles "
            "(.joblib, .pkl) say that loading it can run code and those of weights "
            f"(.safetensors) that it is not a model; got {str(place)!r}."
        )
    return place


def _check_metadata(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    try:
        text = json.dumps(dict(metadata or {}), allow_nan=False)
    except (RecursionError, TypeError, ValueError) as error:
        raise ValueError(f"metadata must be a dict that JSON can hold: {error}.") from error
    if len(text) > MAX_METADATA:
        raise ValueError(
            f"metadata must be at most {MAX_METADATA} bytes of JSON, got {len(text)}. Put "
            "long texts into a file of their own."
        )
    noted: dict[str, Any] = json.loads(text)
    return noted


def _versions() -> dict[str, str]:
    from importlib.metadata import version  # slow to import, and no reader needs it

    packages = ("scikit-learn", "numpy")
    return {"skfakereal": __version__} | {name: version(name) for name in packages}
