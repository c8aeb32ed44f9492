"""A model and labelled images -> a report, and the files that every run writes."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skfakereal._classifying.predictions import follows
from skfakereal._classifying.unwrap import find_threshold
from skfakereal._classifying.verdicts import Classification
from skfakereal._csv_file import write_csv
from skfakereal._judging.model import Model
from skfakereal._judging.verdicts import classify, told
from skfakereal._pages.html import Html
from skfakereal._shown import write_page
from skfakereal.cli._output import watched
from skfakereal.cli._parts import Part, has_groups
from skfakereal.cli.run._card import generators_of
from skfakereal.cli.run._page import run_page
from skfakereal.cli.run._unlike import unlike_section
from skfakereal.evaluation import (
    EvaluationReport,
    MisclassifiedDisplay,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


_DPI = 144


def evaluate_part(
    model: Model, part: Part, *, progress: bool
) -> tuple[EvaluationReport, list[Classification]]:
    """Classify labelled images; those that cannot be read are left out of the figures."""
    if not hasattr(model.estimator, "predict_proba"):
        raise TypeError(
            f"MODEL must have predict_proba, which {type(model.estimator).__name__} lacks. Wrap "
            "it in CalibratedClassifierCV."
        )
    classified = classify(model.estimator, part.paths)
    verdicts: list[Classification] = list(
        watched(classified, total=len(part.paths), label="evaluate", progress=progress)
    )
    threshold = _threshold(model, verdicts)
    return report_on(model, part, verdicts, threshold=threshold), verdicts


def report_on(
    model: Model, part: Part, verdicts: Sequence[Classification], *, threshold: float | None
) -> EvaluationReport:
    """Return the report on verdicts of a model, or of models of its kind."""
    classes = np.asarray(model.estimator.classes_)
    nothing = np.full(len(classes), np.nan)
    return EvaluationReport(
        part.paths,
        classes[part.labels],
        [nothing if v.probabilities is None else v.probabilities for v in verdicts],
        y_pred=classes[[v.predicted or 0 for v in verdicts]],
        classes=classes,
        pos_label=None if model.positive is None else classes.tolist()[model.positive],
        target_names=model.names,
        groups=part.groups if has_groups(part) else None,
        threshold=threshold,
        generators=generators_of(part, model.names),
    )


def _threshold(model: Model, verdicts: Sequence[Classification]) -> float | None:
    """Return the probability that the model decides by, if there is one."""
    threshold = find_threshold(model.estimator)
    read = [v for v in verdicts if v.probabilities is not None]
    if threshold is None or not read:
        return None
    pred = np.array([v.predicted for v in read], dtype=np.intp)
    proba = np.array([v.probabilities for v in read])
    # It may be one of another class's probability, or of a decision function.
    return threshold if follows(pred, proba, model.positive, threshold) else None


def write_evaluation(
    folder: Path,
    title: str,
    report: EvaluationReport,
    verdicts: Sequence[Classification],
    model: Model,
    labels: NDArray[np.int64],
    config: Mapping[str, Any],
    *,
    cautions: Sequence[str] = (),
    how: str = "",
    figures: "Mapping[str, Figure] | None" = None,
    pictures: Sequence[Html] = (),
    findings: Sequence[Html] = (),
    sections: Sequence[Html] = (),
    folds: Sequence[int] | None = None,
) -> None:
    """Write figures, predictions, pictures and the page.

    `figures` become files; `pictures`, `findings` and `sections` are parts of the page.
    `folds` has the fold in which each image was tested, where figures are cross-validated.
    """
    metrics = report.to_dict()
    if folds is not None:
        metrics["cross_validation"] = {"n_folds": max(folds), "how": how}
    text = json.dumps(metrics, indent=2)
    (folder / "metrics.json").write_text(f"{text}\n", encoding="utf-8")
    write_predictions(folder / "predictions.csv", verdicts, model, labels, folds)
    html = run_page(
        title,
        report,
        config,
        cautions=cautions,
        how=how,
        pictures=pictures,
        findings=findings,
        sections=[*unlike_section(verdicts, labels), *sections],
    )
    write_page(folder / "report.html", html)
    write_pictures(folder, report, figures or {})


def write_predictions(
    place: Path,
    verdicts: Sequence[Classification],
    model: Model,
    labels: NDArray[np.int64],
    folds: Sequence[int] | None = None,
) -> None:
    """Write what the model said about labelled images."""
    names = model.names
    # With two classes, one probability says all.
    others = names if len(names) > 2 else ()
    single = [f"probability_{name}" for name in others]
    rows: list[list[Any]] = [
        ["path", "label", "predicted", "probability", *single, "error"]
    ]
    for verdict, label in zip(verdicts, labels, strict=True):
        predicted, shown = told(verdict, names, model.positive)
        chances = [told(verdict, names, i)[1] for i in range(len(others))]
        rows.append([verdict.path, names[label], predicted, shown, *chances, verdict.error])
    if folds is not None:
        rows = [[*row, fold] for row, fold in zip(rows, ["fold", *folds], strict=True)]
    write_csv(place, rows)


def write_pictures(
    folder: Path, report: EvaluationReport, others: "Mapping[str, Figure]"
) -> None:
    """Write a PNG for each plot."""
    import matplotlib.pyplot as plt

    # One after the other: each is closed before the next is drawn.
    for kind in report.plots:
        _save(report.plot(kind), folder / f"{kind}.png")
    _save(MisclassifiedDisplay.from_report(report).figure_, folder / "worst_errors.png")
    for name, figure in others.items():
        _save(figure, folder / f"{name}.png")
    plt.close("all")


def _save(figure: "Figure", place: Path) -> None:
    import matplotlib.pyplot as plt

    figure.savefig(place, dpi=_DPI, metadata={"Software": None})
    plt.close(figure)
