"""Explanations -> pictures: the image, its map, and the map over the image."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skfakereal._classifying.classes import class_names, usual_names
from skfakereal._paths import ImagePaths
from skfakereal._shown import drawable, legible
from skfakereal._wording import shortened
from skfakereal.explain._covers import Fill
from skfakereal.explain._explanation import Explanation
from skfakereal.explain._grad_cam import grad_cam
from skfakereal.explain._occlusion import occlusion

if TYPE_CHECKING:
    from matplotlib.axes import Axes


_OPACITY = 0.6
_SMALL_SIDE = 96  # pixels below which smoothing would hide what the classifier saw
_N_PANELS = 3  # the image, the map over it, the map
_TILE = 2.8  # inches


class MapDisplay:
    """What the two displays share: they differ in colours, and in who makes the maps."""

    _signed = False
    # Perceptually uniform, and dark to bright also in grey.
    _colours = "inferno"

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
                self._show(left, row, self.explanation.images[row])
                self._show_over_image(middle, row)
                self._add_bar(right, self._show_map(right, row))
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
                self._add_bar(place, self._show_over_image(place, row))
                place.set_title(self._verdict(row), fontsize="small")
        self.ax_: Axes = self.axes_[0, min(1, self.axes_.shape[1] - 1)]
        self.figure_ = legible(self.ax_.figure)
        return self

    def _new_axes(self) -> NDArray[Any]:
        import matplotlib.pyplot as plt

        n, areas = len(self.explanation), self.explanation.areas
        # Each row as high as its image is at the width of a tile, within bounds.
        heights = [min(max(h / w, 0.4), 2.5) * _TILE for _, _, h, w in areas.tolist()]
        _, axes = plt.subplots(
            n,
            _N_PANELS,
            figsize=(_N_PANELS * _TILE + 1.2, sum(heights) + 0.5 * n),
            squeeze=False,
            layout="constrained",
            height_ratios=heights,
        )
        return np.asarray(axes)

    def _show(self, ax: "Axes", row: int, values: NDArray[Any], **how: Any) -> Any:
        """Draw pixels where they lie in the file, so that stretched ones are unstretched."""
        top, left, height, width = self.explanation.areas[row]
        small = max(values.shape[:2]) <= _SMALL_SIDE
        ax.set(xticks=[], yticks=[])
        return ax.imshow(
            values,
            extent=(left, left + width, top + height, top),
            interpolation="nearest" if small else "antialiased",
            **how,
        )

    def _show_map(self, ax: "Axes", row: int, **how: Any) -> Any:
        values = self.explanation.maps[row]
        largest = float(np.abs(values).max())
        # A map that is zero everywhere still needs a scale.
        largest = largest if largest > 0 else 1.0
        low = -largest if self._signed else 0.0
        return self._show(
            ax, row, values, cmap=self._colours, vmin=low, vmax=largest, **how
        )

    def _show_over_image(self, ax: "Axes", row: int) -> Any:
        """Draw the map over the image, which is grey so that all colours are the map's."""
        image = Image.fromarray(self.explanation.images[row])
        self._show(ax, row, np.asarray(image.convert("L")), cmap="gray", vmin=0, vmax=255)
        return self._show_map(ax, row, alpha=_OPACITY)

    def _add_bar(self, ax: "Axes", drawn: Any) -> None:
        bar = ax.figure.colorbar(drawn, ax=ax, shrink=0.85)
        bar.set_label(self.explanation.unit, fontsize="small")
        bar.ax.tick_params(labelsize="small")
        bar.ax.ticklabel_format(axis="y", style="sci", scilimits=(-3, 3))
        bar.ax.yaxis.get_offset_text().set_fontsize("small")

    def _verdict(self, row: int) -> str:
        explanation = self.explanation
        given = self.target_names
        if given is None:
            given = usual_names(explanation.classes)
        names = class_names(explanation.classes, given)
        name = dict(zip(explanation.classes.tolist(), names, strict=True))
        explained = name[explanation.explained.tolist()[row]]
        predicted = name[explanation.predicted.tolist()[row]]
        said = (
            f"P({explained}) = {explanation.probabilities[row]:.3f}, predicted {predicted}"
        )
        return drawable(said)


