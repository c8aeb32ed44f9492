"""The picture of the worst errors."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from skfakereal._classifying.predictions import (
    Predictions,
    check_predictions,
    predict_checked,
)
from skfakereal._images.read import ImageReadError, decode_image, read_bytes
from skfakereal._paths import ImagePaths
from skfakereal._shown import drawable, legible
from skfakereal._wording import counted, shortened
from skfakereal.evaluation.figures._results import ImageError, worst_errors
from skfakereal.evaluation.report._report import EvaluationReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes


_TILE = 2.4  # inches
_LARGEST_SIDE = 480  # pixels: more than a tile shows
_SMALL_SIDE = 96  # pixels below which smoothing would hide what the classifier saw


class MisclassifiedDisplay:
    """The worst errors of a classifier, as images.

    The worst is the image whose true class got the lowest probability. Make it with
    `from_estimator`, `from_report` or `from_predictions`.

    Parameters
    ----------
    errors : sequence of ImageError
        The errors to show, worst first. Each has ``path``, ``label`` and ``predicted``
        (names of classes), and ``probability`` (of the predicted class).
    n_errors : int
        How many images were misclassified in all.
    n_classified : int
        How many images were classified in all.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        The figure.
    axes_ : ndarray of matplotlib.axes.Axes
        One for each image shown; one with a sentence where nothing was misclassified.
    ax_ : matplotlib.axes.Axes
        The first of them.

    See Also
    --------
    EvaluationReport : How many errors of which kind there are.

    Examples
    --------
    >>> from skfakereal.evaluation import MisclassifiedDisplay
    >>> display = MisclassifiedDisplay.from_predictions(
    ...     ["a.jpg", "b.jpg", "c.jpg"],
    ...     y_true=["real", "fake", "real"],
    ...     y_proba=[[0.6, 0.4], [0.2, 0.8], [0.9, 0.1]],
    ...     classes=["fake", "real"],
    ... )
    >>> [(error.path, error.predicted, error.probability) for error in display.errors]
    [('c.jpg', 'fake', 0.9), ('b.jpg', 'real', 0.8), ('a.jpg', 'fake', 0.6)]
    """

    def __init__(
        self, errors: Sequence[ImageError], *, n_errors: int, n_classified: int
    ) -> None:
        self.errors = list(errors)
        self.n_errors = n_errors
        self.n_classified = n_classified

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ImagePaths,
        y: ArrayLike,
        *,
        target_names: Sequence[str] | None = None,
        n_images: int = 12,
    ) -> Self:
        """Classify images and draw the worst errors.

        Parameters
        ----------
        estimator : estimator
            A fitted classifier, as `evaluate` takes it.
        X : array-like of shape (n_images,) or (n_images, 1)
            Paths of the images.
        y : array-like of shape (n_images,)
            Their labels.
        target_names : sequence of str, default=None
            What to call the classes, in the order of ``classes_``.
        n_images : int, default=12
            How many errors to show at most.

        Returns
        -------
        MisclassifiedDisplay
            The display, drawn.
        """
        predictions = predict_checked(
            estimator, X, y, target_names=target_names, need_positive=False
        )
        return cls._from_checked(predictions, n_images)

    @classmethod
    def from_report(cls, report: EvaluationReport, *, n_images: int = 12) -> Self:
        """Draw the worst errors of a report, without classifying any image again.

        Parameters
        ----------
        report : EvaluationReport
            The report.
        n_images : int, default=12
            How many errors to show at most.

        Returns
        -------
        MisclassifiedDisplay
            The display, drawn.
        """
        return cls._from_checked(report._predictions, n_images)

    @classmethod
    def from_predictions(
        cls,
        paths: ImagePaths,
        y_true: ArrayLike,
        y_proba: ArrayLike,
        *,
        classes: ArrayLike,
        y_pred: ArrayLike | None = None,
        target_names: Sequence[str] | None = None,
        n_images: int = 12,
    ) -> Self:
        """Draw the worst errors of predictions that are at hand.

        Parameters
        ----------
        paths : array-like of shape (n_images,)
            The images.
        y_true : array-like of shape (n_images,)
            Their labels.
        y_proba : array-like of shape (n_images, n_classes)
            Their probabilities, from 0 to 1.
        classes : array-like of shape (n_classes,)
            The labels that the columns of `y_proba` stand for.
        y_pred : array-like of shape (n_images,), default=None
            Predicted labels. None takes the most probable class.
        target_names : sequence of str, default=None
            What to call the classes, in the order of `classes`.
        n_images : int, default=12
            How many errors to show at most.

        Returns
        -------
        MisclassifiedDisplay
            The display, drawn.
        """
        predictions = check_predictions(
            paths,
            y_true,
            y_proba,
            classes=classes,
            y_pred=y_pred,
            target_names=target_names,
            need_positive=False,
        )
        return cls._from_checked(predictions, n_images)

    @classmethod
    def _from_checked(cls, predictions: Predictions, n_images: int) -> Self:
        if n_images < 1:
            raise ValueError(f"n_images must be 1 or more, got {n_images}.")
        errors = worst_errors(predictions)
        n_classified = len(predictions.paths)
        display = cls(errors[:n_images], n_errors=len(errors), n_classified=n_classified)
        return display.plot()

    def plot(self, *, n_columns: int = 4) -> Self:
        """Draw the images on a new figure.

        A file that can no longer be read leaves an empty tile that says so.

        Parameters
        ----------
        n_columns : int, default=4
            Images in a row.

        Returns
        -------
        MisclassifiedDisplay
            The display itself.
        """
        import matplotlib.pyplot as plt

        n_columns = max(1, min(n_columns, len(self.errors)))
        n_rows = max(1, -(-len(self.errors) // n_columns))
        # Wide enough for the title, also over a single image.
        size = (max(n_columns * _TILE, 4.2), n_rows * (_TILE + 0.45) + 0.4)
        figure, grid = plt.subplots(
            n_rows, n_columns, figsize=size, squeeze=False, layout="constrained"
        )
        for ax in grid.flat:
            ax.set_axis_off()
        for ax, error in zip(grid.flat, self.errors, strict=False):
            _draw_tile(ax, error)
        images = counted(self.n_classified, "image")
        if self.errors:
            shown = len(self.errors)
            few = "" if shown == self.n_errors else f"The worst {shown:,} of "
            figure.suptitle(f"{few}{counted(self.n_errors, 'error')} on {images}")
        else:
            text = f"No error on {images}."
            grid[0, 0].text(0.5, 0.5, text, ha="center", va="center", fontsize="large")
        self.figure_ = legible(figure)
        self.axes_ = grid.ravel()[: max(1, len(self.errors))]
        self.ax_: Axes = self.axes_[0]
        return self


def _draw_tile(ax: "Axes", error: ImageError) -> None:
    ax.set_title(
        drawable(f"{error.label}, predicted {error.predicted}: {error.probability:.2f}"),
        fontsize="small",
    )
    ax.text(
        0.5,
        -0.03,
        drawable(shortened(error.path)),
        ha="center",
        va="top",
        fontsize="x-small",
        color="0.35",
        transform=ax.transAxes,
    )
    try:
        image = decode_image(read_bytes(error.path), error.path)
    except ImageReadError as failure:
        ax.imshow(np.full((1, 1, 3), 240, dtype=np.uint8))
        text = f"cannot be read:\n{drawable(failure.reason)}"
        ax.text(0.5, 0.5, text, ha="center", va="center", transform=ax.transAxes)
        return
    small = max(image.size) <= _SMALL_SIDE
    image.thumbnail((_LARGEST_SIDE, _LARGEST_SIDE))
    ax.imshow(np.asarray(image), interpolation="nearest" if small else "antialiased")
