"""Perturbations that change the size of an image: scaling and cutting."""

from dataclasses import dataclass

from PIL import Image

from skfakereal.evaluation._ranges import check_range


@dataclass(frozen=True)
class Scale:
    """Resize both sides by a factor, antialiased (bicubic); the copy keeps its new size.

    Parameters
    ----------
    factor : float
        Below 1 shrinks, above 1 enlarges; above 0 and at most 8.
    """

    factor: float

    def __post_init__(self) -> None:
        check_range("factor", self.factor, 1e-3, 8)

    @property
    def family(self) -> str:
        """Shrinking and enlarging are two curves."""
        return "shrunk to" if self.factor < 1 else "enlarged to"

    @property
    def level(self) -> str:
        """The factor in per cent."""
        return f"{self.factor:.0%}"

    def __call__(self, image: Image.Image, /) -> Image.Image:
        return _resized(image, self.factor)


@dataclass(frozen=True)
class Fit:
    """Shrink until the longest side has so many pixels; smaller images are left alone.

    Parameters
    ----------
    side : int
        Pixels, 1 or more.
    """

    side: int
    family = "at most"

    def __post_init__(self) -> None:
        check_range("side", self.side, 1, 2**16)

    @property
    def level(self) -> str:
        """The side."""
        return f"{self.side} px"

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
class Crop:
    """Cut out the middle.

    Parameters
    ----------
    share : float
        Which part of each side is kept, above 0 and below 1.
    """

    share: float
    family = "cropped to"

    def __post_init__(self) -> None:
        check_range("share", self.share, 1e-3, 1 - 1e-3)

    @property
    def level(self) -> str:
        """The share of each side in per cent."""
        return f"{self.share:.0%}"

    def __call__(self, image: Image.Image, /) -> Image.Image:
        width, height = (max(1, round(side * self.share)) for side in image.size)
        left, top = (image.width - width) // 2, (image.height - height) // 2
        return image.crop((left, top, left + width, top + height))


@dataclass(frozen=True)
class Trim:
    """Cut so many pixels off each edge; at least one pixel is left.

    Parameters
    ----------
    pixels : int
        How many, 1 or more.
    """

    pixels: int
    family = "edges trimmed by"

    def __post_init__(self) -> None:
        check_range("pixels", self.pixels, 1, 2**16)

    @property
    def level(self) -> str:
        """The number of pixels."""
        return f"{self.pixels} px"

    def __call__(self, image: Image.Image, /) -> Image.Image:
        x, y = (min(self.pixels, (side - 1) // 2) for side in image.size)
        return image.crop((x, y, image.width - x, image.height - y))


def _resized(image: Image.Image, factor: float) -> Image.Image:
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image.resize(size, Image.Resampling.BICUBIC)
