"""One image or map -> one panel, at the proportions of the image file."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skfakereal.explain._explanation import Explanation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Perceptually uniform, and dark to bright also in grey; the second has white for zero, and
# its red and blue are apart for readers who see no red or no green.
_COLOURS, _SIGNED_COLOURS = "inferno", "RdBu_r"
_OPACITY = 0.6
_SMALL_SIDE = 96  # pixels below which smoothing would hide what the classifier saw


def frame_size(explanation: Explanation, row: int) -> tuple[float, float]:
    """Return width and height of the part of the file that a map covers, in its pixels."""
    _, _, height, width = explanation.areas[row]
    return float(width), float(height)


def draw_image(ax: "Axes", explanation: Explanation, row: int) -> None:
    """Draw the pixels under a map."""
    _show(ax, explanation, row, explanation.images[row])


def draw_overlay(
    ax: "Axes", explanation: Explanation, row: int, *, signed: bool, bar: bool = False
) -> None:
    """Draw the map over the image, which is grey so that all colours are the map's."""
    grey = np.asarray(Image.fromarray(explanation.images[row]).convert("L"))
    _show(ax, explanation, row, grey, cmap="gray", vmin=0, vmax=255)
    drawn = _show(ax, explanation, row, explanation.maps[row], alpha=_OPACITY,
                  **_scale(explanation.maps[row], signed))  # fmt: skip
    if bar:
        _add_bar(ax, drawn, explanation)


def draw_map(ax: "Axes", explanation: Explanation, row: int, *, signed: bool) -> None:
    """Draw the map alone, with its colour bar."""
    values = explanation.maps[row]
    drawn = _show(ax, explanation, row, values, **_scale(values, signed))
    _add_bar(ax, drawn, explanation)


def _show(
    ax: "Axes", explanation: Explanation, row: int, values: NDArray[Any], **how: Any
) -> Any:
    """Draw pixels where they lie in the file, so that stretched ones are unstretched."""
    top, left, height, width = explanation.areas[row]
    small = max(values.shape[:2]) <= _SMALL_SIDE
    ax.set(xticks=[], yticks=[])
    return ax.imshow(
        values,
        extent=(left, left + width, top + height, top),
        interpolation="nearest" if small else "antialiased",
        **how,
    )


def _scale(values: NDArray[np.float32], signed: bool) -> dict[str, Any]:
    largest = float(np.abs(values).max())
    # A map that is zero everywhere still needs a scale.
    largest = largest if largest > 0 else 1.0
    if signed:
        return {"cmap": _SIGNED_COLOURS, "vmin": -largest, "vmax": largest}
    return {"cmap": _COLOURS, "vmin": 0.0, "vmax": largest}


def _add_bar(ax: "Axes", drawn: Any, explanation: Explanation) -> None:
    bar = ax.figure.colorbar(drawn, ax=ax, shrink=0.85)
    bar.set_label(explanation.unit, fontsize="small")
    bar.ax.tick_params(labelsize="small")
    bar.ax.ticklabel_format(axis="y", style="sci", scilimits=(-3, 3))
    bar.ax.yaxis.get_offset_text().set_fontsize("small")
