"""A model and labelled images -> a report, and the files that every run writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from skfakereal._classifying.ask import Classification, told
from skfakereal._classifying.predictions import follows
from skfakereal._classifying.unwrap import find_threshold
from skfakereal._files import write_csv
from skfakereal._judging.model import Model
from skfakereal._judging.verdicts import classify
from skfakereal._novelty import UNUSUAL, is_of_other_size
from skfakereal._pages.html import Html, section, table
from skfakereal._wording import counted
from skfakereal.cli._images import Part, has_groups
from skfakereal.cli._output import watched
from skfakereal.cli.run._decision import decision_sections
from skfakereal.cli.run._folder import save_figure, seal, write_json
from skfakereal.cli.run._page import generators_of, write_report
from skfakereal.evaluation import EvaluationReport, MisclassifiedDisplay, report_sections

if TYPE_CHECKING:
    from matplotlib.figure import Figure


_UNLIKE = f"unlike {100 * UNUSUAL:g}%"
_RARE = 0.025  # one end of a 95% interval
# Of what is like the training images, 1% is unlike; so much more is no chance.
_MANY_UNLIKE = 0.05
_ABOUT_UNLIKE = (
    f"An image is {_UNLIKE} of the training images if its features lie farther from them "
    f"than those of {100 * UNUSUAL:g}% of such training images as were left out for this, or if "
    "its shorter side has less than half, or more than twice, the pixels of theirs. Of "
    f"images that come from where the training images come from, {100 * (1 - UNUSUAL):.2g}% "
    "are. The probability of such an image means little; predict says so, and --stable calls "
    "it unsure."
)


@dataclass(frozen=True)
class Measured:
    """What was tested, what was said of it, and how good that is."""

    part: Part
    verdicts: list[Classification]
    report: EvaluationReport
    # The fold in which each image was tested, where figures are cross-validated.
    folds: list[int] | None = None
    cautions: Sequence[str] = ()  # what the reader of the figures must know


def evaluate_part(model: Model, part: Part, *, progress: bool) -> Measured:
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
    report = report_on(model, part, verdicts, threshold=_threshold(model, verdicts))
    return Measured(part, verdicts, report)


def report_on(
    model: Model, part: Part, verdicts: Sequence[Classification], *, threshold: float | None
) -> EvaluationReport:
    """Return the report on verdicts of a model, or of models of its kind."""
    nothing = np.full(len(model.names), np.nan)
    return EvaluationReport(
        part.paths,
        model.classes[part.labels],
        [nothing if v.probabilities is None else v.probabilities for v in verdicts],
        y_pred=model.classes[[v.predicted or 0 for v in verdicts]],
        classes=model.classes,
        pos_label=model.pos_label,
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
    model: Model,
    measured: Measured,
    config: dict[str, Any],
    *,
    figures: "Mapping[str, Figure] | None" = None,
    pictures: Sequence[Html] = (),
    findings: Sequence[Html] = (),
    sections: Sequence[Html] = (),
) -> None:
    """Write figures, predictions, plots and the page, and seal the run.

    `figures` become files; `pictures`, `findings` and `sections` are parts of the page.
    """
    report, how = measured.report, config["data"]["test_images"]
    metrics = report.to_dict()
    if measured.folds is not None:
        metrics["cross_validation"] = {"n_folds": max(measured.folds), "how": how}
    write_json(folder / "metrics.json", metrics)
    place, labels = folder / "predictions.csv", measured.part.labels
    write_predictions(place, model, measured.verdicts, labels, measured.folds)
    write_report(
        folder,
        title,
        *report_sections(
            report._results,
            cautions=config["remarks"],
            basis=" ".join([how, *truth_about(report)]),
            pictures=pictures,
            findings=[*decision_sections(config), *findings],
        ),
        *_unlike_section(measured),
        *sections,
        config=config,
        lead=report.summary(),
    )
    _write_plots(folder, report, figures or {})
    seal(folder, config)


def write_predictions(
    place: Path,
    model: Model,
    verdicts: Sequence[Classification],
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


def _write_plots(
    folder: Path, report: EvaluationReport, others: "Mapping[str, Figure]"
) -> None:
    """Write a PNG for each plot."""
    import matplotlib.pyplot as plt

    def write(name: str, figure: "Figure") -> None:
        save_figure(folder / f"{name}.png", figure)
        plt.close(figure)

    # One after the other: each is closed before the next is drawn.
    for kind in report.plots:
        write(kind, report.plot(kind))
    write("worst_errors", MisclassifiedDisplay.from_report(report).figure_)
    for name, figure in others.items():
        write(name, figure)
    plt.close("all")


def many_unlike(measured: Measured) -> list[str]:
    """Return a caution if clearly more images than usual are unlike the training images."""
    unlike, in_size, _ = _known(measured)
    if not len(unlike) or _interval(unlike)[0] <= _MANY_UNLIKE:
        return []
    of_these = f" ({in_size.sum():,} of them in size)" if in_size.any() else ""
    return [
        f"{unlike.sum():,} of {counted(len(unlike), 'image')} are {_UNLIKE} of the "
        f"training images{of_these}: the model was made for others, and what it says of these "
        "means little."
    ]


def _unlike_section(measured: Measured) -> list[Html]:
    """Return a section on how often that was so, and how the verdicts on such images fared."""
    unlike, in_size, right = _known(measured)
    if not len(unlike):
        return []
    lines = []
    parts = {_UNLIKE: unlike, "of these, in size": in_size, "all others": ~unlike}
    if not in_size.any():
        del parts["of these, in size"]
    for name, chosen in parts.items():
        n, n_right = int(chosen.sum()), int(right[chosen].sum())
        share = n_right / n if n else None
        lines.append([name, n, n / len(unlike), *_interval(chosen), share])
    header = ("images", "number", "share", "95% from", "to", "verdicts right")
    return [section("Unlike the training images", table(lines, header), _ABOUT_UNLIKE)]


def _known(measured: Measured) -> NDArray[np.bool_]:
    """Return which images are unlike the training images, which in size, and which are right."""
    pairs = zip(measured.verdicts, measured.part.labels, strict=True)
    known = [
        (v.novelty >= UNUSUAL, is_of_other_size(v.novelty), v.predicted == label)
        for v, label in pairs
        if v.novelty is not None
    ]
    return np.array(known, dtype=bool).reshape(-1, 3).T


def _interval(chosen: NDArray[np.bool_]) -> tuple[float, float]:
    found = binomtest(int(chosen.sum()), len(chosen)).proportion_ci(method="exact")
    return float(found.low), float(found.high)


def no_better_than_chance(report: EvaluationReport) -> list[str]:
    """Return a caution if the model is not clearly better than one that has learned nothing.

    Neither the accuracy nor its comparison with the largest class will do: where few
    images are fake, a good detector may be right less often than one that always answers
    "real". So the verdicts are compared with answers that are as often "fake", but given
    without looking (the agreement expected by chance of Cohen 1960, "A coefficient of
    agreement for nominal scales"), by an exact binomial test, since resamples of few images
    reach less far than chance does. Where groups make it less sure, the report's interval
    of the balanced accuracy tells.
    """
    n_right = int(np.sum(report.y_pred == report.y_true))
    true, predicted = (
        np.array([np.mean(labels == label) for label in report.classes])
        for labels in (report.y_true, report.y_pred)
    )
    by_chance = float(np.clip(true @ predicted, 0, 1))
    test = binomtest(n_right, len(report.paths), by_chance, alternative="greater")
    low = report.intervals.overall.get("balanced_accuracy", (np.nan, np.nan))[0]
    blind = 1 / np.count_nonzero(true)
    if test.pvalue <= _RARE and not low <= blind:
        return []
    return [
        "This model is not clearly better than one that answers without looking at the image: "
        "it has learned little, or was tested on too few images."
    ]


def missed_target(report: EvaluationReport, target_fpr: float) -> list[str]:
    """Return a caution if the test shows more false alarms than were asked for."""
    positive = report.classes.tolist().index(report.pos_label)
    name, rest = report.target_names[positive], report.target_names[1 - positive]
    others = report.y_true != report.pos_label
    n_false_alarms = int(np.sum(report.y_pred[others] == report.pos_label))
    n_others = int(np.sum(others))
    if not n_others:
        return []
    test = binomtest(n_false_alarms, n_others, target_fpr, alternative="greater")
    if test.pvalue > _RARE:
        return []
    return [
        f"{n_false_alarms:,} of {counted(n_others, 'tested image')} of class {rest!r} are "
        f"classified as {name!r} ({n_false_alarms / n_others:.1%}), more than the "
        f"{100 * target_fpr:.4g}% that was asked for, and more than chance explains: the images "
        "on which the threshold was chosen are not representative. Expect as many false "
        "positives, or choose the threshold on more images."
    ]


def truth_about(report: EvaluationReport) -> list[str]:
    """Return what the accuracy must be compared with, and how sure it is."""
    counts = {name: figures["n_images"] for name, figures in report.per_class.items()}
    name = max(counts, key=lambda name: counts[name])
    share = counts[name] / len(report.paths)
    low, high = report.intervals.overall.get("accuracy", (np.nan, np.nan))
    said = [f"Always answering {name!r} would be right for {share:.1%} of them."]
    if low <= high:
        said.append(
            f"With {counted(len(report.paths), 'image')}, any accuracy from {low:.1%} to "
            f"{high:.1%} is plausible (95% interval)."
        )
    return said
