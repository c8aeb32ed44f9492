"""Training data -> a training and a validation part: stratified, shuffled, group-wise."""

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array, check_consistent_length, column_or_1d

from skfakereal._paths import ImagePaths, check_paths
from skfakereal._validation import check_labels, check_weights, refuse_missing

Indices = NDArray[np.intp]
_N_FOLDS = 5


@dataclass(frozen=True)
class LabelledPaths:
    """Image paths with their labels, weights and groups, and where they stood in X."""

    paths: list[str]
    labels: NDArray[Any]
    weights: NDArray[np.float64]  # above zero
    groups: NDArray[Any] | None
    positions: Indices
    n_given: int  # in X, those of weight zero included
    array: str = "X"  # or "X_val", for messages

    @classmethod
    def check(
        cls,
        X: ImagePaths,
        y: ArrayLike | None,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        *,
        suffix: str = "",
    ) -> "LabelledPaths":
        """Check what a user passed as ``X{suffix}``, ``y{suffix}`` and so on.

        An image of weight zero is left out, so that it counts nowhere: in no class's
        weight, no validation part and no batch.
        """
        paths = check_paths(X, name=f"X{suffix}")
        labels = check_labels(y, len(paths), name=f"y{suffix}")
        weights = check_weights(sample_weight, len(paths), name=f"sample_weight{suffix}")
        grouped: NDArray[Any] | None = None
        if groups is not None:
            refuse_missing(groups, "groups")
            grouped = check_array(groups, ensure_2d=False, dtype=None, input_name="groups")
            grouped = column_or_1d(grouped)
            if len({isinstance(group, str) for group in grouped.tolist()}) > 1:
                grouped = np.array(list(map(str, grouped)))  # which NumPy could not sort
            check_consistent_length(paths, grouped)
        everything = np.arange(len(paths))
        images = cls(
            paths, labels, weights, grouped, everything, len(paths), array=f"X{suffix}"
        )
        return images if weights.all() else images.take(np.flatnonzero(weights))

    def take(self, rows: Indices) -> "LabelledPaths":
        """Return some of them."""
        return LabelledPaths(
            paths=[self.paths[row] for row in rows],
            labels=self.labels[rows],
            weights=self.weights[rows],
            groups=None if self.groups is None else self.groups[rows],
            positions=self.positions[rows],
            n_given=self.n_given,
            array=self.array,
        )


def given_part(
    X_val: ImagePaths | None,
    y_val: ArrayLike | None,
    sample_weight_val: ArrayLike | None,
    classes: NDArray[Any],
) -> LabelledPaths | None:
    """Return the images that were given to validate on."""
    if X_val is None:
        if y_val is not None or sample_weight_val is not None:
            raise ValueError("y_val and sample_weight_val need X_val, their image paths.")
        return None
    held = LabelledPaths.check(X_val, y_val, sample_weight_val, suffix="_val")
    unknown = np.flatnonzero(~np.isin(held.labels, classes))
    if len(unknown):
        raise ValueError(
            f"Every class in y_val must occur in y, but y_val[{unknown[0]}] is "
            f"{held.labels.tolist()[unknown[0]]!r} and y has {classes.tolist()}."
        )
    return held


def draw_seeds(random_state: int | np.random.RandomState | None) -> tuple[int, int]:
    """Return the seeds of a fit: of its folds or validation part, and of its tail."""
    if not isinstance(random_state, np.random.RandomState):
        # None: a new generator; NumPy's global one is left alone.
        random_state = np.random.RandomState(random_state)
    split_seed, tail_seed = random_state.randint(2**31 - 2, size=2)
    return int(split_seed), int(tail_seed)


def hold_out(
    images: LabelledPaths, *, fraction: float, random_state: int
) -> tuple[LabelledPaths, LabelledPaths]:
    """Draw the validation part."""
    rows = draw_held(
        images.labels, images.groups, fraction=fraction, random_state=random_state
    )
    return images.take(rows[0]), images.take(rows[1])


def draw_held(
    y: NDArray[Any], groups: NDArray[Any] | None, *, fraction: float, random_state: int
) -> tuple[Indices, Indices]:
    """Draw images to train on and to hold out; those of one group come into the same part.

    Each part has at least one image of every class.
    """
    if groups is None:
        return _hold_out_images(y, fraction, random_state)
    return _hold_out_groups(y, groups, fraction, random_state)


