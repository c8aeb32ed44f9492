"""A model that decides -> its figures: on the test part, or else by cross-validation."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from sklearn.base import clone

from skfakereal._classifying.verdicts import Classification
from skfakereal._judging.verdicts import classify
from skfakereal.cli._evaluation import evaluate_part, report_on
from skfakereal.cli._output import watched
from skfakereal.cli._parts import Part
from skfakereal.cli.train._decide import Decided, decide_by, judged
from skfakereal.cli.train._fit import Fitted, fit_once
from skfakereal.cli.train._prepare import Plan
from skfakereal.evaluation import EvaluationReport


@dataclass(frozen=True)
class Measured:
    """What was tested, what was said of it, and how good that is."""

    part: Part
    verdicts: list[Classification]
    report: EvaluationReport
    # The fold of each image; None where a test part was held out.
    folds: list[int] | None = None
    cautions: Sequence[str] = ()  # what the reader of the figures must know


def measure(plan: Plan, fitted: Fitted, decided: Decided) -> Measured:
    """Test the model, or models of its kind on the images that each was not fitted on."""
    test = fitted.prepared.parts.test
    if test is None:
        return _cross_validated(plan, fitted)
    report, verdicts = evaluate_part(decided.model, test, progress=plan.progress)
    return Measured(test, verdicts, report)


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
        model = replace(fitted.model, estimator=classifier)
        seen = judged(classifier, part, parts.validation)
        decided = decide_by(plan.decision, model, *seen, progress=False)
        if decided.facts is not None and decided.refused:
            failed.append(decided.facts["refused"])
        paths = [train.paths[i] for i in held]
        said |= zip(held.tolist(), classify(decided.model.estimator, paths), strict=True)
        fold_of[held] = number + 1
    verdicts = [said[i] for i in range(len(train.paths))]
    report = report_on(fitted.model, train, verdicts, threshold=None)
    return Measured(train, verdicts, report, fold_of.tolist(), _failed(failed, len(folds)))


def _failed(reasons: Sequence[str], n_folds: int) -> list[str]:
    if not reasons:
        return []
    return [
        f"In {len(reasons)} of the {n_folds} folds, what was asked for was not possible, and "
        f"0.5 decided on the images of that fold: {reasons[0]}"
    ]
