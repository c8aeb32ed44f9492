"""A model and labelled images -> a report on robustness, and its run folder."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from skfakereal._csv_file import write_csv
from skfakereal._html import note, page
from skfakereal._paths import as_fitted
from skfakereal._shown import write_page
from skfakereal.cli.images._parts import Part
from skfakereal.cli.reports._page import how_it_was_made
from skfakereal.cli.runs._model import Model
from skfakereal.cli.runs._run_folder import seal
from skfakereal.evaluation import RobustnessReport, robustness_report
from skfakereal.evaluation.perturbations import Perturbation

__all__ = ["measure", "write_robustness"]


def measure(
    model: Model,
    part: Part,
    changes: Sequence[Perturbation] | None,
    *,
    progress: bool,
) -> RobustnessReport:
    """Classify the images as they are and after each change.

    Parameters
    ----------
    model : Model
        The model.
    part : Part
        The images, all of which can be read.
    changes : sequence of Perturbation or None
        The changes; None for the usual ones.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    RobustnessReport
        The figures.

    Raises
    ------
    TypeError
        If the model gives no probabilities.
    ValueError
        If there is no image.
    """
    if not part.paths:
        raise ValueError("None of the images can be read: there is nothing to change.")
    classes = np.asarray(model.estimator.classes_)
    X = as_fitted(model.estimator, part.paths)
    return robustness_report(
        model.estimator,
        X,
        classes[part.labels],
        perturbations=changes,
        pos_label=None if model.positive is None else classes.tolist()[model.positive],
        target_names=model.names,
        verbose=int(progress),
    )


def write_robustness(
    folder: Path,
    report: RobustnessReport,
    config: dict[str, Any],
    *,
    how: str,
    cautions: Sequence[str],
) -> None:
    """Write figures, verdicts, the picture and the page, and seal the run.

    Parameters
    ----------
    folder : Path
        Where to.
    report : RobustnessReport
        The figures.
    config : dict
        What is known of the run.
    how : str
        How the images were chosen.
    cautions : sequence of str
        What the reader must know before any figure.
    """
    metrics = json.dumps(report.to_dict(), indent=2)
    (folder / "metrics.json").write_text(f"{metrics}\n", encoding="utf-8")
    rows = report.to_dict()["rows"]
    _write_csv(folder / "robustness.csv", {key: [r[key] for r in rows] for key in rows[0]})
    _write_csv(folder / "predictions.csv", report.predictions_table())
    _draw(folder / "robustness.png", report)
    html = page(
        "How robust is it?",
        *(note(caution, "warning") for caution in cautions),
        note(how),
        *report.html_sections(),
        how_it_was_made(config),
        lead=report.summary(),
        footer=f"Made by skfakereal {config['skfakereal']}, {config['date']}.",
    )
    write_page(folder / "report.html", html)
    seal(folder, config)


def _write_csv(place: Path, columns: Mapping[str, Sequence[Any]]) -> None:
    write_csv(place, [columns, *zip(*columns.values(), strict=True)])


def _draw(place: Path, report: RobustnessReport) -> None:
    import matplotlib.pyplot as plt

    figures = ["accuracy", "flip_rate"]
    if report.pos_label is not None:
        figures.insert(1, "roc_auc")
    figure = report.plot(figures)
    figure.savefig(place, dpi=144, metadata={"Software": None})
    plt.close(figure)
