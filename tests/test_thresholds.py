"""Thresholds: chosen on validation images, refused where these cannot support them."""

import pickle
import re
from typing import Any

import numpy as np
import pytest
from conftest import MakeImage
from numpy.typing import NDArray
from reading import mean_colour, read_image
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skfakereal import ImageReadError
from skfakereal.evaluation import evaluate
from skfakereal.thresholds import check_negatives, choose_threshold, tune_threshold

Greys = tuple[list[str], NDArray[np.int64]]
Answers = tuple[NDArray[np.int64], NDArray[np.float64]]


def draw(n_real: int, n_fake: int, seed: int = 0) -> Answers:
    rng = np.random.default_rng(seed)
    y = np.repeat([0, 1], [n_real, n_fake])
    return y, np.concatenate([rng.beta(2, 4, n_real), rng.beta(4, 2, n_fake)])


def rates(
    y: NDArray[np.int64], score: NDArray[np.float64], line: float
) -> tuple[float, float]:
    called = score >= line
    return float(called[y == 1].mean()), float(called[y == 0].mean())


# By the false positive rate


@pytest.mark.parametrize("n_real", [99, 150, 199, 1000])
def test_it_finds_most_within_the_target(n_real: int) -> None:
    y, score = draw(n_real, 300)
    choice = choose_threshold(y, score, target_fpr=0.01)
    assert (choice.true_positive_rate, choice.false_positive_rate) == rates(
        y, score, choice.threshold
    )
    # k of n above it promise (k + 1) / (n + 1) for others: one more would be too many.
    allowed = max(
        k / n_real for k in range(n_real) if (k + 1) / (n_real + 1) <= 0.01 + 1e-12
    )
    assert choice.false_positive_rate <= allowed
    most = max(tpr for tpr, fpr in (rates(y, score, s) for s in score) if fpr <= allowed)
    assert choice.true_positive_rate == most
    low, high = choice.false_positive_interval
    assert low <= choice.false_positive_rate <= high


@pytest.mark.parametrize("confidence", [None, 0.9])
def test_other_images_keep_within_the_target(confidence: float | None) -> None:
    y_new, new = draw(20_000, 1, seed=99)
    got = []
    for seed in range(200):
        settings = {"target_fpr": 0.05, "confidence": confidence}
        choice = choose_threshold(*draw(120, 120, seed), **settings)
        got.append(rates(y_new, new, choice.threshold)[1])
    exceeded = np.mean(np.array(got) > 0.05)
    if confidence:
        assert exceeded < 0.15
    else:  # on average, that is not always
        assert 0.035 < np.mean(got) < 0.053
        assert exceeded > 0.2


@pytest.mark.parametrize(
    ("target", "confidence", "needed"),
    [(0.01, None, 99), (0.05, None, 19), (0.01, 0.95, 299), (0.05, 0.95, 59)],
)
def test_too_few_real_images_are_refused_with_the_number(
    target: float, confidence: float | None, needed: int
) -> None:
    settings: dict[str, Any] = {"target_fpr": target, "confidence": confidence}
    y, score = draw(needed - 1, 300)
    said = f"at least {needed} images of class 'real' .* got {needed - 1}"
    with pytest.raises(ValueError, match=f"rate of {target:.0%}.* {said}"):
        choose_threshold(np.where(y == 1, "fake", "real"), score, **settings)
    y, score = draw(needed, 300)
    assert choose_threshold(y, score, **settings).n_negative == needed


@pytest.mark.parametrize("confidence", [None, 0.95])
@pytest.mark.parametrize("n_real", [1, 9, 16, 50, 98])
def test_the_target_that_is_offered_instead_can_be_kept(
    n_real: int, confidence: float | None
) -> None:
    y, score = draw(n_real, 300)
    with pytest.raises(ValueError, match="higher target; ") as refused:
        choose_threshold(y, score, target_fpr=0.001, confidence=confidence)
    offered = re.findall(r"can keep ([\d.]+)%", str(refused.value))
    lowest = float(offered[0]) / 100
    check_negatives(n_real, lowest, confidence, "0")
    with pytest.raises(ValueError, match="needs at least"):
        check_negatives(n_real, 0.9 * lowest, confidence, "0")


