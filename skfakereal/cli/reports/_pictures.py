"""The PNG files of a run."""

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skfakereal._augmentation import Augmentation
from skfakereal._images import decode_image, read_bytes
from skfakereal._trunk_settings import height_and_width
from skfakereal._views import render_view
from skfakereal.evaluation import (
    EvaluationReport,
    MisclassifiedDisplay,
    TrainingCurveDisplay,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_training", "draw_views", "write_pictures"]

_DPI = 144
_N_LOOKED_AT = 20
# A photograph of 118 million pixels would take gigabytes.
_LOOKED_AT_SIDE = 1024
_N_VIEWS = 7  # beside the plain image, which makes two rows of four


def write_pictures(
    folder: Path, report: EvaluationReport, others: "dict[str, Figure]"
) -> None:
    """Write a PNG for each plot.

    Parameters
    ----------
    folder : Path
        Where to.
    report : EvaluationReport
        What is plotted: confusion matrix, curves, and the worst errors.
    others : dict of str to matplotlib.figure.Figure
        More figures by name.
    """
    import matplotlib.pyplot as plt

    # One after the other: each is closed before the next is drawn.
    for kind in report.plots:
        _save(report.plot(kind), folder / f"{kind}.png")
    _save(MisclassifiedDisplay.from_report(report).figure_, folder / "worst_errors.png")
    for name, figure in others.items():
        _save(figure, folder / f"{name}.png")
    plt.close("all")


def _save(figure: "Figure", place: Path) -> None:
    import matplotlib.pyplot as plt

    figure.savefig(place, dpi=_DPI, metadata={"Software": None})
    plt.close(figure)


def draw_training(estimator: Any) -> "Figure":
    """Draw how the fit went.

    Parameters
    ----------
    estimator : VGG16ImageClassifier
        The fitted classifier.

    Returns
    -------
    matplotlib.figure.Figure
        Loss and accuracy over the epochs.
    """
    figure: Figure = TrainingCurveDisplay.from_estimator(estimator).figure_
    return figure


def draw_views(estimator: Any, paths: Sequence[str]) -> "Figure | None":
    """Draw the first views of one of the images that training saw.

    Parameters
    ----------
    estimator : VGG16ImageClassifier
        The classifier, whose size and augmentation are taken.
    paths : sequence of str
        The images; of a few of them, the one with most to see is taken.

    Returns
    -------
    matplotlib.figure.Figure or None
        The plain image and its views; None if there was no augmentation.

    Raises
    ------
    ImageReadError
        If one of them cannot be read.
    """
    import matplotlib.pyplot as plt

    augmentation = estimator.augmentation
    if augmentation is None:
        return None
    some = paths[:: max(1, len(paths) // _N_LOOKED_AT)]
    path = max(some, key=_amount_to_see)
    data = read_bytes(path)
    image = decode_image(data, path)
    n_views = min(_N_VIEWS, estimator.n_views)
    figure, axes = plt.subplots(2, 4, figsize=(8.4, 4.7), layout="constrained")
    for ax in axes.flat[n_views + 1 :]:
        ax.set_axis_off()
    for view, ax in zip(range(n_views + 1), axes.flat, strict=False):
        pixels = render_view(
            image,
            image_size=height_and_width(estimator.image_size),
            resize=estimator.resize,
            augmentation=Augmentation() if augmentation == "default" else augmentation,
            digest=blake2b(data, digest_size=16).digest(),
            view=view,
        )
        ax.imshow(pixels, interpolation="nearest" if max(pixels.shape) <= 96 else None)
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_color("0.85")  # a white image must not end in the page
        ax.set_title(f"view {view}" if view else "the image itself", fontsize="medium")
    return figure


def _amount_to_see(path: str) -> float:
    """Return how much the pixels of an image differ from their neighbours."""
    image = decode_image(read_bytes(path), path)
    image.thumbnail((_LOOKED_AT_SIDE, _LOOKED_AT_SIDE))
    pixels = np.asarray(image).astype(float)
    change = sum(np.abs(np.diff(pixels, axis=axis)).sum() for axis in (0, 1))
    return float(change) / pixels.size
