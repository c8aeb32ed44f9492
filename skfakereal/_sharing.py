"""Degrading a picture as sharing does: it is shrunk, blurred and saved again.

That happens to the whole picture, before it is brought to the size of a view. But only the
part that the view needs is computed, which for crops is a small one. JPEG codes blocks of
16x16 pixels each by itself, so the part, which begins with one, is that of the whole picture
to the bit (shrunk by a fraction, but for roundings). WebP predicts blocks from others and
spends its bits where there is most to see: there the part is a picture of its own.
"""

import io
import math
from collections.abc import Sequence

from PIL import Image, ImageFilter

from skfakereal._resampling import seen_window

# "blur" with a standard deviation, "JPEG" or "WEBP" with a quality.
Step = tuple[str, float]

# By which programs shrink.
FILTERS = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)
_BLOCK = 16
_LONGEST = {"JPEG": 65500, "WEBP": 16383}
# Of a picture of which a view needs more, this much is left, as of most that are shared: to
# save 12 million pixels as WebP takes longer than to compute what the network makes of them.
_MOST_PIXELS = 2**20

_Window = tuple[float, float, float, float]


def shared_part(
    image: Image.Image,
    size: tuple[int, int],
    resize: str,
    place: tuple[float, float],
    *,
    scale: float,
    kernel: Image.Resampling,
    steps: Sequence[Step],
    turned: float = 0.0,
) -> tuple[Image.Image, _Window]:
    """Return the part of the shared picture that a view needs, and where the view lies in it.

    `turned` is the zoom of a view that is rotated or zoomed, which reaches further.
    """
    width, height, window = _shrunk(image.size, scale, size, resize, place)
    if steps and window[2] * window[3] > (most := max(_MOST_PIXELS, size[0] * size[1])):
        scale *= math.sqrt(most / (window[2] * window[3]))
        width, height, window = _shrunk(image.size, scale, size, resize, place)
    left, top, wide, high = window
    # What the steps, and then the kernel of the last resampling, look at beside the view.
    margin = 2.0 + 3 * max(wide / size[1], high / size[0])
    margin += sum(3 + 3 * x if kind == "blur" else _BLOCK for kind, x in steps)
    if turned:
        margin += math.hypot(wide, high) / 2 / min(1, turned)
    x0, x1 = _reach(left, left + wide, margin, width)
    y0, y1 = _reach(top, top + high, margin, height)
    if (width, height) == image.size:
        part = image.crop((x0, y0, x1, y1))
    else:
        across, down = image.width / width, image.height / height
        right, bottom = min(x1 * across, image.width), min(y1 * down, image.height)
        box = (x0 * across, y0 * down, right, bottom)
        part = image.resize((x1 - x0, y1 - y0), kernel, box)
    return degrade(part, steps), (left - x0, top - y0, wide, high)


def degrade(image: Image.Image, steps: Sequence[Step]) -> Image.Image:
    for kind, value in steps:
        if kind == "blur":
            image = image.filter(ImageFilter.GaussianBlur(value))
        elif max(image.size) <= _LONGEST[kind]:
            buffer = io.BytesIO()
            image.save(buffer, kind, quality=int(value))
            with Image.open(buffer) as encoded:
                image = encoded.convert("RGB")
    return image


def _shrunk(
    original: tuple[int, int],
    scale: float,
    size: tuple[int, int],
    resize: str,
    place: tuple[float, float],
) -> tuple[int, int, _Window]:
    """Return the size of the picture after shrinking, and what a view sees of it."""
    width, height = (max(1, round(side * scale)) for side in original)
    return width, height, seen_window((width, height), size, resize, place)


def _reach(first: float, last: float, margin: float, side: int) -> tuple[int, int]:
    """Return the run of whole blocks that holds another one and a margin around it."""
    begin = math.floor((first - margin) / _BLOCK) * _BLOCK
    end = math.ceil((last + margin) / _BLOCK) * _BLOCK
    return max(0, begin), min(side, end)
