"""A comparison of models -> a picture."""

from typing import TYPE_CHECKING, Any

import numpy as np

from skfakereal._shown import drawable
from skfakereal.evaluation._comparison_parts import Comparison, figure_word

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_comparison(known: Comparison) -> "Figure":
    """Draw values on the left, differences on the right."""
    import matplotlib.pyplot as plt

    keys = list(known.values[known.names[0]])
    height = 1.3 + 0.13 * len(keys) * (1 + len(known.names))
    fig, (left, right) = plt.subplots(
        1, 2, figsize=(9.5, height), sharey=True, layout="constrained"
    )
    spread = np.linspace(-0.28, 0.28, len(known.names))
    for i, name in enumerate(known.names):
        places = np.arange(len(keys)) + spread[i]
        values = [known.values[name][key] for key in keys]
        _draw_points(left, places, values, known.intervals[name].values(), name, i)
        if i > 0:
            own = [each for each in known.differences if each.model == name]
            values = [each.difference for each in own]
            _draw_points(right, places, values, [d.interval for d in own], name, i)
    left.set_yticks(range(len(keys)), [figure_word(key) for key in keys])
    left.invert_yaxis()
    left.set(xlabel="value, with 95 % interval", xlim=(-0.02, 1.02))
    right.axvline(0, color="0.45", linestyle="--", linewidth=1)
    right.set(xlabel=f"difference to {drawable(known.names[0])}, with 95 % interval")
    left.legend(loc="best", frameon=False)
    for ax in (left, right):
        ax.grid(axis="x", alpha=0.3)
        ax.spines[["top", "right"]].set_visible(False)
    return fig


def _draw_points(
    ax: "Axes", places: Any, values: Any, intervals: Any, name: str, colour: int
) -> None:
    for place, (low, high) in zip(places, intervals, strict=True):
        ax.plot([low, high], [place, place], color=f"C{colour}", alpha=0.45, linewidth=3)
    ax.plot(values, places, "o", color=f"C{colour}", markersize=4.5, label=drawable(name))
