"""What the package makes of an image file, as an array, and simple features of that."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skfakereal._images.read import decode_image, read_bytes


def read_image(path: str) -> NDArray[np.uint8]:
    """Return the pixels of a file, upright RGB."""
    return np.asarray(decode_image(read_bytes(path), path))


def brightness(X: Any) -> NDArray[np.float64]:
    return np.array([[read_image(str(path)).mean() / 255] for path in np.ravel(X)])


def mean_colour(X: Any) -> NDArray[np.float64]:
    return np.array([read_image(str(path)).mean((0, 1)) / 255 for path in np.ravel(X)])


def brightness_by_pillow(X: Any) -> NDArray[np.float64]:
    """A step of somebody else's, with errors of its own."""
    return np.array([[np.asarray(Image.open(path).convert("L")).mean()] for path in X])


@dataclass(frozen=True)
class Darken:
    """A perturbation of a user's own, which takes some levels of brightness."""

    by: int
    family = "darkened by"

    @property
    def level(self) -> str:
        return str(self.by)

    def __call__(self, image: Image.Image) -> Image.Image:
        return image.point(lambda value: max(0, value - self.by))
