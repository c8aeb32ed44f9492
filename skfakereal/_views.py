"""Images -> views: deterministic augmented copies, each by a single resampling.

Interpolation leaves periodic traces that a detector can learn instead of the picture's
own. So a view's rotation, zoom and resize are one affine resampling, low-passed before
it wherever it shrinks, and the border reflects.
"""

import io
import math
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from sklearn.base import BaseEstimator

__all__ = ["Augmentation", "render_view"]

_BICUBIC = Image.Resampling.BICUBIC
# A Gaussian of this many source pixels, times sqrt(shrinkage^2 - 1), before bicubic
# sampling leaves the spectrum that Pillow's antialiased bicubic resize leaves: the mean
# of the best values for shrinkages from 1.2 to 3.8 on scikit-learn's two photographs
# (they lie between 0.30 and 0.55).
_PREFILTER = 0.38


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
        if not isinstance(self.seed, int | np.integer):
            raise ValueError(f"Augmentation's seed must be an integer, got {self.seed!r}.")


def _check_between(name: str, value: object, low: float, high: float) -> None:
    if not isinstance(value, int | float | np.number) or not low <= value <= high:
        raise ValueError(
            f"Augmentation's {name} must lie between {low} and {high}, got {value!r}."
        )


def render_view(
    image: Image.Image,
    *,
    image_size: tuple[int, int],
    resize: str,
    augmentation: Augmentation | None = None,
    digest: bytes = b"",
    view: int = 0,
) -> NDArray[np.uint8]:
    """Return one view of an image.

    Parameters
    ----------
    image : PIL.Image.Image
        Mode RGB.
    image_size : tuple of (int, int)
        Height and width of the view.
    resize : {"stretch", "crop"}
        Stretch the whole image to `image_size`, or cut the centre out of it without any
        resampling; what a small image lacks is reflected.
    augmentation : Augmentation or None, default=None
        The settings. None gives the plain image for every view.
    digest : bytes, default=b""
        Digest of the image's content, from which the draws are seeded.
    view : int, default=0
        The view's number; view 0 is the plain image.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8
        The pixels.
    """
    if view == 0 or augmentation is None:
        return _plain(image, image_size, resize)
    draws = _draws(digest, augmentation.seed, view)
    angle = augmentation.rotation * _spread(draws[0])
    zoom = 1 + augmentation.zoom * _spread(draws[1])
    brightness = 1 + augmentation.brightness * _spread(draws[2])
    if angle == 0 and zoom == 1:
        pixels = _plain(image, image_size, resize)
    else:
        pixels = _resample(image, image_size, resize, math.radians(angle), zoom)
    if augmentation.horizontal_flip and draws[3] < 0.5:
        pixels = pixels[:, ::-1]
    if augmentation.vertical_flip and draws[4] < 0.5:
        pixels = pixels[::-1]
    if brightness != 1:
        levels = np.clip(np.rint(np.arange(256) * brightness), 0, 255).astype(np.uint8)
        pixels = levels[pixels]
    pixels = _degrade(pixels, augmentation, draws[5:])
    return np.ascontiguousarray(pixels)


def _draws(digest: bytes, seed: int, view: int) -> NDArray[np.float64]:
    """Draw nine numbers in [0, 1), always all of them.

    So one setting of the augmentation never shifts what another one draws. They come
    straight from a digest, which no version of a random generator can change.
    """
    source = blake2b(digest, digest_size=36, key=f"view {seed} {view}".encode()[:64])
    return np.frombuffer(source.digest(), dtype="<u4") / 2.0**32


def _spread(draw: float) -> float:
    return float(2 * draw - 1)


def _plain(image: Image.Image, size: tuple[int, int], resize: str) -> NDArray[np.uint8]:
    height, width = size
    if resize == "crop":
        return _crop(np.asarray(image), height, width)
    if image.size == (width, height):
        return np.asarray(image)
    return np.asarray(image.resize((width, height), _BICUBIC))


def _crop(pixels: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    lacking = max(0, height - pixels.shape[0]), max(0, width - pixels.shape[1])
    if any(lacking):
        before_after = [(n // 2, n - n // 2) for n in lacking]
        pixels = np.pad(pixels, [*before_after, (0, 0)], mode="symmetric")
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    return np.ascontiguousarray(pixels[top : top + height, left : left + width])


def _resample(
    image: Image.Image, size: tuple[int, int], resize: str, angle: float, zoom: float
) -> NDArray[np.uint8]:
    """Rotate about the centre, zoom and resize, all in one resampling."""
    height, width = size
    if resize == "crop":
        shrink_x = shrink_y = 1 / zoom
    else:
        shrink_x, shrink_y = image.width / (width * zoom), image.height / (height * zoom)
    image, shrink_x, shrink_y = _lowpass(image, shrink_x, shrink_y)

    cos, sin = math.cos(angle), math.sin(angle)
    ax, bx = shrink_x * cos, -shrink_x * sin
    ay, by = shrink_y * sin, shrink_y * cos
    # Pillow maps the point (x, y) of the output to (ax x + bx y + cx, ay x + by y + cy).
    cx = image.width / 2 - (ax * width + bx * height) / 2
    cy = image.height / 2 - (ay * width + by * height) / 2
    reach_x = (abs(ax) * width + abs(bx) * height - image.width) / 2
    reach_y = (abs(ay) * width + abs(by) * height - image.height) / 2
    # Two more than the corners reach, for the bicubic kernel.
    pad_x, pad_y = (max(0, math.ceil(reach) + 2) for reach in (reach_x, reach_y))
    if pad_x or pad_y:
        padding = ((pad_y, pad_y), (pad_x, pad_x), (0, 0))
        image = Image.fromarray(np.pad(np.asarray(image), padding, mode="symmetric"))
    affine = (ax, bx, cx + pad_x, ay, by, cy + pad_y)
    return np.asarray(
        image.transform((width, height), Image.Transform.AFFINE, affine, _BICUBIC)
    )


def _lowpass(
    image: Image.Image, shrink_x: float, shrink_y: float
) -> tuple[Image.Image, float, float]:
    """Take away what the smaller grid cannot hold; leave the phase alone.

    Averaging whole blocks of pixels is no interpolation, and it saves most of the work
    on photographs. The shrinkage that is left is at least 2 where blocks were averaged.
    """
    blocks = max(1, int(shrink_x / 2)), max(1, int(shrink_y / 2))
    if blocks != (1, 1):
        # The exact ratio, since the last block of a row may be an incomplete one.
        width, height = image.size
        image = image.reduce(blocks)
        shrink_x *= image.width / width
        shrink_y *= image.height / height
    sigmas = tuple(
        _PREFILTER * math.sqrt(max(0.0, s * s - 1)) for s in (shrink_x, shrink_y)
    )
    if any(sigmas):
        image = image.filter(ImageFilter.GaussianBlur(sigmas))
    return image, shrink_x, shrink_y


def _degrade(
    pixels: NDArray[np.uint8], settings: Augmentation, draws: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Blur, then re-encode as JPEG, as Wang et al. (2020) do."""
    if settings.blur is not None and draws[0] < settings.degrade_probability:
        low, high = settings.blur
        blur = ImageFilter.GaussianBlur(float(low + (high - low) * draws[1]))
        pixels = np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).filter(blur))
    if settings.jpeg_quality is not None and draws[2] < settings.degrade_probability:
        low, high = settings.jpeg_quality
        quality = int(low + (high - low + 1) * draws[3])
        buffer = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "JPEG", quality=quality)
        with Image.open(buffer) as encoded:
            pixels = np.asarray(encoded.convert("RGB"))
    return pixels
