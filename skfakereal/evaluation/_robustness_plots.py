"""Rows of figures -> small multiples: one curve for each family over its strength."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from skfakereal._shown import drawable
from skfakereal.evaluation._robustness_rows import FIGURES, RobustnessRow
from skfakereal.evaluation.perturbations import Copy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_N_COLUMNS = 3
_STYLES: dict[str, dict[str, Any]] = {
    "accuracy": {"color": "C0", "marker": "o"},
    "roc_auc": {"color": "C2", "marker": "s"},
    "tpr": {"color": "C4", "marker": "^"},
    "fpr": {"color": "C1", "marker": "v"},
    "flip_rate": {"color": "C3", "marker": "x", "linestyle": "--"},
}


def families_of(rows: Sequence[RobustnessRow]) -> dict[str, list[RobustnessRow]]:
    """Return the rows that have curves by family, in the order in which they came."""
    families: dict[str, list[RobustnessRow]] = {}
    for row in rows:
        families.setdefault(row.family, []).append(row)
    if len(families) > 1:
        # A lossless copy is one point on a flat line, which a table says better.
        families.pop(Copy.family, None)
    return families


def draw_robustness(
    untouched: RobustnessRow,
    rows: Sequence[RobustnessRow],
    figures: Sequence[str],
    families: Sequence[str] | None = None,
) -> "Figure":
    """Draw figures over the strength of each perturbation, a panel for each family."""
    import matplotlib.pyplot as plt

    known = families_of(rows)
    asked = list(known if families is None else families)
    _check_among("figures", figures, list(FIGURES))
    _check_among("families", asked, list(known))
    n_columns = min(_N_COLUMNS, len(asked))
    n_rows = -(-len(asked) // n_columns)
    size = (max(2.9 * n_columns, 4.4), 2.4 * n_rows + 0.7)
    fig, grid = plt.subplots(
        n_rows, n_columns, figsize=size, squeeze=False, sharey=True, layout="constrained"
    )
    for ax in grid.ravel()[len(asked) :]:
        ax.set_axis_off()
    for ax, family in zip(grid.flat, asked, strict=False):
        _draw_family(ax, [untouched, *known[family]], figures)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    # Beside a single narrow panel, five names in a row would make the figure wider.
    n_names = len(labels) if n_columns > 1 else 3
    fig.legend(handles, labels, loc="outside upper center", ncols=n_names, frameon=False)
    return fig


def _draw_family(ax: "Axes", rows: Sequence[RobustnessRow], figures: Sequence[str]) -> None:
    # Evenly spaced: qualities, factors and names have no common scale.
    places = range(len(rows))
    for key in figures:
        values = [getattr(row, key) for row in rows]
        ax.plot(
            places, values, label=FIGURES[key], markersize=4, linewidth=1.4, **_STYLES[key]
        )
    ax.set_xticks(
        places, ["as it is", *(drawable(row.level) for row in rows[1:])], fontsize="small"
    )
    ax.set_title(drawable(rows[-1].family), fontsize="medium")
    ax.set(ylim=(-0.03, 1.03), yticks=[0, 0.25, 0.5, 0.75, 1])
    ax.grid(axis="y", color="0.9")
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)


def _check_among(name: str, asked: Sequence[str], known: Sequence[str]) -> None:
    if isinstance(asked, str):
        raise ValueError(f"{name} must be a list of names, got {asked!r}: use [{asked!r}].")
    wrong = next((each for each in asked if each not in known), None)
    if wrong is not None or not asked:
        raise ValueError(f"{name} must be some of {list(known)}, got {list(asked)}.")
