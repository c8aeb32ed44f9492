"""A classifier and image paths -> a verdict on each, whatever is broken."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from skfakereal._classifying.ask import predict_once
from skfakereal._images.read import ImageReadError, decode_image, read_bytes
from skfakereal._novelty import collected_novelty
from skfakereal._paths import as_fitted, check_paths

V = TypeVar("V")


@dataclass(frozen=True)
class Classification:
    """What a classifier says about an image."""

    path: str  # the image
    # Position of the predicted class; None if the image could not be read.
    predicted: int | None = None
    # Shape (n_classes,): of each class; None if the image could not be read, or the
    # classifier gives none.
    probabilities: NDArray[np.float64] | None = None
    error: str = ""  # why it could not be read
    # The same as a code: that of `ImageReadError`, or ``"not a path"``, or ``"no
    # probability"``.
    reason: str = ""
    novelty: float | None = None  # how unlike the training images, from 0 to 1


def judge_images(estimator: Any, paths: Sequence[str]) -> dict[str, Classification]:
    """Classify images at one go; one that cannot be read has a verdict that says so."""
    if not paths:
        return {}
    local, broken = split_local(paths)
    if broken:
        return broken | judge_images(estimator, local)
    try:
        return {verdict.path: verdict for verdict in _predict(estimator, paths)}
    except ImageReadError as error:
        failures = {failure.path: failure for failure in error.failures}
        readable = [path for path in paths if path not in failures]
        if len(readable) == len(paths):  # it speaks of files that nobody asked about
            raise
        broken = {path: _unreadable(path, failure) for path, failure in failures.items()}
        return broken | judge_images(estimator, readable)
    except OSError as error:
        # A step of somebody else's reads the images, and says less: look for the culprit.
        blamed = partial(Classification, error=str(error), reason="unreadable")
        return judge_halves(partial(judge_images, estimator), paths, blamed)


def judge_halves(
    judge: Callable[[Sequence[str]], dict[str, V]],
    paths: Sequence[str],
    blamed: Callable[[str], V],
) -> dict[str, V]:
    """Judge each half of images that failed together; one that fails alone is blamed."""
    if len(paths) == 1:
        return {paths[0]: blamed(paths[0])}
    half = len(paths) // 2
    return judge(paths[:half]) | judge(paths[half:])


def split_local(paths: Sequence[str]) -> tuple[list[str], dict[str, Classification]]:
    """Set aside what is no path of a file."""
    local, broken = [], dict[str, Classification]()
    for path in paths:
        try:
            check_paths([path])
            local.append(path)
        except ValueError as error:  # a URL, or nothing at all
            broken[path] = Classification(
                path, error=_what_is_wrong(error), reason="not a path"
            )
    return local, broken


def _what_is_wrong(error: ValueError) -> str:
    return str(error).removeprefix("X[0] ").rstrip(".")


def _predict(estimator: Any, paths: Sequence[str]) -> Iterator[Classification]:
    X = as_fitted(estimator, paths)
    position = {label: i for i, label in enumerate(np.asarray(estimator.classes_).tolist())}
    if not hasattr(estimator, "predict_proba"):
        for path, label in zip(paths, estimator.predict(X).tolist(), strict=True):
            yield Classification(path, position[label])
        return
    with collected_novelty() as novelty:
        labels, probabilities = predict_once(estimator, X)
    for path, label, row in zip(paths, labels.tolist(), probabilities, strict=True):
        if np.isnan(row).any():  # the classifier lets unreadable images pass
            yield _without_probability(path)
        else:
            yield Classification(path, position[label], row, novelty=novelty.get(path))


def _without_probability(path: str) -> Classification:
    try:
        decode_image(read_bytes(path), path)
    except ImageReadError as failure:
        return _unreadable(path, failure)
    what = "the model gives no probability for it"
    return Classification(path, error=what, reason="no probability")


def _unreadable(path: str, failure: ImageReadError) -> Classification:
    # The message begins with the path, which stands in the same row anyway.
    what = failure.message.removeprefix(f"{path!r} ").rstrip(".")
    return Classification(path, error=what, reason=failure.reason)


def label_and_probability(
    predicted: int | None,
    probabilities: Sequence[float] | NDArray[np.float64] | None,
    names: Sequence[str],
    positive: int | None,
) -> tuple[str | None, float | None]:
    """Return what the row of an image tells: its label, and one probability.

    The probability is that of the class at `positive`; None for that of the label.
    """
    label = None if predicted is None else names[predicted]
    shown = predicted if positive is None else positive
    if probabilities is None or shown is None:
        return label, None
    return label, float(probabilities[shown])