def draw_folds(
    y: NDArray[Any], groups: NDArray[Any] | None, *, random_state: int
) -> list[tuple[Indices, Indices]]:
    """Divide the training data into folds, each held out once; groups stay together.

    There are fewer than five where a class has fewer images, or lies in fewer groups.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    classes, counts = np.unique(y, return_counts=True)
    if groups is None:
        _refuse_single_images(classes, counts)
        n_folds = min(_N_FOLDS, counts.min())
        folds = StratifiedKFold(n_folds, shuffle=True, random_state=random_state)
        return list(folds.split(y, y))
    n_folds = min(_N_FOLDS, _fewest_groups(y, groups, classes), counts.min())
    while n_folds >= 2:
        by_group = StratifiedGroupKFold(n_folds, shuffle=True, random_state=random_state)
        drawn = list(by_group.split(y, y, groups))
        if all(
            len(held) and len(np.unique(y[train])) == len(classes) for train, held in drawn
        ):
            return drawn
        n_folds -= 1
    raise ValueError(_NO_SPLIT)


def _hold_out_images(
    y: NDArray[Any], fraction: float, random_state: int
) -> tuple[Indices, Indices]:
    # Not above: predicting has no use for it, and its import takes 40 ms.
    from sklearn.model_selection import StratifiedShuffleSplit

    classes, counts = np.unique(y, return_counts=True)
    _refuse_single_images(classes, counts)
    # A validation part without one of the classes could not tell the best epoch.
    n_held = max(math.ceil(fraction * len(y)), len(classes))
    n_held = min(n_held, len(y) - len(classes))
    splitter = StratifiedShuffleSplit(1, test_size=n_held, random_state=random_state)
    train, held = next(splitter.split(y, y))
    return _with_every_class(y, train, held)


def _refuse_single_images(classes: NDArray[Any], counts: Indices) -> None:
    if counts.min() < 2:
        raise ValueError(
            f"The class {classes.tolist()[counts.argmin()]!r} has a single image; at least 2 are "
            f"needed to hold one out for validation. {_WAYS_OUT}"
        )


_WAYS_OUT = "Pass more images, X_val and y_val, or early_stopping=False."
_NO_SPLIT = (
    "No group-wise split was found that leaves every class in both parts. Pass finer "
    "groups, X_val and y_val, or early_stopping=False."
)


def _with_every_class(
    y: NDArray[Any], train: Indices, held: Indices
) -> tuple[Indices, Indices]:
    """Move one image of each class that a rare one's rounding left out of a part."""
    for part, other in ((0, 1), (1, 0)):
        parts = [train, held]
        for label in np.setdiff1d(y, y[parts[part]]):
            moved = parts[other][y[parts[other]] == label][:1]
            parts[part] = np.append(parts[part], moved)
            parts[other] = np.setdiff1d(parts[other], moved)
        train, held = parts
    return train, held


def _hold_out_groups(
    y: NDArray[Any], groups: NDArray[Any], fraction: float, random_state: int
) -> tuple[Indices, Indices]:
    """Take the fold whose size is nearest to the fraction among those that will do."""
    from sklearn.model_selection import StratifiedGroupKFold

    classes, counts = np.unique(y, return_counts=True)
    _fewest_groups(y, groups, classes)
    # More folds than the largest class has images are an error of the splitter's.
    n_folds = max(2, min(round(1 / fraction), len(np.unique(groups)), counts.max()))
    wanted = fraction * len(y)
    best: tuple[Indices, Indices] | None = None
    while best is None and n_folds >= 2:
        folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=random_state)
        with warnings.catch_warnings():  # of a class with fewer images than folds
            warnings.simplefilter("ignore", UserWarning)
            splits = list(folds.split(y, y, groups))
        for train, held in splits:
            complete = all(
                len(np.unique(y[part])) == len(classes) for part in (train, held)
            )
            if complete and (
                best is None or abs(len(held) - wanted) < abs(len(best[1]) - wanted)
            ):
                best = train, held
        n_folds //= 2
    if best is None:
        raise ValueError(_NO_SPLIT)
    return best


def _fewest_groups(y: NDArray[Any], groups: NDArray[Any], classes: NDArray[Any]) -> int:
    """Return in how many groups the class lies that lies in the fewest; one is refused."""
    n_groups = [len(np.unique(groups[y == label])) for label in classes]
    if min(n_groups) < 2:
        rarest = classes.tolist()[n_groups.index(min(n_groups))]
        raise ValueError(
            f"The class {rarest!r} lies in a single group, so that no group-wise "
            f"validation part can hold it. Pass finer groups, X_val and y_val, or "
            "early_stopping=False."
        )
    return min(n_groups)