def test_a_target_that_finds_nothing_is_refused() -> None:
    y = np.repeat([0, 1], [200, 50])
    score = np.where(np.arange(250) < 20, 0.99, 0.5)  # the surest are real
    with pytest.raises(ValueError, match="No threshold detects any positive image"):
        choose_threshold(y, score, target_fpr=0.01)


# By balanced accuracy and by costs


def test_without_more_it_is_the_balanced_accuracy() -> None:
    y, score = draw(300, 100)
    choice = choose_threshold(y, score)
    by_hand = [balanced_accuracy_score(y, score >= line) for line in score]
    assert choice.balanced_accuracy == pytest.approx(max(by_hand))
    called = score >= choice.threshold
    assert choice.balanced_accuracy == pytest.approx(balanced_accuracy_score(y, called))
    assert choice.expected_cost is None


@pytest.mark.parametrize("prevalence", [None, 0.01])
def test_costs_decide_with_the_prevalence(prevalence: float | None) -> None:
    y, score = draw(300, 100)
    costs = {"false_positive": 5.0, "false_negative": 1.0}
    choice = choose_threshold(y, score, costs=costs, prevalence=prevalence)
    share = 0.25 if prevalence is None else prevalence

    def cost(line: float) -> float:
        tpr, fpr = rates(y, score, line)
        return share * (1 - tpr) + (1 - share) * 5 * fpr

    assert choice.expected_cost == pytest.approx(min(cost(line) for line in [*score, 2]))
    assert choice.expected_cost == pytest.approx(cost(choice.threshold))


def test_dearer_accusations_raise_the_threshold() -> None:
    y, score = draw(300, 300)
    costs = [{"false_positive": c, "false_negative": 1} for c in (0.1, 1, 10, 1e6)]
    lines = [choose_threshold(y, score, costs=each).threshold for each in costs]
    assert lines == sorted(lines)
    assert score[y == 0].max() < lines[-1] <= 1


# What holds for all


def test_a_rounding_turns_no_verdict() -> None:
    y, score = draw(300, 300)
    for settings in ({}, {"target_fpr": 0.02}):
        choice = choose_threshold(y, score, **settings)  # type: ignore[arg-type]
        assert np.abs(score - choice.threshold).min() > 1e-6


@pytest.mark.parametrize("steps", range(4))
def test_neighbouring_numbers_are_told_apart(steps: int) -> None:
    high = 1.0
    for _ in range(steps):
        high = np.nextafter(high, 0)
    y = np.repeat([0, 1], 100)
    score = np.where(y == 1, high, 0.1)
    score[0] = np.nextafter(high, 0)
    choice = choose_threshold(y, score, target_fpr=0.01)
    assert (choice.true_positive_rate, choice.false_positive_rate) == (1, 0)
    assert np.array_equal(score >= choice.threshold, y == 1)


def test_ties_are_on_one_side() -> None:
    y = np.tile([0, 1], 100)
    score = np.where(np.arange(200) < 100, 0.5, np.where(y == 1, 0.9, 0.1))
    choice = choose_threshold(y, score, target_fpr=0.02)
    assert (choice.true_positive_rate, choice.false_positive_rate) == (0.5, 0)
    assert 0.5 < choice.threshold < 0.9


