"""What the settings of the training do: views, head, steps, cut, crop."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Images, MakeClassifier, Said, write_image
from sklearn.metrics import log_loss

from skfakereal import Augmentation
from skfakereal._network import Conv, Dense
from skfakereal._trunk import tail_convolutions
from skfakereal._weights import load_trunk


@pytest.mark.parametrize(
    ("changes", "n_computed"),
    [
        ({"augmentation": None}, 24),
        ({"augmentation": "default", "n_views": 3}, 3 * 24),
        ({"augmentation": "default", "n_views": 8, "epochs": 2}, 2 * 24),
        # Three of 24 are held out, and only seen plain.
        ({"augmentation": "default", "n_views": 2, "early_stopping": True}, 2 * 21 + 3),
    ],
)
def test_each_view_is_computed_once(
    make_classifier: MakeClassifier,
    dark_and_bright: Images,
    changes: dict[str, Any],
    n_computed: int,
) -> None:
    clf = make_classifier(**{"epochs": 4, "patience": 4} | changes).fit(*dark_and_bright)
    assert clf.n_computed_ == n_computed


def test_what_one_fit_computed_later_ones_share(
    make_classifier: MakeClassifier, dark_and_bright: Images, tmp_path: Path
) -> None:
    def fit(**changes: Any) -> Any:
        settings = {"augmentation": "default", "n_views": 2, "cache": tmp_path} | changes
        return make_classifier(**settings).fit(*dark_and_bright)

    alone, first, again = fit(cache=None), fit(), fit()
    assert (alone.n_computed_, first.n_computed_, again.n_computed_) == (48, 48, 0)
    assert alone.history_ == first.history_ == again.history_
    assert fit(hidden_units=(4,), random_state=1, batch_size=5).n_computed_ == 0
    assert fit(augmentation=Augmentation(seed=1)).n_computed_ == 48
    assert fit(trainable_from="block5", epochs=1).n_computed_ == 24


def test_the_augmentation_matters(
    make_classifier: MakeClassifier, dark_and_bright: Images
) -> None:
    others = Augmentation(), Augmentation(seed=1), Augmentation(zoom=0.5)
    fits = [
        make_classifier(augmentation=setting, epochs=2).fit(*dark_and_bright)
        for setting in (None, "default", *others)
    ]
    plain, default, same, *rest = (tuple(clf.history_["loss"]) for clf in fits)
    assert default == same
    assert len({plain, default, *rest}) == 4


def test_the_head_has_the_layers_that_were_asked_for(
    make_classifier: MakeClassifier, dark_and_bright: Images
) -> None:
    clf = make_classifier(hidden_units=(16, 4), epochs=1).fit(*dark_and_bright)
    head = [layer for layer in clf._tail.layers if isinstance(layer, Dense)]
    assert [layer.kernel.shape for layer in head] == [(292, 16), (16, 4), (4, 1)]
    assert [layer.activation for layer in head] == ["relu", "relu", "sigmoid"]


def test_dropout_acts_in_training_alone(
    make_classifier: MakeClassifier, dark_and_bright: Images
) -> None:
    X, y = dark_and_bright
    for dropout, acts in ((0.0, False), (0.9, True)):
        clf = make_classifier(dropout=dropout, learning_rate=1e-12, epochs=1)
        plain = log_loss(y, clf.fit(X, y, X_val=X, y_val=y).predict_proba(X))
        assert clf.history_["val_loss"] == pytest.approx([plain], rel=1e-3)
        assert (abs(clf.history_["loss"][0] - plain) > 0.01) == acts


def test_batch_size_optimizer_and_learning_rate_decide_the_steps(
    make_classifier: MakeClassifier, dark_and_bright: Images
) -> None:
    def losses(**changes: Any) -> list[float]:
        clf = make_classifier(**{"batch_size": 24, "epochs": 2} | changes)
        history: list[float] = clf.fit(*dark_and_bright).history_["loss"]
        return history

    start, second = losses()
    # A single batch: its loss is that of the start.
    assert losses(learning_rate=1e-12) == pytest.approx([start, start], rel=1e-6)
    assert losses(batch_size=6)[0] != pytest.approx(start, rel=1e-3)
    for changes in ({"optimizer": "sgd"}, {"learning_rate": 0.01}):
        first, then = losses(**changes)
        assert first == pytest.approx(start, rel=1e-6)
        assert then != pytest.approx(second, rel=1e-3)


@pytest.mark.parametrize("verbose", [0, 1])
def test_progress_is_shown_where_it_is_asked_for(
    make_classifier: MakeClassifier, dark_and_bright: Images, capsys: Said, verbose: int
) -> None:
    clf = make_classifier(verbose=verbose, epochs=2).fit(*dark_and_bright)
    clf.predict(dark_and_bright[0])
    shown = "".join(capsys.readouterr())
    assert ("24/24" in shown) == ("epoch" in shown) == bool(verbose)
    assert bool(shown) == bool(verbose)


# Validation losses come from Keras's tail, predictions from the engines.
@pytest.mark.parametrize(
    "changes",
    [
        {"pooling": "flatten", "image_size": (64, 96)},
        {"hidden_units": ()},
        {"hidden_units": (8, 8, 8), "dropout": 0.3},
        {"preprocessing": "imagenet"},
        {"trainable_from": "block5", "pooling": "flatten", "image_size": (64, 64)},
        *(
            pytest.param(changes, marks=pytest.mark.slow)
            for changes in (
                {"pooling": "max"},
                {"trainable_from": "block3", "pooling": "max"},
                {"trainable_from": "block1"},
                {"engine": "tensorflow", "trainable_from": "block4"},
            )
        ),
        {"engine": "tensorflow"},
    ],
    ids=lambda changes: ", ".join(f"{k}={v}" for k, v in changes.items()),
)
def test_predictions_are_those_of_the_trained_network(
    make_classifier: MakeClassifier, dark_and_bright: Images, changes: dict[str, Any]
) -> None:
    X, y = dark_and_bright
    X_val, y_val = X[5::3], y[5::3]
    settings = {"epochs": 2, "learning_rate": 0.01, "class_weight": None} | changes
    clf = make_classifier(**settings).fit(X, y, X_val=X_val, y_val=y_val)
    kept = log_loss(y_val, clf.predict_proba(X_val))
    assert kept == pytest.approx(clf.history_["val_loss"][-1], rel=5e-3)
    # The optimizer did something.
    assert clf.history_["loss"][0] != clf.history_["loss"][1]


@pytest.mark.parametrize("cut", ["block5", pytest.param("block1", marks=pytest.mark.slow)])
def test_the_blocks_from_the_cut_on_are_trained(
    make_classifier: MakeClassifier, dark_and_bright: Images, narrow_trunk: str, cut: str
) -> None:
    X, y = dark_and_bright
    how = {"pooling": "avg", "epochs": 10, "learning_rate": 0.01}
    clf = make_classifier(trainable_from=cut, **how).fit(X, y)
    assert clf.score(X, y) == 1
    assert clf.history_["loss"][-1] < 0.5 * clf.history_["loss"][0]
    start = tail_convolutions(load_trunk(narrow_trunk), clf._settings).layers
    before = [layer for layer in start if isinstance(layer, Conv)]
    after = [layer for layer in clf._tail.layers if isinstance(layer, Conv)]
    assert len(after) == len(before) == {"block5": 3, "block1": 13}[cut]
    for old, new in zip(before, after, strict=True):
        assert not np.array_equal(old.kernel, new.kernel)


def test_the_crop_sees_the_centre_only(
    make_classifier: MakeClassifier, tmp_path: Path
) -> None:
    rng = np.random.default_rng(5)

    def framed(name: str, centre: int, frame: int) -> str:
        pixels = np.full((96, 96, 3), frame, np.uint8)
        pixels[32:64, 32:64] = centre + rng.integers(0, 20, (32, 32, 3))
        return write_image(tmp_path / name, pixels)

    y = np.repeat([0, 1], 8)
    X = [framed(f"{i}.png", 200 * k, 255 * (1 - k)) for i, k in enumerate(y)]
    # The same centres with the frames of the other class.
    misleading = [framed(f"m{i}.png", 200 * k, 255 * k) for i, k in enumerate(y)]
    cropped = make_classifier(resize="crop").fit(X, y)
    assert cropped.score(X, y) == 1
    assert cropped.score(misleading, y) == 1
    stretched = make_classifier(resize="stretch").fit(X, y)
    assert stretched.score(misleading, y) < 0.5


@pytest.mark.parametrize(
    "pooling", ["avg", pytest.param("flatten", marks=pytest.mark.slow)]
)
def test_the_layout_of_images_in_keras_settings_does_not_matter(
    make_classifier: MakeClassifier, dark_and_bright: Images, pooling: str
) -> None:
    import keras

    from skfakereal._training.tail import _free

    def fit() -> Any:
        _free.clear()  # a tail that is kept already has its layout
        clf = make_classifier(trainable_from="block5", pooling=pooling, epochs=1)
        return clf.fit(*dark_and_bright).predict_proba(dark_and_bright[0])

    expected, layout = fit(), keras.config.image_data_format()
    try:
        keras.config.set_image_data_format("channels_first")
        np.testing.assert_array_equal(fit(), expected)
    finally:
        keras.config.set_image_data_format(layout)
