"""A trained classifier and validation images -> the model that decides, and why so."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfakereal import VGG16ImageClassifier
from skfakereal._classifying.predictions import decide as decide_at_threshold
from skfakereal._classifying.verdicts import Classification
from skfakereal._judging.model import Model
from skfakereal._judging.verdicts import classify
from skfakereal.cli._decision import MORE_PROBABLE, DecisionPlan
from skfakereal.cli._evaluation import write_predictions
from skfakereal.cli._output import say, watched
from skfakereal.cli._parts import Part
from skfakereal.cli.run._page import decision_line
from skfakereal.cli.train._fit import Fitted
from skfakereal.cli.train._prepare import Plan
from skfakereal.evaluation import UnsureBand, learn_unsure_band
from skfakereal.thresholds import (
    ThresholdChoice,
    calibrate,
    calibrate_known,
    choose_threshold,
    decide_at,
)

_MANY_FOR_ISOTONIC = 1000


@dataclass(frozen=True)
class Decided:
    """A model that decides, and why so."""

    model: Model  # the model, which decides by the threshold
    # What it says about the validation images.
    verdicts: list[Classification] = field(default_factory=list)
    # What ``config.json`` keeps as ``decision``; None with more than two classes.
    facts: dict[str, Any] | None = None
    cautions: list[str] = field(default_factory=list)  # what the user must know

    @property
    def refused(self) -> bool:
        """Whether the threshold or calibration that was asked for was not possible."""
        return self.facts is not None and self.facts["refused"] is not None


def decide(folder: Path, plan: Plan, fitted: Fitted) -> Decided:
    """Decide by the plan, and write what the model says of the validation images."""
    parts = fitted.prepared.parts
    validation, known = judged(fitted.model.estimator, parts.train, parts.validation)
    decided = decide_by(
        plan.decision, fitted.model, validation, known, progress=plan.progress
    )
    if decided.facts is not None:
        say(decision_line(decided.facts))
    if validation is not None:
        place = folder / "validation.csv"
        write_predictions(place, decided.verdicts, decided.model, validation.labels)
    return decided


def judged(
    classifier: VGG16ImageClassifier, train: Part, validation: Part | None
) -> tuple[Part | None, NDArray[np.float64] | None]:
    """Return the images to choose on, and their probabilities if they came out of fold."""
    if validation is None and hasattr(classifier, "oof_proba_"):
        return train, classifier.oof_proba_
    return validation, None


def decide_by(
    plan: DecisionPlan,
    model: Model,
    validation: Part | None,
    known: NDArray[np.float64] | None = None,
    *,
    progress: bool,
) -> Decided:
    """Choose threshold, calibration and unsure band on the validation images.

    Their probabilities may be `known`, since they were computed out of fold.

    What was asked for and is not possible is reported, never raised: a model that took hours
    to train must not be lost for it. It then decides by the more probable class.
    """
    if validation is None:
        facts = None if model.positive is None else _nothing_known(plan, model)
        return Decided(model, facts=facts)
    refused: str | None = None
    calibration: str | None = None
    try:
        if plan.calibration is not None:
            model, known = _calibrated(plan.calibration, model, validation, known)
            calibration = plan.calibration
        verdicts = _judge(model, validation, known, progress)
        if model.positive is None:
            return Decided(model, verdicts)
        choice = _choose(plan, model, validation.labels, verdicts)
        if plan.chooses and choice is not None:
            model = _with_threshold(model, choice.threshold, validation)
            verdicts = [_decided(verdict, choice.threshold, model) for verdict in verdicts]
    except (ValueError, OSError) as error:
        refused = " ".join(str(error).split())
        verdicts = _judge(model, validation, known, progress)
        choice = _choose(DecisionPlan(), model, validation.labels, verdicts)
    band, no_band = _learn_band(plan, model, validation.labels, verdicts)
    facts = _nothing_known(plan, model) | {
        **({} if choice is None else _plain(choice)),
        "calibration": calibration,
        "out_of_fold": known is not None,
        "refused": refused,
        "unsure_band": None if band is None else [band.low, band.high],
        "unsure": None if band is None else dataclasses.asdict(band),
        "no_unsure_band": no_band,
    }
    return Decided(model, verdicts, facts, _cautions(plan, facts, len(verdicts)))


def _nothing_known(plan: DecisionPlan, model: Model) -> dict[str, Any]:
    """Return the facts where nothing was validated."""
    assert model.positive is not None
    unknown = [field.name for field in dataclasses.fields(ThresholdChoice)]
    return dict.fromkeys(unknown) | {
        "threshold": 0.5,
        "pos_label": model.names[model.positive],
        "reason": MORE_PROBABLE,
        "calibration": None,
        "out_of_fold": False,
        "refused": None,
        "unsure_band": None,
        "unsure": None,
        "unsure_precision": plan.precision,
        "no_unsure_band": "Nothing was validated.",
    }


def _plain(choice: ThresholdChoice) -> dict[str, Any]:
    facts = dataclasses.asdict(choice)
    return facts | {"false_positive_interval": list(choice.false_positive_interval)}


def _calibrated(
    method: str, model: Model, part: Part, known: NDArray[np.float64] | None
) -> tuple[Model, NDArray[np.float64] | None]:
    labels = _labels(model, part)
    if known is None:
        estimator = calibrate(model.estimator, part.paths, labels, method)
    else:
        estimator, known = calibrate_known(model.estimator, known, labels, method)
    return dataclasses.replace(model, estimator=estimator), known


def _with_threshold(model: Model, threshold: float, part: Part) -> Model:
    assert model.positive is not None
    positive = np.asarray(model.estimator.classes_).tolist()[model.positive]
    estimator = decide_at(
        model.estimator, threshold, positive, part.paths, _labels(model, part)
    )
    return dataclasses.replace(model, estimator=estimator)


def _labels(model: Model, part: Part) -> NDArray[Any]:
    return np.asarray(model.estimator.classes_)[part.labels]


def _judge(
    model: Model, part: Part, known: NDArray[np.float64] | None, progress: bool
) -> list[Classification]:
    if known is not None:
        return [
            Classification(path, int(row.argmax()), row)
            for path, row in zip(part.paths, known, strict=True)
        ]
    found = classify(model.estimator, part.paths)
    return list(watched(found, total=len(part.paths), label="validate", progress=progress))


def _known(
    model: Model, labels: NDArray[np.int64], verdicts: Sequence[Classification]
) -> tuple[NDArray[np.str_], NDArray[np.float64]]:
    """Return names of true classes and probabilities of the images that were read."""
    assert model.positive is not None
    rows = [i for i, v in enumerate(verdicts) if v.probabilities is not None]
    score = [verdicts[i].probabilities[model.positive] for i in rows]  # type: ignore[index]
    return np.array(model.names)[labels[rows]], np.array(score, dtype=np.float64)


def _choose(
    plan: DecisionPlan,
    model: Model,
    labels: NDArray[np.int64],
    verdicts: Sequence[Classification],
) -> ThresholdChoice | None:
    """Return the choice; None if it is 0.5 and a class is missing, so that it has no rates."""
    assert model.positive is not None
    name = model.names[model.positive]
    if plan.chooses:
        return choose_threshold(
            *_known(model, labels, verdicts),
            target_fpr=plan.target_fpr,
            confidence=plan.confidence,
            costs=plan.costs,
            prevalence=plan.prevalence,
            pos_label=name,
        )
    read = [(label, v) for label, v in zip(labels, verdicts, strict=True) if not v.error]
    is_positive = np.array([label == model.positive for label, _ in read], dtype=bool)
    called = np.array([v.predicted == model.positive for _, v in read], dtype=bool)
    if is_positive.all() or not is_positive.any():
        return None
    return ThresholdChoice.from_counts(
        0.5,
        name,
        MORE_PROBABLE,
        n_true=int(np.sum(is_positive & called)),
        n_positive=int(np.sum(is_positive)),
        n_false=int(np.sum(~is_positive & called)),
        n_negative=int(np.sum(~is_positive)),
    )


def _decided(verdict: Classification, threshold: float, model: Model) -> Classification:
    if verdict.probabilities is None:
        return verdict
    (called,) = decide_at_threshold(verdict.probabilities[None], model.positive, threshold)
    return dataclasses.replace(verdict, predicted=int(called))


def _learn_band(
    plan: DecisionPlan,
    model: Model,
    labels: NDArray[np.int64],
    verdicts: Sequence[Classification],
) -> tuple[UnsureBand | None, str | None]:
    """Return the band, or why there is none."""
    assert model.positive is not None
    truth, score = _known(model, labels, verdicts)
    name = model.names[model.positive]
    try:
        band = learn_unsure_band(truth, score, precision=plan.precision, pos_label=name)
    except ValueError as error:
        return None, " ".join(str(error).split())
    return band, None


def _cautions(plan: DecisionPlan, facts: dict[str, Any], n_images: int) -> list[str]:
    said = []
    if facts["refused"] is not None:
        failed = [option for option in plan.asked if option != "--unsure-precision"]
        if facts["calibration"] is not None:
            failed.remove("--calibration")
        said.append(
            f"{' and '.join(failed)} could not be done, so this model classifies images as "
            f"{facts['pos_label']!r} from a probability of 0.5. {facts['refused']}"
        )
    if facts["calibration"] == "isotonic" and n_images < _MANY_FOR_ISOTONIC:
        said.append(
            f"Isotonic calibration follows its images closely and needs {_MANY_FOR_ISOTONIC:,} "
            f"or more, but had {n_images:,}: its figures on them are too good. Use sigmoid."
        )
    return said
