"""A model and labelled images -> a report, and the files that every run writes."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skfakereal._classifying.predictions import follows
from skfakereal._classifying.unwrap import find_threshold
from skfakereal._csv_file import write_csv
from skfakereal._html import Html
from skfakereal._shown import write_page
from skfakereal.cli._output import watched
from skfakereal.cli.images._parts import Part, has_groups
from skfakereal.cli.reports._page import run_page
from skfakereal.cli.reports._pictures import write_pictures
from skfakereal.cli.runs._card import generators_of
from skfakereal.cli.runs._model import Model
from skfakereal.cli.verdicts._classify import classify
from skfakereal.cli.verdicts._rows import probability_shown
from skfakereal.evaluation import EvaluationReport
from skfakereal.scoring._verdicts import Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["evaluate_part", "write_evaluation", "write_predictions"]


def evaluate_part(
    model: Model, part: Part, *, progress: bool
) -> tuple[EvaluationReport, list[Verdict]]:
    """Classify labelled images; those that cannot be read are left out of the figures.

    Parameters
    ----------
    model : Model
        The model.
    part : Part
        The images.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    report : EvaluationReport
        The figures.
    verdicts : list of Verdict
        One for each image, in order.

    Raises
    ------
    TypeError
        If the model gives no probabilities.
    ValueError
        If none of the images can be read.
    """
    if not hasattr(model.estimator, "predict_proba"):
        raise TypeError(
            f"MODEL must give probabilities, which {type(model.estimator).__name__} does "
            "not. Wrap it into CalibratedClassifierCV."
        )
    found = classify(model.estimator, part.paths)
    verdicts: list[Verdict] = list(
        watched(found, total=len(part.paths), label="evaluate", progress=progress)
    )
    classes = np.asarray(model.estimator.classes_)
    nothing = np.full(len(classes), np.nan)
    report = EvaluationReport(
        part.paths,
        classes[part.labels],
        [nothing if v.probabilities is None else v.probabilities for v in verdicts],
        y_pred=classes[[v.predicted or 0 for v in verdicts]],
        classes=classes,
        pos_label=None if model.positive is None else classes.tolist()[model.positive],
        target_names=model.names,
        groups=part.groups if has_groups(part) else None,
        threshold=_threshold(model, verdicts),
        generators=generators_of(part, model.names),
    )
    return report, verdicts


def _threshold(model: Model, verdicts: Sequence[Verdict]) -> float | None:
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
    verdicts: Sequence[Verdict],
    model: Model,
    labels: NDArray[np.int64],
    config: Mapping[str, Any],
    *,
    cautions: Sequence[str] = (),
    how: str = "",
    figures: "Mapping[str, tuple[str, Figure, str]] | None" = None,
    sections: Sequence[Html] = (),
) -> None:
    """Write figures, predictions, pictures and the page.

    Parameters
    ----------
    folder : Path
        Where to.
    title : str
        The page's heading.
    report : EvaluationReport
        The figures.
    verdicts : sequence of Verdict
        What the model said about each image.
    model : Model
        The model.
    labels : ndarray of shape (n_images,)
        Positions of the true classes.
    config : mapping
        What is known of the run.
    cautions : sequence of str, default=()
        What the reader must know before any figure.
    how : str, default=""
        How the images were chosen.
    figures : mapping of str to (str, matplotlib.figure.Figure, str), default=None
        More figures by the name of their file: heading, figure, caption.
    sections : sequence of Html, default=()
        More sections of the page.
    """
    more = figures or {}
    metrics = json.dumps(report.to_dict(), indent=2)
    (folder / "metrics.json").write_text(f"{metrics}\n", encoding="utf-8")
    write_predictions(folder / "predictions.csv", verdicts, model, labels)
    html = run_page(
        title,
        report,
        config,
        cautions=cautions,
        how=how,
        figures={heading: (drawn, caption) for heading, drawn, caption in more.values()},
        sections=sections,
    )
    write_page(folder / "report.html", html)
    write_pictures(folder, report, {name: drawn for name, (_, drawn, _) in more.items()})


def write_predictions(
    place: Path, verdicts: Sequence[Verdict], model: Model, labels: NDArray[np.int64]
) -> None:
    """Write what the model said about labelled images.

    Parameters
    ----------
    place : Path
        The CSV file.
    verdicts : sequence of Verdict
        What it said.
    model : Model
        The model.
    labels : ndarray of shape (n_images,)
        Positions of the true classes.
    """
    names = model.names
    # With two classes, one probability says all.
    others = names if len(names) > 2 else ()
    single = [f"probability_{name}" for name in others]
    rows: list[list[Any]] = [
        ["path", "label", "predicted", "probability", *single, "error"]
    ]
    for verdict, label in zip(verdicts, labels, strict=True):
        predicted = None if verdict.predicted is None else names[verdict.predicted]
        chances = [probability_shown(verdict, i) for i in range(len(others))]
        shown = probability_shown(verdict, model.positive)
        rows.append([verdict.path, names[label], predicted, shown, *chances, verdict.error])
    write_csv(place, rows)
