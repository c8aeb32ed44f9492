"""Results -> confusion matrix, ROC, precision-recall and reliability curves, and groups.

scikit-learn's Displays draw what they can; here they get the names of the classes, and a
sentence where there is nothing to draw.
"""

from collections.abc import Callable
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from scipy.stats import binomtest

from skfakereal._classifying.predictions import Predictions
from skfakereal._shown import drawable, legible
from skfakereal._wording import shortened
from skfakereal.evaluation.figures._results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


Plot = Literal["confusion_matrix", "roc", "precision_recall", "calibration", "groups"]


def plots_of(results: Results) -> tuple[Plot, ...]:
    """Return what there is to draw."""
    p = results.predictions
    with_groups = p.groups is not None or p.generators is not None
    return (*PLOTS, "groups") if with_groups and results.rows else PLOTS


def draw_plots(results: Results, kind: str = "all", ax: "Axes | None" = None) -> "Figure":
    """Draw one picture, or the four of `PLOTS` on one figure."""
    import matplotlib.pyplot as plt
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    kinds = plots_of(results)
    if kind == "all":
        if ax is not None:
            raise ValueError(f"One ax holds one picture: set kind to one of {kinds}.")
        layout = ConstrainedLayoutEngine(w_pad=0.15, h_pad=0.15)
        fig, axes = plt.subplots(2, 2, figsize=(9.5, 9), layout=layout)
        for name, panel in zip(PLOTS, axes.flat, strict=True):
            _DRAW[name](results, panel)
        return legible(fig)
    if kind not in kinds:
        raise ValueError(f"kind must be 'all' or one of {kinds}, got {kind!r}.")
    if ax is None:
        groups = min(len(results.rows), _MOST_GROUPS)
        height = 1.4 + 0.3 * groups if kind == "groups" else 4.6
        _, ax = plt.subplots(figsize=(5.2, height), layout="constrained")
    _DRAW[kind](results, ax)
    return legible(cast("Figure", ax.get_figure(root=True)))


_WIDTH = 18  # letters of a name on a line


def _draw_confusion_matrix(results: Results, ax: "Axes") -> None:
    from sklearn.metrics import ConfusionMatrixDisplay

    p = results.predictions
    names = ["\n".join(wrap(drawable(name), _WIDTH)) for name in p.names]
    widest = max(len(line) for name in names for line in name.split("\n"))
    ConfusionMatrixDisplay.from_predictions(
        p.y_true,
        p.y_pred,
        labels=np.arange(len(p.names)),
        display_labels=names,
        sample_weight=p.weights if p.weighted else None,
        values_format=",.1f" if p.weighted else ",d",
        cmap="Blues",
        colorbar=False,
        im_kw={"vmin": 0},
        xticks_rotation="horizontal" if widest * len(names) <= 2 * _WIDTH else "vertical",
        ax=ax,
    )
    ax.set(title="Confusion matrix", xlabel="Predicted label", ylabel="True label")


def _draw_roc(results: Results, ax: "Axes") -> None:
    from sklearn.metrics import RocCurveDisplay

    predictions = results.predictions
    if _draw_curves(predictions, ax, RocCurveDisplay, with_chance=True):
        rest, of = _rest_and_class(predictions)
        ax.set(
            xlabel=f"false positive rate ({rest} classified as {of})",
            ylabel=f"true positive rate ({of} detected)",
        )
    ax.set_title("ROC")


def _draw_precision_recall(results: Results, ax: "Axes") -> None:
    from sklearn.metrics import PrecisionRecallDisplay

    predictions = results.predictions
    with_chance = predictions.positive is not None  # else each class has its own
    if _draw_curves(predictions, ax, PrecisionRecallDisplay, with_chance=with_chance):
        _, of = _rest_and_class(predictions)
        ax.set(
            xlabel=f"recall (share of {of} detected)",
            ylabel=f"precision (share of correct {of} predictions)",
        )
    ax.set_title("Precision and recall")


