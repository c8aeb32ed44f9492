"""How the tail is trained: class and sample weights, validation, early stopping.

The losses that `history_` reports are computed once more from predictions. Where training
must not move them, the learning rate is next to nothing.
"""

import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import Images, MakeClassifier, Patch, Said
from numpy.typing import NDArray
from sklearn.metrics import log_loss

from skfakereal import VGG16ImageClassifier

STILL = {"learning_rate": 1e-12, "epochs": 1}


def losses(clf: VGG16ImageClassifier, X: NDArray[np.str_], y: NDArray[Any]) -> NDArray[Any]:
    """Return the log loss of each image."""
    columns = np.searchsorted(clf.classes_, y)
    return -np.log(clf.predict_proba(X)[np.arange(len(X)), columns])


@pytest.fixture(scope="module")
def uneven(dark_and_bright: Images) -> Images:
    """Return 12 dark and 4 bright images."""
    X, y = dark_and_bright
    return X[:16], y[:16]


def test_balanced_class_weights_count_in_both_losses(
    make_classifier: MakeClassifier, uneven: Images
) -> None:
    X, y = uneven
    X_val, y_val = X[8:], y[8:]  # evenly divided, which must not matter
    clf = make_classifier(**STILL).fit(X, y, X_val=X_val, y_val=y_val)
    weight_of = np.array([16 / (2 * 12), 16 / (2 * 4)])
    for name, paths, labels in (("loss", X, y), ("val_loss", X_val, y_val)):
        expected = np.mean(weight_of[labels] * losses(clf, paths, labels))
        assert clf.history_[name] == pytest.approx([expected], rel=1e-3)


@pytest.mark.parametrize(
    ("names", "class_weight", "weight_of"),
    [
        ([0, 1], {0: 3.0, 1: 0.5}, [3, 0.5]),
        ([0, 1], {1: 4}, [1, 4]),
        (["3", "7"], {"3": 3.0, "7": 0.5}, [3, 0.5]),  # which look like numbers
    ],
)
def test_given_class_weights(
    make_classifier: MakeClassifier,
    uneven: Images,
    names: Any,
    class_weight: Any,
    weight_of: list[float],
) -> None:
    (X, y), labels = uneven, np.array(names)[uneven[1]]
    clf = make_classifier(class_weight=class_weight, **STILL).fit(X, labels)
    expected = np.mean(np.array(weight_of)[y] * losses(clf, X, labels))
    assert clf.history_["loss"] == pytest.approx([expected], rel=1e-3)


def test_balanced_weights_are_counted_without_the_validation_part(
    make_classifier: MakeClassifier, uneven: Images
) -> None:
    X, y = uneven[0][:15], uneven[1][:15]
    # Of 12 and 3, two and one are held out: 10 to 2 is another ratio than 12 to 3.
    held, kept = np.array([2, 1]), np.array([10, 2])
    # Standardised, noise would be all that is left of each class's brightness.
    settings = {"early_stopping": True, "validation_fraction": 0.2, "standardize": False}
    clf = make_classifier(**settings, **STILL).fit(X, y)
    # All images of a class have nearly the same loss.
    of_class = np.array([np.mean(losses(clf, X[y == k], y[y == k])) for k in (0, 1)])
    weighted = of_class * 12 / (2 * kept)
    assert clf.history_["loss"] == pytest.approx([np.dot(kept, weighted) / 12], rel=0.01)
    assert clf.history_["val_loss"] == pytest.approx([np.dot(held, weighted) / 3], rel=0.01)


def test_sample_weight_multiplies_the_class_weight(
    make_classifier: MakeClassifier, uneven: Images
) -> None:
    X, y = uneven
    weight, weight_val = np.arange(1, 17), np.array([5, 1, 1, 3])
    clf = make_classifier(**STILL).fit(
        X, y, weight, X_val=X[10:14], y_val=y[10:14], sample_weight_val=weight_val
    )
    balanced = np.array([16 / 24, 16 / 8])[y]
    loss = losses(clf, X, y)
    assert clf.history_["loss"] == pytest.approx(
        [np.mean(weight * balanced * loss)], rel=1e-3
    )
    expected = np.mean(weight_val * (balanced * loss)[10:14])
    assert clf.history_["val_loss"] == pytest.approx([expected], rel=1e-3)


def test_weights_decide_between_contradicting_labels(
    make_classifier: MakeClassifier, dark_and_bright: Images
) -> None:
    X, y = dark_and_bright
    wrong = np.concatenate([y, 1 - y])
    right_side = np.repeat([1.0, 0.05], 24)
    clf = make_classifier().fit(np.tile(X, 2), wrong, sample_weight=right_side)
    assert clf.score(X, y) == 1
    clf = make_classifier().fit(np.tile(X, 2), wrong, sample_weight=1.05 - right_side)
    assert clf.score(X, y) == 0


