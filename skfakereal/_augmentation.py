"""Augmentation: the settings of the views, as an estimator's parameter."""

import os
from numbers import Real
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from skfakereal._images import blamed_on, decode_image, read_bytes
from skfakereal._trunk_settings import height_and_width
from skfakereal._views import content_digest, render_view

__all__ = ["Augmentation"]


class Augmentation(BaseEstimator):
    """Settings of the views, the augmented copies that training sees.

    A view is a pure function of the image's content, of these settings and of the view's
    number: the same in every epoch, fold, process and run. All quantities are drawn
    uniformly. Rotation, zoom, brightness and flips are on by default; blur and JPEG
    re-encoding, which forensic work needs for robustness [1]_, are off.

    Parameters
    ----------
    rotation : float, default=15.0
        Largest rotation about the centre in either direction, in degrees, 0 to 180.
    zoom : float, default=0.1
        Largest relative change of scale in either direction, at least 0 and below 1.
    brightness : float, default=0.2
        Largest relative change of brightness in either direction, 0 to 1.
    horizontal_flip : bool, default=True
        Mirror left and right in half of the views.
    vertical_flip : bool, default=True
        Mirror top and bottom in half of the views.
    blur : tuple of (float, float) or None, default=None
        Range of the standard deviation of a Gaussian blur, in pixels of the view.
        Wang et al. use ``(0, 3)``.
    jpeg_quality : tuple of (int, int) or None, default=None
        Range of the quality of a JPEG re-encoding, 1 to 100. Wang et al. use
        ``(30, 100)``.
    degrade_probability : float, default=0.5
        Share of the views that is blurred, and share that is re-encoded, 0 to 1.
    seed : int, default=0
        Seed of the draws. It is apart from an estimator's `random_state`, so that all
        candidates of a search share their views.

    References
    ----------
    .. [1] S.-Y. Wang, O. Wang, R. Zhang, A. Owens and A. A. Efros (2020), CNN-generated
           images are surprisingly easy to spot... for now, CVPR.

    Examples
    --------
    >>> from skfakereal import Augmentation
    >>> Augmentation(rotation=30, jpeg_quality=(30, 100)).get_params()["rotation"]
    30
    """

    def __init__(
        self,
        *,
        rotation: float = 15.0,
        zoom: float = 0.1,
        brightness: float = 0.2,
        horizontal_flip: bool = True,
        vertical_flip: bool = True,
        blur: tuple[float, float] | None = None,
        jpeg_quality: tuple[int, int] | None = None,
        degrade_probability: float = 0.5,
        seed: int = 0,
    ) -> None:
        self.rotation = rotation
        self.zoom = zoom
        self.brightness = brightness
        self.horizontal_flip = horizontal_flip
        self.vertical_flip = vertical_flip
        self.blur = blur
        self.jpeg_quality = jpeg_quality
        self.degrade_probability = degrade_probability
        self.seed = seed

    def render(
        self,
        path: str | os.PathLike[str],
        view: int,
        *,
        image_size: int | tuple[int, int] = (224, 224),
        resize: Literal["stretch", "crop", "shrink"] = "stretch",
    ) -> NDArray[np.uint8]:
        """Return one view of an image file, to look at what training sees.

        Parameters
        ----------
        path : path-like
            The file.
        view : int
            The view's number; 0 is the plain image.
        image_size : int or tuple of (int, int), default=(224, 224)
            Height and width of the view; one number is both.
        resize : {"stretch", "crop", "shrink"}, default="stretch"
            Stretch the whole image, cut its centre out, or shrink it before.

        Returns
        -------
        ndarray of shape (height, width, 3), uint8
            The pixels.

        Raises
        ------
        ImageReadError
            If the file cannot be read.
        ValueError
            If a setting is out of its range.
        """
        self.check()
        data = read_bytes(os.fspath(path))
        image = decode_image(data, os.fspath(path))
        with blamed_on(os.fspath(path)):
            return render_view(
                image,
                image_size=height_and_width(image_size),
                resize=resize,
                augmentation=self,
                digest=content_digest(data),
                view=view,
            )

    def check(self) -> None:
        """Check the settings.

        Raises
        ------
        ValueError
            If one is out of its range; the message names it.
        """
        for name, low, high in (
            ("rotation", 0, 180),
            ("zoom", 0, 0.99),
            ("brightness", 0, 1),
            ("degrade_probability", 0, 1),
        ):
            _check_between(name, getattr(self, name), low, high)
        for name in ("horizontal_flip", "vertical_flip"):
            if not isinstance(getattr(self, name), bool | np.bool_):
                raise ValueError(
                    f"Augmentation's {name} must be True or False, got {getattr(self, name)!r}."
                )
        for name, low, high in (("blur", 0, 100), ("jpeg_quality", 1, 100)):
            limits = getattr(self, name)
            if limits is None:
                continue
            if not isinstance(limits, tuple | list) or len(limits) != 2:
                raise ValueError(
                    f"Augmentation's {name} must be a pair or None, got {limits!r}."
                )
            _check_between(name, limits[0], low, high)
            _check_between(name, limits[1], limits[0], high)
            if name == "jpeg_quality" and any(limit != int(limit) for limit in limits):
                raise ValueError(
                    f"Augmentation's jpeg_quality must be a pair of integers, got {limits!r}."
                )
        if not isinstance(self.seed, int | np.integer):
            raise ValueError(f"Augmentation's seed must be an integer, got {self.seed!r}.")


def _check_between(name: str, value: object, low: float, high: float) -> None:
    if not isinstance(value, Real) or not low <= float(value) <= high:
        raise ValueError(
            f"Augmentation's {name} must lie between {low} and {high}, got {value!r}."
        )