@pytest.mark.parametrize(
    ("names", "pos_label"),
    [
        (["real", "fake"], None),
        (["made", "shot"], "shot"),
        ([1, 0], 0),
        ([-1, 1], None),
        (np.array(["real", "fake"], dtype=object), "fake"),
    ],
)
def test_of_two_columns_the_positive_class_is_taken(names: Any, pos_label: Any) -> None:
    y, score = draw(200, 200)
    labels = np.array(names)[y]
    # As predict_proba gives them: columns follow the sorted classes.
    proba = np.column_stack([1 - score, score])[:, np.argsort(names)]
    expected = choose_threshold(labels, score, pos_label=pos_label)
    assert choose_threshold(labels, proba, pos_label=pos_label) == expected
    assert expected.pos_label == names[1]
    assert 0.5 < expected.threshold < 0.9


def test_the_positive_class_is_explicit() -> None:
    y, score = draw(200, 200)
    made = np.array(["shot", "made"])[y]
    with pytest.raises(ValueError, match="Which of the classes"):
        choose_threshold(made, score)
    choice = choose_threshold(made, score, pos_label="made", target_fpr=0.05)
    assert choice.pos_label == "made"
    assert str(choice).startswith("Classified as 'made' from a probability of ")
    assert "of 200 others are false positives (95% interval" in str(choice)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target_fpr": 1.0}, "target_fpr must lie between 0 and 1"),
        ({"target_fpr": 0.1, "confidence": 95}, "confidence must lie between 0 and 1"),
        ({"confidence": 0.95}, "confidence needs target_fpr"),
        ({"prevalence": 0.1}, "prevalence needs costs"),
        ({"target_fpr": 0.1, "costs": {}}, "not by both"),
        ({"costs": {"false_positive": 1}}, "must be a mapping of"),
        ({"costs": (10, 1)}, "must be a mapping of"),
        ({"costs": {"false_positive": 1, "false_negative": 0}}, "numbers above 0"),
        ({"y_proba": np.full((4, 3), 0.5)}, r"two classes, got shape \(4, 3\)"),
        ({"y_proba": [0.1, 0.2, np.nan, 0.3]}, r"y_proba\[2\] is nan"),
        ({"y_proba": [0.1, 0.2, 7, 0.3]}, r"y_proba\[2\] is 7.0"),
        ({"y_true": [1, 1, 1, 1]}, r"y_true has \[1\]"),
        ({"y_true": [0, 1, 2, 1]}, r"y_true has \[0, 1, 2\]"),
        ({"y_true": [0, 1]}, "4 image paths, but 2 labels"),
    ],
)
def test_what_does_not_fit_is_an_error(change: dict[str, Any], message: str) -> None:
    case = {"y_true": [0, 0, 1, 1], "y_proba": [0.1, 0.2, 0.8, 0.9]}
    with pytest.raises(ValueError, match=message):
        choose_threshold(**case | change)


# Around a classifier


def grey_classifier(**settings: Any) -> Any:
    return make_pipeline(FunctionTransformer(mean_colour), LogisticRegression(**settings))


@pytest.fixture
def greys(make_image: MakeImage) -> Greys:
    """Return 120 grey images and labels that overlap in the middle."""
    rng = np.random.default_rng(0)
    y = np.arange(120) % 2
    levels = np.clip(128 + 60 * (y - 0.5) + rng.normal(size=120) * 30, 0, 255).astype(int)
    return [make_image(f"{i}.png", int(v), size=(4, 4)) for i, v in enumerate(levels)], y


def test_the_detector_decides_by_it_and_can_be_evaluated_and_saved(greys: Greys) -> None:
    paths, y = greys
    model = grey_classifier().fit(paths[:60], y[:60])
    detector, choice = tune_threshold(model, paths[60:], y[60:], target_fpr=0.1)
    assert isinstance(detector, FixedThresholdClassifier)
    score = model.predict_proba(paths)[:, 1]
    assert np.array_equal(detector.predict(paths), (score >= choice.threshold).astype(int))
    assert np.array_equal(detector.predict_proba(paths), model.predict_proba(paths))
    report = evaluate(detector, paths[60:], y[60:])
    assert report.threshold == choice.threshold
    point = report.operating_points[0]
    assert point.false_positive_rate == choice.false_positive_rate
    again = pickle.loads(pickle.dumps(detector))
    assert np.array_equal(again.predict(paths), detector.predict(paths))


