"""Pictures of maps: the image, the map over it, and the map with its colour bar."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from skfakereal._classifying.classes import class_names
from skfakereal._shown import drawable
from skfakereal._wording import shortened
from skfakereal.explain._explanation import Explanation
from skfakereal.explain._panels import draw_image, draw_map, draw_overlay, frame_size

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_N_PANELS = 3  # the image, the map over it, the map
_TILE = 2.8  # inches


class MapDisplay:
    """What the two displays share: they differ in colours, and in who makes the maps."""

    _signed = False

    def __init__(
        self, explanation: Explanation, *, target_names: Sequence[str] | None = None
    ) -> None:
        self.explanation = explanation
        self.target_names = target_names

    @classmethod
    def from_maps(
        cls,
        explanation: Explanation,
        *,
        target_names: Sequence[str] | None = None,
        ax: Any = None,
    ) -> Self:
        """Draw maps that are at hand.

        Parameters
        ----------
        explanation : Explanation
            The maps.
        target_names : sequence of str, default=None
            What to call the classes, in the order of ``classes_``.
        ax : matplotlib.axes.Axes or sequence of them, default=None
            As in `plot`.

        Returns
        -------
        display
            The display, drawn.
        """
        return cls(explanation, target_names=target_names).plot(ax=ax)

    def plot(self, *, ax: Any = None) -> Self:
        """Draw the maps.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or sequence of them, default=None
            Where to draw the map over the image, one for each image. None makes a figure
            with a row for each image: the image, the map over it in grey, the map alone.

        Returns
        -------
        display
            The display itself.
        """
        if ax is None:
            self.axes_ = self._new_axes()
            for row, (left, middle, right) in enumerate(self.axes_):
                draw_image(left, self.explanation, row)
                draw_overlay(middle, self.explanation, row, signed=self._signed)
                draw_map(right, self.explanation, row, signed=self._signed)
                left.set_title(
                    drawable(shortened(self.explanation.paths[row], 30)), fontsize="small"
                )
                middle.set_title(self._verdict(row), fontsize="small")
                right.set_title(self.explanation.method, fontsize="small")
        else:
            self.axes_ = np.array(ax, dtype=object).reshape(-1, 1)
            if len(self.axes_) != len(self.explanation):
                raise ValueError(
                    f"ax must be one Axes for each of the {len(self.explanation)} images, "
                    f"got {len(self.axes_)}."
                )
            for row, place in enumerate(self.axes_[:, 0]):
                draw_overlay(place, self.explanation, row, signed=self._signed, bar=True)
                place.set_title(self._verdict(row), fontsize="small")
        self.ax_: Axes = self.axes_[0, min(1, self.axes_.shape[1] - 1)]
        self.figure_ = self.ax_.figure
        return self

    def _new_axes(self) -> NDArray[Any]:
        import matplotlib.pyplot as plt

        n = len(self.explanation)
        frames = [frame_size(self.explanation, row) for row in range(n)]
        # Each row as high as its image is at the width of a tile, within bounds.
        heights = [min(max(h / w, 0.4), 2.5) * _TILE for w, h in frames]
        _, axes = plt.subplots(
            n,
            _N_PANELS,
            figsize=(_N_PANELS * _TILE + 1.2, sum(heights) + 0.5 * n),
            squeeze=False,
            layout="constrained",
            height_ratios=heights,
        )
        return np.asarray(axes)

    def _verdict(self, row: int) -> str:
        explanation = self.explanation
        names = class_names(explanation.classes, self._names())
        name = dict(zip(explanation.classes.tolist(), names, strict=True))
        explained = name[explanation.explained.tolist()[row]]
        predicted = name[explanation.predicted.tolist()[row]]
        said = f"P({explained}) = {explanation.probabilities[row]:.3f}, called {predicted}"
        return drawable(said)

    def _names(self) -> Sequence[str] | None:
        if self.target_names is None and self.explanation.classes.tolist() == [0, 1]:
            return ("real", "fake")
        return self.target_names
