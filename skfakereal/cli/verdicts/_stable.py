"""A model and image paths -> verdicts that may be "unsure", with their reasons."""

from collections.abc import Iterator, Sequence

import numpy as np

from skfakereal._paths import as_fitted
from skfakereal.cli.runs._model import Model
from skfakereal.evaluation import UnsureBand, stable_verdicts
from skfakereal.evaluation import Verdict as StableVerdict
from skfakereal.scoring._verdicts import Verdict, split_local

__all__ = ["band_of", "classify_stably"]

_CHUNK = 64  # as in classify: rows come soon, a call's own cost does not count


def band_of(model: Model) -> UnsureBand | None:
    """Return the band of unsure probabilities that a run has learned.

    Parameters
    ----------
    model : Model
        The model.

    Returns
    -------
    UnsureBand or None
        The band of the class whose probability is told; None if the run has none, or the
        model comes from no run.
    """
    facts = model.config.get("decision") or {}
    numbers = facts.get("unsure")
    if numbers is None or model.positive is None:
        return None
    band = UnsureBand(**numbers)
    if model.names[model.positive] == facts["pos_label"]:
        return band
    mirrored = {"low": 1 - band.high, "high": 1 - band.low}
    return UnsureBand(**(numbers | mirrored))


def classify_stably(
    model: Model, paths: Sequence[str], band: UnsureBand | None
) -> Iterator[tuple[Verdict, str | None, tuple[str, ...]]]:
    """Classify images as they are and after mild changes; none ends the run.

    Parameters
    ----------
    model : Model
        The model, of two classes.
    paths : sequence of str
        The images.
    band : UnsureBand or None
        Where a probability is unsure.

    Yields
    ------
    verdict : Verdict
        What the model says of the image as it is.
    label : str or None
        The name of a class, or "unsure"; None if the image could not be read.
    reasons : tuple of str
        Why it is unsure.

    Raises
    ------
    ValueError
        If there are more classes.
    TypeError
        If the model gives no probabilities.
    """
    if model.positive is None:
        raise ValueError(
            f"--stable needs a model of two classes, but MODEL knows {list(model.names)}. "
            "Leave it out."
        )
    for start in range(0, len(paths), _CHUNK):
        chunk = paths[start : start + _CHUNK]
        local, broken = split_local(list(dict.fromkeys(chunk)))
        said = _judge(model, local, band) if local else {}
        for path in chunk:
            yield (broken[path], None, ()) if path in broken else _row(model, said[path])


def _judge(
    model: Model, paths: list[str], band: UnsureBand | None
) -> dict[str, StableVerdict]:
    estimator = model.estimator
    X = as_fitted(estimator, paths)
    assert model.positive is not None
    positive = np.asarray(estimator.classes_).tolist()[model.positive]
    try:
        rows = stable_verdicts(
            estimator, X, band=band, pos_label=positive, target_names=model.names
        )
    except OSError as error:
        # A step of somebody else's reads the images, and says less: look for the culprit.
        if len(paths) == 1:
            return {paths[0]: StableVerdict(paths[0], None, error=str(error))}
        half = len(paths) // 2
        return _judge(model, paths[:half], band) | _judge(model, paths[half:], band)
    return {row.path: row for row in rows}


def _row(model: Model, said: StableVerdict) -> tuple[Verdict, str | None, tuple[str, ...]]:
    if said.probability is None:
        error = (said.error or "").removeprefix(f"{said.path!r} ").rstrip(".")
        return Verdict(said.path, error=error), None, ()
    p = said.probability
    chances = np.array([1 - p, p] if model.positive == 1 else [p, 1 - p])
    return Verdict(said.path, model.positive, chances), said.verdict, said.reasons
