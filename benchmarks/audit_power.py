"""How often the audit accuses a clean set, and how often it notices a leak, by simulation.

``python -m benchmarks.audit_power`` draws sets of which every property is independent of the
class, but for one (whether a JPEG is progressive) that tells it with a given AUC; 0.5 is a
clean set. Properties are drawn directly, without files, and judged by the audit's own
functions. A set is accused, or its leak noticed, if the metadata model or any property is
not called clean.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skfakereal.audit._fields import FIELDS, Field
from skfakereal.audit._leak import draw_folds, find_shortcut, metadata_strength
from skfakereal.audit._verdict import CLEAN

__all__ = ["main"]

_TELLING = "progressive"
Values = dict[str, NDArray[np.object_] | NDArray[np.float64]]


def main() -> None:
    """Draw sets, audit them, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, nargs="+", default=[40, 100])
    parser.add_argument("--auc", type=float, nargs="+", default=[0.5, 0.7, 0.8, 0.9])
    parser.add_argument("--draws", type=int, default=150, help="sets of each kind")
    arguments = parser.parse_args()
    for text in _rows(arguments.images, arguments.auc, arguments.draws):
        print(text, flush=True)


def _rows(sizes: Sequence[int], strengths: Sequence[float], n_draws: int) -> Iterator[str]:
    header = ["images", *(f"AUC {auc:g}" for auc in strengths)]
    yield f"| {' | '.join(header)} |\n{'|---' * len(header)}|"
    for n_images in sizes:
        counts = [
            sum(is_accused(draw_set(n_images, auc, seed)) for seed in range(n_draws))
            for auc in strengths
        ]
        cells = [f"{n} of {n_draws}" for n in counts]
        yield f"| {' | '.join([str(n_images), *cells])} |"


@dataclass(frozen=True)
class SimulatedSet:
    """A set of images of which only the properties exist.

    Parameters
    ----------
    classes : ndarray of shape (n_images,)
        Their classes, 0 and 1.
    values : dict of Field to list
        Their properties.
    telling : Field
        The one that tells the class.
    """

    classes: NDArray[np.intp]
    values: dict[Field, list[str | float]]
    telling: Field


def draw_set(n_images: int, auc: float, seed: int) -> SimulatedSet:
    """Draw a set.

    Parameters
    ----------
    n_images : int
        Its size; half of them are of each class.
    auc : float
        How well one property tells the class, from 0.5 (not at all) to 1.
    seed : int
        Seed of the draw.

    Returns
    -------
    SimulatedSet
        The set.
    """
    random = np.random.RandomState(seed)
    classes = random.permutation(np.arange(n_images) % 2)
    drawn = _draw(random, n_images)
    # A property of two values that agree with the class in this share has this AUC.
    agrees = random.random_sample(n_images) < auc
    drawn[_TELLING] = np.where(agrees == (classes == 1), "yes", "no").astype(object)
    values = {field: drawn[field.name].tolist() for field in FIELDS}
    return SimulatedSet(classes, values, next(f for f in FIELDS if f.name == _TELLING))


def is_accused(drawn: SimulatedSet) -> bool:
    """Tell whether the audit accuses a set of anything.

    Parameters
    ----------
    drawn : SimulatedSet
        The set.

    Returns
    -------
    bool
        Whether the metadata model, or a property by itself, is not called clean.
    """
    classes, values = drawn.classes, drawn.values
    copies = np.arange(len(classes))  # none
    folds = draw_folds(classes, copies)
    # The model comes last, since it takes far longer than the properties.
    return (
        any(find_shortcut(f, v, classes, copies, folds).matters for f, v in values.items())
        or metadata_strength(values, classes, copies, folds).verdict != CLEAN
    )


def _draw(random: np.random.RandomState, n_images: int) -> Values:
    """Draw every property of a varied collection, whatever the class."""

    def pick(*values: str, p: Sequence[float] | None = None) -> NDArray[np.object_]:
        return random.choice(np.array(values, dtype=object), n_images, p=p)

    width, height = (
        random.choice(usual, n_images)
        + random.randint(-99, 99, n_images) * (random.random_sample(n_images) < 0.5)
        for usual in ([256, 512, 640, 800, 1024], [256, 480, 512, 600, 768])
    )
    form = pick("JPEG", "PNG", "WEBP", p=[0.6, 0.3, 0.1])
    is_jpeg = form == "JPEG"
    quality = np.where(is_jpeg, random.randint(60, 101, n_images), np.nan)

    def of_jpeg(*values: str) -> NDArray[np.object_]:
        return np.where(is_jpeg, pick(*values), "(does not apply)")

    sizes = zip(width, height, strict=True)
    return {
        "format": form,
        "extension": pick(".jpg", ".jpeg", ".png"),
        "extension_case": pick("lower case", "upper case", p=[0.8, 0.2]),
        "dimensions": np.array([f"{w} x {h}" for w, h in sizes], dtype=object),
        "width": width.astype(np.float64),
        "height": height.astype(np.float64),
        "aspect": np.round(width / height, 4),
        "blocks": pick("none", "8 pixels", "16 pixels", "64 pixels"),
        "mode": pick("RGB", "grey", "RGB with alpha", p=[0.8, 0.1, 0.1]),
        "colour": pick("some", "none", p=[0.9, 0.1]),
        "jpeg_quality": quality,
        "jpeg_tables": quality.astype(str).astype(object),
        "subsampling": of_jpeg("4:2:0", "4:4:4"),
        "huffman": of_jpeg("standard", "optimised"),
        "layout": pick("a", "b", "c", "d"),
        "exif": pick("yes", "no"),
        "exif_tags": pick(*"abcdefgh"),
        "orientation": pick("1", "6", "(none)"),
        "camera": pick(*(f"camera {i}" for i in range(12))),
        "software": pick("a", "b", "(none)"),
        "icc": pick("sRGB", "(none)"),
        "comment": pick("x", "(none)"),
        "text_keys": pick("parameters", "(none)"),
        "xmp": pick("yes", "no"),
        "c2pa": pick("yes", "no", p=[0.05, 0.95]),
        "density": pick("72 x 72", "300 x 300", "(none)"),
        "file_size": random.lognormal(11, 1, n_images).round(),
        "border": np.where(random.random_sample(n_images) < 0.05, 8.0, 0.0),
        # The last, so that the draws before it stay what they were.
        "bytes_per_pixel": random.lognormal(-1, 0.5, n_images).round(4),
    }


if __name__ == "__main__":
    main()
