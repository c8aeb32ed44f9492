"""What the package makes of an image file, as an array."""

import numpy as np
from numpy.typing import NDArray

from skfakereal._images.read import decode_image, read_bytes


def read_image(path: str) -> NDArray[np.uint8]:
    """Return the pixels of a file, upright RGB."""
    return np.asarray(decode_image(read_bytes(path), path))
