"""What `VGG16ImageClassifier` learns, and what its answers look like."""

import warnings
from typing import Any

import joblib
import numpy as np
import pytest
from conftest import Fit, Folders, Images, MakeClassifier, write_image
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import log_loss

from skfakereal import VGG16ImageClassifier


def test_dark_and_bright_are_learned_and_the_columns_not_swapped(
    fitted_classifier: VGG16ImageClassifier, dark_and_bright: Images, tmp_path: Any
) -> None:
    X, y = dark_and_bright
    assert fitted_classifier.classes_.tolist() == [0, 1]
    assert fitted_classifier.score(X, y) == 1
    new = [
        write_image(tmp_path / f"{v}.png", np.full((40, 50, 3), v, np.uint8))
        for v in (5, 250)
    ]
    dark, bright = fitted_classifier.predict_proba(new)
    assert dark[0] > 0.6 > 0.4 > dark[1]
    assert bright[1] > 0.6 > 0.4 > bright[0]
    proba = fitted_classifier.predict_proba(X)
    assert (proba.dtype, proba.shape) == (np.float64, (24, 2))
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)
    assert ((proba >= 0) & (proba <= 1)).all()


def test_swapped_labels_swap_the_columns(
    make_classifier: MakeClassifier, dark_and_bright: Images
) -> None:
    X, y = dark_and_bright
    proba = make_classifier().fit(X, 1 - y).predict_proba(X)
    assert (proba[y == 0, 1] > 0.5).all()
    assert (proba[y == 1, 0] > 0.5).all()


def test_equal_images_in_other_batches_change_nothing(
    make_classifier: MakeClassifier, dark_and_bright: Images
) -> None:
    (X, y), options = dark_and_bright, {"n_jobs": 3, "hidden_units": (), "epochs": 2}
    clf = make_classifier(**options).fit(np.tile(X, 4), np.tile(y, 4))
    assert clf.n_computed_ == 24
    proba = clf.predict_proba(X)
    np.testing.assert_array_equal(clf.predict_proba(np.tile(X, 4)), np.tile(proba, (4, 1)))
    three = dark_and_bright[1] + np.arange(24) % 2
    three_classes = make_classifier(**options).fit(X, three)
    proba = three_classes.predict_proba(X)
    found = three_classes.predict_proba(np.tile(X, 4))
    np.testing.assert_array_equal(found, np.tile(proba, (4, 1)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "n_computed"),
    # Ten images in two views, and two held out; or all in two, and held out once.
    [(VGG16ImageClassifier.recipe, 22), (VGG16ImageClassifier, 36)],
    ids=["recipe", "default"],
)
def test_the_defaults_at_full_size(
    black_and_white_images: tuple[list[str], Any], make: Any, n_computed: int
) -> None:
    paths, labels = black_and_white_images
    some = [*range(6), *range(12, 18)]
    X, y = [paths[i] for i in some], labels[some]
    # Two views, as in two epochs of the recipe; the epochs after them cost nothing.
    clf = make(weights=None, n_views=2, epochs=40, cache=None, random_state=0).fit(X, y)
    assert clf.get_params()["image_size"] == (224, 224)
    assert set(clf.history_) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert clf.n_computed_ == n_computed
    assert clf.score(X, y) == 1


@pytest.mark.parametrize(
    "names",
    [("real", "fake"), (-1, 1), (False, True), (np.int8(1), np.int8(0)), ("3", "12")],
    ids=str,
)
def test_labels_of_every_kind_come_back(
    make_classifier: MakeClassifier, dark_and_bright: Images, names: tuple[Any, Any]
) -> None:
    X, y = dark_and_bright
    labels = [names[k] for k in y]
    clf = make_classifier().fit(X, labels)
    assert clf.classes_.tolist() == sorted(names)
    assert clf.predict(X).tolist() == labels
    columns = [clf.classes_.tolist().index(label) for label in labels]
    assert (clf.predict_proba(X)[np.arange(len(X)), columns] > 0.5).all()


@pytest.fixture(scope="module")
def three_greys(tmp_path_factory: Folders) -> Images:
    """Return the paths of 8 images each of three greys, and their labels 0, 1, 2."""
    folder, rng = tmp_path_factory.mktemp("greys"), np.random.default_rng(4)
    y = np.repeat([0, 1, 2], 8)
    pixels = [(110 * k + rng.integers(0, 30, (32, 32, 3))).astype(np.uint8) for k in y]
    return np.array([write_image(folder / f"{i}.png", p) for i, p in enumerate(pixels)]), y


