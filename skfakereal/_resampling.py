"""Bringing an image to a size: plainly, or turned and zoomed, in one resampling.

Interpolation leaves traces that a detector can learn instead of the picture's own. So a
rotation, a zoom and the resize are one affine resampling; where it shrinks, it goes to a
grid as fine as the image, which the filter of the plain resize then reduces. The border
reflects.
"""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_BICUBIC = Image.Resampling.BICUBIC
# Where a crop lies in what the image has room for, from 0 to 1: across and down. In this
# order the first five are the centre and the corners, all nine a grid.
CENTRE = (0.5, 0.5)
_PLACES = (
    *(CENTRE, (0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0)),
    *((0.5, 0.0), (0.5, 1.0), (0.0, 0.5), (1.0, 0.5)),
)
# What is left of an image when blocks of so many pixels, across and down, are averaged.
Averaged = dict[tuple[int, int], Image.Image]
# Pixels that are padded as they are; what is larger is cut first.
_PADDED = 2**24
# From blocks of so many pixels on, what is left is kept for other views.
_FEW = 4


def seen_window(
    original: tuple[int, int],
    size: tuple[int, int],
    resize: str,
    place: tuple[float, float] = CENTRE,
) -> tuple[float, float, float, float]:
    """Return left, top, width and height of what becomes a view, in an image's pixels.

    It reaches beyond an image that is too small. `original` is (width, height), as Pillow
    has it, `size` is (height, width).
    """
    height, width = size
    if resize == "stretch":
        return 0, 0, *original
    shrinkage = min(original[0] / width, original[1] / height) if resize == "shrink" else 1
    if shrinkage > 1:
        wide, high = width * shrinkage, height * shrinkage
        # Rounding must not lead beyond the image.
        left, top = max(0, original[0] - wide), max(0, original[1] - high)
        return left * place[0], top * place[1], wide, high
    left, top = (
        _offset(have, want, at)
        for have, want, at in zip(original, (width, height), place, strict=True)
    )
    return left, top, width, height


def crop_places(
    original: tuple[int, int], size: tuple[int, int], resize: str, n_crops: int
) -> list[tuple[float, float]]:
    """Return the places of the crops, each crop only once where the image has no room."""
    places: dict[object, tuple[float, float]] = {}
    for place in _PLACES[:n_crops]:
        places.setdefault(seen_window(original, size, resize, place), place)
    return list(places.values())


def resize_plain(
    image: Image.Image, size: tuple[int, int], window: tuple[float, float, float, float]
) -> NDArray[np.uint8]:
    """Bring what `seen_window` gave to a view's size."""
    height, width = size
    left, top, wide, high = window
    if (wide, high) == (width, height):
        return _crop(image, int(left), int(top), height, width)
    box = left, top, min(left + wide, image.width), min(top + high, image.height)
    return np.asarray(image.resize((width, height), _BICUBIC, box))


def _crop(
    image: Image.Image, left: int, top: int, height: int, width: int
) -> NDArray[np.uint8]:
    left, top = max(0, left), max(0, top)
    right, bottom = min(image.width, left + width), min(image.height, top + height)
    pixels = np.asarray(image.crop((left, top, right, bottom)))
    lacking = height - pixels.shape[0], width - pixels.shape[1]
    if any(lacking):
        before_after = [(n // 2, n - n // 2) for n in lacking]
        pixels = np.pad(pixels, [*before_after, (0, 0)], mode="symmetric")
    return np.ascontiguousarray(pixels)


def resample(
    image: Image.Image,
    size: tuple[int, int],
    window: tuple[float, float, float, float],
    angle: float,
    zoom: float,
    averaged: Averaged | None = None,
) -> NDArray[np.uint8]:
    """Rotate about the window's centre, zoom and resize, all in one resampling.

    `averaged` keeps what the next view of the same image may begin with.
    """
    height, width = size
    # Its centre is that of the plain view, whose crop lies on whole pixels.
    left, top, wide, high = window
    shrink_x, shrink_y = wide / (width * zoom), high / (height * zoom)
    centre_x, centre_y = left + wide / 2, top + high / 2
    original = image.size
    image = _average_blocks(image, shrink_x, shrink_y, averaged)
    # The exact ratios, since the last block of a row may be an incomplete one.
    averaged_x, averaged_y = image.width / original[0], image.height / original[1]
    shrink_x, centre_x = shrink_x * averaged_x, centre_x * averaged_x
    shrink_y, centre_y = shrink_y * averaged_y, centre_y * averaged_y
    # As many samples as the image has pixels there.
    fine = max(width, round(width * shrink_x)), max(height, round(height * shrink_y))
    fine_x, fine_y = fine[0] / width, fine[1] / height

    cos, sin = math.cos(angle), math.sin(angle)
    ax, bx = shrink_x * cos, -shrink_x * sin
    ay, by = shrink_y * sin, shrink_y * cos
    # Pillow maps the point (x, y) of the output to (ax x + bx y + cx, ay x + by y + cy).
    cx = centre_x - (ax * width + bx * height) / 2
    cy = centre_y - (ay * width + by * height) / 2
    reach_x = (abs(ax) * width + abs(bx) * height) / 2
    reach_y = (abs(ay) * width + abs(by) * height) / 2
    pad_x = _padding(centre_x, reach_x, image.width)
    pad_y = _padding(centre_y, reach_y, image.height)
    if pad_x or pad_y:
        if (image.width + 2 * pad_x) * (image.height + 2 * pad_y) > _PADDED:
            # A long and narrow picture would be padded all along.
            left, right = _reached(centre_x, reach_x, image.width)
            top, bottom = _reached(centre_y, reach_y, image.height)
            image = image.crop((left, top, right, bottom))
            cx, cy = cx - left, cy - top
        padding = ((pad_y, pad_y), (pad_x, pad_x), (0, 0))
        image = Image.fromarray(np.pad(np.asarray(image), padding, mode="symmetric"))
    affine = (ax / fine_x, bx / fine_y, cx + pad_x, ay / fine_x, by / fine_y, cy + pad_y)
    turned = image.transform(fine, Image.Transform.AFFINE, affine, _BICUBIC)
    return np.asarray(turned.resize((width, height), _BICUBIC))


def _offset(have: int, want: int, at: float) -> int:
    """Return where a run of `want` pixels begins; centred, and negative, where some lack."""
    return int((have - want) * at) if have >= want else -((want - have) // 2)


def _padding(centre: float, reach: float, side: int) -> int:
    """Return by how much the view reaches beyond an image's side, for the kernel 2 more."""
    return max(0, math.ceil(max(reach - centre, centre + reach - side)) + 2)


def _reached(centre: float, reach: float, side: int) -> tuple[int, int]:
    """Return the first pixel of a side that a view reaches, and the one after its last."""
    first, last = math.floor(centre - reach) - 4, math.ceil(centre + reach) + 4
    return max(0, first), min(side, last)


def _average_blocks(
    image: Image.Image, shrink_x: float, shrink_y: float, averaged: Averaged | None
) -> Image.Image:
    """Average whole blocks of pixels where the image is far too large.

    That is no interpolation, and it saves most of the work on photographs. At least twice
    as many pixels are left as the view has.
    """
    blocks = max(1, int(shrink_x / 2)), max(1, int(shrink_y / 2))
    if blocks == (1, 1):
        return image
    found = None if averaged is None else averaged.get(blocks)
    if found is None:
        found = image.reduce(blocks)
        # Views of one image mostly have the same blocks, or one of two. What is kept of
        # all takes less than the image.
        if averaged is not None and blocks[0] * blocks[1] >= _FEW:
            averaged[blocks] = found
    return found
