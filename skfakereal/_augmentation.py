"""Augmentation: the settings of the views, as an estimator's parameter."""

import os
from numbers import Real
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from skfakereal._documentation import DocumentationLink
from skfakereal._images.read import blamed_on, decode_image, read_bytes
from skfakereal._trunk_settings import height_and_width
from skfakereal._views import SETTINGS_BEFORE, content_digest, render_view


class Augmentation(DocumentationLink, BaseEstimator):
    """Settings of the views, the augmented copies that training sees.

    A view is a pure function of the image's content, of these settings and of the view's
    number: the same in every epoch, fold, process and run. All quantities are drawn
    uniformly. Rotation, zoom, brightness and flips are on by default; shrinking, blur and
    saving again, which forensic work needs for robustness [1]_, are off. `shared` turns
    them on as photographs need it, and off what wipes traces.

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
    webp_quality : tuple of (int, int) or None, default=None
        Range of the quality of a lossy WebP re-encoding, 1 to 100. A view that is
        re-encoded as JPEG as well is so before or after it.
    shrink : tuple of (float, float) or None, default=None
        Range of the scale to which the picture is shrunk, before it is resized or cropped
        to the view, 0.01 to 1; by a bilinear, bicubic or Lanczos filter.
    degrade_probability : float, default=0.5
        Share of the views whose picture is shrunk, share that is blurred, and shares that
        are re-encoded as JPEG and as WebP, independently, 0 to 1.
    degrade_on : {"view", "picture"}, default="view"
        What is blurred and re-encoded: the view, or the picture before it is resized or
        cropped, as happens to pictures that are shared. `blur` is in its pixels then. A
        picture of which a view takes in more than a million pixels is shrunk to as many
        first, so that this is quick, and as most services do.
    clean : float, default=0.0
        Share of the views that none of this is done to, 0 to 1.
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
        webp_quality: tuple[int, int] | None = None,
        shrink: tuple[float, float] | None = None,
        degrade_probability: float = 0.5,
        degrade_on: Literal["view", "picture"] = "view",
        clean: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.rotation = rotation
        self.zoom = zoom
        self.brightness = brightness
        self.horizontal_flip = horizontal_flip
        self.vertical_flip = vertical_flip
        self.blur = blur
        self.jpeg_quality = jpeg_quality
        self.webp_quality = webp_quality
        self.shrink = shrink
        self.degrade_probability = degrade_probability
        self.degrade_on = degrade_on
        self.clean = clean
        self.seed = seed

    @classmethod
    def shared(cls, *, seed: int = 0) -> Self:
        """Return settings for photographs that were shared: ``augmentation="shared"``.

        Three in ten views are clean; of the others, half are shrunk to 40% or more, half
        blurred, half saved as JPEG and half as WebP, before they are resized or cropped:
        some in all of these ways, one after the other. Flips stay. Rotation, zoom and
        brightness are off, whose resampling and rounding wipe the traces of how a picture
        was made.

        Parameters
        ----------
        seed : int, default=0
            Seed of the draws.

        Returns
        -------
        Augmentation
            The settings.

        Examples
        --------
        >>> from skfakereal import Augmentation
        >>> Augmentation.shared().set_params(blur=None).jpeg_quality
        (40, 95)
        """
        return cls(
            rotation=0.0,
            zoom=0.0,
            brightness=0.0,
            blur=(0.0, 1.0),
            jpeg_quality=(40, 95),
            webp_quality=(40, 95),
            shrink=(0.4, 1.0),
            degrade_on="picture",
            clean=0.3,
            seed=seed,
        )

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(SETTINGS_BEFORE | state)

    def render(
        self,
        path: str | os.PathLike[str],
        view: int,
        *,
        image_size: int | tuple[int, int] = (224, 224),
        resize: Literal["stretch", "crop", "shrink"] = "stretch",
    ) -> NDArray[np.uint8]:
        """Return one view of an image file as training sees it.

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
            ("rotation", 0.0, 180),
            ("zoom", 0, 0.99),
            ("brightness", 0, 1),
            ("degrade_probability", 0, 1),
            ("clean", 0, 1),
        ):
            _check_between(name, getattr(self, name), low, high)
        for name in ("horizontal_flip", "vertical_flip"):
            if not isinstance(getattr(self, name), bool | np.bool_):
                raise ValueError(
                    f"Augmentation's {name} must be True or False, got {getattr(self, name)!r}."
                )
        if self.degrade_on not in ("view", "picture"):
            raise ValueError(
                f"Augmentation's degrade_on must be 'view' or 'picture', got "
                f"{self.degrade_on!r}."
            )
        for name, low, high in (
            ("blur", 0, 100),
            ("jpeg_quality", 1, 100),
            ("webp_quality", 1, 100),
            ("shrink", 0.01, 1),
        ):
            limits = getattr(self, name)
            if limits is None:
                continue
            if not isinstance(limits, tuple | list) or len(limits) != 2:
                raise ValueError(
                    f"Augmentation's {name} must be a pair or None, got {limits!r}."
                )
            _check_between(name, limits[0], low, high)
            _check_between(name, limits[1], limits[0], high)
            if "quality" in name and any(limit != int(limit) for limit in limits):
                raise ValueError(
                    f"Augmentation's {name} must be a pair of integers, got {limits!r}."
                )
        if not isinstance(self.seed, int | np.integer):
            raise ValueError(f"Augmentation's seed must be an integer, got {self.seed!r}.")


def _check_between(name: str, value: object, low: float, high: float) -> None:
    if not isinstance(value, Real) or not low <= float(value) <= high:
        raise ValueError(
            f"Augmentation's {name} must lie between {low} and {high}, got {value!r}."
        )


def view_settings(augmentation: Augmentation | str | None) -> Augmentation | None:
    """Return the settings that an estimator's parameter stands for."""
    named = {"default": Augmentation, "shared": Augmentation.shared}
    return named[augmentation]() if isinstance(augmentation, str) else augmentation
