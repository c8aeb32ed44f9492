"""Figures with intervals, the tables and the picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score, roc_auc_score, roc_curve

from benchmarks.photographs.sets import Indices

_RESAMPLES = 1000


def figures(
    labels: NDArray[Any], probabilities: NDArray[Any], groups: NDArray[Any] | None = None
) -> NDArray[np.float64]:
    """Return balanced accuracy, ROC-AUC and TPR at 5% FPR, each with its 95% interval.

    The intervals are percentiles over resamples of whole groups.
    """

    def of(rows: Indices) -> tuple[float, float, float]:
        y, p = labels[rows], probabilities[rows]
        false, true, _ = roc_curve(y, p)
        found = float(true[np.searchsorted(false, 0.05, side="right") - 1])
        return balanced_accuracy_score(y, p > 0.5), roc_auc_score(y, p), found

    groups = np.arange(len(labels)) if groups is None else groups
    drawn = [of(rows) for rows in _resample(labels, groups)]
    ends = np.quantile(np.array(drawn), (0.025, 0.975), axis=0)
    return np.column_stack([of(np.arange(len(labels))), *ends])


def _resample(labels: NDArray[Any], groups: NDArray[Any]) -> list[Indices]:
    """Draw whole groups again and again, until there are both classes each time."""
    codes = np.unique(groups, return_inverse=True)[1]
    members = [np.flatnonzero(codes == code) for code in range(codes.max() + 1)]
    random_state = np.random.RandomState(0)
    drawn: list[Indices] = []
    while len(drawn) < _RESAMPLES:
        picked = random_state.randint(len(members), size=len(members))
        rows = np.concatenate([members[i] for i in picked])
        if 0 < labels[rows].mean() < 1:
            drawn.append(rows)
    return drawn


def markdown(found: Sequence[dict[str, Any]]) -> str:
    """Return the tables: every row of every set, after changes, on the unseen."""
    head = "balanced accuracy | ROC-AUC | TPR at 5% FPR |"
    lines = [f"| set | images | row | seeds | {head}", "|---" * 7 + "|"]
    for key, entries in _by_row(found).items():
        cells = _cells(_mean_figures(entries, "clean"))
        lines.append(f"| {' | '.join(map(str, (*key, len(entries), *cells)))} |")
    lines += ["", f"| set | images | row | copies | {head}", "|---" * 7 + "|"]
    for entry in found:
        if entry["seed"] == "changes":
            for change in entry["probabilities"]:
                cells = _cells(_mean_figures([entry], change))
                names: tuple[object, ...] = (
                    entry["set"],
                    len(entry["labels"]),
                    entry["row"],
                    change,
                )
                lines.append(f"| {' | '.join(map(str, (*names, *cells)))} |")
    lines += ["", f"| trained on | tested on | images | {head}", "|---" * 6 + "|"]
    for entry in found:
        for name, one in entry.get("generators", {}).items():
            cells = _cells(figures(np.array(one["labels"]), np.array(one["probabilities"])))
            names = (f"{entry['set']} but {name}", name, len(one["labels"]))
            lines.append(f"| {' | '.join(map(str, (*names, *cells)))} |")
        if "across" in entry:
            arrays = (np.array(entry[name]) for name in ("labels", "scores", "groups"))
            names = (entry["set"], entry["across"], len(entry["labels"]))
            lines.append(f"| {' | '.join(map(str, (*names, *_cells(figures(*arrays)))))} |")
    return "\n".join(lines) + "\n"


def compare(before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]]) -> str:
    """Return a table of what was gained, in points, on the same images, folds and seeds.

    Intervals are over resamples of groups, the same for all seeds.
    """
    pairs: dict[tuple[str, int, str], list[tuple[dict[str, Any], dict[str, Any]]]] = {}
    kept = {_key(entry): entry for entry in before if "probabilities" in entry}
    for entry in after:
        if _key(entry) in kept and entry["seed"] != "changes":
            row = (entry["set"], entry["n"], entry["row"])
            pairs.setdefault(row, []).append((kept[_key(entry)], entry))
    head = "balanced accuracy gained, points | ROC-AUC gained, points |"
    lines = ["", f"| set | images | row | seeds | {head}", "|---" * 6 + "|"]
    for row, entries in pairs.items():
        gains = np.array([_gains(*pair) for pair in entries]) * 100
        of_all, drawn = gains[:, 0].mean(axis=0), gains[:, 1:].mean(axis=0)
        ends = np.quantile(drawn, (0.025, 0.975), axis=0)
        cells = [
            f"{v:+.2f} [{a:+.2f}, {b:+.2f}]" for v, a, b in zip(of_all, *ends, strict=True)
        ]
        lines.append(f"| {' | '.join(map(str, (*row, len(entries), *cells)))} |")
    return "\n".join(lines) + "\n"


def _key(entry: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(entry[name] for name in ("set", "row", "n", "seed"))


def _gains(before: dict[str, Any], after: dict[str, Any]) -> NDArray[np.float64]:
    """Return the gains of all images, and of each resample."""
    labels, groups = np.array(before["labels"]), np.array(before["groups"])
    scores = [np.array(e["probabilities"]["clean"]) for e in (before, after)]
    resamples = [np.arange(len(labels)), *_resample(labels, groups)]

    def of(rows: Indices, p: NDArray[Any]) -> tuple[float, float]:
        y = labels[rows]
        return balanced_accuracy_score(y, p[rows] > 0.5), roc_auc_score(y, p[rows])

    return np.array([np.subtract(of(r, scores[1]), of(r, scores[0])) for r in resamples])


def _cells(values: NDArray[np.float64]) -> list[str]:
    return [f"{value:.3f} [{low:.3f}, {high:.3f}]" for value, low, high in values]


def plot_curves(found: Sequence[dict[str, Any]], place: Path) -> None:
    """Draw the balanced accuracy by number of images, a panel for each set."""
    rows = _by_row(found)
    sets = list(dict.fromkeys(name for name, *_ in rows))
    figure = Figure(figsize=(5 * len(sets), 4), layout="constrained")
    for axes, name in zip(
        figure.subplots(1, len(sets), squeeze=False)[0], sets, strict=True
    ):
        points: dict[str, list[tuple[int, float]]] = {}
        for (of_set, n_images, row), entries in rows.items():
            if of_set == name:
                value = _mean_figures(entries, "clean")[0][0]
                points.setdefault(row, []).append((n_images, value))
        for row, curve in points.items():
            axes.plot(*zip(*sorted(curve), strict=True), marker="o", label=row)
        axes.set(title=name, xscale="log", xlabel="Images", ylabel="Balanced accuracy")
    axes.legend(fontsize="small")
    figure.savefig(place)


def _by_row(
    found: Sequence[dict[str, Any]],
) -> dict[tuple[str, int, str], list[dict[str, Any]]]:
    """Return the entries of all seeds by set, number of images and row."""
    rows: dict[tuple[str, int, str], list[dict[str, Any]]] = {}
    for entry in found:
        if "probabilities" in entry and entry["seed"] != "changes":
            rows.setdefault((entry["set"], entry["n"], entry["row"]), []).append(entry)
    return rows


def _mean_figures(entries: Sequence[dict[str, Any]], change: str) -> NDArray[np.float64]:
    """Return figures and ends of intervals, each the mean over the seeds."""
    found: NDArray[np.float64] = np.mean(
        [
            figures(
                np.array(entry["labels"]),
                np.array(entry["probabilities"][change]),
                np.array(entry["groups"]),
            )
            for entry in entries
        ],
        axis=0,
    )
    return found
