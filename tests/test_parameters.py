"""Each parameter's rule: what keeps it, what breaks it, and when it is checked."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

from skfakereal import Augmentation, VGG16FeatureExtractor, VGG16ImageClassifier
from skfakereal._parameters import check_parameters

NAN, INFINITY = float("nan"), float("inf")

# name: (values that keep the rule, values that break it)
RULES: dict[str, tuple[list[Any], list[Any]]] = {
    "image_size": (
        [(32, 32), (224, 300), [64, 48], (np.int64(32), 32)],
        [
            224,
            (224,),
            (31, 32),
            (32, 32, 3),
            (32.0, 32),
            ("32", 32),
            "32x32",
            (True, 64),
            None,
        ],
    ),
    "resize": (["stretch", "crop"], ["pad", "", None, 1, b"crop"]),
    "preprocessing": (["unit", "imagenet"], ["caffe", None, 255]),
    "weights": (["imagenet", "cifake", "a.h5", Path("a.h5"), None], [1, True, b"a.h5", {}]),
    "pooling": (["avg", "max", "flatten"], ["mean", None, 2]),
    "hidden_units": (
        [(256, 128), (1,), (), [8], (np.int32(4),)],
        [256, (0,), (-1,), (2.5,), ("a",), None, "ab", (True,)],
    ),
    "dropout": ([0, 0.0, 0.5, np.float32(0.2)], [1, -0.1, NAN, None, "0.5", True]),
    "trainable_from": (
        [None, "block1", "block5"],
        ["block6", "block0", 5, "block5_conv1", True],
    ),
    "optimizer": (["adam", "sgd"], [None, 3, object()]),
    "learning_rate": (
        [1e-3, 1, np.float64(0.1)],
        [0, -1, NAN, INFINITY, None, "fast", True],
    ),
    "batch_size": ([1, 32, np.int64(8)], [0, -1, 2.5, None, "32", True]),
    "epochs": ([1, 50], [0, 1.0, None, "many", True]),
    "class_weight": (
        ["balanced", None, {0: 1.0}, {"fake": 2, "real": 0.5}],
        ["auto", 2, [1, 2], {0: -1}, {0: NAN}, {0: "much"}, {0: None}],
    ),
    "augmentation": (
        ["default", None, Augmentation(rotation=90)],
        ["none", True, {"rotation": 15}, Augmentation],
    ),
    "n_views": ([1, 8], [0, -1, 1.5, None, True]),
    "early_stopping": ([True, False, np.bool_(True)], [None, 1, "yes"]),
    "validation_fraction": ([0.1, 0.99], [0, 1, 0.0, 1.0, -0.1, NAN, None, "0.1"]),
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
    "verbose": ([0, 1, 10, True, False], [-1, None, "yes", 0.5]),
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
    assert set(parameters) <= set(RULES)
    check_parameters(parameters)


def test_no_rule_is_left_over() -> None:
    assert set(RULES) == set(VGG16ImageClassifier().get_params(deep=False))


@pytest.mark.parametrize("estimator", [VGG16ImageClassifier(), VGG16FeatureExtractor()])
def test_fit_checks_the_parameters_before_it_opens_any_file(estimator: Any) -> None:
    with pytest.raises(ValueError, match="image_size must be a pair"):
        estimator.set_params(image_size=8).fit(["missing.png"] * 4, [0, 0, 1, 1])


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("rotation", 181),
        ("zoom", 1),
        ("brightness", -0.1),
        ("degrade_probability", 2),
        ("blur", (3, 0)),
        ("blur", 3),
        ("jpeg_quality", (0, 100)),
        ("seed", 0.5),
        ("rotation", NAN),
    ],
)
def test_the_settings_of_the_augmentation_are_checked_in_fit(
    setting: str, value: Any
) -> None:
    clf = VGG16ImageClassifier(augmentation=Augmentation(**{setting: value}))
    with pytest.raises(ValueError, match=f"Augmentation's {setting} must"):
        clf.fit(["missing.png"] * 4, [0, 0, 1, 1])


def test_the_class_weights_must_name_every_class_and_no_other() -> None:
    clf = VGG16ImageClassifier(class_weight={"fake": 2.0, "reel": 1.0}, weights=None)
    with pytest.raises(ValueError, match=r"class_weight .*'reel'.*\['fake', 'real'\]"):
        clf.fit(["missing.png"] * 4, ["real", "fake"] * 2)


def test_parameters_are_stored_unchanged_and_nested() -> None:
    augmentation, units = Augmentation(rotation=30), (8, 4)
    clf = VGG16ImageClassifier(augmentation=augmentation, hidden_units=units)
    assert clf.get_params()["augmentation"] is augmentation
    assert clf.get_params()["hidden_units"] is units
    assert clf.get_params()["augmentation__rotation"] == 30
    assert clf.get_params(deep=False).keys() == RULES.keys()


def test_clone_copies_the_augmentation_too() -> None:
    clf: Any = VGG16ImageClassifier(augmentation=Augmentation(rotation=30), epochs=3)
    copy = clone(clf).set_params(augmentation__rotation=90, augmentation__seed=7)
    assert (copy.augmentation.rotation, copy.augmentation.seed, copy.epochs) == (90, 7, 3)
    assert (clf.augmentation.rotation, clf.augmentation.seed) == (30, 0)


def test_set_params_refuses_what_is_no_parameter() -> None:
    with pytest.raises(ValueError, match="Invalid parameter 'threshold'"):
        VGG16ImageClassifier().set_params(threshold=0.5)
    with pytest.raises(TypeError, match="positional"):
        VGG16ImageClassifier((64, 64))  # type: ignore[call-arg]
