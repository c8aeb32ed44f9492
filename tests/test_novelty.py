"""How unlike the training images an image is: honest percentiles, small and private summaries."""

import copy
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Fit, Folders, Images, write_image
from numpy.typing import NDArray
from PIL import Image
from skfr_files import round_trip
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier

import skfakereal
from skfakereal import ImageReadError, VGG16ImageClassifier
from skfakereal._classifying.ask import judge_images
from skfakereal._novelty import UNUSUAL, FeatureSummary, rounded, summarize, unlike
from skfakereal.persistence import load_with_metadata

N_FEATURES = 2000


def features(n: int, seed: int, shift: float = 0.0) -> NDArray[np.float32]:
    """Return correlated rows with long tails, as statistics of a network are."""
    mixing = np.random.default_rng(0).standard_normal((40, N_FEATURES))
    random = np.random.default_rng(seed)
    rows = random.standard_t(5, (n, 40)) @ mixing
    rows += 4 * random.standard_t(5, (n, N_FEATURES)) + shift
    return rows.astype(np.float32)


def summary_of(rows: NDArray[np.float32], groups: Any = None, **how: Any) -> FeatureSummary:
    groups = np.arange(len(rows)) if groups is None else groups
    return summarize(lambda chosen: rows[chosen], groups, sides=(32, 32), **how)


@pytest.mark.parametrize(
    "n", [60, *(pytest.param(n, marks=pytest.mark.slow) for n in (24, 200, 600))]
)
def test_one_percent_of_other_images_from_the_same_place_are_called_unlike(n: int) -> None:
    flagged = [
        np.mean(
            summary_of(features(n, seed)).novelty(features(400, 1000 + seed)) >= UNUSUAL
        )
        for seed in range(20)
    ]
    assert 0.001 <= np.mean(flagged) <= 0.025


def test_percentiles_are_those_of_images_that_were_left_out() -> None:
    """The summary fits the images that it is made of far better than others of their kind."""
    rows, others = features(60, 0), features(500, 1)
    summary = summary_of(rows)
    naive = np.quantile(summary.distance(rows), UNUSUAL)
    assert np.mean(summary.distance(others) >= naive) > 0.15  # instead of 0.01
    novelty = summary.novelty(others)
    assert 0.25 < np.median(novelty) < 0.8  # of one draw of 60
    assert 0.03 < np.mean(novelty >= 0.9) < 0.2
    assert np.mean(summary.novelty(features(200, 1, shift=40.0)) >= UNUSUAL) > 0.95


def test_novelty_grows_with_the_distance_and_stays_within_bounds() -> None:
    rows = features(60, 0)
    summary = summary_of(rows)
    far = rows[:1] * np.array([[0], [1], [2], [4], [30], [1e6]], np.float32)
    novelty = summary.novelty(far)
    assert (np.diff(novelty) >= 0).all()
    assert novelty.min() >= 0
    assert novelty.max() < 1  # which is for another size alone
    assert summary.novelty(far, sides=[32, 15, 16, 64, 65, 32])[[1, 4]].tolist() == [1, 1]
    assert summary.novelty(far, sides=[32] * 6).max() < 1
    assert rounded(float(novelty.max())) == 0.9999
    assert unlike(0.9999) != unlike(1.0) != unlike(0.5) == unlike(None) == ""
    assert np.isfinite(novelty).all()


def test_groups_and_copies_are_left_out_together() -> None:
    """Each image ten times, hardly changed: alone, its copies would vouch for it."""
    rows = np.repeat(features(30, 0), 10, axis=0)
    nearly = rows + np.random.default_rng(2).normal(0, 0.01, rows.shape).astype(np.float32)
    others = features(300, 1)
    by_group = summary_of(nearly, np.repeat(np.arange(30), 10))
    assert np.mean(by_group.novelty(others) >= UNUSUAL) < 0.1
    assert np.mean(summary_of(nearly).novelty(others) >= UNUSUAL) > 0.5  # what would happen
    # Equal to the bit, they are known as copies.
    assert np.mean(summary_of(rows).novelty(others) >= UNUSUAL) < 0.1