def _draw_curves(
    predictions: Predictions, ax: "Axes", display: Any, *, with_chance: bool
) -> bool:
    """Draw the curve of the positive class, or of each class against the rest.

    Return whether there was anything to draw.
    """
    p = predictions
    present = np.flatnonzero(np.bincount(p.y_true, p.weights, minlength=len(p.names)))
    if len(present) < 2:
        only = p.names[present[0]]
        text = f"needs images of two classes,\nonly {drawable(repr(only))} was tested"
        ax.text(0.5, 0.5, text, ha="center", va="center", transform=ax.transAxes)
        ax.set(xticks=[], yticks=[])
        return False
    asked = present if p.positive is None else [p.positive]
    for c in asked:
        display.from_predictions(
            np.where(p.y_true == c, p.names[c], f"not {p.names[c]}"),
            p.y_proba[:, c],
            pos_label=p.names[c],
            name=None if p.positive is not None else drawable(p.names[c]),
            sample_weight=p.weights,
            plot_chance_level=with_chance and bool(c == asked[-1]),
            ax=ax,
        )
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    return True


def _rest_and_class(predictions: Predictions) -> tuple[str, str]:
    """Return what the negative and the positive images of the curves are called."""
    if predictions.positive is None:
        return "the rest", "the class"
    names, positive = predictions.names, predictions.positive
    return drawable(names[1 - positive]), drawable(names[positive])


_MOST_GROUPS = 30


def draw_reliability(results: Results, ax: "Axes") -> None:
    """Draw observed shares over predicted probabilities."""
    from sklearn.calibration import CalibrationDisplay

    p, bins = results.predictions, results.bins
    predicted = np.array([each.mean_probability for each in bins])
    observed = np.array([each.share for each in bins])
    CalibrationDisplay(observed, predicted, p.y_proba.max(axis=1)).plot(
        ax=ax, name="Classifier", color="C0", markersize=5
    )
    # 95% Wilson intervals (1927): how far a share of so few images can be trusted.
    for x, y, each in zip(predicted, observed, bins, strict=True):
        test = binomtest(round(y * each.n_images), each.n_images)
        low, high = test.proportion_ci(method="wilson")
        ax.plot([x, x], [low, high], color="C0", alpha=0.45, linewidth=2, zorder=1)
    most = max(each.n_images for each in bins)
    ax.bar(
        [each.low for each in bins],
        [0.12 * each.n_images / most for each in bins],
        width=0.1,
        align="edge",
        color="0.75",
        edgecolor="white",
        zorder=0,
        label="images",
    )
    ax.legend(loc="upper left", frameon=False)
    of = "the most probable class" if p.positive is None else drawable(p.names[p.positive])
    ax.set(
        xlabel=f"predicted probability of {of}",
        ylabel="observed share" if p.positive is None else f"observed share of {of}",
        xlim=(-0.02, 1.02),
        ylim=(-0.02, 1.02),
        aspect="equal",
        title="Calibration",
    )


def draw_groups(results: Results, ax: "Axes") -> None:
    """Draw the share of each group that is classified correctly, the weakest first."""
    intervals = results.intervals.per_group
    rows = results.weakest_first
    rows = rows[:_MOST_GROUPS]
    places = np.arange(len(rows))
    values = [row.figures["accuracy"] for row in rows]
    none = (np.nan, np.nan)
    ends = [intervals.get(row.name, {}).get("accuracy", none) for row in rows]
    for place, (low, high) in zip(places, ends, strict=True):
        ax.plot([low, high], [place, place], color="C0", alpha=0.45, linewidth=3)
    ax.plot(values, places, "o", color="C0")
    overall = results.figures.overall["accuracy"]
    ax.axvline(overall, color="0.45", linestyle="--", linewidth=1, label="all images")
    ax.set_yticks(
        places, [drawable(f"{shortened(row.name, 24)} ({row.n_images:,})") for row in rows]
    )
    ax.invert_yaxis()
    ax.set(xlabel="share classified correctly", title=f"By {results.row_word}")
    lowest = np.nanmin([0.5, *values, *(low for low, _ in ends)])
    ax.set_xlim(lowest - 0.02, 1.02)
    ax.legend(frameon=False)
    ax.grid(axis="x", alpha=0.3)
    ax.spines[["top", "right"]].set_visible(False)


_DRAW: dict[str, Callable[[Results, "Axes"], None]] = {
    "confusion_matrix": _draw_confusion_matrix,
    "roc": _draw_roc,
    "precision_recall": _draw_precision_recall,
    "calibration": draw_reliability,
    "groups": draw_groups,
}
PLOTS: tuple[Plot, ...] = ("confusion_matrix", "roc", "precision_recall", "calibration")
