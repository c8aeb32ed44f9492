"""Few images: the epochs come from a cross-validation, and the recipe stays what it was."""

from typing import Any

import numpy as np
import pytest
from conftest import Fit, Images, MakeClassifier
from sklearn.metrics import log_loss

from skfakereal import VGG16ImageClassifier
from skfakereal._network import Dense

CROSSED: dict[str, Any] = {"early_stopping": True, "validation_fraction": "auto"}
CROSSED |= {"epochs": 40, "patience": 3}


@pytest.mark.parametrize("standardize", [True, False])
def test_the_epochs_of_a_cross_validation_are_trained_on_everything(
    make_classifier: MakeClassifier, doubtful: Images, standardize: bool
) -> None:
    X, y = doubtful
    settings = CROSSED | {"standardize": standardize, "class_weight": None}
    clf = make_classifier(**settings).fit(X, y)
    losses = clf.history_["val_loss"]
    assert clf.best_epoch_ == int(np.argmin(losses))
    assert clf.n_iter_ == len(losses) == clf.best_epoch_ + 1 + 3 < 40
    assert log_loss(y, clf.oof_proba_) == pytest.approx(losses[clf.best_epoch_], rel=1e-6)
    plain = make_classifier(
        **settings | {"early_stopping": False, "epochs": clf.best_epoch_ + 1}
    ).fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), plain.predict_proba(X))
    assert not hasattr(plain, "oof_proba_")


@pytest.mark.slow
def test_many_images_and_trained_blocks_are_held_out_instead(
    make_classifier: MakeClassifier, doubtful: Images
) -> None:
    X, y = (np.tile(values, 21) for values in doubtful)
    for changes, n in (({}, 504), ({"trainable_from": "block5"}, 24)):
        clf = make_classifier(**CROSSED | {"epochs": 1, **changes}).fit(X[:n], y[:n])
        assert not hasattr(clf, "oof_proba_")
        assert len(clf.history_["val_loss"]) == 1


def test_out_of_fold_predictions_know_nothing_of_their_group(
    make_classifier: MakeClassifier, doubtful: Images
) -> None:
    X, y = doubtful
    # Each image twice with its label, and in one group: a fold that had one of the two
    # would know the other one's label better.
    groups = np.arange(48) % 24
    clf = make_classifier(**CROSSED).fit(np.tile(X, 2), np.tile(y, 2), groups=groups)
    np.testing.assert_allclose(clf.oof_proba_[:24], clf.oof_proba_[24:], atol=1e-6)


def test_weight_decay_shrinks_the_kernels_and_not_the_biases(
    make_classifier: MakeClassifier, dark_and_bright: Images
) -> None:
    def layers(weight_decay: Any) -> list[Dense]:
        settings = {"pooling": "avg", "weight_decay": weight_decay}
        clf = make_classifier(**settings, epochs=200, batch_size=24)
        return clf.fit(dark_and_bright[0], [0] * 6 + [1] * 18)._tail.layers  # type: ignore[no-any-return]

    free, decayed = layers(0), layers(10.0)
    assert np.abs(free[0].kernel).max() > 0.1
    assert np.abs(decayed[0].kernel).max() < 0.02


@pytest.mark.parametrize("changes", [{}, {"hidden_units": ()}], ids=str)
def test_a_warm_start_goes_on_behind_the_standardisation(
    fit: Fit, dark_and_bright: Images, changes: dict[str, Any]
) -> None:
    X, y = dark_and_bright
    clf = fit(warm_start=True, standardize=True, **changes)
    before = clf.predict_proba(X)
    clf.set_params(optimizer="adam", learning_rate=1e-12, epochs=1).fit(X, y)
    np.testing.assert_allclose(clf.predict_proba(X), before, atol=1e-5)
    assert clf.history_["accuracy"] == [1.0]


# What version 0.x's defaults gave, before anything of this was there.
@pytest.mark.parametrize(
    ("settings", "groups", "history", "first", "last"),
    [
        (
            {"epochs": 6, "n_views": 2},
            False,
            {
                "loss": [0.6891698, 0.6531022, 0.6184455, 0.5942782, 0.565967, 0.5507073],
                "val_loss": [0.68298, 0.66524, 0.64997, 0.63739, 0.62648, 0.61755],
                "val_accuracy": [1 / 3] * 6,
            },
            0.5222325,
            0.7322455,
        ),
        (
            *({"epochs": 30, "augmentation": None, "learning_rate": 0.01}, False, {}),
            *(1.287425e-05, 0.9999846),
        ),
        ({"epochs": 5, "augmentation": None}, True, {}, 0.519621, 0.7022519),
        pytest.param(
            {"epochs": 4, "dropout": 0.5, "augmentation": None, "batch_size": 5},
            *(False, {}, 0.5347168, 0.7498439),
            marks=pytest.mark.slow,
        ),
        (
            {"epochs": 2, "trainable_from": "block5", "augmentation": None},
            False,
            {"loss": [0.6891896, 0.643769], "val_loss": [0.6792542, 0.6596789]},
            *(0.5113819, 0.6090576),
        ),
    ],
    ids=["views", "plain", "groups", "dropout", "block5"],
)
def test_the_recipe_is_what_the_defaults_were(
    narrow_trunk: str,
    dark_and_bright: Images,
    settings: dict[str, Any],
    groups: bool,
    history: dict[str, list[float]],
    first: float,
    last: float,
) -> None:
    X, y = dark_and_bright
    clf = VGG16ImageClassifier.recipe(
        image_size=(32, 32), weights=narrow_trunk, cache=None, random_state=0, **settings
    ).fit(X, y, groups=np.arange(24) // 2 if groups else None)
    for name, values in history.items():
        assert clf.history_[name] == pytest.approx(values, rel=1e-4)
    proba = clf.predict_proba(X)[:, 1]
    assert proba[[0, -1]] == pytest.approx([first, last], rel=1e-3)
    assert clf.n_iter_ == settings["epochs"]


def test_the_recipe_names_every_parameter_that_decides_what_is_learned() -> None:
    from skfakereal._training.settings import RECIPE

    rest = {"weights", "engine", "cache", "on_error", "n_jobs", "random_state", "verbose"}
    names = set(VGG16ImageClassifier().get_params(deep=False))
    assert set(RECIPE) == names - rest - {"warm_start"}
    assert VGG16ImageClassifier.recipe(epochs=3).epochs == 3


def test_the_curve_of_a_linear_head_counts_weight_decays(dark_and_bright: Images) -> None:
    from skfakereal.evaluation import TrainingCurveDisplay

    X, y = dark_and_bright
    clf = VGG16ImageClassifier(
        weights=None, image_size=(32, 32), augmentation=None, cache=None, random_state=0
    ).fit(X, y)
    display = TrainingCurveDisplay.from_estimator(clf)
    assert display.ax_.get_xlabel().startswith("weight decay")
    assert len(display.ax_.lines[0].get_xdata()) == clf.n_iter_
