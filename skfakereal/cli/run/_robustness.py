"""A model and labelled images -> a report on robustness, and its run folder."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from skfakereal._csv_file import write_csv
from skfakereal._judging.model import Model
from skfakereal._pages.html import note, notes, page
from skfakereal._paths import as_fitted
from skfakereal._shown import write_page
from skfakereal.cli._parts import Part
from skfakereal.cli.run._folder import seal
from skfakereal.cli.run._page import how_it_was_made, made_by
from skfakereal.evaluation import (
    RobustnessReport,
    robustness_report,
    standard_perturbations,
)
from skfakereal.evaluation.perturbations import (
    Blur,
    Chain,
    Copy,
    Crop,
    Fit,
    Jpeg,
    Noise,
    Perturbation,
    Scale,
    Trim,
    WebP,
    name_of,
)

_KINDS: dict[str, type] = {
    **{"copy": Copy, "jpeg": Jpeg, "webp": WebP, "scale": Scale, "blur": Blur},
    **{"noise": Noise, "crop": Crop, "fit": Fit, "trim": Trim, "chain": Chain},
}
_NUMBERS: dict[str, Callable[[str], float]] = {
    **{"jpeg": int, "webp": int, "fit": int, "trim": int},
    **{"scale": float, "blur": float, "noise": float, "crop": float},
}


def measure(
    model: Model,
    part: Part,
    changes: Sequence[Perturbation] | None,
    *,
    progress: bool,
) -> RobustnessReport:
    """Classify the images as they are and after each change."""
    if not part.paths:
        raise ValueError("None of the images can be read.")
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
    """Write figures, verdicts, the picture and the page, and seal the run."""
    metrics = json.dumps(report.to_dict(), indent=2)
    (folder / "metrics.json").write_text(f"{metrics}\n", encoding="utf-8")
    rows = report.to_dict()["rows"]
    _write_csv(folder / "robustness.csv", {key: [r[key] for r in rows] for key in rows[0]})
    _write_csv(folder / "predictions.csv", report.predictions_table())
    _draw(folder / "robustness.png", report)
    answer, *evidence = report.html_sections()
    html = page(
        "Robustness",
        answer,
        *notes(cautions, "warning"),
        note(how),
        *evidence,
        how_it_was_made(config),
        lead=report.summary(),
        footer=made_by(config),
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


def read_changes(words: Sequence[str]) -> list[Perturbation]:
    """Read ``jpeg`` (all the usual ones of a kind), ``jpeg:85`` or ``chain:web``."""
    changes = [change for word in words for change in _read(word)]
    return list({name_of(change): change for change in changes}.values())


def _read(word: str) -> list[Perturbation]:
    name, colon, level = word.lower().partition(":")
    if name in _NUMBERS and colon:
        try:
            return [_KINDS[name](_NUMBERS[name](level))]
        except ValueError as error:
            raise ValueError(f"--changes: {word!r} is not a change. {error}") from error
    usual = [
        change
        for change in standard_perturbations()
        if type(change) is _KINDS.get(name) and (not colon or change.level == level)
    ]
    if not usual:
        raise ValueError(
            f"--changes must be some of {', '.join(_KINDS)} (fit and trim with a number, "
            f"as in fit:768), a single one such as jpeg:85 or chain:web, got {word!r}."
        )
    return usual
