"""The two displays: who makes the maps, and in which colours they are drawn."""

from collections.abc import Sequence
from typing import Any, Self

from skfakereal._paths import ImagePaths
from skfakereal.explain._covers import Fill
from skfakereal.explain._grad_cam import grad_cam
from skfakereal.explain._map_display import MapDisplay
from skfakereal.explain._occlusion import occlusion


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
        layer: str = "block5_conv3",
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
        layer : str, default="block5_conv3"
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