@pytest.mark.parametrize("groups", [None, np.arange(24) // 2], ids=["images", "groups"])
def test_weight_zero_is_removal(
    make_classifier: MakeClassifier, dark_and_bright: Images, groups: NDArray[Any] | None
) -> None:
    X, y = dark_and_bright
    kept = np.arange(24) % 6 != 1
    weights = np.where(kept, 2.0, 0.0)
    labels = np.where(kept, y, 1 - y)
    weighted = make_classifier(early_stopping=True).fit(X, labels, weights, groups)
    removed = make_classifier(early_stopping=True).fit(
        X[kept], y[kept], weights[kept], None if groups is None else groups[kept]
    )
    assert weighted.history_ == removed.history_
    assert weighted.n_computed_ == kept.sum()
    np.testing.assert_array_equal(weighted.predict_proba(X), removed.predict_proba(X))


@pytest.fixture(scope="module")
def doubtful(dark_and_bright: Images) -> dict[str, Any]:
    """Return a validation part with some wrong labels, on which confidence is punished."""
    X, y = dark_and_bright
    y_val = y.copy()
    y_val[::4] = 1 - y_val[::4]
    return {"X_val": X, "y_val": y_val}


def test_early_stopping_keeps_the_best_epoch(
    make_classifier: MakeClassifier, dark_and_bright: Images, doubtful: dict[str, Any]
) -> None:
    clf = make_classifier(early_stopping=True, patience=3, epochs=60, class_weight=None)
    clf.fit(*dark_and_bright, **doubtful)
    val_loss = clf.history_["val_loss"]
    assert clf.best_epoch_ == int(np.argmin(val_loss))
    assert clf.n_iter_ == len(val_loss) == clf.best_epoch_ + 1 + 3 < 60
    assert val_loss[clf.best_epoch_] < 0.95 * val_loss[-1]
    kept = log_loss(doubtful["y_val"], clf.predict_proba(doubtful["X_val"]))
    assert kept == pytest.approx(val_loss[clf.best_epoch_], rel=1e-3)


def test_without_early_stopping_the_last_epoch_stays(
    make_classifier: MakeClassifier, dark_and_bright: Images, doubtful: dict[str, Any]
) -> None:
    clf = make_classifier(epochs=30, class_weight=None).fit(*dark_and_bright, **doubtful)
    val_loss = clf.history_["val_loss"]
    assert clf.n_iter_ == len(val_loss) == 30
    assert clf.best_epoch_ == 29 > int(np.argmin(val_loss))
    kept = log_loss(doubtful["y_val"], clf.predict_proba(doubtful["X_val"]))
    assert kept == pytest.approx(val_loss[-1], rel=1e-3)


def test_without_early_stopping_nothing_is_held_out(
    make_classifier: MakeClassifier, dark_and_bright: Images
) -> None:
    clf = make_classifier(epochs=1).fit(*dark_and_bright)
    assert set(clf.history_) == {"loss", "accuracy"}
    # Each class has a single image: there is nothing to hold out, and no need to.
    X, y = dark_and_bright
    assert make_classifier(epochs=1).fit(X[[0, 23]], y[[0, 23]]).n_iter_ == 1


def test_arguments_of_fit_that_do_not_suit(
    make_classifier: MakeClassifier, dark_and_bright: Images
) -> None:
    X, y = dark_and_bright
    for arguments, message in [
        ({"groups": np.minimum(np.arange(24), 12)}, "class 1 lies in a single group"),
        ({"groups": [1, 2, 3]}, "inconsistent numbers"),
        ({"y_val": y}, "need X_val"),
        ({"X_val": X}, "y_val is None"),
        ({"X_val": X[:2], "y_val": [0, 2]}, r"y_val\[1\] is 2 and y has \[0, 1\]"),
        ({"X_val": X[:2], "y_val": [0, 1, 1]}, "3 labels in y_val"),
    ]:
        with pytest.raises(ValueError, match=message):
            make_classifier(early_stopping=True).fit(X, y, **arguments)


def test_the_time_that_is_left_knows_early_stopping(
    make_classifier: MakeClassifier, dark_and_bright: Images, capsys: Said
) -> None:
    clf = make_classifier(early_stopping=True, patience=3, epochs=60, verbose=1)
    clf.fit(*dark_and_bright)
    states = re.findall(r"epochs: .*?\| (.*?)\]", capsys.readouterr().err)
    before, last = [state for state in states if "/60 " in state][-1], states[-1]
    assert re.match(r"\d+/60 .*, \d\d:\d\d( to \d\d:\d\d)? left$", before)
    assert re.match(rf"({clf.n_iter_})/\1 ", last)
    assert "left" not in last


def test_a_view_that_is_read_for_the_first_time_does_not_count_for_all_epochs(
    monkeypatch: Patch,
) -> None:
    from skfakereal._training import train

    now = [0.0]
    monkeypatch.setattr(train, "perf_counter", lambda: now[0])
    settings = SimpleNamespace(view=lambda epoch: 1 + epoch % 4, epochs=50, patience=5)
    here = {1, 2}
    shelf = SimpleNamespace(
        lacking=lambda views: sorted({*views} - here), seconds_a_view=lambda: 100.0
    )
    left, told = train._TimeLeft(settings, shelf), []  # type: ignore[arg-type]
    for epoch in range(6):
        here.add(settings.view(epoch))
        with left.trained():
            now[0] += 1.0
        told.append(left.told(epoch, wait=epoch))
    assert told[1] == ["03:24 to 04:08 left"]  # two views, and 4 to 48 epochs
    assert told[4] == ["00:01 to 00:45 left"]
