"""Each parameter's rule: what keeps it, what breaks it, and when it is checked."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Images
from sklearn.base import clone

from skfakereal import Augmentation, VGG16FeatureExtractor, VGG16ImageClassifier, load, save
from skfakereal._parameters import check_parameters, settings_of
from skfakereal._validation import check_class_weight

NAN, INFINITY = float("nan"), float("inf")

# name: (values that keep the rule, values that break it)
RULES: dict[str, tuple[list[Any], list[Any]]] = {
    "image_size": (
        [
            *[(32, 32), (224, 300), [64, 48], (np.int64(32), 32), 224, np.uint16(32)],
            np.array([64, 48]),
        ],
        [
            *[31, 224.0, True, np.True_, np.array(224), np.array([[32, 32]]), (224,)],
            *[(31, 32), (32, 32, 3), (32.0, 32), ("32", 32), "32x32", (True, 64), None],
        ],
    ),
    "resize": (["stretch", "crop", "shrink"], ["pad", "", None, 1, b"crop"]),
    "n_crops": ([1, 9, np.int64(1)], [0, 10, 2.0, True, "5", None]),
    "preprocessing": (["auto", "unit", "imagenet"], ["caffe", None, 255]),
    "weights": (["imagenet", "cifake", "a.h5", Path("a.h5"), None], [1, True, b"a.h5", {}]),
    "pooling": (["statistics", "avg", "max", "flatten"], ["mean", None, 2]),
    "hidden_units": (
        [(256, 128), (1,), (), [8], (np.int32(4),), np.array([4, 2])],
        [256, (0,), (-1,), (2.5,), ("a",), None, "ab", (True,), np.array([0.5])],
    ),
    "dropout": ([0, 0.0, 0.5, np.float32(0.2)], [1, -0.1, NAN, None, "0.5", True]),
    "trainable_from": (
        [None, "block1", "block5"],
        ["block6", "block0", 5, "block5_conv1", True],
    ),
    "standardize": ([True, np.False_], [None, 1, "auto"]),
    "weight_decay": (
        ["auto", 0, 0.1, np.float32(1e-3)],
        [-1e-9, NAN, INFINITY, None, "strong", True],
    ),
    "optimizer": (["auto", "lbfgs", "adam", "sgd"], [None, 3, object()]),
    "learning_rate": (
        [1e-3, 1, np.float64(0.1)],
        [0, -1, NAN, INFINITY, None, "fast", True],
    ),
    "batch_size": ([1, 32, np.int64(8)], [0, -1, 2.5, None, "32", True]),
    "epochs": ([1, 50], [0, 1.0, None, "many", True]),
    "class_weight": (
        ["balanced", None, {0: 1.0}, {"fake": 2, "real": np.float32(0.5)}],
        ["auto", 2, [1, 2], {0: -1}, {0: NAN}, {0: "much"}, {0: None}],
    ),
    "augmentation": (
        ["default", None, Augmentation(rotation=90)],
        ["none", True, {"rotation": 15}, Augmentation],
    ),
    "n_views": ([1, 8], [0, -1, 1.5, None, True]),
    "early_stopping": ([True, False, np.bool_(True)], [None, 1, "yes"]),
    "validation_fraction": (["auto", 0.1, 0.99], [0, 1, 0.0, 1.0, -0.1, NAN, None, "0.1"]),
    "patience": ([1, 5], [0, -1, 0.5, None]),
    "warm_start": ([True, False], [None, 1, "yes"]),
    "engine": (["auto", "ncnn", "tensorflow"], ["onnx", None, True]),
    "cache": (["auto", "folder", Path("folder"), None], [1, True, b"folder"]),
    "on_error": (["raise", "nan"], ["ignore", None, NAN]),
    "n_jobs": ([None, 1, -1, 4], [0, 1.5, "all", True]),
    "random_state": (
        [None, 0, 42, np.int64(1), np.random.RandomState(0)],
        [-1, 0.5, "seed", np.random.default_rng(0), True, 2**32],
    ),
    "verbose": ([0, 1, 10, True, False, np.True_, np.int8(1)], [-1, None, "yes", 0.5]),
}


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, (good, _) in RULES.items() for value in good],
)
def test_values_that_keep_the_rule(name: str, value: Any) -> None:
    check_parameters({name: value})


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, (_, bad) in RULES.items() for value in bad]
)
def test_values_that_break_the_rule(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"^{name} must be .*, got ") as caught:
        check_parameters({name: value})
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize("estimator", [VGG16ImageClassifier(), VGG16FeatureExtractor()])
def test_every_parameter_has_its_rule_and_every_default_keeps_it(estimator: Any) -> None:
    parameters = estimator.get_params(deep=False)
    if isinstance(estimator, VGG16ImageClassifier):
        assert set(parameters) == set(RULES)  # none is left over
    assert set(parameters) <= set(RULES)
    check_parameters(parameters)
    with pytest.raises(ValueError, match="image_size must be an integer"):
        # In `fit`, before any file is opened.
        estimator.set_params(image_size=8).fit(["missing.png"] * 4, [0, 0, 1, 1])


def test_the_settings_of_the_augmentation_are_checked_in_fit() -> None:
    clf = VGG16ImageClassifier(augmentation=Augmentation(rotation=181))
    with pytest.raises(ValueError, match="Augmentation's rotation must"):
        clf.fit(["missing.png"] * 4, [0, 0, 1, 1])


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("class_weight", {"fake": 2.0, "reel": 1.0}, r"'reel'; y has \['fake', 'real'\]"),
        ("class_weight", {0: 1.0, 1: 2.0}, r"must be classes, got 0; y has \['fake',"),
        ("class_weight", {"fake": 0, "real": 0, "other": 1}, "must not be 0 for all"),
        ("optimizer", "adamant", "must be the name of a Keras optimizer"),
        ("optimizer", "", "must be the name of .* got ''"),
        ("optimizer", "LossScaleOptimizer", "must be the name of .* got 'LossScaleOpt"),
    ],
)
def test_what_does_not_suit_y_or_keras_is_refused_before_the_weights_are_read(
    setting: str, value: Any, message: str
) -> None:
    clf = VGG16ImageClassifier(weights="missing.h5").set_params(**{setting: value})
    with pytest.raises(ValueError, match=f"{setting} .*{message}"):
        clf.fit(["missing.png"] * 4, ["real", "fake"] * 2)


def test_class_weights_may_name_classes_that_a_fold_lacks() -> None:
    check_class_weight({"fake": 1, "real": 2, "other": 3}, np.array(["fake", "real"]))


# name: (NumPy's form, Python's)
NUMPY: dict[str, tuple[Any, Any]] = {
    "image_size": (np.int16(32), (32, 32)),
    "hidden_units": (np.array([4]), (4,)),
    "dropout": (np.float64(0.25), 0.25),
    "learning_rate": (np.longdouble(0.01), 0.01),
    "batch_size": (np.int64(5), 5),
    "epochs": (np.uint8(2), 2),
    "class_weight": ({np.int64(0): np.float32(1), 1: np.int8(2)}, {0: 1, 1: 2}),
    "augmentation": (
        Augmentation(
            **{"rotation": np.float32(15), "zoom": np.float64(0.1), "seed": np.int64(1)},
            **{"horizontal_flip": np.True_, "blur": (np.float32(0.1), 3)},
            jpeg_quality=(np.int64(30), 100),
        ),
        Augmentation(blur=(float(np.float32(0.1)), 3), jpeg_quality=(30, 100), seed=1),
    ),
    "n_views": (np.int32(1), 1),
    "early_stopping": (np.True_, True),
    "validation_fraction": (np.float32(0.25), 0.25),
    "patience": (np.int64(3), 3),
    "warm_start": (np.False_, False),
    "n_jobs": (np.int64(1), 1),
    "random_state": (np.uint32(0), 0),
    "verbose": (np.False_, 0),
    "pooling": (np.str_("max"), "max"),
    "cache": (None, None),
}


def test_numpys_scalars_fit_save_load_and_show_as_pythons_do(
    dark_and_bright: Images, narrow_trunk: str, tmp_path: Path
) -> None:
    X, y = dark_and_bright
    known = NUMPY | {"weights": (np.str_(narrow_trunk), narrow_trunk)}
    fitted = [
        VGG16ImageClassifier(**{name: forms[i] for name, forms in known.items()}).fit(X, y)
        for i in (0, 1)
    ]
    expected = fitted[1].predict_proba(X)
    np.testing.assert_array_equal(fitted[0].predict_proba(X), expected)
    for form in fitted:
        save(form, tmp_path / "model.skfr")
        loaded = load(tmp_path / "model.skfr")
        np.testing.assert_array_equal(loaded.predict_proba(X), expected)
        assert loaded.epochs == form.epochs
    numpys, pythons = map(settings_of, fitted)
    same = set(known) - {"image_size", "class_weight", "augmentation", "verbose"}
    assert {name: numpys[name] for name in same} == {name: pythons[name] for name in same}
    assert numpys["image_size"] == 32
    assert json.loads(json.dumps(numpys)) == numpys


def test_a_view_is_stored_once_for_equal_numbers(
    dark_and_bright: Images, narrow_trunk: str, tmp_path: Path
) -> None:
    def n_computed(augmentation: Augmentation) -> int:
        settings = {"image_size": 32, "epochs": 1, "cache": tmp_path, "random_state": 0}
        settings |= {"weights": narrow_trunk, "augmentation": augmentation}
        clf = VGG16ImageClassifier.recipe(**settings).fit(*dark_and_bright)
        return clf.n_computed_

    zoom = np.float32(0.1)
    first, again = Augmentation(zoom=zoom), Augmentation(zoom=float(zoom))
    assert (n_computed(first), n_computed(again)) == (24, 0)


def test_one_number_as_image_size_is_height_and_width(
    dark_and_bright: Images, narrow_trunk: str
) -> None:
    X, _ = dark_and_bright
    settings: dict[str, Any] = {"weights": narrow_trunk, "cache": None}
    sides = VGG16FeatureExtractor(image_size=(32, 32), **settings).fit_transform(X)
    side = VGG16FeatureExtractor(image_size=32, **settings)
    np.testing.assert_array_equal(side.fit_transform(X), sides)
    assert clone(side).image_size == 32
    views = [Augmentation().render(X[0], 1, image_size=size) for size in (48, (48, 48))]
    assert views[0].shape == (48, 48, 3)
    np.testing.assert_array_equal(*views)


def test_parameters_are_stored_unchanged_nested_and_cloned() -> None:
    augmentation, units = Augmentation(rotation=30), (8, 4)
    clf: Any = VGG16ImageClassifier(augmentation=augmentation, hidden_units=units)
    assert clf.get_params()["augmentation"] is augmentation
    assert clf.get_params()["hidden_units"] is units
    assert clf.get_params()["augmentation__rotation"] == 30
    copy = clone(clf).set_params(augmentation__rotation=90, augmentation__seed=7)
    assert (copy.augmentation.rotation, copy.augmentation.seed) == (90, 7)
    assert copy.hidden_units == units
    assert (clf.augmentation.rotation, clf.augmentation.seed) == (30, 0)


def test_set_params_refuses_what_is_no_parameter() -> None:
    with pytest.raises(ValueError, match="Invalid parameter 'threshold'"):
        VGG16ImageClassifier().set_params(threshold=0.5)
    with pytest.raises(TypeError, match="positional"):
        VGG16ImageClassifier((64, 64))  # type: ignore[call-arg]
