"""Images -> views: deterministic augmented copies."""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from skfakereal._resampling import (
    CENTRE,
    Averaged,
    crop_places,
    resample,
    resize_plain,
    seen_window,
)
from skfakereal._trunk_settings import TrunkSettings

# What views did before there were settings for it: models that lack them are of that time.
SETTINGS_BEFORE: dict[str, Any] = {
    "webp_quality": None,
    "shrink": None,
    "degrade_on": "view",
    "clean": 0.0,
}

# Sharing degrades a picture: it is shrunk, blurred and saved again. That happens to the whole
# picture, before it is brought to the size of a view. But only the part that the view needs is
# computed, which for crops is a small one. JPEG codes blocks of 16x16 pixels each by itself, so
# the part, which begins with one, is that of the whole picture to the bit (shrunk by a fraction,
# but for roundings). WebP predicts blocks from others and spends its bits where there is most to
# see: there the part is a picture of its own.
#
# "blur" with a standard deviation, "JPEG" or "WEBP" with a quality.
Step = tuple[str, float]

# By which programs shrink.
_FILTERS = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)
_BLOCK = 16
LONGEST = {"JPEG": 65500, "WEBP": 16383}  # pixels of a side
# Of a picture of which a view needs more, this much is left, as of most that are shared: to
# save 12 million pixels as WebP takes longer than to compute what the network makes of them.
_MOST_PIXELS = 2**20

_Window = tuple[float, float, float, float]


class ViewSettings(Protocol):
    """What a view depends on beside the image and its number: an `Augmentation`.

    All that it asks of one, so that whoever only looks at plain images, as prediction
    does, imports no scikit-learn.
    """

    rotation: float
    zoom: float
    brightness: float
    horizontal_flip: bool
    vertical_flip: bool
    blur: tuple[float, float] | None
    jpeg_quality: tuple[int, int] | None
    webp_quality: tuple[int, int] | None
    shrink: tuple[float, float] | None
    degrade_probability: float
    degrade_on: str
    clean: float
    seed: int

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return all of them by name."""


def content_digest(data: bytes) -> bytes:
    """Return the digest of a file's content (16 bytes), which seeds the draws of its views."""
    return blake2b(data, digest_size=16).digest()


def render_view(
    image: Image.Image,
    *,
    image_size: tuple[int, int],
    resize: str,
    augmentation: ViewSettings | None = None,
    digest: bytes = b"",
    view: int = 0,
    place: tuple[float, float] = CENTRE,
    averaged: Averaged | None = None,
) -> NDArray[np.uint8]:
    """Return one view of an image; view 0, or without `augmentation`, is the plain image.

    Where it is cut, what a small image lacks is reflected. `place`, across and down from 0
    to 1, is where to cut other than in the centre. `averaged` is for all views of the image.
    """
    window = seen_window(image.size, image_size, resize, place)
    if view == 0 or augmentation is None:
        return resize_plain(image, image_size, window)
    draws = _draws(digest, augmentation.seed, view)
    # A float32 of NumPy's would round what is computed with it.
    angle = float(augmentation.rotation) * _spread(draws[0])
    zoom = 1 + float(augmentation.zoom) * _spread(draws[1])
    brightness = 1 + float(augmentation.brightness) * _spread(draws[2])
    is_turned = not (angle == 0 and zoom == 1)
    sharing = _sharing(digest, augmentation, view, draws[5:])
    on_picture = augmentation.degrade_on == "picture"
    if sharing.scale < 1 or (on_picture and sharing.steps):
        image, window = shared_part(
            image,
            image_size,
            resize,
            place,
            scale=sharing.scale,
            kernel=sharing.kernel,
            steps=sharing.steps if on_picture else (),
            turned=zoom if is_turned else 0,
        )
        averaged = None  # which were of another image
    if is_turned:
        pixels = resample(image, image_size, window, math.radians(angle), zoom, averaged)
    else:
        pixels = resize_plain(image, image_size, window)
    if augmentation.horizontal_flip and draws[3] < 0.5:
        pixels = pixels[:, ::-1]
    if augmentation.vertical_flip and draws[4] < 0.5:
        pixels = pixels[::-1]
    if brightness != 1:
        levels = np.clip(np.rint(np.arange(256) * brightness), 0, 255).astype(np.uint8)
        pixels = levels[pixels]
    if sharing.steps and not on_picture:
        view_image = Image.fromarray(np.ascontiguousarray(pixels))
        pixels = np.asarray(degrade(view_image, sharing.steps))
    return np.ascontiguousarray(pixels)


