from typing import Any

import numpy as np
import pytest
from conftest import MakeImage
from matplotlib import pyplot as plt
from numpy.typing import NDArray
from reading import mean_colour, read_image
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skfakereal.evaluation import (
    EvaluationReport,
    MisclassifiedDisplay,
    TrainingCurveDisplay,
)

HISTORY = {
    "loss": [0.7, 0.5, 0.4, 0.3],
    "accuracy": [0.5, 0.7, 0.8, 0.9],
    "val_loss": [0.7, 0.6, 0.55, 0.6],
    "val_accuracy": [0.5, 0.6, 0.7, 0.65],
}


class EpochClassifier(ClassifierMixin, BaseEstimator):
    """Logistic regression, trained epoch by epoch, that keeps a history as ours does."""

    def __init__(self, epochs: int = 3) -> None:
        self.epochs = epochs

    def fit(self, X: Any, y: Any) -> "EpochClassifier":
        self.classes_ = np.unique(y)
        self.model_ = SGDClassifier(loss="log_loss", random_state=0)
        self.history_: dict[str, list[float]] = {"loss": [], "accuracy": []}
        for _ in range(self.epochs):
            self.model_.partial_fit(X, y, classes=self.classes_)
            self.history_["loss"].append(log_loss(y, self.model_.predict_proba(X)))
            self.history_["accuracy"].append(self.model_.score(X, y))
        self.best_epoch_ = int(np.argmin(self.history_["loss"]))
        return self

    def predict_proba(self, X: Any) -> Any:
        return self.model_.predict_proba(X)

    def predict(self, X: Any) -> Any:
        return self.model_.predict(X)


def numbers() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    rng = np.random.default_rng(0)
    y = np.arange(40) % 2
    return rng.normal(size=(40, 2)) + y[:, None], y


# The curve


def test_the_curve_counts_epochs_from_one_and_marks_the_kept_one() -> None:
    display = TrainingCurveDisplay.from_history(HISTORY, best_epoch=2)
    loss, accuracy = display.axes_
    assert display.ax_ is loss
    assert display.figure_ is loss.figure
    for ax, key in ((loss, "loss"), (accuracy, "accuracy")):
        training, validation, kept = ax.lines
        assert training.get_xdata().tolist() == [1, 2, 3, 4]
        assert training.get_ydata().tolist() == HISTORY[key]
        assert validation.get_ydata().tolist() == HISTORY[f"val_{key}"]
        assert set(kept.get_xdata()) == {3}
        assert ax.get_ylabel() == key
        legend = [text.get_text() for text in ax.get_legend().get_texts()]
        assert legend == ["training", "validation", "kept: epoch 3"]


@pytest.mark.parametrize("n_epochs", [1, 2, 3, 50])
def test_ticks_are_whole_epochs(n_epochs: int) -> None:
    display = TrainingCurveDisplay.from_history({"loss": np.linspace(1, 0, n_epochs)})
    ticks = display.ax_.get_xticks()
    assert len(ticks) >= 1
    assert np.array_equal(ticks, np.round(ticks))
    assert len(display.axes_) == 1
    assert (display.ax_.lines[0].get_marker() == "o") == (n_epochs == 1)  # to be seen


def test_curves_are_drawn_where_they_are_asked() -> None:
    figure, (left, right) = plt.subplots(1, 2)
    display = TrainingCurveDisplay.from_history(HISTORY, ax=[left, right])
    assert display.axes_.tolist() == [left, right]
    assert right.get_ylabel() == "accuracy"
    assert display.figure_ is figure
    _, ax = plt.subplots()
    assert TrainingCurveDisplay.from_history(HISTORY, ax=ax).axes_.tolist() == [ax]
    assert ax.get_ylabel() == "loss"


@pytest.mark.parametrize(
    "wrap",
    [
        lambda model: model,
        lambda model: make_pipeline(FunctionTransformer(), model),
        lambda model: GridSearchCV(make_pipeline(model), {}, cv=2),
        lambda model: FixedThresholdClassifier(model, threshold=0.4),
        lambda model: CalibratedClassifierCV(model, cv=2, ensemble=False),
        lambda model: FixedThresholdClassifier(FrozenEstimator(model.fit(*numbers()))),
    ],
    ids=["alone", "pipeline", "search", "threshold", "calibrated", "frozen"],
)
def test_the_history_is_found_inside_what_is_wrapped_around(wrap: Any) -> None:
    X, y = numbers()
    estimator = wrap(EpochClassifier(epochs=5)).fit(X, y)
    display = TrainingCurveDisplay.from_estimator(estimator)
    expected = EpochClassifier(epochs=5).fit(X, y)
    assert display.history == expected.history_
    assert display.best_epoch == expected.best_epoch_


