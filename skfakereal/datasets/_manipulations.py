"""An image -> a manipulated copy, by one of three known manipulations."""

from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

Box = tuple[int, int, int, int]  # left, top, right, bottom


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
