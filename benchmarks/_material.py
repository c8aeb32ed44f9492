"""What all contestants work on: generated images and one VGG16's weights."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors.numpy import save_file

from skfakereal._trunk import random_trunk

__all__ = ["Images", "write_images", "write_weights"]

# Paths and labels, 0 and 1.
Images = tuple[NDArray[np.str_], NDArray[np.int64]]


def write_images(folder: Path, n_images: int, width: int, height: int = 0) -> Images:
    """Write JPEG files, soft colours with some grain, half of them bright.

    No two are equal, or the store would share their activations. Without a height they
    are square.
    """
    folder.mkdir(parents=True)
    random, height = np.random.default_rng(width), height or width
    labels = np.arange(n_images) % 2
    paths = []
    for i, label in enumerate(labels):
        colours = random.integers(0, 130, (8, 8, 3)) + 60 * label
        soft = Image.fromarray(colours.astype(np.uint8)).resize((width, height))
        grain = random.integers(0, 30, (height, width, 3), dtype=np.uint8)
        paths.append(str(folder / f"{i:05}.jpg"))
        Image.fromarray(np.asarray(soft) + grain).save(paths[-1], quality=90)
    return np.array(paths), labels


def write_weights(file: Path) -> Path:
    """Write a VGG16's convolutions with He-normal weights, the same for all contestants."""
    save_file(dict(random_trunk().arrays), file)
    return file