class GradCAMDisplay(MapDisplay):
    """Grad-CAM's maps as pictures.

    Make it with `from_estimator` or `from_maps`. The image under a map is grey, so that
    every colour is the map's; each map has its own scale, which begins at zero.

    Parameters
    ----------
    explanation : Explanation
        What `grad_cam` returned.
    target_names : sequence of str, default=None
        What to call the classes, in the order of ``classes_``. None: "real" and "fake"
        for 0 and 1, else the labels.

    Attributes
    ----------
    axes_ : ndarray of shape (n_images, 3) or (n_images, 1)
        The axes of each image.
    ax_ : matplotlib.axes.Axes
        The first one with a map over an image.
    figure_ : matplotlib.figure.Figure
        The figure.

    See Also
    --------
    grad_cam : Makes the maps, and says what they can show.
    OcclusionDisplay : The same for occlusion.
    """

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ImagePaths,
        *,
        layer: str | None = None,
        label: Any = None,
        target_names: Sequence[str] | None = None,
        ax: Any = None,
    ) -> Self:
        """Make the maps of some images and draw them.

        Parameters
        ----------
        estimator : estimator
            As in `grad_cam`.
        X : array-like of shape (n_images,) or (n_images, 1)
            Image paths.
        layer : str, default=None
            As in `grad_cam`.
        label : label, default=None
            As in `grad_cam`.
        target_names : sequence of str, default=None
            What to call the classes, in the order of ``classes_``.
        ax : matplotlib.axes.Axes or sequence of them, default=None
            As in `plot`.

        Returns
        -------
        GradCAMDisplay
            The display, drawn.

        Raises
        ------
        ImageReadError, TypeError, ValueError, sklearn.exceptions.NotFittedError
            As `grad_cam` does.
        """
        explanation = grad_cam(estimator, X, layer=layer, label=label)
        return cls.from_maps(explanation, target_names=target_names, ax=ax)


class OcclusionDisplay(MapDisplay):
    """Maps of occlusion as pictures.

    Make it with `from_estimator` or `from_maps`. The image under a map is grey; red speaks
    for the class, blue against it, white for neither. Each map has its own scale.

    Parameters
    ----------
    explanation : Explanation
        What `occlusion` returned.
    target_names : sequence of str, default=None
        What to call the classes, in the order of ``classes_``. None: "real" and "fake"
        for 0 and 1, else the labels.

    Attributes
    ----------
    axes_ : ndarray of shape (n_images, 3) or (n_images, 1)
        The axes of each image.
    ax_ : matplotlib.axes.Axes
        The first one with a map over an image.
    figure_ : matplotlib.figure.Figure
        The figure.

    See Also
    --------
    occlusion : Makes the maps, and says what they can show.
    GradCAMDisplay : The same for Grad-CAM.
    """

    _signed = True
    # White for zero; its red and blue are apart for readers who see no red or no green.
    _colours = "RdBu_r"

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ImagePaths,
        *,
        label: Any = None,
        patch: int | None = None,
        stride: int | None = None,
        fill: Fill = "mean",
        target_names: Sequence[str] | None = None,
        ax: Any = None,
    ) -> Self:
        """Make the maps of some images and draw them.

        Parameters
        ----------
        estimator : estimator
            As in `occlusion`.
        X : array-like of shape (n_images,) or (n_images, 1)
            Image paths.
        label : label, default=None
            As in `occlusion`.
        patch, stride : int, default=None
            As in `occlusion`.
        fill : {"mean", "grey", "blur"}, default="mean"
            As in `occlusion`.
        target_names : sequence of str, default=None
            What to call the classes, in the order of ``classes_``.
        ax : matplotlib.axes.Axes or sequence of them, default=None
            As in `plot`.

        Returns
        -------
        OcclusionDisplay
            The display, drawn.

        Raises
        ------
        ImageReadError, TypeError, ValueError, sklearn.exceptions.NotFittedError
            As `occlusion` does.
        """
        explanation = occlusion(
            estimator, X, label=label, patch=patch, stride=stride, fill=fill
        )
        return cls.from_maps(explanation, target_names=target_names, ax=ax)