def test_of_many_images_only_some_are_read_and_none_twice() -> None:
    rows, read = features(3000, 0)[:, :200], list[int]()

    def some(chosen: NDArray[np.intp]) -> NDArray[np.float32]:
        read.extend(chosen.tolist())
        assert len(chosen) <= 512
        return rows[chosen]

    summary = summarize(some, np.arange(3000), sides=(32, 32))
    assert len(read) == len(set(read)) == 512 + 1024
    assert summary.n_reference == 1024


@pytest.mark.parametrize("width", [1, 512, 8448, 30_000])
def test_a_summary_has_a_megabyte_at_most(width: int) -> None:
    rows = np.random.default_rng(0).standard_normal((300, width)).astype(np.float32)
    arrays = [v for v in vars(summary_of(rows)).values() if isinstance(v, np.ndarray)]
    assert sum(array.nbytes for array in arrays) <= 10**6


def test_too_few_images_or_one_group_give_none() -> None:
    rows = features(60, 0)
    assert summarize(lambda chosen: rows[chosen], np.arange(19), sides=(1, 1)) is None
    assert summarize(lambda chosen: rows[chosen], np.zeros(60), sides=(1, 1)) is None


def test_features_that_never_vary_do_no_harm() -> None:
    rows = features(60, 0)
    rows[:, ::2] = 3
    assert np.isfinite(summary_of(rows).novelty(rows)).all()
    flat = np.full_like(rows, 3)
    flat[:, 0] = np.arange(60)
    assert np.isfinite(summary_of(flat).novelty(rows)).all()


@pytest.fixture(scope="module")
def odd(tmp_path_factory: Folders) -> list[str]:
    """Return images unlike dark and bright ones: stripes of full contrast."""
    folder, rows = tmp_path_factory.mktemp("odd"), []
    for i in range(4):
        stripes = np.zeros((32, 32, 3), np.uint8)
        stripes[:: i + 2] = 255
        rows.append(write_image(folder / f"{i}.png", stripes))
    return rows


LINEAR: dict[str, Any] = {"hidden_units": (), "early_stopping": False, "weight_decay": 0.1}


@pytest.mark.parametrize(
    "changes",
    [
        LINEAR,
        LINEAR | {"pooling": "avg"},
        LINEAR | {"pooling": "max"},
        LINEAR | {"pooling": "flatten"},
        LINEAR | {"n_crops": 5, "resize": "shrink"},
        {"augmentation": "default", "n_views": 2, "epochs": 2},
        {"trainable_from": "block5", "epochs": 1},
        *(
            pytest.param({"epochs": 1} | changes, marks=pytest.mark.slow)
            for changes in (
                {"trainable_from": "block3", "pooling": "max"},
                {"trainable_from": "block1", "augmentation": "default"},
            )
        ),
    ],
    ids=lambda changes: " ".join(f"{k}={v}" for k, v in changes.items())[-40:],
)
def test_every_pooling_and_cut_has_one(
    changes: dict[str, Any],
    fit: Fit,
    dark_and_bright: Images,
    odd: list[str],
    tmp_path: Path,
) -> None:
    X, _ = dark_and_bright
    clf = fit(**changes)
    novelty = clf.novelty(odd)
    assert novelty.shape == (4,)
    assert np.median(novelty) > 0.98
    assert novelty.min() > clf.novelty(X).max()
    loaded = round_trip(clf, tmp_path)
    np.testing.assert_array_equal(loaded.novelty(odd), novelty)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(clf)).novelty(odd), novelty)
    detector, _ = load_with_metadata(tmp_path / "model.skfr", only_predict=True)
    assert type(detector).__name__ == "Detector"
    np.testing.assert_array_equal(detector.novelty(odd), novelty)


