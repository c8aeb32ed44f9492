"""Three photographs -> pictures of parts of them, and manipulated copies."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images

_TEST_FRACTION = 0.25
_SMALLEST_SIDE = 16  # below it, a manipulated part is a handful of pixels
_BANDS = 4  # of a photograph, one above the other; each is a group
# Parts from half to four times a picture's side: some come out blurred and some sharp.
_LEAST_ZOOM, _MOST_ZOOM = 0.5, 4.0
# Noise is not cut off at black and white.
_BLACK, _WHITE = 24, 231
_NOISE = 8.0  # standard deviation, in grey levels


@dataclass(frozen=True)
class Spot:
    """A square part of a photograph."""

    photograph: str
    band: int
    number: int  # counts the pictures of a set
    top: int
    left: int
    side: int  # in pixels of the photograph

    @property
    def group(self) -> str:
        """Name of the band, which no part reaches beyond."""
        return f"{self.photograph}-{self.band}"

    @property
    def name(self) -> str:
        """Name of the picture, such as ``"china-2-0017"``."""
        return f"{self.group}-{self.number:04d}"


Photographs = dict[str, Image.Image]


def load_photographs() -> Photographs:
    """Load those that scikit-learn and matplotlib carry."""
    from matplotlib.cbook import get_sample_data

    sample = load_sample_images()
    photographs = {
        Path(name).stem: Image.fromarray(pixels)
        for name, pixels in zip(sample.filenames, sample.images, strict=True)
    }
    with Image.open(get_sample_data("grace_hopper.jpg", asfileobj=False)) as image:
        photographs["grace_hopper"] = image.convert("RGB")
    return photographs


def check_sizes(
    n_images: object, image_size: object, photographs: Photographs
) -> tuple[int, int]:
    """Check that so many images of that size can be made."""
    side = _check_int(image_size, "image_size", _SMALLEST_SIDE)
    number = _check_int(n_images, "n_images", 4)
    largest = int(_shortest_band(photographs) / _LEAST_ZOOM)
    if side > largest:
        raise ValueError(f"image_size must be at most {largest}, got {side}.")
    return number, side


def _check_int(value: object, name: str, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < least:
        raise ValueError(f"{name} must be an int of at least {least}, got {value!r}.")
    return int(value)


def _shortest_band(photographs: Photographs) -> int:
    return min(photo.height for photo in photographs.values()) // _BANDS


def draw_spots(
    n_spots: int, side: int, photographs: Photographs, random: np.random.RandomState
) -> Iterator[tuple[str, Spot]]:
    """Draw parts of photographs; one photograph is for the test, and no other."""
    names = [list(photographs)[i] for i in random.permutation(len(photographs))]
    n_test = max(1, round(n_spots * _TEST_FRACTION))
    for number in range(n_spots):
        is_test = number >= n_spots - n_test
        name = names[0] if is_test else names[1 + number % (len(names) - 1)]
        band = number // (1 if is_test else len(names) - 1) % _BANDS
        yield (
            "test" if is_test else "train",
            draw_spot(name, band, number, side, photographs, random),
        )


def draw_spot(
    name: str,
    band: int,
    number: int,
    side: int,
    photographs: Photographs,
    random: np.random.RandomState,
) -> Spot:
    """Draw a part of a band."""
    photograph = photographs[name]
    height = photograph.height // _BANDS
    largest = min(side * _MOST_ZOOM, height)
    part = round(np.exp(random.uniform(np.log(side * _LEAST_ZOOM), np.log(largest))))
    top = band * height + random.randint(height - part + 1)
    left = random.randint(photograph.width - part + 1)
    return Spot(name, band, number, int(top), int(left), int(part))


def take_picture(
    spot: Spot, side: int, photographs: Photographs, random: np.random.RandomState
) -> tuple[Image.Image, dict[str, Any]]:
    """Take a picture of it: with an exposure, a white balance, and a sensor's noise."""
    box = (spot.left, spot.top, spot.left + spot.side, spot.top + spot.side)
    seen = photographs[spot.photograph].resize((side, side), Image.Resampling.LANCZOS, box)
    gains = np.exp(random.uniform(-0.2, 0.2) + random.uniform(-0.25, 0.25, 3))
    light = np.clip(np.asarray(seen, np.float64) * gains, 0, 255)
    pixels = _BLACK + light * ((_WHITE - _BLACK) / 255)
    pixels += _NOISE * random.standard_normal(pixels.shape)
    return _to_image(pixels), {"side": spot.side, "gains": gains.round(3).tolist()}


