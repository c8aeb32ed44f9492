"""scikit-learn's own checks.

For an estimator that takes no matrix of numbers, `check_estimator` runs one check and
passes. So the checks that need no data run on the estimators as they are, and the whole
list on subclasses that replace nothing but the reader: each row of numbers becomes an
image file.
"""

import inspect
import re
import warnings
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from conftest import Patch
from numpy.typing import NDArray
from PIL import Image
from scipy.special import expit
from sklearn.base import BaseEstimator
from sklearn.utils import Tags, estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import check_is_fitted, validate_data

from skfakereal import Augmentation, VGG16FeatureExtractor, VGG16ImageClassifier

NEED_NO_DATA = (
    *("estimator_cloneable", "estimator_tags_renamed", "valid_tag_types", "estimator_repr"),
    *("no_attributes_set_in_init", "do_not_raise_errors_in_init_or_set_params"),
    *("mixin_order", "parameters_default_constructible", "get_params_invariance"),
    "set_params",
)


@pytest.mark.parametrize("check", NEED_NO_DATA)
@pytest.mark.parametrize(
    "estimator",
    [
        VGG16ImageClassifier(),
        VGG16ImageClassifier(augmentation=Augmentation(), weights=None),
        VGG16FeatureExtractor(),
        Augmentation(),
    ],
    ids=["classifier", "nested", "features", "augmentation"],
)
def test_checks_that_need_no_data(estimator: BaseEstimator, check: str) -> None:
    getattr(estimator_checks, f"check_{check}")(type(estimator).__name__, estimator)


@pytest.mark.parametrize(
    "estimator", [VGG16ImageClassifier, VGG16FeatureExtractor, Augmentation]
)
def test_every_parameter_is_documented_with_its_default(estimator: type) -> None:
    doc = inspect.getdoc(estimator) or ""
    section = doc.partition("Parameters\n")[2].split("\n\n")[0]
    documented = dict(re.findall(r"^(\w+) : .*default=(.*)$", section, re.MULTILINE))
    signature = inspect.signature(estimator).parameters
    assert list(documented) == list(signature)
    for name, parameter in signature.items():
        assert documented[name].replace('"', "'") == repr(parameter.default)


# From here on: the whole list.

TRUNK = "narrow.safetensors"


def write_rows(rows: NDArray[np.float64]) -> list[str]:
    """Write each row as an image: a band for each number, above a band for its opposite."""
    paths = []
    for row in rows:
        levels = np.rint(255 * expit(np.stack([row, -row]))).astype(np.uint8)
        path = Path(f"{blake2b(row.tobytes(), digest_size=12).hexdigest()}.png")
        if not path.exists():
            Image.fromarray(levels).save(path)
        paths.append(str(path))
    return paths


class _OnRows(BaseEstimator):
    """Take rows of numbers where the estimator below takes paths."""

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = tags.input_tags.string = False
        tags.input_tags.two_d_array = True
        return tags

    def _paths(self, X: Any, *, reset: bool = False) -> list[str]:
        if not reset:
            check_is_fitted(self)
        return write_rows(validate_data(self, X, reset=reset).astype(np.float64))

    def _answer(self, method: Callable[[Any], Any], X: Any) -> Any:
        paths = self._paths(X)
        with warnings.catch_warnings():  # lists of paths have no column names
            warnings.filterwarnings("ignore", "X does not have valid feature names")
            return method(paths)


class ClassifierOnRows(_OnRows, VGG16ImageClassifier):
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # type: ignore[override]
        super().fit(self._paths(X, reset=True), y, sample_weight)
        validate_data(self, X)  # the names of the columns, which the paths lack
        return self

    def predict(self, X: Any) -> Any:
        return self._answer(super().predict, X)

    def predict_proba(self, X: Any) -> Any:
        return self._answer(super().predict_proba, X)


class ExtractorOnRows(_OnRows, VGG16FeatureExtractor):
    def fit(self, X: Any, y: Any = None) -> Self:
        super().fit(self._paths(X, reset=True))
        validate_data(self, X)
        return self

    def transform(self, X: Any) -> Any:
        return self._answer(super().transform, X)


QUICK: dict[str, Any] = {"image_size": (32, 32), "weights": TRUNK, "n_jobs": 1}
HEAD: dict[str, Any] = {"hidden_units": (16,), "learning_rate": 0.05, "epochs": 16}
ON_ROWS = [
    ClassifierOnRows(**QUICK, **HEAD, augmentation=None, early_stopping=False, cache=None),
    ExtractorOnRows(**QUICK, cache=None),
]


def expected_failures(estimator: BaseEstimator) -> dict[str, str]:
    """Return the checks that cannot pass, each with the reason."""
    if isinstance(estimator, VGG16FeatureExtractor):
        return {}
    return {
        "check_sample_weight_equivalence_on_dense_data": (
            "a weight of 2 doubles an image's part of one batch's gradient, while an image "
            "that stands there twice takes part in two; weight 0 is removal, to the bit "
            "(test_training.py)"
        )
    }


@pytest.fixture
def _beside_the_trunk(narrow_trunk: str, monkeypatch: Patch) -> None:
    """Work where `TRUNK` lies: checks are collected before it is written."""
    monkeypatch.chdir(Path(narrow_trunk).parent)


@pytest.mark.slow
@pytest.mark.usefixtures("_beside_the_trunk")
@parametrize_with_checks(ON_ROWS, expected_failed_checks=expected_failures)
def test_the_whole_list_on_rows(
    estimator: BaseEstimator, check: Callable[[Any], None]
) -> None:
    check(estimator)
