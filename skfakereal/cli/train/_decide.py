"""A trained classifier -> the model that decides, why so, and how well it does."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from skfakereal import VGG16ImageClassifier
from skfakereal._classifying.ask import Classification
from skfakereal._classifying.predictions import decide as decide_at_threshold
from skfakereal._judging.model import Model
from skfakereal._judging.verdicts import classify
from skfakereal.cli._decision import MORE_PROBABLE, DecisionPlan
from skfakereal.cli._images import Part
from skfakereal.cli._output import say, watched
from skfakereal.cli.run._decision import decision_facts, decision_line, learn_band
from skfakereal.cli.run._evaluation import (
    Measured,
    evaluate_part,
    report_on,
    write_predictions,
)
from skfakereal.cli.train._fit import Fitted, fit_once
from skfakereal.cli.train._prepare import Plan
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
        write_predictions(place, decided.model, decided.verdicts, validation.labels)
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
        if model.positive is None:
            return Decided(model)
        nothing = "Nothing was validated."
        facts = decision_facts(model, None, nothing, precision=plan.precision)
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
    labels, score = _known(model, validation.labels, verdicts)
    facts = decision_facts(
        model,
        choice,
        learn_band(model, labels, score, plan.precision),
        precision=plan.precision,
        calibration=calibration,
        out_of_fold=known is not None,
        refused=refused,
    )
    return Decided(model, verdicts, facts, _cautions(plan, facts, len(verdicts)))


def _calibrated(
    method: str, model: Model, part: Part, known: NDArray[np.float64] | None
) -> tuple[Model, NDArray[np.float64] | None]:
    labels = model.classes[part.labels]
    if known is None:
        estimator = calibrate(model.estimator, part.paths, labels, method)
    else:
        estimator, known = calibrate_known(model.estimator, known, labels, method)
    return dataclasses.replace(model, estimator=estimator), known


def _with_threshold(model: Model, threshold: float, part: Part) -> Model:
    labels = model.classes[part.labels]
    estimator = decide_at(model.estimator, threshold, model.pos_label, part.paths, labels)
    return dataclasses.replace(model, estimator=estimator)


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
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return true classes and probabilities of the images that were read."""
    assert model.positive is not None
    rows = [i for i, v in enumerate(verdicts) if v.probabilities is not None]
    score = [verdicts[i].probabilities[model.positive] for i in rows]  # type: ignore[index]
    return labels[rows], np.array(score, dtype=np.float64)


def _choose(
    plan: DecisionPlan,
    model: Model,
    labels: NDArray[np.int64],
    verdicts: Sequence[Classification],
) -> ThresholdChoice | None:
    """Return the choice; None if it is 0.5 and a class is missing, so that it has no rates."""
    name = model.pos_name
    assert name is not None
    if plan.chooses:
        known, score = _known(model, labels, verdicts)
        return choose_threshold(
            np.array(model.names)[known],
            score,
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


def measure(plan: Plan, fitted: Fitted, decided: Decided) -> Measured:
    """Test the model, or models of its kind on the images that each was not fitted on."""
    test = fitted.prepared.parts.test
    if test is None:
        return _cross_validated(plan, fitted)
    return evaluate_part(decided.model, test, progress=plan.progress)


def _cross_validated(plan: Plan, fitted: Fitted) -> Measured:
    """Fit and decide in each fold as the saved model was, without the fold's images.

    Weight decay, threshold and calibration are chosen in each fold anew.
    """
    parts = fitted.prepared.parts
    train, folds = parts.train, parts.folds
    said: dict[int, Classification] = {}
    fold_of = np.empty(len(train.paths), dtype=int)
    failed: list[str] = []
    watched_folds = watched(
        folds, total=len(folds), label="cross-validate", progress=plan.progress, unit="fold"
    )
    for number, (rows, held) in enumerate(watched_folds):
        classifier = clone(fitted.prepared.classifier).set_params(cache=fitted.cache)
        part = train.take(rows)
        fit_once(classifier, plan, part, parts.validation)
        model = dataclasses.replace(fitted.model, estimator=classifier)
        seen = judged(classifier, part, parts.validation)
        decided = decide_by(plan.decision, model, *seen, progress=False)
        if decided.facts is not None and decided.refused:
            failed.append(decided.facts["refused"])
        paths = [train.paths[i] for i in held]
        said |= zip(held.tolist(), classify(decided.model.estimator, paths), strict=True)
        fold_of[held] = number + 1
    verdicts = [said[i] for i in range(len(train.paths))]
    report = report_on(fitted.model, train, verdicts, threshold=None)
    cautions = (
        [
            f"In {len(failed)} of the {len(folds)} folds, what was asked for was not possible, and "
            f"0.5 decided on the images of that fold: {failed[0]}"
        ]
        if failed
        else []
    )
    return Measured(train, verdicts, report, fold_of.tolist(), cautions)
