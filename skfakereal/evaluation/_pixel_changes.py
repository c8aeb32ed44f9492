"""Perturbations that leave the size of an image: encoding, blur and noise."""

import hashlib
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from skfakereal.evaluation._ranges import check_range


@dataclass(frozen=True)
class Copy:
    """Change no pixel: the copy only loses its file format and its metadata."""

    family = "written as"
    level = "PNG"

    def __call__(self, image: Image.Image, /) -> Image.Image:
        return image.copy()


@dataclass(frozen=True)
class Jpeg:
    """Save as JPEG, with 4:2:0 chroma subsampling, as most of the web does.

    Parameters
    ----------
    quality : int
        From 1 to 100, on the scale of libjpeg.
    """

    quality: int
    family = "JPEG quality"

    def __post_init__(self) -> None:
        check_range("quality", self.quality, 1, 100)

    @property
    def level(self) -> str:
        """The quality."""
        return str(self.quality)

    def __call__(self, image: Image.Image, /) -> Image.Image:
        return _saved(image, "JPEG", quality=self.quality, subsampling="4:2:0")


@dataclass(frozen=True)
class WebP:
    """Save as lossy WebP.

    Parameters
    ----------
    quality : int
        From 1 to 100, on the scale of libwebp.
    """

    quality: int
    family = "WebP quality"

    def __post_init__(self) -> None:
        check_range("quality", self.quality, 1, 100)

    @property
    def level(self) -> str:
        """The quality."""
        return str(self.quality)

    def __call__(self, image: Image.Image, /) -> Image.Image:
        return _saved(image, "WEBP", quality=self.quality)


@dataclass(frozen=True)
class Blur:
    """Blur by Pillow's Gaussian, which is made of box filters.

    Parameters
    ----------
    radius : float
        Standard deviation in pixels, above 0.
    """

    radius: float
    family = "blur, radius"

    def __post_init__(self) -> None:
        check_range("radius", self.radius, 1e-3, 1e3)

    @property
    def level(self) -> str:
        """The radius."""
        return f"{self.radius:g} px"

    def __call__(self, image: Image.Image, /) -> Image.Image:
        return image.filter(ImageFilter.GaussianBlur(self.radius))


@dataclass(frozen=True)
class Noise:
    """Add Gaussian noise to every sample; its seed is a digest of the pixels.

    Parameters
    ----------
    deviation : float
        Standard deviation in levels of 255, above 0.
    """

    deviation: float
    family = "noise, deviation"

    def __post_init__(self) -> None:
        check_range("deviation", self.deviation, 1e-3, 255)

    @property
    def level(self) -> str:
        """The deviation."""
        return f"{self.deviation:g}"

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
    buffer = io.BytesIO()
    image.save(buffer, file_format, **settings)
    with Image.open(buffer, formats=[file_format]) as copy:
        return copy.convert("RGB")
