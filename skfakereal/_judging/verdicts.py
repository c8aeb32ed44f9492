"""A model and images -> verdicts, a few images at a time, whatever is broken."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from skfakereal._classifying.ask import (
    Classification,
    judge_halves,
    judge_images,
    split_local,
)
from skfakereal._judging.model import Model
from skfakereal._paths import as_fitted

if TYPE_CHECKING:
    from skfakereal.evaluation import UnsureBand, Verdict

# Few enough that rows come soon (15 seconds at 224x224 on two cores), enough that a call's
# own cost does not count: at 32x32, where it is highest, 64 take 8% longer than 256.
_CHUNK = 64


def classify(estimator: Any, paths: Sequence[str]) -> Iterator[Classification]:
    """Classify images; one that cannot be read never ends the run."""
    for chunk in _chunks(paths):
        verdicts = judge_images(estimator, list(dict.fromkeys(chunk)))
        yield from (verdicts[path] for path in chunk)


def _chunks(paths: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(paths), _CHUNK):
        yield paths[start : start + _CHUNK]


def band_of(model: Model) -> "UnsureBand | None":
    """Return the band of unsure probabilities that a run has learned, if it has."""
    from skfakereal.evaluation import UnsureBand  # takes seconds, unlike a plain verdict

    facts = model.config.get("decision") or {}
    numbers = facts.get("unsure")
    if numbers is None or len(model.names) != 2:
        return None
    band = UnsureBand(**numbers)
    if facts.get("pos_label") in (None, model.pos_name):
        return band
    mirrored = {"low": 1 - band.high, "high": 1 - band.low}
    return UnsureBand(**(numbers | mirrored))


def classify_stably(
    model: Model, paths: Sequence[str], band: "UnsureBand | None"
) -> Iterator[tuple[Classification, str | None, tuple[str, ...]]]:
    """Classify images as they are and after mild changes; none ends the run."""
    if len(model.names) != 2:
        raise ValueError(
            f"--stable needs a model with two classes, but MODEL has {list(model.names)}. "
            "Leave it out."
        )
    for chunk in _chunks(paths):
        local, broken = split_local(list(dict.fromkeys(chunk)))
        verdicts = _judge(model, local, band) if local else {}
        for path in chunk:
            yield (
                (broken[path], None, ()) if path in broken else _row(model, verdicts[path])
            )


def _judge(
    model: Model, paths: Sequence[str], band: "UnsureBand | None"
) -> "dict[str, Verdict]":
    from skfakereal.evaluation import Verdict, stable_verdicts

    estimator = model.estimator
    X = as_fitted(estimator, paths)
    try:
        rows = stable_verdicts(
            estimator, X, band=band, pos_label=model.pos_label, target_names=model.names
        )
    except OSError as error:
        # A step of somebody else's reads the images, and says less: look for the culprit.
        blamed = partial(Verdict, verdict=None, error=str(error))
        return judge_halves(partial(_judge, model, band=band), paths, blamed)
    return {row.path: row for row in rows}


def _row(
    model: Model, judged: "Verdict"
) -> tuple[Classification, str | None, tuple[str, ...]]:
    if judged.probability is None:
        error = (judged.error or "").removeprefix(f"{judged.path!r} ").rstrip(".")
        return Classification(judged.path, error=error), None, ()
    p = judged.probability
    chances = np.array([1 - p, p] if model.positive == 1 else [p, 1 - p])
    verdict = Classification(judged.path, model.positive, chances, novelty=judged.novelty)
    return verdict, judged.verdict, judged.reasons
