"""What a map is of: images, maps, classes and probabilities, side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skfakereal._classifying.classes import positive_class
from skfakereal._images.read import (
    ImageReadError,
    blamed_on,
    decode_image,
    raise_unreadable,
    read_bytes,
)

Result = TypeVar("Result")
# How to read a map, for pages.
READING = {
    "grad-cam": (
        "Bright: this detector sees evidence for the class. Dark: there "
        "is none, or evidence against it.",
        "Each map has a scale of its own, so brightness cannot be compared between images. "
        "A photograph that is surely real has a brightest place too.",
        "Cells are large, and each sees far beyond its borders: trust the region, not the "
        "outline.",
        "The picture is what the detector sees of the image, at the proportions of the file.",
    ),
    "occlusion": (
        "Red: the probability falls if this place is covered, so something there "
        "speaks for it. Blue: it gains.",
        "Each map has a scale of its own: look at the numbers. A detector that is very sure "
        "may lose next to nothing wherever one covers.",
        "A covered image is unlike any that the detector has seen; edges of the cover may "
        "count as evidence themselves.",
    ),
}


@dataclass(frozen=True, eq=False)
class Explanation:
    """Where in some images a classifier found what speaks for a class.

    `grad_cam` and `occlusion` make it; `GradCAMDisplay` and `OcclusionDisplay` draw it.

    Parameters
    ----------
    method : str
        What made the maps, in words.
    unit : str
        What their values are, in words.
    paths : tuple of str
        The image files.
    images : ndarray of shape (n_images, height, width, 3), uint8, or list of ndarray
        The pixels under the maps, from 0 to 255: the image as the network sees it
        (Grad-CAM), or the image itself (occlusion), shrunk if it is large. A list of
        arrays of shape (height, width, 3) where they differ in size.
    maps : ndarray of shape (n_images, height, width), float32, or list of ndarray
        One value for each of these pixels. Grad-CAM: zero or more. Occlusion: from -1 to
        1, above zero where the image speaks for the class, below where it speaks against.
    explained : ndarray of shape (n_images,)
        The class that each map is for, an element of `classes`.
    probabilities : ndarray of shape (n_images,)
        The probability of that class, from 0 to 1, as the whole estimator gives it.
    predicted : ndarray of shape (n_images,)
        What the estimator predicts, with its own threshold.
    classes : ndarray of shape (n_classes,)
        The estimator's ``classes_``.
    areas : ndarray of shape (n_images, 4), float64
        Which part of the upright image file the map covers: top, left, height and width in
        its pixels. With ``resize="crop"`` the part may reach beyond a small image, whose
        border is reflected there.
    cells : tuple of (int, int)
        Rows and columns that were really computed; pixels between them are interpolated.
        Of occlusion: the patches in the first image.
    """

    method: str
    unit: str
    paths: tuple[str, ...]
    images: NDArray[np.uint8] | list[NDArray[np.uint8]]
    maps: NDArray[np.float32] | list[NDArray[np.float32]]
    explained: NDArray[Any]
    probabilities: NDArray[np.float64]
    predicted: NDArray[Any]
    classes: NDArray[Any]
    areas: NDArray[np.float64]
    cells: tuple[int, int]

    def __len__(self) -> int:
        return len(self.paths)

    def only(self, row: int) -> "Explanation":
        """Return the explanation of one of the images.

        Parameters
        ----------
        row : int
            Its position.

        Returns
        -------
        Explanation
            Of this image alone.
        """
        part = slice(row, row + 1)
        sliced = {
            name: value[part]
            for name, value in vars(self).items()
            if name not in ("method", "unit", "classes", "cells")
        }
        return replace(self, **sliced)

    def __repr__(self) -> str:
        images = "1 image" if len(self) == 1 else f"{len(self)} images"
        rows, columns = self.cells
        return f"<{self.method} of {images}, {rows}x{columns} cells; values: {self.unit}>"


def classes_to_explain(
    classes: NDArray[Any], label: Any, predicted: NDArray[Any]
) -> NDArray[np.intp]:
    """Return which class each image's map is for."""
    known = classes.tolist()
    if label is not None:
        if label not in known:
            raise ValueError(f"label must be one of the classes {known}, got {label!r}.")
        return np.full(len(predicted), known.index(label), dtype=np.intp)
    try:
        positive = positive_class(classes, [str(name) for name in known])
    except ValueError as error:
        raise ValueError(
            f"Which of the classes {known} is to be explained? Pass label."
        ) from error
    if positive is not None:
        return np.full(len(predicted), positive, dtype=np.intp)
    return np.array([known.index(name) for name in predicted.tolist()], dtype=np.intp)


def stacked(arrays: Sequence[NDArray[Any]]) -> Any:
    """Return arrays as one, where they are of one shape, else as a list."""
    return np.stack(arrays) if len({a.shape for a in arrays}) == 1 else list(arrays)


def of_each_image(
    paths: Sequence[str], look: Callable[[Image.Image], Result]
) -> list[Result]:
    """Return what `look` makes of each image; raise ImageReadError, with all that fail."""
    results, failures = [], []
    for i, path in enumerate(paths):
        try:
            image = decode_image(read_bytes(path), path)
            with blamed_on(path):
                results.append(look(image))
        except ImageReadError as failure:
            failure.index = i
            failures.append(failure)
    raise_unreadable(failures)
    return results