def test_without_one_history_there_is_no_curve() -> None:
    X, y = numbers()
    several = CalibratedClassifierCV(EpochClassifier(), cv=2).fit(X, y)
    for estimator in (LogisticRegression().fit(X, y), several):
        with pytest.raises(TypeError, match="has no training curve"):
            TrainingCurveDisplay.from_estimator(estimator)
    with pytest.raises(NotFittedError):
        TrainingCurveDisplay.from_estimator(make_pipeline(EpochClassifier()))


@pytest.mark.parametrize(
    ("history", "best_epoch", "message"),
    [
        ({}, None, 'must hold "loss"'),
        ({"loss": []}, None, 'must hold "loss"'),
        ({"loss": [1.0], "val_loss": [1.0, 2.0]}, None, "equally long"),
        ({"loss": [1.0]}, 1, "from 0 to 0 here, got 1"),
        ({"loss": [1.0]}, -1, "got -1"),
    ],
)
def test_a_wrong_history_is_an_error(
    history: dict[str, list[float]], best_epoch: int | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        TrainingCurveDisplay.from_history(history, best_epoch=best_epoch)


# The errors


@pytest.fixture
def errors_of(make_image: MakeImage) -> Any:
    """Return paths, labels and probabilities of six images, three of which are wrong."""
    paths = [make_image(f"{i}.png", 40 * i, size=(8, 8)) for i in range(6)]
    proba = np.array([0.1, 0.6, 0.95, 0.9, 0.3, 0.8])
    return paths, [0, 0, 0, 1, 1, 1], np.column_stack([1 - proba, proba])


def shown(paths: Any, y: Any, proba: Any, **settings: Any) -> MisclassifiedDisplay:
    settings = {"classes": [0, 1]} | settings
    return MisclassifiedDisplay.from_predictions(paths, y, proba, **settings)


def texts(ax: Any) -> list[str]:
    return [ax.get_title(), *(text.get_text() for text in ax.texts)]


def test_the_worst_error_comes_first(errors_of: Any) -> None:
    paths = errors_of[0]
    display = shown(*errors_of, target_names=["real", "fake"])
    assert [error.path for error in display.errors] == [paths[2], paths[4], paths[1]]
    assert len(display.axes_) == 3
    assert display.ax_ is display.axes_[0]
    title, path = texts(display.ax_)
    assert title == "real, predicted fake: 0.95"
    assert path.startswith("…")
    assert path.endswith("/2.png")
    assert display.figure_.get_suptitle() == "3 errors on 6 images"
    one = shown(paths[:1], [0], [[0, 1]])
    assert one.figure_.get_suptitle() == "1 error on 1 image"


def test_only_so_many_are_shown(errors_of: Any) -> None:
    display = shown(*errors_of, n_images=2)
    assert len(display.axes_) == 2
    assert display.figure_.get_suptitle() == "The worst 2 of 3 errors on 6 images"
    assert len(display.plot(n_columns=1).figure_.axes) == 2
    with pytest.raises(ValueError, match="n_images must be 1 or more, got 0"):
        shown(*errors_of, n_images=0)


def test_small_images_are_enlarged_and_large_ones_shrunk(
    errors_of: Any, make_image: MakeImage
) -> None:
    image = shown(*errors_of).ax_.images[0]
    assert np.array_equal(image.get_array(), read_image(errors_of[0][2]))
    assert image.get_interpolation() == "nearest"  # pixel by pixel
    large = make_image("large.png", 90, size=(2000, 1000))
    image = shown([large], [0], [[0.2, 0.8]]).ax_.images[0]
    assert image.get_array().shape == (240, 480, 3)
    assert image.get_interpolation() != "nearest"


def test_a_threshold_decides_what_is_wrong(errors_of: Any) -> None:
    paths, _, proba = errors_of
    display = shown(*errors_of, y_pred=(proba[:, 1] > 0.25).astype(int))
    assert [error.path for error in display.errors] == [paths[2], paths[1]]


def test_what_there_is_not_is_said(errors_of: Any) -> None:
    paths, y, proba = errors_of
    display = shown(paths, y, np.eye(2)[y])
    assert display.errors == []
    assert texts(display.ax_)[1] == "No error on 6 images."
    display = shown([f"gone/{i}.png" for i in range(6)], y, proba)
    assert "cannot be read:\nmissing" in texts(display.ax_)
    display.figure_.canvas.draw()


def test_estimator_report_and_predictions_show_the_same(errors_of: Any) -> None:
    paths, y, _ = errors_of
    labels = np.array(["shot", "made"])[y]  # no positive class is needed to see errors
    noisy = labels[[0, 3, 2, 1, 4, 5]]
    estimator = make_pipeline(FunctionTransformer(mean_colour), LogisticRegression())
    estimator.fit(paths, labels)
    proba = estimator.predict_proba(paths)
    said = {"classes": ["made", "shot"]}
    report = EvaluationReport(paths, noisy, proba, **said, pos_label="made")
    display = MisclassifiedDisplay.from_estimator(estimator, paths, noisy)
    assert display.n_errors >= 2
    assert display.errors == shown(paths, noisy, proba, **said).errors
    assert display.errors == MisclassifiedDisplay.from_report(report).errors
