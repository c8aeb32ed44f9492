"""Images -> changed copies, by small frozen objects; users import them from `evaluation`."""

import hashlib
import io
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from PIL import Image, ImageFilter

from skfakereal._views import LONGEST


class _OneSetting:
    """A perturbation of one number, which has a range, and a text for tables."""

    _range: ClassVar[tuple[float, float]]
    _text: ClassVar[str]

    def __post_init__(self) -> None:
        ((name, value),) = vars(self).items()
        low, high = self._range
        if isinstance(value, bool) or not low <= value <= high:
            raise ValueError(
                f"{name} must be a number from {low:g} to {high:g}, got {value!r}."
            )
        if isinstance(value, np.generic):  # which Pillow does not take
            object.__setattr__(self, name, value.item())

    @property
    def level(self) -> str:
        """The setting."""
        return self._text.format(*vars(self).values())


@dataclass(frozen=True)
class Copy:
    """Change no pixel: the copy only loses its file format and its metadata."""

    family = "written as"
    level = "PNG"

    def __call__(self, image: Image.Image, /) -> Image.Image:
        return image.copy()


@dataclass(frozen=True)
class Jpeg(_OneSetting):
    """Save as JPEG, with 4:2:0 chroma subsampling, as most of the web does.

    A picture with a side of more than 65,500 pixels cannot be one, and stays as it is.

    Parameters
    ----------
    quality : int
        From 1 to 100, on the scale of libjpeg.
    """

    quality: int
    family = "JPEG quality"
    _range, _text = (1, 100), "{}"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.quality, int):
            raise ValueError(f"quality must be an integer, got {self.quality!r}.")

    def __call__(self, image: Image.Image, /) -> Image.Image:
        return _saved(image, "JPEG", quality=self.quality, subsampling="4:2:0")


@dataclass(frozen=True)
class WebP(_OneSetting):
    """Save as lossy WebP.

    A picture with a side of more than 16,383 pixels cannot be one, and stays as it is.

    Parameters
    ----------
    quality : int
        From 1 to 100, on the scale of libwebp.
    """

    quality: int
    family = "WebP quality"
    _range, _text = (1, 100), "{}"

    def __call__(self, image: Image.Image, /) -> Image.Image:
        return _saved(image, "WEBP", quality=self.quality)


@dataclass(frozen=True)
class Blur(_OneSetting):
    """Blur by Pillow's Gaussian, which is made of box filters.

    Parameters
    ----------
    radius : float
        Standard deviation in pixels, above 0.
    """

    radius: float
    family = "blur, radius"
    _range, _text = (1e-3, 1e3), "{:g} px"

    def __call__(self, image: Image.Image, /) -> Image.Image:
        return image.filter(ImageFilter.GaussianBlur(self.radius))


@dataclass(frozen=True)
class Noise(_OneSetting):
    """Add Gaussian noise to every sample; its seed is a digest of the pixels.

    Parameters
    ----------
    deviation : float
        Standard deviation in levels of 255, above 0.
    """

    deviation: float
    family = "noise, deviation"
    _range, _text = (1e-3, 255), "{:g}"

    def __call__(self, image: Image.Image, /) -> Image.Image:
        pixels = np.asarray(image)
        digest = hashlib.blake2b(repr(image.size).encode() + pixels.tobytes()).digest()
        # Not a Generator, whose streams may change between versions of NumPy (NEP 19).
        random = np.random.RandomState(np.frombuffer(digest, np.uint32))
        copy = np.empty_like(pixels)
        # Row by row: of a large photograph, all noise at once would take a gigabyte.
        for before, after in zip(pixels, copy, strict=True):
            noisy = before + self.deviation * random.standard_normal(before.shape)
            after[:] = np.clip(np.rint(noisy), 0, 255)
        return Image.fromarray(copy)


def _saved(image: Image.Image, file_format: str, **settings: int | str) -> Image.Image:
    if max(image.size) > LONGEST[file_format]:
        return image.copy()
    buffer = io.BytesIO()
    image.save(buffer, file_format, **settings)
    with Image.open(buffer, formats=[file_format]) as copy:
        return copy.convert("RGB")


