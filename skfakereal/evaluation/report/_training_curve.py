"""The picture of how a fit went."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skfakereal._classifying.unwrap import inner_steps
from skfakereal._old_spellings import by_keyword
from skfakereal._training.settings import is_solved

if TYPE_CHECKING:
    from matplotlib.axes import Axes


_CURVES = ("loss", "accuracy")


class TrainingCurveDisplay:
    """Loss and accuracy over the epochs of a fit.

    Make it with `from_estimator` or `from_history`. Where the validation loss rises while
    the training loss still falls, the classifier overfits.

    Parameters
    ----------
    history : dict of str to sequence of float
        One value for each epoch under ``"loss"``, and if there are any under
        ``"accuracy"``, ``"val_loss"`` and ``"val_accuracy"``.
    best_epoch : int, default=None
        The epoch whose weights were kept, from 0.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        The figure.
    axes_ : ndarray of matplotlib.axes.Axes
        One for the loss, one for the accuracy if the history has it.
    ax_ : matplotlib.axes.Axes
        The one for the loss.

    Raises
    ------
    ValueError
        If the history has no loss, no epoch, curves of unequal length, or no such
        `best_epoch`.

    Examples
    --------
    >>> from skfakereal.evaluation import TrainingCurveDisplay
    >>> display = TrainingCurveDisplay.from_history(
    ...     {"loss": [0.7, 0.5, 0.4], "val_loss": [0.7, 0.6, 0.65]}, best_epoch=1
    ... )
    >>> display.ax_.get_xlabel()
    'epoch'
    """

    def __init__(
        self, history: Mapping[str, Sequence[float]], *, best_epoch: int | None = None
    ) -> None:
        lengths = {key: len(values) for key, values in history.items()}
        if not lengths.get("loss"):
            raise ValueError(f'history must hold "loss" for each epoch, got {lengths}.')
        if len(set(lengths.values())) > 1:
            raise ValueError(f"history must be equally long throughout, got {lengths}.")
        if best_epoch is not None and not 0 <= best_epoch < lengths["loss"]:
            raise ValueError(
                f"best_epoch counts from 0 to {lengths['loss'] - 1} here, got {best_epoch}."
            )
        self.history = history
        self.best_epoch = best_epoch
        self._step = "epoch"

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, ax: "Axes | Sequence[Axes] | None" = None
    ) -> Self:
        """Draw how the fit of a classifier went.

        Parameters
        ----------
        estimator : estimator
            A fitted `VGG16ImageClassifier`, or any estimator with ``history_``; alone, at
            the end of a `Pipeline`, or in a search, a threshold classifier or
            `FrozenEstimator`.
        ax : matplotlib.axes.Axes or sequence of them, default=None
            As in `plot`.

        Returns
        -------
        TrainingCurveDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If there is no history: the estimator has none, or holds several fits.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        """
        check_is_fitted(estimator)
        trained = _find_trained(estimator)
        display = cls(trained.history_, best_epoch=getattr(trained, "best_epoch_", None))
        if hasattr(trained, "weight_decay_") and is_solved(trained):
            display._step = "weight decay"  # an entry for each, the strongest first
        return display.plot(ax=ax)

    @classmethod
    def from_history(
        cls,
        history: Mapping[str, Sequence[float]],
        *,
        best_epoch: int | None = None,
        ax: "Axes | Sequence[Axes] | None" = None,
    ) -> Self:
        """Draw a history that is at hand.

        Parameters
        ----------
        history : dict of str to sequence of float
            One value for each epoch under ``"loss"``, and if there are any under
            ``"accuracy"``, ``"val_loss"`` and ``"val_accuracy"``.
        best_epoch : int, default=None
            The epoch whose weights were kept, from 0.
        ax : matplotlib.axes.Axes or sequence of them, default=None
            As in `plot`.

        Returns
        -------
        TrainingCurveDisplay
            The display, drawn.
        """
        return cls(history, best_epoch=best_epoch).plot(ax=ax)

    @by_keyword("ax")
    def plot(self, *, ax: "Axes | Sequence[Axes] | None" = None) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or sequence of them, default=None
            One for each curve, the loss first; a single one gets the loss only. None makes
            a new figure.

        Returns
        -------
        TrainingCurveDisplay
            The display itself.
        """
        import matplotlib.pyplot as plt

        curves = [curve for curve in _CURVES if curve in self.history]
        if ax is None:
            size = (4.8 * len(curves), 3.8)
            _, ax = plt.subplots(1, len(curves), figsize=size, layout="constrained")
        self.axes_ = np.ravel(np.asarray(ax, dtype=object))
        self.ax_: Axes = self.axes_[0]
        self.figure_ = self.ax_.figure
        for panel, curve in zip(self.axes_, curves, strict=False):
            self._draw(panel, curve)
        return self

    def _draw(self, ax: "Axes", curve: str) -> None:
        from matplotlib.ticker import MaxNLocator

        epochs = np.arange(1, len(self.history["loss"]) + 1)
        for key, name in ((curve, "training"), (f"val_{curve}", "validation")):
            if key in self.history:
                # A single epoch is a point; a line would not show.
                marker = "o" if len(epochs) == 1 else None
                ax.plot(epochs, self.history[key], label=name, marker=marker)
        if self.best_epoch is not None:
            kept = self.best_epoch + 1
            ax.axvline(
                kept,
                color="0.45",
                linestyle="--",
                linewidth=1,
                label=f"kept: {self._step} {kept}",
            )
        order = "" if self._step == "epoch" else ", from the strongest to the weakest"
        ax.set(xlabel=self._step + order, ylabel=curve)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        ax.legend(frameon=False)
        ax.spines[["top", "right"]].set_visible(False)


def _find_trained(estimator: Any) -> Any:
    """Return the estimator with the history, which others may be wrapped around."""
    trained = estimator if hasattr(estimator, "history_") else inner_steps(estimator)[-1]
    if not hasattr(trained, "history_"):
        raise TypeError(
            f"{type(estimator).__name__} has no training curve: it must be, or be "
            "wrapped around, one fitted estimator with history_."
        )
    return trained
