"""One pass over the images, and the labels of the estimator itself."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from conftest import MakeImage
from numpy.typing import NDArray
from reading import read_image
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC

from skfakereal import ImageReadError, VGG16ImageClassifier
from skfakereal._classifying.ask import predict_once
from skfakereal._paths import check_paths
from skfakereal.evaluation import evaluate

Greys = tuple[list[str], NDArray[np.int64]]
READ: list[str] = []


def mean_colour(X: Iterable[Any]) -> NDArray[np.float64]:
    paths = check_paths(X)
    READ.extend(paths)
    return np.array([read_image(path).mean(axis=(0, 1)) / 255 for path in paths])


class ColourClassifier(ClassifierMixin, BaseEstimator):
    """A classifier over paths that is no pipeline, as VGG16ImageClassifier is none."""

    def __init__(self, on_error: str = "raise") -> None:
        self.on_error = on_error

    def fit(self, X: Any, y: Any) -> "ColourClassifier":
        self.head_ = LogisticRegression(C=100).fit(mean_colour(X), y)
        self.classes_ = self.head_.classes_
        return self

    def predict_proba(self, X: Any) -> Any:
        proba = np.full((len(X), len(self.classes_)), np.nan)
        for i, path in enumerate(check_paths(X)):
            try:
                proba[i] = self.head_.predict_proba(mean_colour([path]))[0]
            except ImageReadError:
                if self.on_error == "raise":
                    raise
        return proba

    def predict(self, X: Any) -> Any:
        proba = self.predict_proba(X)
        assert not np.isnan(proba).any()
        return self.classes_[proba.argmax(axis=1)]


def pipeline(final: Any = None) -> Any:
    return make_pipeline(
        FunctionTransformer(mean_colour), final or LogisticRegression(C=100)
    )


@pytest.fixture
def grey_images(make_image: MakeImage) -> Greys:
    """Return 40 images from dark to bright, and labels that are noisy in the middle."""
    paths = [make_image(f"{i}.png", 6 * i, size=(4, 4)) for i in range(40)]
    labels = (np.arange(40) >= 20).astype(int)
    labels[[17, 22]] = 1, 0
    return paths, labels


ESTIMATORS = {
    "pipeline": pipeline(),
    "pipeline of one step": make_pipeline(ColourClassifier()),
    "pipeline around a threshold": pipeline(
        FixedThresholdClassifier(LogisticRegression(C=100), threshold=0.9)
    ),
    "threshold around a pipeline": FixedThresholdClassifier(pipeline(), threshold=0.9),
    "threshold around a threshold": FixedThresholdClassifier(
        FixedThresholdClassifier(ColourClassifier(), threshold=0.2), threshold=0.9
    ),
    "tuned threshold": TunedThresholdClassifierCV(pipeline(), scoring="recall", cv=3),
    "own": ColourClassifier(),
    "calibrated": CalibratedClassifierCV(ColourClassifier(), cv=3),
    "threshold around calibrated": FixedThresholdClassifier(
        CalibratedClassifierCV(ColourClassifier(), cv=3), threshold=0.7
    ),
    "search": GridSearchCV(pipeline(), {"logisticregression__C": [1, 100]}, cv=2),
    "vote": VotingClassifier([("a", ColourClassifier()), ("b", pipeline())], voting="soft"),
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_one_pass_gives_what_two_calls_give(name: str, grey_images: Greys) -> None:
    paths, y = grey_images
    estimator = clone(ESTIMATORS[name]).fit(paths, y)
    before = dict(vars(estimator))
    READ.clear()
    y_proba = estimator.predict_proba(paths)
    reads_of_one_pass = len(READ)
    READ.clear()
    labels, proba = predict_once(estimator, paths)
    assert len(READ) == reads_of_one_pass
    assert np.array_equal(proba, y_proba)
    assert np.array_equal(labels, estimator.predict(paths))
    assert dict(vars(estimator)) == before


def test_the_threshold_counts_not_the_largest_probability(grey_images: Greys) -> None:
    paths, y = grey_images
    strict = FixedThresholdClassifier(pipeline(), threshold=0.9).fit(paths, y)
    report = evaluate(strict, paths, y)
    assert np.array_equal(report.y_pred, (report.y_proba[:, 1] >= 0.9).astype(int))
    assert (report.y_pred != report.y_proba.argmax(axis=1)).any()
    assert report["accuracy"] == strict.score(paths, y)


def test_what_is_frozen_is_asked_for_what_it_holds(grey_images: Greys) -> None:
    paths, y = grey_images
    inner = pipeline().fit(paths, y)
    labels, proba = predict_once(FrozenEstimator(inner), paths)
    assert labels.tolist() == inner.predict(paths).tolist()
    np.testing.assert_array_equal(proba, inner.predict_proba(paths))
    # A threshold around it need not be fitted again.
    strict = FixedThresholdClassifier(FrozenEstimator(inner), threshold=0.9)
    labels, _ = predict_once(strict, paths)
    assert np.array_equal(labels, strict.predict(paths))
    assert not hasattr(strict, "estimator_")


def test_a_classifier_that_decides_by_other_means_is_asked_itself(
    grey_images: Greys,
) -> None:
    paths, y = grey_images
    svc = pipeline(CalibratedClassifierCV(SVC(), cv=2)).fit(paths, y)
    bag = BaggingClassifier(ColourClassifier(), n_estimators=3, random_state=0)
    column = np.array(paths)[:, None]
    bag.fit(column, y)
    for estimator, X in ((svc, paths), (bag, column)):
        assert np.array_equal(predict_once(estimator, X)[0], estimator.predict(X))


def test_unreadable_images_are_left_out_of_the_labels_too(grey_images: Greys) -> None:
    paths, y = grey_images
    for estimator in (ColourClassifier("nan"), make_pipeline(ColourClassifier("nan"))):
        estimator.fit(paths, y)
        some = [paths[0], "gone.png", paths[39], *paths[5:7]]
        labels, proba = predict_once(estimator, some)
        assert np.isnan(proba[1]).all()
        rest = [0, 2, 3, 4]
        assert np.array_equal(labels[rest], estimator.predict([some[i] for i in rest]))


@pytest.mark.slow
def test_vgg16_labels_are_its_own(black_and_white_images: Greys) -> None:
    paths, y = black_and_white_images
    vgg16 = VGG16ImageClassifier(
        image_size=(32, 32), weights=None, augmentation=None, epochs=2, random_state=0
    )
    estimator = make_pipeline(vgg16.set_params(on_error="nan")).fit(paths, y)
    some = [*paths, "gone.png"]
    labels, proba = predict_once(estimator, some)
    assert np.isnan(proba[-1]).all()
    assert np.array_equal(proba, estimator.predict_proba(some), equal_nan=True)
    assert np.array_equal(labels[:-1], estimator.predict(paths))


def test_what_is_wrong_is_said_before_any_image_is_read(grey_images: Greys) -> None:
    paths, y = grey_images
    estimator = pipeline().fit(paths, y)
    without_probabilities = pipeline(SVC()).fit(paths, y)
    READ.clear()
    wrong = y.copy()
    wrong[3] = 7
    with pytest.raises(ValueError, match=r"y\[3\] is 7 \(image '.*3\.png'\)"):
        evaluate(estimator, paths, wrong)
    with pytest.raises(ValueError, match="target_names must hold a distinct name"):
        evaluate(estimator, paths, y, target_names=["real"])
    with pytest.raises(ValueError, match="pos_label must be one of"):
        evaluate(estimator, paths, y, pos_label="fake")
    with pytest.raises(ValueError, match="negative"):
        evaluate(estimator, paths, y, sample_weight=np.full(40, -1.0))
    with pytest.raises(ValueError, match="40 image paths, but 39 labels"):
        evaluate(estimator, paths, y[1:])
    with pytest.raises(NotFittedError):
        evaluate(pipeline(SVC()), paths, y)
    with pytest.raises(TypeError, match=r"predict_proba.*CalibratedClassifierCV"):
        evaluate(without_probabilities, paths, y)
    with pytest.raises(TypeError, match="A fitted classifier is needed, got str"):
        evaluate("model.skfr", paths, y)
    assert READ == []
