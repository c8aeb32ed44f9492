"""Which parts of an image are covered, and with what."""

from dataclasses import dataclass
from numbers import Integral
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageStat

Fill = Literal["mean", "grey", "blur"]
_FILLS = ("mean", "grey", "blur")
_GREY = (128, 128, 128)
# A patch of this share of the shorter side, half a patch apart: 169 copies of a square.
_PATCHES_A_SIDE = 7


@dataclass(frozen=True)
class Cover:
    """Cover a rectangle of an image.

    Parameters
    ----------
    left, top, right, bottom : int
        The rectangle, in pixels.
    fill : {"mean", "grey", "blur"}
        With what.
    """

    left: int
    top: int
    right: int
    bottom: int
    fill: Fill
    family = "covered"

    @property
    def level(self) -> str:
        """Where, for messages."""
        return f"{self.left},{self.top} to {self.right},{self.bottom}"

    def __call__(self, image: Image.Image, /) -> Image.Image:
        box = self.left, self.top, self.right, self.bottom
        covered = image.copy()
        if self.fill == "blur":
            covered.paste(self._blurred(image), box)
        else:
            covered.paste(_GREY if self.fill == "grey" else _mean_colour(image), box)
        return covered

    def _blurred(self, image: Image.Image) -> Image.Image:
        """Blur the rectangle along with what its blur takes in from around it."""
        radius = max(1.0, (self.right - self.left) / 2)
        reach = 3 * round(radius)
        left, top = max(0, self.left - reach), max(0, self.top - reach)
        around = image.crop(
            (left, top, min(image.width, self.right + reach),
             min(image.height, self.bottom + reach))
        )  # fmt: skip
        blurred = around.filter(ImageFilter.GaussianBlur(radius))
        x, y = self.left - left, self.top - top
        return blurred.crop((x, y, x + self.right - self.left, y + self.bottom - self.top))


def check_patches(patch: int | None, stride: int | None, fill: str) -> None:
    """Check what can be checked before an image is known."""
    for name, value in (("patch", patch), ("stride", stride)):
        if value is not None and not _is_positive(value):
            raise ValueError(
                f"{name} must be a number of pixels of at least 1, or None, got {value!r}."
            )
    if fill not in _FILLS:
        raise ValueError(
            f"fill must be one of {', '.join(map(repr, _FILLS))}, got {fill!r}."
        )
    if patch is not None and stride is not None and stride > patch:
        raise ValueError(
            f"stride must not exceed patch, or pixels between patches are never covered, "
            f"got stride={stride} and patch={patch}."
        )


def _is_positive(value: Any) -> bool:
    return isinstance(value, Integral) and value is not True and int(value) >= 1


def cover_image(
    width: int, height: int, patch: int | None, stride: int | None, fill: Fill
) -> list[Cover]:
    """Return the covers of an image, which together reach every pixel."""
    sizes = _sizes(width, height, patch, stride)
    return [
        Cover(x, y, min(width, x + sizes[0]), min(height, y + sizes[0]), fill)
        for y in _starts(height, *sizes)
        for x in _starts(width, *sizes)
    ]


def n_positions(
    width: int, height: int, patch: int | None, stride: int | None
) -> tuple[int, int]:
    """Return how many rows and columns of patches `cover_image` has."""
    sizes = _sizes(width, height, patch, stride)
    return len(_starts(height, *sizes)), len(_starts(width, *sizes))


def mean_under(
    covers: list[Cover], values: NDArray[np.float64], width: int, height: int
) -> NDArray[np.float32]:
    """Return for each pixel the mean value of the patches that cover it."""
    total = np.zeros((height, width), np.float32)
    count = np.zeros((height, width), np.float32)
    for cover, value in zip(covers, values, strict=True):
        here = slice(cover.top, cover.bottom), slice(cover.left, cover.right)
        total[here] += np.float32(value)
        count[here] += 1
    return total / count


def _sizes(
    width: int, height: int, patch: int | None, stride: int | None
) -> tuple[int, int]:
    side = patch or max(stride or 1, round(min(width, height) / _PATCHES_A_SIDE))
    return side, stride or max(1, side // 2)


def _starts(side: int, patch: int, stride: int) -> list[int]:
    """Return where patches begin; the last one ends where the image does."""
    last = max(0, side - patch)
    return sorted({*range(0, last, stride), last})


def _mean_colour(image: Image.Image) -> tuple[int, ...]:
    return tuple(round(mean) for mean in ImageStat.Stat(image).mean)