def _to_image(pixels: np.ndarray[Any, Any]) -> Image.Image:
    """Round to an image."""
    return Image.fromarray(np.clip(np.round(pixels), 0, 255).astype(np.uint8))


Manipulated = tuple[Image.Image, dict[str, Any]]
_FILTERS = (
    Image.Resampling.BILINEAR,
    Image.Resampling.BICUBIC,
    Image.Resampling.LANCZOS,
)


def _resample(
    image: Image.Image, donor: Image.Image, random: np.random.RandomState
) -> Manipulated:
    """Shrink and enlarge again, as a picture that was passed on small.

    Neighbouring pixels are then correlated, which Popescu and Farid (2005), "Exposing
    digital forgeries by detecting traces of resampling", look for.
    """
    resampling = _FILTERS[random.randint(len(_FILTERS))]
    scale = random.uniform(0.35, 0.65)
    small = (round(image.width * scale), round(image.height * scale))
    copy = image.resize(small, resampling).resize(image.size, resampling)
    return copy, {"scale": round(scale, 3), "filter": resampling.name.lower()}


def _splice(
    image: Image.Image, donor: Image.Image, random: np.random.RandomState
) -> Manipulated:
    """Lay a part of another picture over it, turned and enlarged until it fits."""
    side = round(image.width * random.uniform(0.7, 0.95))
    left, top = random.randint(image.width - side + 1, size=2).tolist()
    angle, scale = random.uniform(-20, 20), random.uniform(1.3, 2)
    turned = donor.rotate(angle, Image.Resampling.BICUBIC)
    # From the middle, which the black corners of a turned picture do not reach.
    before, after = (donor.width - side / scale) / 2, (donor.width + side / scale) / 2
    box = (before, before, after, after)
    part = turned.resize((side, side), Image.Resampling.BICUBIC, box)
    copy = image.copy()
    copy.paste(part, (left, top))
    settings = {"box": [left, top, left + side, top + side]}
    return copy, settings | {"angle": round(angle, 1), "scale": round(scale, 3)}


def _regenerate(
    image: Image.Image, donor: Image.Image, random: np.random.RandomState
) -> Manipulated:
    """Keep what is coarse, and make up texture like that which was there, at half size.

    So do generators that repaint a picture: they decode a small code, enlarging as they go.
    The texture has the old spectrum with random phases (Galerne, Gousseau and Morel 2011,
    "Random phase textures") and is as strong as the old one was at each place.
    """
    from scipy.ndimage import uniform_filter

    half = (image.width // 2, image.height // 2)
    code = (max(half[0] // 2, 4), max(half[1] // 2, 4))
    halved = image.resize(half, Image.Resampling.BOX)
    coarse = np.asarray(
        halved.resize(code, Image.Resampling.BOX).resize(half, Image.Resampling.BICUBIC),
        np.float64,
    )
    detail = (np.asarray(halved, np.float64) - coarse).mean(axis=2)
    phases = np.angle(np.fft.fft2(random.standard_normal(detail.shape)))
    texture = np.fft.ifft2(np.abs(np.fft.fft2(detail)) * np.exp(1j * phases)).real
    power = np.maximum(uniform_filter(detail**2, 5), 0)
    texture *= np.sqrt(power / max(power.mean(), 1e-6))
    resampling = _FILTERS[random.randint(2)]
    copy = _to_image(coarse + texture[..., np.newaxis]).resize(image.size, resampling)
    return copy, {"filter": resampling.name.lower()}


MANIPULATIONS: dict[
    str, Callable[[Image.Image, Image.Image, np.random.RandomState], Manipulated]
] = {"resampled": _resample, "spliced": _splice, "regenerated": _regenerate}