def render_crops(
    image: Image.Image,
    settings: TrunkSettings,
    augmentation: ViewSettings | None = None,
    digest: bytes = b"",
    view: int = 0,
) -> NDArray[np.uint8]:
    """Return one view of each of an image's crops: (n_crops, height, width, 3), or fewer.

    All are augmented alike: a view is one draw.
    """
    return render_crops_of_views(image, settings, augmentation, digest, [view])[view]


def render_crops_of_views(
    image: Image.Image,
    settings: TrunkSettings,
    augmentation: ViewSettings | None,
    digest: bytes,
    views: Sequence[int],
) -> dict[int, NDArray[np.uint8]]:
    """Return several views as `render_crops` does, by number."""
    size, resize = settings.image_size, settings.resize
    places = crop_places(image.size, size, resize, settings.n_crops)
    averaged: Averaged = {}

    def render(view: int, place: tuple[float, float]) -> NDArray[np.uint8]:
        return render_view(
            image,
            image_size=size,
            resize=resize,
            augmentation=augmentation,
            digest=digest,
            view=view,
            place=place,
            averaged=averaged,
        )

    return {view: np.stack([render(view, place) for place in places]) for view in views}


def _draws(digest: bytes, seed: int, view: int) -> NDArray[np.float64]:
    """Draw nine numbers in [0, 1), always all of them.

    So one setting of the augmentation never shifts what another one draws. They come
    straight from a digest, which no version of a random generator can change.
    """
    source = blake2b(digest + f" view {view} of seed {seed}".encode(), digest_size=36)
    return np.frombuffer(source.digest(), dtype="<u4") / 2.0**32


def _spread(draw: float) -> float:
    return float(2 * draw - 1)


@dataclass(frozen=True)
class _Sharing:
    """What was drawn for a view of how its picture, or it, is degraded."""

    scale: float
    kernel: Image.Resampling
    steps: list[Step]


def _sharing(
    digest: bytes, settings: ViewSettings, view: int, draws: NDArray[np.float64]
) -> _Sharing:
    """Draw shrinking, then blur, then JPEG and WebP in either order.

    `draws` are for blur and JPEG, as they were before there was more.
    """
    source = f" sharing of view {view} of seed {settings.seed}".encode()
    more = np.frombuffer(blake2b(digest + source, digest_size=32).digest(), "<u4") / 2.0**32
    scale, steps, share = 1.0, list[Step](), settings.degrade_probability
    kernel = _FILTERS[int(len(_FILTERS) * more[3])]
    if more[0] < settings.clean:
        return _Sharing(scale, kernel, steps)
    if settings.shrink is not None and more[1] < share:
        scale = _between(settings.shrink, more[2])
    if settings.blur is not None and draws[0] < share:
        steps.append(("blur", _between(settings.blur, draws[1])))
    saved: list[Step] = []
    if settings.jpeg_quality is not None and draws[2] < share:
        saved.append(("JPEG", _one_of(settings.jpeg_quality, draws[3])))
    if settings.webp_quality is not None and more[4] < share:
        saved.append(("WEBP", _one_of(settings.webp_quality, more[5])))
    return _Sharing(scale, kernel, steps + (saved if more[6] < 0.5 else saved[::-1]))


def _between(limits: tuple[float, float], draw: float) -> float:
    low, high = map(float, limits)
    return float(low + (high - low) * draw)


def _one_of(limits: tuple[int, int], draw: float) -> int:
    low, high = map(int, limits)
    return int(low + (high - low + 1) * draw)


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
        elif max(image.size) <= LONGEST[kind]:
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