def test_string_labels_and_a_positive_class_that_sorts_first(greys: Greys) -> None:
    paths, y = greys
    names = np.array(["real", "fake"])[y]
    model = grey_classifier().fit(paths[:60], names[:60])
    detector, choice = tune_threshold(model, paths[60:], names[60:], target_fpr=0.1)
    assert choice.pos_label == "fake"
    score = model.predict_proba(paths)[:, 0]
    assert np.array_equal(detector.predict(paths) == "fake", score >= choice.threshold)
    assert evaluate(detector, paths, names).threshold == choice.threshold


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_calibrated_on_request(greys: Greys, method: str) -> None:
    paths, y = greys
    timid = grey_classifier(C=0.01).fit(paths[:60], y[:60])
    detector, choice = tune_threshold(
        timid, paths[60:], y[60:], target_fpr=0.1, calibration=method
    )
    raw = evaluate(timid, paths[60:], y[60:])
    calibrated = evaluate(detector, paths[60:], y[60:])
    assert calibrated["brier_score"] < raw["brier_score"] - 0.02
    assert calibrated.threshold == choice.threshold
    if method == "sigmoid":  # it keeps the order, so that the same images are called fake
        _, plain = tune_threshold(timid, paths[60:], y[60:], target_fpr=0.1)
        assert plain.true_positive_rate == choice.true_positive_rate
        assert plain.threshold != choice.threshold


def test_the_classifier_is_not_fitted_again(greys: Greys) -> None:
    paths, y = greys
    model = grey_classifier().fit(paths[:60], y[:60])
    before = model[-1].coef_.copy()
    tune_threshold(model, paths[60:], 1 - y[60:], calibration="sigmoid")
    assert np.array_equal(model[-1].coef_, before)
    with pytest.raises(NotFittedError):
        tune_threshold(grey_classifier(), paths, y)


class Lenient(ClassifierMixin, BaseEstimator):
    """A classifier that answers NaN for an image that it cannot read."""

    def fit(self, X: Any, y: Any) -> "Lenient":
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        bright = np.full(len(X), np.nan)
        for i, path in enumerate(X):
            try:
                bright[i] = read_image(str(path)).mean() / 255
            except ImageReadError:
                continue
        return np.column_stack([1 - bright, bright])

    def predict(self, X: Any) -> Any:
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


@pytest.mark.parametrize("calibration", [None, "sigmoid", "isotonic", "temperature"])
def test_unreadable_validation_images_are_left_out(greys: Greys, calibration: Any) -> None:
    paths, y = greys
    model = Lenient().fit(paths, y)
    one, whole = tune_threshold(model, paths, y, calibration=calibration)
    with_hole = ["gone.png", *paths], [0, *y]
    other, holes = tune_threshold(model, *with_hole, calibration=calibration)
    assert whole == holes
    np.testing.assert_array_equal(one.predict_proba(paths), other.predict_proba(paths))
    with pytest.raises(ValueError, match=r"[Nn]one of the .*images could be read"):
        tune_threshold(model, ["gone.png"] * 10, [0, 1] * 5, calibration=calibration)


def test_images_that_only_a_calibration_does_not_let_pass_are_named(greys: Greys) -> None:
    paths, y = greys
    detector, _ = tune_threshold(Lenient().fit(paths, y), paths, y, calibration="isotonic")
    with pytest.raises(ImageReadError, match=r"X\[120\]: 'gone.png' does not exist"):
        evaluate(detector, [*paths, "gone.png"], [*y, 0])


def test_three_classes_are_refused(greys: Greys) -> None:
    paths, y = greys
    three = y + 2 * (np.arange(120) % 3 == 0) * (y == 0)
    with pytest.raises(ValueError, match=r"the classifier has \[0, 1, 2\]"):
        tune_threshold(grey_classifier().fit(paths, three), paths, three)
