"""A fitted estimator <-> a ``.skfr`` file, which is there as a whole or not at all.

Importing scikit-learn takes most of a second, which is longer than one image takes: what only
predicts does without, and scikit-learn is imported where the file holds it.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skfakereal._activations import ActivationReader
from skfakereal._files import replacing
from skfakereal._network import Network
from skfakereal._novelty import NO_SUMMARY, FeatureSummary
from skfakereal._parameters import check_parameters
from skfakereal._paths import ImagePaths, check_paths
from skfakereal._probabilities import compute_novelty, compute_probabilities
from skfakereal._store.store import open_store
from skfakereal._trunk import Trunk
from skfakereal._trunk_settings import TrunkSettings
from skfakereal._version import __version__
from skfakereal.persistence._checks import check_network, check_summary_fits, is_array
from skfakereal.persistence._classes import PARTS
from skfakereal.persistence._container import pack
from skfakereal.persistence._nodes import Node
from skfakereal.persistence._read import (
    MAX_METADATA,
    REFUSALS,
    Builder,
    ModelFile,
    build_estimator,
    read_model,
)

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
    place = check_place(path, "model.skfr")
    if place.suffix != _SUFFIX:
        raise ValueError(
            f"A model file must have the suffix {_SUFFIX}, since the names of pickles "
            "(.joblib, .pkl) say that loading it can run code and those of weights "
            f"(.safetensors) that it is not a model; got {str(place)!r}."
        )
    noted = check_metadata(metadata)
    from sklearn.utils.validation import check_is_fitted

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


def check_place(path: str | os.PathLike[str], example: str) -> Path:
    """Return a path as one that a file can be written to."""
    place = Path(path)
    if place.is_dir():
        raise IsADirectoryError(
            f"{str(place)!r} is a folder. Name a file in it, such as "
            f"{str(place / example)!r}."
        )
    if not place.parent.is_dir():
        raise FileNotFoundError(
            f"The folder of {str(place)!r} does not exist. Create it first."
        )
    return place


def check_metadata(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a note as JSON gives it back."""
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


_CLASSIFIER = "skfakereal.VGG16ImageClassifier"
_FROZEN = "sklearn.frozen.FrozenEstimator"
_THRESHOLD = "sklearn.model_selection.FixedThresholdClassifier"


@dataclass(frozen=True)
class Detector:
    """A `VGG16ImageClassifier` that can only predict, alone or with a fixed threshold.

    Its answers are those of the estimator that the same file holds, to the bit.
    """

    classes_: NDArray[Any]  # shape (n_classes,): the classes
    trunk: Trunk  # the frozen weights
    settings: TrunkSettings  # how images are prepared, and where the cut is
    tail: Network  # what was trained
    parameters: dict[str, Any]  # parameters of the classifier
    # From which probability on an image belongs to the class `positive`. None: it belongs
    # to the most probable one.
    threshold: float | None = None
    positive: int = 1  # position of a class
    summary: FeatureSummary | None = None  # what the training images are like

    def predict(self, X: Sequence[str]) -> NDArray[Any]:
        """Return the labels that `predict_once` returns."""
        return self.predict_once(X)[0]

    def predict_proba(self, X: Sequence[str]) -> NDArray[np.float64]:
        """Return the probabilities that `predict_once` returns."""
        return self.predict_once(X)[1]

    def predict_once(self, X: Sequence[str]) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Return labels and probabilities for the price of one pass."""
        paths = check_paths(X)
        y_proba = compute_probabilities(
            self._reader(len(paths)),
            self.tail,
            paths,
            n_classes=len(self.classes_),
            keep_going=self.parameters.get("on_error") == "nan",
            summary=self.summary,
        )
        codes = np.zeros(len(y_proba), np.intp)
        readable = ~np.isnan(y_proba).any(axis=1)
        codes[readable] = self._decide(y_proba[readable])
        return self.classes_[codes], y_proba

    def novelty(self, X: Sequence[str]) -> NDArray[np.float64]:
        """Return what the classifier's own method returns."""
        if self.summary is None:
            raise ValueError(NO_SUMMARY)
        paths, keep_going = check_paths(X), self.parameters.get("on_error") == "nan"
        reader = self._reader(len(paths))
        return compute_novelty(reader, self.summary, paths, keep_going=keep_going)

    def _reader(self, n_images: int) -> ActivationReader:
        return ActivationReader(
            self.trunk,
            self.settings,
            engine=self.parameters.get("engine", "auto"),
            store=open_store(self.parameters.get("cache", "auto")),
            n_jobs=self.parameters.get("n_jobs"),
            n_images=n_images,
        )

    def _decide(self, y_proba: NDArray[np.float64]) -> NDArray[np.intp]:
        if self.threshold is None:
            return np.asarray(y_proba.argmax(axis=1))
        above = y_proba[:, self.positive] >= self.threshold
        return np.where(above, self.positive, 1 - self.positive)


def make_detector(model: ModelFile) -> Detector | None:
    """Make a detector of a file's content."""
    node, threshold, pos_label = model.root, None, None
    if node.name == _THRESHOLD:
        if node.params.get("response_method", "auto") not in ("auto", "predict_proba"):
            return None
        threshold, pos_label = node.params.get("threshold"), node.params.get("pos_label")
        if type(threshold) not in (int, float, np.float64):
            return None
        node = _wrapped(node)
    if node.name == _FROZEN:
        node = _wrapped(node)
    if node.name != _CLASSIFIER:
        return None
    try:
        return _make(model, node, threshold, pos_label)
    except REFUSALS:
        return None


def _wrapped(node: Node) -> Node:
    """Return what a node wraps: what it has fitted, or else what it was given."""
    inner = node.state.get("estimator_", node.params.get("estimator"))
    return inner if isinstance(inner, Node) else node


def _make(
    model: ModelFile, node: Node, threshold: float | None, pos_label: Any
) -> Detector | None:
    classes = node.state["classes_"]
    # An Augmentation is an estimator of scikit-learn's, and no matter of predictions.
    parameters = {k: v for k, v in node.params.items() if k != "augmentation"}
    check_parameters(parameters)
    builder = Builder(model)
    for part in model.nodes:
        if part.name in PARTS and part.name.startswith("skfakereal."):
            builder.add(part)
    trunk, settings, tail = (
        builder.made[id(node.state[name])] for name in ("_trunk", "_settings", "_tail")
    )
    if not is_array(classes, "biufUO", None):
        return None
    check_network(trunk, settings, tail, len(classes))
    summary = node.state.get("_summary")
    summary = None if summary is None else builder.made[id(summary)]
    check_summary_fits(summary, trunk, settings)
    positive = 1
    if threshold is not None and pos_label is not None:
        positive = classes.tolist().index(pos_label)
    if threshold is not None and len(classes) != 2:
        return None
    return Detector(
        classes, trunk, settings, tail, parameters, threshold, positive, summary
    )


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
        detector = make_detector(model)
        if detector is not None:
            return detector, model.metadata
    return build_estimator(model), model.metadata
