"""Thresholds of finished models, moved to the images that these meet in use."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Folders
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import beta
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_sample_images
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skfakereal
from skfakereal import VGG16FeatureExtractor
from skfakereal.evaluation import evaluate
from skfakereal.thresholds import choose_threshold, recalibrate, tune_threshold

Labels = NDArray[Any]


class ByName(ClassifierMixin, BaseEstimator):
    """A classifier over paths for whom the name of a file is its probability."""

    def fit(self, X: Any, y: Any) -> "ByName":
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        score = np.array([float(Path(str(path)).stem) for path in np.ravel(X)])
        columns = np.zeros((len(score), len(self.classes_)))
        columns[:, 0], columns[:, 1] = 1 - score, score
        return columns

    def predict(self, X: Any) -> Labels:
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def by_name(classes: Any = (0, 1)) -> ByName:
    return ByName().fit(None, np.array(classes))


def named(score: NDArray[np.float64]) -> list[str]:
    return [f"{value!r}.png" for value in score.tolist()]


def traffic(n_real: int, n_fake: int, seed: int = 0) -> tuple[list[str], Labels]:
    """Return images whose probabilities are all too low: 0.5 finds few of the fakes."""
    rng = np.random.default_rng(seed)
    score = np.concatenate([rng.beta(2, 12, n_real), rng.beta(5, 10, n_fake)])
    return named(score), np.repeat([0, 1], [n_real, n_fake])


def test_labels_move_the_threshold_where_it_does_more() -> None:
    model, (X, y), (X_new, y_new) = by_name(), traffic(60, 60), traffic(2000, 2000, seed=1)
    detector, change = recalibrate(model, X, y)
    assert change.previous == 0.5
    assert change.threshold < 0.35
    was = balanced_accuracy_score(y_new, model.predict(X_new))
    now = balanced_accuracy_score(y_new, detector.predict(X_new))
    assert now > was + 0.2
    called = model.predict_proba(X)[:, 1] >= change.threshold
    assert np.array_equal(detector.predict(X), called.astype(int))
    assert change.share_called == called.mean()
    assert change.previous_share_called == np.mean(model.predict(X))
    assert change.after.balanced_accuracy == balanced_accuracy_score(y, detector.predict(X))
    assert change.before.balanced_accuracy == balanced_accuracy_score(y, model.predict(X))
    assert evaluate(detector, X, y).threshold == change.threshold


def test_the_interval_holds_what_other_images_choose() -> None:
    model = by_name()
    _, change = recalibrate(model, *traffic(60, 60))
    low, high = change.interval
    images = [traffic(60, 60, seed) for seed in range(1, 21)]
    others = [choose_threshold(y, model.predict_proba(X)).threshold for X, y in images]
    assert low < change.threshold < high
    assert sum(low <= other <= high for other in others) >= 12
    _, wide = recalibrate(model, *traffic(12, 12))
    assert wide.interval[1] - wide.interval[0] > high - low


def test_it_says_where_images_do_not_show_that_it_had_to_be_moved() -> None:
    X, y = traffic(30, 30)
    detector, change = recalibrate(by_name(), X, y)
    assert "do not show" not in str(change)
    again = recalibrate(detector, *traffic(30, 30, seed=1))[1]
    assert "do not show that it had to be changed" in str(again)
    assert again.previous == change.threshold


def test_the_model_is_not_altered() -> None:
    model, (X, y) = by_name(), traffic(30, 30)
    first, change = recalibrate(model, X, y)
    before = pickle.dumps((model, first))
    second, _ = recalibrate(first, X, y, costs={"false_positive": 9, "false_negative": 1})
    assert pickle.dumps((model, first)) == before
    assert first.threshold == change.threshold < second.threshold


@pytest.mark.parametrize("names", [("real", "fake"), ("shot", "made"), (0, 1)])
def test_of_a_model_with_a_threshold_only_that_is_replaced(names: tuple[Any, Any]) -> None:
    X, y = traffic(60, 60)
    labels = np.array(names)[y]
    # Its probabilities are those of the class that sorts second, the score is of names[1].
    flip = sorted(names)[0] == names[1]
    X = named(1 - np.array([float(x[:-4]) for x in X])) if flip else X
    model = by_name(names)
    first, choice = tune_threshold(model, X, labels, pos_label=names[1])
    second, change = recalibrate(FrozenEstimator(first), X, labels)
    assert isinstance(second, FixedThresholdClassifier)
    assert second.estimator.estimator is model
    assert change.pos_label == names[1]
    assert change.previous == change.threshold == choice.threshold
    assert np.array_equal(second.predict(X), first.predict(X))


def test_whatever_gives_probabilities_is_taken() -> None:
    X, y = traffic(60, 60)
    inner = by_name()
    tuned = TunedThresholdClassifierCV(FrozenEstimator(inner), cv="prefit", refit=False)
    wrapped = [
        make_pipeline(inner),
        CalibratedClassifierCV(FrozenEstimator(inner)).fit(X, y),
        FixedThresholdClassifier(FrozenEstimator(inner), threshold=0.9).fit(X, y),
        make_pipeline(FixedThresholdClassifier(FrozenEstimator(inner)).fit(X, y)),
        tuned.fit(X, y),
        GridSearchCV(ByName(), {}, cv=3).fit(np.array(X), y),
    ]
    for model in wrapped:
        detector, change = recalibrate(model, X, y)
        called = model.predict_proba(X)[:, 1] >= change.threshold
        assert np.array_equal(detector.predict(X), called.astype(int))
        assert change.after.balanced_accuracy > 0.8
        assert change.previous_share_called == np.mean(model.predict(X))


# From real images alone


@pytest.mark.parametrize("confidence", [None, 0.9])
def test_real_images_alone_hold_a_false_positive_rate(confidence: float | None) -> None:
    rates = []
    for seed in range(60):
        X, y = traffic(80, 0, seed)
        how = {"target_fpr": 0.05, "confidence": confidence}
        detector, change = recalibrate(by_name(), X, y, **how)
        rates.append(beta.sf(detector.threshold, 2, 12))
        assert change.after.n_positive == 0
        assert np.isnan(change.after.true_positive_rate)
    if confidence is None:
        assert 0.04 < np.mean(rates) < 0.06
    else:
        assert np.mean(np.array(rates) > 0.05) < 0.2
    assert "of 80 others are false positives" in str(change)
    assert "are detected" not in str(change) + str(change.after)


def test_real_images_alone_put_it_just_above_the_highest() -> None:
    score = np.linspace(0.1, 0.6, 40)
    _, change = recalibrate(by_name(), named(score), np.zeros(40, int), target_fpr=0.03)
    assert 0.6 < change.threshold < 0.601
    score[:2] = 1
    with pytest.raises(ValueError, match="2 negative images have a probability of 1"):
        recalibrate(by_name(), named(score), np.zeros(40, int), target_fpr=0.03)
    for highest in (1 - 1e-15, np.nextafter(1, 0)):
        score[:2] = highest
        _, change = recalibrate(by_name(), named(score), np.zeros(40, int), target_fpr=0.03)
        assert highest < change.threshold <= 1


# Without labels


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_without_labels_the_assumed_share_is_called(share: float) -> None:
    X, y = traffic(round(1000 * (1 - share)), round(1000 * share))
    with pytest.warns(UserWarning, match="without labels") as warned:
        detector, change = recalibrate(by_name(), X, prevalence=share)
    assert warned[0].filename == __file__
    assert f"if {share:.0%}" in str(warned[0].message)
    assert np.mean(detector.predict(X)) == change.share_called == share
    assert change.after is change.before is None
    low, high = change.interval
    assert low < change.threshold < high
    # That many more or fewer fakes, and other images, are as likely as not to come.
    n_called = [np.mean(by_name().predict_proba(X)[:, 1] >= end) for end in (high, low)]
    assert n_called[0] < share < n_called[1]
    width = 2 * 1.96 * np.sqrt(share * (1 - share) / 1000)
    assert n_called[1] - n_called[0] == pytest.approx(width, rel=0.1)
    assert balanced_accuracy_score(y, detector.predict(X)) > 0.7


@pytest.mark.filterwarnings("ignore:The threshold was set")
def test_ties_and_holes_without_labels() -> None:
    score = np.concatenate([np.full(70, 0.2), np.full(30, 0.7)])
    _, change = recalibrate(by_name(), named(score), prevalence=0.2)
    assert (change.threshold, change.share_called) == (pytest.approx(0.45), 0.3)
    holes = [*named(score), "nan.png", "nan.png"]
    _, same = recalibrate(by_name(), holes, prevalence=0.2)
    assert same == change
    high = 1.0
    for _ in range(4):
        low, high = np.nextafter(high, 0), high
        _, near = recalibrate(by_name(), named(np.repeat([low, high], 50)), prevalence=0.5)
        assert near.share_called == 0.5
        high = low
    with pytest.raises(ValueError, match="all 50 images the same probability"):
        recalibrate(by_name(), named(np.full(50, 0.3)), prevalence=0.5)


# What does not fit


@pytest.mark.parametrize(
    ("counts", "settings", "message"),
    [
        ((9, 50), {}, "At least 10 .* there are 9 of class 0. Label more images.$"),
        ((50, 4), {}, "are 4 of class 1.* of class 0 alone suffice for a target"),
        ((50, 0), {}, "are 0 of class 1"),
        ((18, 50), {"target_fpr": 0.05}, "needs at least 19 images of class 0"),
        ((0, 50), {"target_fpr": 0.05}, "needs at least 19 .* got 0"),
        ((50, 50), {"target_fpr": 5}, "target_fpr must lie between 0 and 1"),
        ((50, 50), {"prevalence": 0.1}, "prevalence needs costs"),
        ((50, 50), {"target_fpr": 0.1, "costs": {}}, "not by both"),
    ],
)
def test_too_few_labels_are_refused(
    counts: tuple[int, int], settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        recalibrate(by_name(), *traffic(*counts), **settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "must be assumed. Pass it as prevalence, or labels as y"),
        ({"prevalence": 1}, "prevalence must lie between 0 and 1, got 1"),
        ({"prevalence": 0.5, "target_fpr": 0.1}, "target_fpr needs labels: pass y"),
        ({"prevalence": 0.5, "costs": {}}, "costs needs labels"),
        ({"prevalence": 0.01}, "If 1% are 1, that takes 1,000 images, got 100"),
    ],
)
def test_what_needs_labels_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        recalibrate(by_name(), traffic(50, 50)[0], **settings)


def test_models_that_cannot_have_a_threshold_are_refused() -> None:
    X, y = traffic(50, 50)
    with pytest.raises(ValueError, match=r"the classifier has \[0, 1, 2\]"):
        recalibrate(by_name((0, 1, 2)), X, y)
    with pytest.raises(NotFittedError):
        recalibrate(ByName(), X, y)
    with pytest.raises(ValueError, match="Which of the classes"):
        recalibrate(by_name(("made", "shot")), X, prevalence=0.5)


# A network on real images


@pytest.fixture(scope="module")
def patches(tmp_path_factory: Folders) -> tuple[NDArray[Any], Labels, Path]:
    """Return 120 patches of photographs, half of them smoothed, and their labels."""
    folder, paths = tmp_path_factory.mktemp("patches"), []
    for i in range(120):
        photograph = Image.fromarray(load_sample_images().images[i % 2])
        left, top = 32 * (i // 2 % 12), 32 * (i // 2 // 12)
        patch = photograph.crop((left, top + 96, left + 32, top + 128))
        if i // 2 % 2:
            patch = patch.resize((16, 16)).resize((32, 32))
        paths.append(str(folder / f"{i:03}.png"))
        patch.save(paths[-1])
    return np.array(paths), np.arange(120) // 2 % 2, folder


@pytest.mark.slow
def test_a_network_that_meets_shared_images(
    patches: tuple[NDArray[Any], Labels, Path],
) -> None:
    paths, y, folder = patches
    extractor = VGG16FeatureExtractor(
        weights="cifake", image_size=32, pooling="avg", cache=None
    )
    model = make_pipeline(extractor, StandardScaler(), LogisticRegression(C=0.01))
    model.fit(paths[:40], y[:40])
    shared = np.array([path.replace(".png", ".jpg") for path in paths])
    for path, copy in zip(paths[40:], shared[40:], strict=True):
        with Image.open(path) as image:
            image.point(lambda level: level * 0.4).save(copy, quality=90)
    detector, change = recalibrate(model, shared[40:80], y[40:80])
    was, now = (evaluate(m, shared[40:80], y[40:80]) for m in (model, detector))
    assert change.before.balanced_accuracy == pytest.approx(was["balanced_accuracy"])
    assert change.after.balanced_accuracy == pytest.approx(now["balanced_accuracy"])
    assert change.after.balanced_accuracy > change.before.balanced_accuracy
    X_new = shared[80:]
    assert np.array_equal(detector.predict_proba(X_new), model.predict_proba(X_new))
    skfakereal.save(detector, folder / "detector.skfr")
    again = skfakereal.load(folder / "detector.skfr")
    assert again.threshold == change.threshold
    assert np.array_equal(again.predict(X_new), detector.predict(X_new))
