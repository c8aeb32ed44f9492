"""What decides how the tail is trained, from an estimator's parameters."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# All that decides what is learned: it must not follow the defaults when they change.
RECIPE: dict[str, Any] = {
    "image_size": (224, 224),
    "resize": "stretch",
    "n_crops": 1,
    "preprocessing": "unit",
    "pooling": "avg",
    "standardize": False,
    "hidden_units": (256, 128),
    "dropout": 0.0,
    "weight_decay": 0.0,
    "trainable_from": None,
    "optimizer": "adam",
    "learning_rate": 1e-3,
    "batch_size": 32,
    "epochs": 50,
    "class_weight": "balanced",
    "augmentation": "default",
    "n_views": 8,
    "early_stopping": True,
    "validation_fraction": 0.1,
    "patience": 5,
}
# Fewer images tell neither the best epoch nor the best weight decay.
_ENOUGH_TO_STOP = 50
_ENOUGH_TO_CHOOSE = 1000
# Of Dense layers that Keras trains, where it is left to us.
_WEIGHT_DECAY = 0.1


@dataclass(frozen=True)
class TailSettings:
    """How the tail is built and trained."""

    hidden_units: tuple[int, ...]
    dropout: float
    optimizer: str
    learning_rate: float
    batch_size: int
    epochs: int
    n_views: int  # 0: no augmentation
    patience: int | None  # None: no early stopping
    class_weight: str | Mapping[Any, float] | None
    seed: int
    verbose: int = 0
    weight_decay: float | None = 0.0  # None: chosen by validation
    standardize: bool = False
    clips: bool = False  # limits the standardised features

    def view(self, epoch: int) -> int:
        """Return the view on which an epoch (from 0) trains."""
        return 1 + epoch % self.n_views if self.n_views else 0

    def certain_views(self, epoch: int, wait: int) -> list[int]:
        """Return the views of an epoch and of those that follow it in any case.

        Early stopping ends training after `patience` epochs without improvement, of which
        there have been `wait`; -1 before the first epoch, which always improves.
        """
        end = self.epochs
        if self.patience is not None:
            end = min(end, epoch + max(1, self.patience - wait))
        return list(dict.fromkeys(map(self.view, range(epoch, end))))

    @property
    def views(self) -> list[int]:
        """All views on which it trains."""
        return [self.view(epoch) for epoch in range(max(1, self.n_views))]


def is_solved(estimator: Any) -> bool:
    """Tell whether the head is solved for, and not trained by Keras."""
    linear = len(estimator.hidden_units) == 0 and estimator.trainable_from is None
    if estimator.optimizer == "lbfgs" and not linear:
        raise ValueError(
            'optimizer="lbfgs" solves for the linear head, hidden_units=(), on a frozen '
            "trunk, trainable_from=None, but hidden_units is "
            f"{estimator.hidden_units!r} and trainable_from is "
            f'{estimator.trainable_from!r}. Use optimizer="auto".'
        )
    return linear and estimator.optimizer in ("auto", "lbfgs")


def held_fraction(estimator: Any, n_images: int, *, solved: bool) -> float | None:
    """Return the share of the validation part; None: cross-validate instead."""
    if not estimator.early_stopping:
        return None
    if estimator.validation_fraction != "auto":
        return float(estimator.validation_fraction)
    enough = _ENOUGH_TO_CHOOSE if solved else _ENOUGH_TO_STOP
    if 0.1 * n_images >= enough:
        return 0.1
    # Each fold would train the convolutions anew.
    trained = estimator.trainable_from is not None
    return max(0.1, min(0.2, enough / n_images)) if trained else None


def tail_settings(
    estimator: Any, seed: int, *, augmented: bool, solved: bool
) -> TailSettings:
    """Return the settings of the tail from an estimator's parameters."""
    n_views = estimator.n_views if solved else min(estimator.n_views, estimator.epochs)
    decay = estimator.weight_decay
    if decay == "auto":
        decay = _WEIGHT_DECAY if estimator.trainable_from is None else 0.0
        decay = None if solved else decay
    return TailSettings(
        # Keras takes no numbers of NumPy's for some of these.
        hidden_units=tuple(map(int, estimator.hidden_units)),
        dropout=float(estimator.dropout),
        optimizer="adam" if estimator.optimizer == "auto" else estimator.optimizer,
        learning_rate=float(estimator.learning_rate),
        batch_size=int(estimator.batch_size),
        epochs=int(estimator.epochs),
        n_views=int(n_views) if augmented else 0,
        patience=int(estimator.patience) if estimator.early_stopping else None,
        class_weight=estimator.class_weight,
        seed=seed,
        verbose=estimator.verbose,
        weight_decay=None if decay is None else float(decay),
        standardize=bool(estimator.standardize) and estimator.trainable_from is None,
        clips=estimator.pooling == "correlations",
    )
