"""Labels, weights, columns and seeds as users pass them -> arrays and numbers."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from skfakereal._parameters import check_parameters
from skfakereal._paths import check_paths, is_missing, shown, unmasked

# What every random_state takes.
RandomState: TypeAlias = int | np.random.RandomState | None


def check_labels(y: ArrayLike | None, n_images: int, *, name: str = "y") -> NDArray[Any]:
    """Return the labels as an array of shape (n_images,); `name` is what errors call it."""
    if y is None:
        raise ValueError(
            f"This estimator requires y to be passed, but the target {name} is None."
        )
    if hasattr(y, "toarray"):
        raise TypeError(
            f"Labels must be dense, but {name} is sparse. Pass {name}.toarray().ravel()."
        )
    y = unmasked(y)
    elements = np.asarray(y, dtype=object).ravel().tolist()
    # Before NumPy sees them: beside a string it would make strings of None and NaN.
    _refuse_bad_labels(elements, name)
    labels = np.asarray(column_or_1d(y, warn=True))
    if len(labels) != n_images:
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: {n_images} image "
            f"paths, but {len(labels)} labels in {name}."
        )
    if labels.dtype == object and not isinstance(elements[0], str):
        # scikit-learn's classifiers and metrics refuse them too: fit must not take labels
        # that a score then refuses.
        raise ValueError(
            f"Unknown label type: {name} holds {shown(elements[0])} in an array of objects. "
            f"Pass numpy.asarray({name}, dtype={_number_type(elements)})."
        )
    check_classification_targets(labels)
    return labels


def _number_type(labels: list[Any]) -> str:
    kind = np.asarray(labels).dtype.kind
    return {"b": "bool", "i": "int", "u": "int", "f": "float"}.get(kind, "str")


def _refuse_bad_labels(labels: list[Any], name: str) -> None:
    for i, label in enumerate(labels):
        if is_missing(label):
            raise ValueError(
                f"Every image needs a label, but {name}[{i}] is {label!r}. Leave out the "
                "rows whose label is missing."
            )
        if isinstance(label, bytes) or label in (np.inf, -np.inf):
            raise ValueError(
                f"Labels must be strings or integers, but {name}[{i}] is {shown(label)}."
            )
        if isinstance(label, str) != isinstance(labels[0], str):
            raise ValueError(
                f"Labels must be all strings or all numbers, but {name}[0] is "
                f"{labels[0]!r} and {name}[{i}] is {label!r}."
            )


_WEIGHTS = 1e-30, 1e30


def check_weights(
    sample_weight: ArrayLike | None, n_images: int, *, name: str = "sample_weight"
) -> NDArray[np.float64]:
    """Return the weights of the images, never the caller's array; ones where none are given."""
    if sample_weight is None:
        return np.ones(n_images)
    try:
        weights = np.array(unmasked(sample_weight), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"Weights must be numbers, but {name} has {error}.") from error
    if weights.ndim == 0:
        weights = np.full(n_images, weights)
    if weights.ndim != 1:
        raise ValueError(
            f"Sample weights must be 1D array or scalar, but {name} has shape "
            f"{weights.shape}."
        )
    if len(weights) != n_images:
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: {n_images} image "
            f"paths, but {len(weights)} weights in {name}."
        )
    bad = ~(np.isfinite(weights) & (weights >= 0))
    if bad.any():
        first = int(np.argmax(bad))
        raise ValueError(
            f"Weights must be finite and not negative, but {name}[{first}] is "
            f"{weights[first]}."
        )
    if not weights.any():
        raise ValueError(f"All weights in {name} are zero: nothing is left to learn from.")
    # Products with float32 would end at infinity or zero, and what is learned with them.
    low, high = _WEIGHTS
    if not low <= weights.max() <= high:
        raise ValueError(
            f"The largest weight must lie between {low:g} and {high:g}, but that of {name} is "
            f"{weights.max()}. Multiply all weights by one number."
        )
    return weights


def check_class_weight(class_weight: Any, classes: NDArray[Any]) -> None:
    """Refuse a dict of weights whose keys are not the classes.

    As in scikit-learn, one that names all classes may name others too: those that a part
    of the data, such as a fold, lacks.
    """
    if not isinstance(class_weight, Mapping):
        return
    names = classes.tolist()
    unknown = [label for label in class_weight if label not in names]
    if unknown and not all(name in class_weight for name in names):
        raise ValueError(
            f"The keys of class_weight must be classes, got {unknown[0]!r}; y has {names}."
        )
    if not any(class_weight.get(name, 1) for name in names):
        raise ValueError(
            f"class_weight must not be 0 for all classes of y, {names}, got "
            f"{dict(class_weight)!r}."
        )


def refuse_missing(values: ArrayLike, name: str) -> None:
    """Refuse None, NaN and pandas's NA in an array."""
    for i, value in enumerate(np.asarray(unmasked(values), dtype=object).ravel().tolist()):
        if is_missing(value):
            raise ValueError(
                f"{name} must have no missing values, but {name}[{i}] is {value!r}."
            )


def check_side(column: ArrayLike, n_images: int, name: str) -> NDArray[np.str_]:
    """Return a column that stands beside the paths as text: what each image belongs to.

    Names and numbers may stand side by side, which NumPy could not sort.
    """
    values = np.asarray(unmasked(column), dtype=object)
    if values.shape not in ((n_images,), (n_images, 1)):
        raise ValueError(
            f"{name} must hold one value for each of the {n_images} images, got an array of "
            f"shape {values.shape}."
        )
    elements = values.ravel().tolist()
    for i, value in enumerate(elements):
        if is_missing(value):
            raise ValueError(
                f"Every image needs a value, but {name}[{i}] is {value!r}. Name what is "
                "unknown, for instance 'unknown'."
            )
    return np.array([str(value) for value in elements])


def random_source(random_state: RandomState) -> np.random.RandomState:
    """Return what draws; None is a new generator, since NumPy's own is the user's."""
    if random_state is None:
        return np.random.RandomState()
    source: np.random.RandomState = check_random_state(random_state)
    return source


def seed_of(random_state: RandomState) -> int:
    """Return an int as it is, else one that is drawn."""
    if random_state is None or isinstance(random_state, np.random.RandomState):
        return int(random_source(random_state).randint(2**31))
    if not isinstance(random_state, int | np.integer) or random_state < 0:
        raise ValueError(
            f"random_state must be an integer of 0 or more, a RandomState or None, got "
            f"{random_state!r}."
        )
    return int(random_state)


def record_columns(estimator: BaseEstimator, X: Any, *, reset: bool) -> None:
    """Record the name of a DataFrame's column as `feature_names_in_`, or compare it."""
    # Without ensure_2d=False it would count features, which (n,) paths do not have.
    validate_data(estimator, X, reset=reset, skip_check_array=True, ensure_2d=False)


def checked_paths(estimator: BaseEstimator, X: Any) -> list[str]:
    """Check that an estimator is fitted and its parameters are sound; return the paths in `X`."""
    check_is_fitted(estimator)
    check_parameters(estimator.get_params(deep=False))
    paths = check_paths(X)
    record_columns(estimator, X, reset=False)
    return paths