def test_plain_images_for_the_summary_are_not_counted_and_none_is_in_it(fit: Fit) -> None:
    """No row of it is the features of a training image, and distances have no order."""
    clf = fit(augmentation="default", n_views=2, epochs=2)
    assert clf.n_computed_ == 2 * 24
    assert len(clf._summary.directions) <= 24 // 6
    assert (np.diff(clf._summary.quantiles) >= 0).all()


@pytest.mark.parametrize("threshold", [None, 0.4])
def test_verdicts_have_it_from_the_same_pass(
    threshold: float | None, fit: Fit, dark_and_bright: Images, odd: list[str]
) -> None:
    clf = fit(**LINEAR)
    estimator: Any = clf
    if threshold is not None:
        estimator = FixedThresholdClassifier(FrozenEstimator(clf), threshold=threshold)
        estimator.fit(*dark_and_bright)
    paths = [*odd, *dark_and_bright[0][:3], odd[0]]
    verdicts = judge_images(estimator, paths)
    np.testing.assert_array_equal(
        [verdicts[str(path)].novelty for path in paths], clf.novelty(paths)
    )


def test_a_model_without_a_summary_says_nothing(
    fit: Fit, dark_and_bright: Images, tmp_path: Path
) -> None:
    X, _ = dark_and_bright
    clf = fit(**LINEAR)
    before = clf.predict_proba(X)
    del clf._summary  # as in a pickle of an earlier version
    np.testing.assert_array_equal(clf.predict_proba(X), before)
    assert judge_images(clf, [str(X[0])])[str(X[0])].novelty is None
    with pytest.raises(ValueError, match="has no summary of its training images"):
        clf.novelty(X)
    loaded = round_trip(clf, tmp_path)
    with pytest.raises(ValueError, match="Fit it again"):
        loaded.novelty(X)
    with pytest.raises(NotFittedError):
        VGG16ImageClassifier().novelty(X)


def test_broken_images_are_told_or_nan(
    fit: Fit, dark_and_bright: Images, tmp_path: Path
) -> None:
    X, _ = dark_and_bright
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    clf = fit(**LINEAR)
    with pytest.raises(ImageReadError, match=r"broken\.png"):
        clf.novelty([X[0], str(broken)])
    found = clf.set_params(on_error="nan").novelty([X[0], str(broken), X[0]])
    assert np.isnan(found).tolist() == [False, True, False]


def test_images_of_another_size_are_unlike(
    fit: Fit, dark_and_bright: Images, tmp_path: Path
) -> None:
    """Shrunk by much, any picture looks like a small one to a network; its traces are gone."""
    X, _ = dark_and_bright
    clf = fit(**LINEAR)
    paths = []
    for side in (15, 16, 64, 65):
        with Image.open(X[0]) as image:
            paths.append(
                write_image(tmp_path / f"{side}.png", np.asarray(image.resize((side, 90))))
            )
    usual = clf.novelty(paths)
    assert usual[0] == usual[3] == 1
    assert max(usual[1:3]) < 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mean", np.zeros(7, np.float32)),
        ("scale", np.zeros(292, np.float32)),
        ("directions", np.zeros((3, 292), np.float32)),
        ("variances", np.full(2, np.nan, np.float32)),
        ("quantiles", np.array([2, 1], np.float32)),
        ("residual", 0.0),
        ("residual", float("nan")),
        ("n_reference", 0),
        ("n_reference", True),
        ("sides", (1,)),
        ("sides", 5),
    ],
)
def test_a_summary_that_lies_is_refused(
    name: str, value: Any, fitted_classifier: Any, tmp_path: Path
) -> None:
    wrong = copy.copy(fitted_classifier)
    wrong._summary = replace(fitted_classifier._summary, **{name: value})
    with pytest.raises(ValueError, match="summary"):
        skfakereal.save(wrong, tmp_path / "model.skfr")
