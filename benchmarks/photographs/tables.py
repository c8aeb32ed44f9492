"""Figures with intervals, the tables and the picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

_RESAMPLES = 1000


def figures(
    labels: NDArray[Any], probabilities: NDArray[Any], groups: NDArray[Any] | None = None
) -> NDArray[np.float64]:
    """Return balanced accuracy, ROC-AUC and TPR at 5% FPR, each with its 95% interval.

    The intervals are percentiles over resamples of whole groups.
    """
    groups = np.arange(len(labels)) if groups is None else groups
    of_all, *drawn = _weighted(labels, probabilities, _resample(labels, groups))
    return np.column_stack([of_all, *np.quantile(np.array(drawn), (0.025, 0.975), axis=0)])


def _resample(labels: NDArray[Any], groups: NDArray[Any]) -> NDArray[np.float64]:
    """Return how often each image counts: once, then as often as its group was drawn."""
    codes = np.unique(groups, return_inverse=True)[1]
    random_state, n_groups = np.random.RandomState(0), codes.max() + 1
    weights = [np.ones(len(labels))]
    while len(weights) <= _RESAMPLES:
        picked = random_state.randint(n_groups, size=n_groups)
        weight = np.bincount(picked, minlength=n_groups)[codes].astype(np.float64)
        if 0 < weight @ labels < weight.sum():
            weights.append(weight)
    return np.array(weights)


def _weighted(
    labels: NDArray[Any], probabilities: NDArray[Any], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the three figures for each row of weights: scikit-learn's, all at once."""
    order = np.argsort(-probabilities, kind="stable")
    fake, p, weights = labels[order] == 1, probabilities[order], weights[:, order]
    last = np.append(np.flatnonzero(np.diff(p)), len(p) - 1)  # of equal ones
    true, false = (
        np.pad(np.cumsum(weights * of_class, axis=1)[:, last], ((0, 0), (1, 0)))
        for of_class in (fake, ~fake)
    )
    tpr, fpr = true / true[:, -1:], false / false[:, -1:]
    n_above = np.searchsorted(last, (p > 0.5).sum())
    balanced = (tpr[:, n_above] + 1 - fpr[:, n_above]) / 2
    at_five = tpr[np.arange(len(tpr)), (fpr <= 0.05).sum(axis=1) - 1]
    return np.column_stack([balanced, np.trapezoid(tpr, fpr, axis=1), at_five])


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
    lines += ["", f"| row | trained on | tested on | images | {head}", "|---" * 7 + "|"]
    for entry in found:
        for name, one in entry.get("generators", {}).items():
            cells = _cells(figures(np.array(one["labels"]), np.array(one["probabilities"])))
            trained_on = f"{entry['set']} but {name}"
            names = (entry["row"], trained_on, name, len(one["labels"]))
            lines.append(f"| {' | '.join(map(str, (*names, *cells)))} |")
        if "across" in entry:
            arrays = (np.array(entry[name]) for name in ("labels", "scores", "groups"))
            names = (entry["row"], entry["set"], entry["across"], len(entry["labels"]))
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
    weights = _resample(labels, groups)
    first, second = (
        _weighted(labels, np.array(entry["probabilities"]["clean"]), weights)
        for entry in (before, after)
    )
    return (second - first)[:, :2]


def _cells(values: NDArray[np.float64]) -> list[str]:
    return [f"{value:.3f} [{low:.3f}, {high:.3f}]" for value, low, high in values]


def plot_curves(found: Sequence[dict[str, Any]], place: Path) -> None:
    """Draw the balanced accuracy by number of images, a panel for each set."""
    rows = _by_row(found)
    sets = list(dict.fromkeys(name for name, *_ in rows))
    colours = {row: f"C{i}" for i, row in enumerate(dict.fromkeys(key[2] for key in rows))}
    figure = Figure(figsize=(4 * len(sets) + 2.5, 4), layout="constrained")
    panels = figure.subplots(1, len(sets), squeeze=False, sharey=True)[0]
    lines: dict[str, Any] = {}
    for axes, name in zip(panels, sets, strict=True):
        points: dict[str, list[tuple[int, float]]] = {}
        for (of_set, n_images, row), entries in rows.items():
            if of_set == name:
                value = _mean_figures(entries, "clean")[0][0]
                points.setdefault(row, []).append((n_images, value))
        for row, curve in points.items():
            x, values = zip(*sorted(curve), strict=True)
            (lines[row],) = axes.plot(x, values, marker="o", color=colours[row])
        sizes = sorted({size for curve in points.values() for size, _ in curve})
        axes.set(title=name, xscale="log", xlabel="Images")
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
        axes.minorticks_off()
    panels[0].set_ylabel("Balanced accuracy")
    best_first = sorted(lines, key=lambda row: -lines[row].get_ydata()[-1])
    figure.legend([lines[row] for row in best_first], best_first, loc="outside right upper")
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