def test_three_classes_have_three_columns_that_follow_classes(
    make_classifier: MakeClassifier, three_greys: Images
) -> None:
    X, y = three_greys
    # Sorted, they come in another order than dark, middle, bright.
    labels = np.array(["real", "gan", "diffusion"])[y]
    clf = make_classifier(hidden_units=(16,), epochs=60, learning_rate=0.02).fit(X, labels)
    proba = clf.predict_proba(X)
    assert clf.classes_.tolist() == ["diffusion", "gan", "real"]
    assert proba.shape == (24, 3)
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-15)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # rows that do not sum to one are warned of
        log_loss(labels, proba)
    assert (proba.argmax(axis=1) == 2 - y).all()
    assert clf.predict(X).tolist() == labels.tolist()


def test_one_class_is_an_error(
    make_classifier: MakeClassifier, dark_and_bright: Images
) -> None:
    X, _ = dark_and_bright
    with pytest.raises(ValueError, match=r"At least 2 classes .* only one class, 'real',"):
        make_classifier().fit(X, ["real"] * len(X))
    # Images of weight zero are left out, and with them the second class.
    with pytest.raises(ValueError, match=r"only one class, 0,"):
        make_classifier().fit(X[:3], [0, 0, 1], sample_weight=[1, 1, 0])


def test_rows_follow_the_paths_alone_and_repeated(
    fitted_classifier: VGG16ImageClassifier, dark_and_bright: Images
) -> None:
    X, y = dark_and_bright
    proba = fitted_classifier.predict_proba(X)
    for i in (0, 23):
        alone = fitted_classifier.predict_proba(X[i : i + 1])
        assert alone.shape == (1, 2)
        np.testing.assert_allclose(alone[0], proba[i], atol=1e-3)
    assert fitted_classifier.predict(X[:1]).shape == (1,)
    order = np.array([23, 0, 0, 12, 23, 5, 0])
    assert fitted_classifier.predict(X[order]).tolist() == y[order].tolist()
    proba = fitted_classifier.predict_proba(X[order])
    assert (proba[1] == proba[2]).all()
    assert (proba[0] == proba[4]).all()


def test_predicting_and_parameters_do_not_alter_what_is_fitted(
    fit: Fit, dark_and_bright: Images
) -> None:
    X, _ = dark_and_bright
    clf = fit(epochs=1)
    before = joblib.hash(clf)
    proba = clf.predict_proba(X)
    clf.predict(X[:1])
    assert joblib.hash(clf) == before
    changes = {"image_size": (64, 64), "preprocessing": "imagenet", "pooling": "max"}
    clf.set_params(**changes, weights=None)
    np.testing.assert_array_equal(clf.predict_proba(X), proba)


def test_not_fitted(make_classifier: MakeClassifier, fitted_classifier: Any) -> None:
    for clf in (make_classifier(), clone(fitted_classifier)):
        for ask in (clf.predict, clf.predict_proba):
            with pytest.raises(NotFittedError):
                ask(["missing.png"])


def test_a_second_fit_begins_anew_with_the_new_parameters(
    make_classifier: MakeClassifier, dark_and_bright: Images, three_greys: Images
) -> None:
    (X, y), changes = three_greys, {"epochs": 2, "pooling": "max", "image_size": (40, 32)}
    clf = make_classifier(epochs=1).fit(*dark_and_bright)
    clf.set_params(**changes).fit(X, y)
    fresh = make_classifier(**changes).fit(X, y)
    assert clf.n_iter_ == 2
    assert clf.classes_.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(clf.predict_proba(X), fresh.predict_proba(X))


def test_fit_leaves_the_callers_arrays_alone(
    make_classifier: MakeClassifier, dark_and_bright: Images
) -> None:
    X, y = dark_and_bright
    weights, weights_val = np.arange(1, 25), np.arange(1, 6)
    arguments = {"X": X.copy(), "y": y.copy(), "groups": np.arange(24)}
    arguments |= {"X_val": X[::5].copy(), "y_val": y[::5].copy()}
    arguments |= {"sample_weight": weights, "sample_weight_val": weights_val}
    before = {name: array.copy() for name, array in arguments.items()}
    for array in arguments.values():
        array.setflags(write=False)
    make_classifier(epochs=1).fit(**arguments)
    for name, array in arguments.items():
        assert array.dtype == before[name].dtype
        np.testing.assert_array_equal(array, before[name])