@dataclass(frozen=True)
class Scale(_OneSetting):
    """Resize both sides by a factor, antialiased (bicubic); the copy keeps its new size.

    Parameters
    ----------
    factor : float
        Below 1 shrinks, above 1 enlarges; above 0 and at most 8.
    """

    factor: float
    _range, _text = (1e-3, 8), "{:.0%}"

    @property
    def family(self) -> str:
        """Shrinking and enlarging are two curves."""
        return "shrunk to" if self.factor < 1 else "enlarged to"

    def __call__(self, image: Image.Image, /) -> Image.Image:
        return _resized(image, self.factor)


@dataclass(frozen=True)
class Fit(_OneSetting):
    """Shrink until the longest side has so many pixels; smaller images are left alone.

    Parameters
    ----------
    side : int
        Pixels, 1 or more.
    """

    side: int
    family = "at most"
    _range, _text = (1, 2**16), "{} px"

    def too_small(self, size: tuple[int, int]) -> bool:
        """Tell whether an image of this size is left alone.

        Parameters
        ----------
        size : (int, int)
            Width and height in pixels.

        Returns
        -------
        bool
            Whether nothing would be shrunk.
        """
        return max(size) <= self.side

    def __call__(self, image: Image.Image, /) -> Image.Image:
        if self.too_small(image.size):
            return image.copy()
        return _resized(image, self.side / max(image.size))


@dataclass(frozen=True)
class Crop(_OneSetting):
    """Cut out the middle.

    Parameters
    ----------
    share : float
        Which part of each side is kept, above 0 and below 1.
    """

    share: float
    family = "cropped to"
    _range, _text = (1e-3, 1 - 1e-3), "{:.0%}"

    def __call__(self, image: Image.Image, /) -> Image.Image:
        width, height = (max(1, round(side * self.share)) for side in image.size)
        left, top = (image.width - width) // 2, (image.height - height) // 2
        return image.crop((left, top, left + width, top + height))


@dataclass(frozen=True)
class Trim(_OneSetting):
    """Cut so many pixels off each edge; at least one pixel is left.

    Parameters
    ----------
    pixels : int
        How many, 1 or more.
    """

    pixels: int
    family = "edges trimmed by"
    _range, _text = (1, 2**16), "{} px"

    def __call__(self, image: Image.Image, /) -> Image.Image:
        x, y = (min(self.pixels, (side - 1) // 2) for side in image.size)
        return image.crop((x, y, image.width - x, image.height - y))


def _resized(image: Image.Image, factor: float) -> Image.Image:
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image.resize(size, Image.Resampling.BICUBIC)


class Perturbation(Protocol):
    """What `robustness_report` and `stable_verdicts` take: image in, changed copy out."""

    @property
    def family(self) -> str:
        """The curve that it is a point of, for instance ``"JPEG quality"``."""

    @property
    def level(self) -> str:
        """Which point of the curve, for instance ``"85"``."""

    def __call__(self, image: Image.Image, /) -> Image.Image:
        """Return a changed copy of an RGB image; the image itself is left alone."""


@dataclass(frozen=True)
class Chain:
    """Several perturbations, one after the other, as sharing a screenshot does.

    Parameters
    ----------
    name : str
        What to call it.
    steps : tuple of Perturbation
        The first is done first.
    """

    name: str
    steps: tuple[Perturbation, ...]
    family = "chain"

    @property
    def level(self) -> str:
        """The name."""
        return self.name

    def too_small(self, size: tuple[int, int]) -> bool:
        """Tell whether a `Fit` in it leaves an image of this size alone.

        Parameters
        ----------
        size : (int, int)
            Width and height in pixels.

        Returns
        -------
        bool
            Whether nothing would be shrunk.
        """
        return any(isinstance(step, Fit) and step.too_small(size) for step in self.steps)

    def __call__(self, image: Image.Image, /) -> Image.Image:
        for step in self.steps:
            image = step(image)
        return image
