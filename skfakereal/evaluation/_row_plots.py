"""Results -> the pictures of rows: the bins of the reliability curve, and the groups."""

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import binomtest

from skfakereal._shown import drawable
from skfakereal.evaluation._groups import GroupRow
from skfakereal.evaluation._results import Results
from skfakereal.evaluation._wording import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_GROUPS = 30


def draw_reliability(results: Results, ax: "Axes") -> None:
    """Draw what was said against what was so."""
    from sklearn.calibration import CalibrationDisplay

    p, bins = results.predictions, results.bins
    said = np.array([each.mean_probability for each in bins])
    so = np.array([each.share for each in bins])
    CalibrationDisplay(so, said, p.y_proba.max(axis=1)).plot(
        ax=ax, name="Classifier", color="C0", markersize=5
    )
    # 95 % Wilson intervals (1927): how far a share of so few images can be trusted.
    for x, y, each in zip(said, so, bins, strict=True):
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
        ylabel="share that is so" if p.positive is None else f"share that is {of}",
        xlim=(-0.02, 1.02),
        ylim=(-0.02, 1.02),
        aspect="equal",
        title="Calibration",
    )


def group_height(results: Results) -> float:
    """Return how high the picture of the groups has to be."""
    return 1.4 + 0.3 * min(len(results.rows), _MOST_GROUPS)


def draw_groups(results: Results, ax: "Axes") -> None:
    """Draw the share of each group that is classified correctly, the weakest first."""
    intervals = results.intervals.per_group
    rows: list[GroupRow] = sorted(results.rows, key=lambda row: row.figures["accuracy"])
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
