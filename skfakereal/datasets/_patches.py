"""Two photographs -> real patches, and manipulated copies of them."""

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter
from sklearn.datasets import load_sample_images

Box = tuple[int, int, int, int]  # left, top, right, bottom
_TEST_FRACTION = 0.25
_SMALLEST_SIDE = 16  # below it, a manipulated part is a handful of pixels


def _resample(
    image: Image.Image, donor: Image.Image, random: np.random.RandomState
) -> tuple[Image.Image, dict[str, Any]]:
    """Shrink and enlarge again: fine detail is lost, neighbouring pixels correlate.

    Such correlations are the trace that Popescu and Farid (2005), "Exposing digital
    forgeries by detecting traces of resampling", look for.
    """
    filters = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)
    resampling = filters[random.randint(len(filters))]
    scale = random.uniform(0.25, 0.5)
    small = (round(image.width * scale), round(image.height * scale))
    copy = image.resize(small, resampling).resize(image.size, resampling)
    return copy, {"scale": round(scale, 3), "filter": resampling.name.lower()}


def _smooth(
    image: Image.Image, donor: Image.Image, random: np.random.RandomState
) -> tuple[Image.Image, dict[str, Any]]:
    """Filter a part by the median of 5x5 pixels, as a retouched place is."""
    box = _draw_box(image, random, smallest=0.8)
    part = image.filter(ImageFilter.MedianFilter(5)).crop(box)
    return _paste(image, part, box), {"box": box}


def _splice(
    image: Image.Image, donor: Image.Image, random: np.random.RandomState
) -> tuple[Image.Image, dict[str, Any]]:
    """Lay a part of the donor over the same place of the image."""
    box = _draw_box(image, random, smallest=0.4)
    return _paste(image, donor.crop(box), box), {"box": box}


def _draw_box(image: Image.Image, random: np.random.RandomState, *, smallest: float) -> Box:
    width, height = (round(side * random.uniform(smallest, 0.9)) for side in image.size)
    left = random.randint(image.width - width + 1)
    top = random.randint(image.height - height + 1)
    return left, top, left + width, top + height


def _paste(image: Image.Image, part: Image.Image, box: Box) -> Image.Image:
    copy = image.copy()
    copy.paste(part, box)
    return copy


MANIPULATIONS: dict[
    str,
    Callable[
        [Image.Image, Image.Image, np.random.RandomState],
        tuple[Image.Image, dict[str, Any]],
    ],
] = {"resampled": _resample, "smoothed": _smooth, "spliced": _splice}


@dataclass(frozen=True)
class Patch:
    """Where a square patch lies in its photograph.

    Parameters
    ----------
    photograph : str
        ``"china"`` or ``"flower"``.
    row, column : int
        Which patch, counted from the upper left corner.
    side : int
        Its width and height in pixels.
    """

    photograph: str
    row: int
    column: int
    side: int

    @property
    def group(self) -> str:
        """Name of the row, the same in both photographs."""
        # A row of both photographs: a splice and its donor are then in one group.
        return f"row{self.row:02d}"

    @property
    def name(self) -> str:
        """Name of the patch, such as ``"china-row03-column11"``."""
        return f"{self.photograph}-{self.group}-column{self.column:02d}"

    @property
    def top(self) -> int:
        """First row of pixels in the photograph."""
        return self.row * self.side

    @property
    def left(self) -> int:
        """First column of pixels in the photograph."""
        return self.column * self.side

    def cut_from(self, photographs: dict[str, Image.Image]) -> Image.Image:
        """Cut the patch out."""
        box = (self.left, self.top, self.left + self.side, self.top + self.side)
        return photographs[self.photograph].crop(box)


def load_photographs() -> dict[str, Image.Image]:
    """Load the two photographs that scikit-learn carries."""
    sample = load_sample_images()
    return {
        Path(name).stem: Image.fromarray(pixels)
        for name, pixels in zip(sample.filenames, sample.images, strict=True)
    }


def check_sizes(
    n_images: object, image_size: object, photographs: dict[str, Image.Image]
) -> tuple[int, int]:
    """Check that so many images of that size can be made."""
    side = _check_int(image_size, "image_size", _SMALLEST_SIDE)
    number = _check_int(n_images, "n_images", 4)
    largest = min(photo.height for photo in photographs.values()) // 2
    if side > largest:
        # One row for the training part and one for the test part at least.
        raise ValueError(f"image_size must be at most {largest}, got {side}.")
    n_patches = sum(
        (photo.height // side) * (photo.width // side) for photo in photographs.values()
    )
    if number > 2 * n_patches:
        raise ValueError(
            f"n_images must be at most {2 * n_patches} at image_size={side}, got "
            f"{number}: the photographs have {n_patches} disjoint patches of that size. "
            "Ask for fewer or smaller images."
        )
    return number, side


def _check_int(value: object, name: str, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < least:
        raise ValueError(f"{name} must be an int of at least {least}, got {value!r}.")
    return int(value)


def draw_patches(
    n_patches: int,
    side: int,
    photographs: dict[str, Image.Image],
    random: np.random.RandomState,
) -> list[tuple[str, Patch]]:
    """Draw patches; whole rows belong to the test part or to the training part."""
    n_rows = min(photo.height for photo in photographs.values()) // side
    rows = random.permutation(n_rows)
    n_test_rows = max(1, round(n_rows * _TEST_FRACTION))
    parts: dict[str, list[Patch]] = {}
    for split, own in [("test", rows[:n_test_rows]), ("train", rows[n_test_rows:])]:
        parts[split] = [
            Patch(name, int(row), column, side)
            for name, photo in photographs.items()
            for row in own
            for column in range(photo.width // side)
        ]
    n_test = max(1, round(n_patches * _TEST_FRACTION), n_patches - len(parts["train"]))
    n_test = min(n_test, len(parts["test"]))
    drawn = []
    for split, n in [("train", n_patches - n_test), ("test", n_test)]:
        for index in random.permutation(len(parts[split]))[:n]:
            drawn.append((split, parts[split][index]))
    return drawn


def draw_donor(
    patch: Patch, photographs: dict[str, Image.Image], random: np.random.RandomState
) -> Patch:
    """Draw a patch of the same row of another photograph."""
    others = [name for name in photographs if name != patch.photograph]
    other = others[random.randint(len(others))]
    column = random.randint(photographs[other].width // patch.side)
    return Patch(other, patch.row, column, patch.side)
