"""Images -> views: deterministic augmented copies."""

import io
import math
from hashlib import blake2b
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from skfakereal._resampling import CENTRE, crop_places, resample, resize_plain
from skfakereal._trunk_settings import TrunkSettings

__all__ = ["ViewSettings", "content_digest", "render_crops", "render_view"]


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
    degrade_probability: float
    seed: int

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return all of them by name."""


def content_digest(data: bytes) -> bytes:
    """Return the digest of a file's content, which seeds the draws of its views.

    Parameters
    ----------
    data : bytes
        The whole file.

    Returns
    -------
    bytes
        16 bytes.
    """
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
) -> NDArray[np.uint8]:
    """Return one view of an image.

    Parameters
    ----------
    image : PIL.Image.Image
        Mode RGB.
    image_size : tuple of (int, int)
        Height and width of the view.
    resize : {"stretch", "crop", "shrink"}
        Stretch the whole image to `image_size`; or cut the centre out of it, without any
        resampling or after shrinking it as far as it still covers the view; what a small
        image lacks is reflected.
    augmentation : ViewSettings or None, default=None
        The settings. None gives the plain image for every view.
    digest : bytes, default=b""
        Digest of the image's content, from which the draws are seeded.
    view : int, default=0
        The view's number; view 0 is the plain image.
    place : tuple of (float, float), default=(0.5, 0.5)
        Where else than in the centre to cut, across and down, from 0 to 1.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8
        The pixels.
    """
    if view == 0 or augmentation is None:
        return resize_plain(image, image_size, resize, place)
    draws = _draws(digest, augmentation.seed, view)
    # A float32 of NumPy's would round what is computed with it.
    angle = float(augmentation.rotation) * _spread(draws[0])
    zoom = 1 + float(augmentation.zoom) * _spread(draws[1])
    brightness = 1 + float(augmentation.brightness) * _spread(draws[2])
    if angle == 0 and zoom == 1:
        pixels = resize_plain(image, image_size, resize, place)
    else:
        pixels = resample(image, image_size, resize, math.radians(angle), zoom, place)
    if augmentation.horizontal_flip and draws[3] < 0.5:
        pixels = pixels[:, ::-1]
    if augmentation.vertical_flip and draws[4] < 0.5:
        pixels = pixels[::-1]
    if brightness != 1:
        levels = np.clip(np.rint(np.arange(256) * brightness), 0, 255).astype(np.uint8)
        pixels = levels[pixels]
    pixels = _degrade(pixels, augmentation, draws[5:])
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
    size, resize = settings.image_size, settings.resize
    return np.stack(
        [
            render_view(
                image,
                image_size=size,
                resize=resize,
                augmentation=augmentation,
                digest=digest,
                view=view,
                place=place,
            )
            for place in crop_places(image.size, size, resize, settings.n_crops)
        ]
    )


def _draws(digest: bytes, seed: int, view: int) -> NDArray[np.float64]:
    """Draw nine numbers in [0, 1), always all of them.

    So one setting of the augmentation never shifts what another one draws. They come
    straight from a digest, which no version of a random generator can change.
    """
    source = blake2b(digest + f" view {view} of seed {seed}".encode(), digest_size=36)
    return np.frombuffer(source.digest(), dtype="<u4") / 2.0**32


def _spread(draw: float) -> float:
    return float(2 * draw - 1)


def _degrade(
    pixels: NDArray[np.uint8], settings: ViewSettings, draws: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Blur, then re-encode as JPEG, as Wang et al. (2020) do."""
    if settings.blur is not None and draws[0] < settings.degrade_probability:
        low, high = map(float, settings.blur)
        blur = ImageFilter.GaussianBlur(float(low + (high - low) * draws[1]))
        pixels = np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).filter(blur))
    if settings.jpeg_quality is not None and draws[2] < settings.degrade_probability:
        low, high = map(int, settings.jpeg_quality)
        quality = int(low + (high - low + 1) * draws[3])
        buffer = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "JPEG", quality=quality)
        with Image.open(buffer) as encoded:
            pixels = np.asarray(encoded.convert("RGB"))
    return pixels
