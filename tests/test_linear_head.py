"""The linear head: logistic regression on standardised features, solved for."""

from collections.abc import Callable
from typing import Any

import joblib
import numpy as np
import pytest
from conftest import Images, MakeClassifier, MakeExtractor, Patch
from numpy.typing import NDArray
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.class_weight import compute_sample_weight

from skfakereal import Augmentation, VGG16ImageClassifier, load, save
from skfakereal._activations import ActivationReader
from skfakereal._network import Clip, Dense
from skfakereal._training.holdout import LabelledPaths, draw_folds, draw_seeds
from skfakereal._training.logistic import LogisticProblems
from skfakereal._training.parts import Standardization, _widened
from skfakereal._training.spanned import SpannedProblems
from skfakereal.engines._numpy import compile_dense

CROSSED: dict[str, Any] = {"early_stopping": True, "validation_fraction": "auto"}
LINEAR: dict[str, Any] = {"hidden_units": (), "optimizer": "auto"}


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("weight_decay", [1.0, 0.01])
def test_it_is_scikit_learns_logistic_regression(
    make_classifier: MakeClassifier,
    make_extractor: MakeExtractor,
    doubtful: Images,
    weight_decay: float,
    n_classes: int,
    standardize: bool,
) -> None:
    X, y = doubtful
    labels, weights = y + np.arange(24) % 2 * (n_classes - 2), np.linspace(0.5, 2, 24)
    clf = make_classifier(
        **LINEAR,
        weight_decay=weight_decay,
        standardize=standardize,
        class_weight={0: 2.0, 1: 0.5},
    ).fit(X, labels, weights)
    loss_weights = weights * np.array([2.0, 0.5, 1.0])[labels]
    head = LogisticRegression(C=1 / (24 * weight_decay), tol=1e-9, max_iter=10_000)
    of_fit, steps = {"logisticregression__sample_weight": loss_weights}, [head]
    if standardize:
        # Features that are 1.5 deviations away say no more than that.
        clip = FunctionTransformer(np.clip, kw_args={"a_min": -1.5, "a_max": 1.5})
        steps = [StandardScaler(), clip, head]
        of_fit["standardscaler__sample_weight"] = loss_weights
    reference = make_pipeline(make_extractor(), *steps).fit(X, labels, **of_fit)
    np.testing.assert_allclose(clf.predict_proba(X), reference.predict_proba(X), atol=1e-3)
    expected = np.mean(loss_weights * -np.log(clf.predict_proba(X)[np.arange(24), labels]))
    assert clf.history_["loss"] == pytest.approx([expected], rel=1e-4)
    assert (clf.weight_decay_, clf.n_iter_, clf.best_epoch_) == (weight_decay, 1, 0)


class _Rows:
    """Rows in memory, in three blocks."""

    def __init__(self, rows: NDArray[Any]) -> None:
        self._rows = rows

    def blocks(self) -> list[NDArray[Any]]:
        return np.array_split(self._rows, 3)

    def take(self, chosen: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(self._rows[chosen])


def _objective(
    rows: NDArray[Any],
    y: NDArray[Any],
    weights: NDArray[Any],
    kernel: NDArray[Any],
    bias: NDArray[Any],
    decay: float,
) -> float:
    scores = rows @ kernel + bias
    scores = np.hstack([0 * scores, scores]) if scores.shape[1] == 1 else scores
    losses = logsumexp(scores, axis=1) - scores[np.arange(len(y)), y]
    return float(np.mean(weights * losses) + decay / 2 * np.sum(kernel**2))


# Few rows, few features, and too many of both; all rows' curvature, or that of some.
@pytest.mark.parametrize("sample", [30, 1024])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    ("n_rows", "n_features", "problems_of"),
    [
        (40, 90, LogisticProblems),
        (40, 90, SpannedProblems),
        (90, 40, LogisticProblems),
        (120, 90, LogisticProblems),
    ],
)
def test_the_optimum_is_found_in_every_shape(
    monkeypatch: Patch,
    n_rows: int,
    n_features: int,
    problems_of: type[LogisticProblems | SpannedProblems],
    n_classes: int,
    sample: int,
) -> None:
    monkeypatch.setattr("skfakereal._training.logistic._SAMPLE", sample)
    random = np.random.default_rng(0)
    common = random.standard_normal((5, n_features))
    rows = random.standard_normal((n_rows, 5)) * [9, 5, 3, 1, 0.5] @ common
    rows += random.standard_normal(rows.shape)
    noisy = rows[:, :1] + 5 * random.standard_normal((n_rows, n_classes - 1))
    y = (noisy > 0).sum(axis=1)
    rows = rows.astype(np.float32)
    # Two folds and everything; in the first, the penalty counts each feature twice.
    weights = random.uniform(0.5, 2, (n_rows, 3))
    weights[::4, 0] = weights[1::4, 1] = 0
    scales = np.ones((n_features, 3))
    scales[:, 0] = 2
    problems = problems_of(_Rows(rows), y, weights, n_classes, scales)
    for decay in (1.0, 0.01, 1e-4):
        problems.solve(decay)
        for each, scale in enumerate((2, 1, 1)):
            used = weights[:, each] > 0
            data = rows[used].astype(float) / scale, y[used], weights[used, each]
            kernel, bias = np.split(problems.solution(each), [-1])
            kernel, bias = kernel * scale, bias[0]
            reference = LogisticRegression(
                C=1 / (used.sum() * decay), solver="newton-cg", tol=1e-8
            ).fit(*data)
            best = _objective(*data, reference.coef_.T, reference.intercept_, decay)
            assert _objective(*data, kernel, bias, decay) <= best + 1e-6
            np.testing.assert_allclose(
                problems.decisions[:, each], rows / scale @ kernel + bias, atol=1e-3
            )


def test_rows_that_are_not_kept_give_the_same_head(
    monkeypatch: Patch, make_classifier: MakeClassifier, doubtful: Images
) -> None:
    settings = LINEAR | {"augmentation": "default", "n_views": 3, "pooling": "statistics"}
    kept = make_classifier(**settings).fit(*doubtful)
    monkeypatch.setattr("skfakereal._training.linear_head._MOST_KEPT", 0)
    read = make_classifier(**settings).fit(*doubtful)
    assert kept.history_ == read.history_
    np.testing.assert_array_equal(kept.oof_proba_, read.oof_proba_)


def test_each_fold_is_solved_for_as_if_it_were_alone(
    make_classifier: MakeClassifier, make_extractor: MakeExtractor, doubtful: Images
) -> None:
    """All folds share one set of rows and its bounds, but no weights, nor features' scales."""
    X, y = doubtful
    clf = make_classifier(**LINEAR | CROSSED, weight_decay=0.05).fit(X, y)
    features = make_extractor().fit_transform(X)
    # The bounds are those of all images, which has nothing to do with labels.
    reach = 1.5 * StandardScaler().fit(features).scale_
    mean = features.mean(axis=0)
    bounded = np.clip(features, mean - reach, mean + reach) - mean
    splits = draw_folds(
        LabelledPaths.check(X, y).labels, None, random_state=draw_seeds(0)[0]
    )
    head = LogisticRegression(C=1 / (0.05 * 24), class_weight="balanced", tol=1e-9)
    for train, held in splits:
        head.set_params(C=1 / (0.05 * len(train)))
        weights = compute_sample_weight("balanced", y[train])
        scaler = StandardScaler().fit(features[train], sample_weight=weights)
        head.fit(bounded[train] / scaler.scale_, y[train])
        expected = head.predict_proba(bounded[held] / scaler.scale_)
        np.testing.assert_allclose(clf.oof_proba_[held], expected, atol=1e-3)


@pytest.mark.slow
def test_adam_comes_to_the_same_head(
    make_classifier: MakeClassifier, doubtful: Images
) -> None:
    X, y = doubtful
    settings = {"hidden_units": (), "weight_decay": 0.1, "class_weight": None}
    solved = make_classifier(**settings, optimizer="lbfgs").fit(X, y)
    trained = make_classifier(**settings, optimizer="adam", batch_size=24, epochs=400).fit(
        X, y
    )
    np.testing.assert_allclose(trained.predict_proba(X), solved.predict_proba(X), atol=1e-3)
    # Neither counts the penalty as loss.
    assert trained.history_["loss"][-1] == pytest.approx(solved.history_["loss"][0], 1e-3)
    assert log_loss(y, trained.predict_proba(X)) == pytest.approx(
        trained.history_["loss"][-1], 1e-3
    )


def test_the_weight_decay_of_the_lowest_loss_is_chosen(
    make_classifier: MakeClassifier, doubtful: Images
) -> None:
    X, y = doubtful
    clf = make_classifier(**LINEAR, class_weight=None).fit(X, y)
    losses = clf.history_["val_loss"]
    assert clf.best_epoch_ == int(np.argmin(losses))
    assert clf.n_iter_ == len(losses) >= min(9, clf.best_epoch_ + 3)
    assert set(clf.history_) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert log_loss(y, clf.oof_proba_) == pytest.approx(losses[clf.best_epoch_], rel=1e-6)
    right = clf.oof_proba_.argmax(axis=1) == y
    assert clf.history_["val_accuracy"][clf.best_epoch_] == right.mean()


@pytest.mark.parametrize("n_classes", [2, 3])
def test_no_line_would_suit_the_held_out_images_better(
    make_classifier: MakeClassifier, doubtful: Images, n_classes: int
) -> None:
    """Neither a factor nor an intercept: the loss to Platt's targets has no slope left."""
    X, y = doubtful
    labels = y + np.arange(24) % 2 * (n_classes - 2)
    labels[:4] = 1  # more of one class
    clf = make_classifier(**LINEAR, class_weight=None).fit(X, labels)
    counts = np.bincount(labels)[labels]
    targets = np.ones((24, n_classes))
    targets[np.arange(24), labels] += counts
    targets /= (counts + n_classes)[:, np.newaxis]
    slope = clf.oof_proba_ - targets
    np.testing.assert_allclose(slope.sum(axis=0), 0, atol=1e-3)
    assert abs(np.sum(slope * np.log(clf.oof_proba_))) < 1e-2


def test_the_head_is_on_the_line_of_its_out_of_fold_predictions(
    make_classifier: MakeClassifier, doubtful: Images
) -> None:
    X, y = doubtful
    y = np.where(np.arange(24) < 3, 1, y)  # more of one class
    settings = LINEAR | CROSSED | {"class_weight": None}
    clf = make_classifier(**settings).fit(X, y)
    as_solved = make_classifier(**settings, weight_decay=clf.weight_decay_).fit(X, y)

    def decisions(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.log(probabilities[:, 1] / probabilities[:, 0])

    before, after = decisions(as_solved.oof_proba_), decisions(clf.oof_proba_)
    factor, intercept = np.polyfit(before, after, 1)
    assert factor > 0
    assert abs(factor - 1) > 0.01
    assert abs(intercept) > 0.01
    np.testing.assert_allclose(factor * before + intercept, after, atol=1e-6)
    np.testing.assert_allclose(
        factor * decisions(as_solved.predict_proba(X)) + intercept,
        decisions(clf.predict_proba(X)),
        atol=1e-4,
    )


@pytest.mark.parametrize(("wrong", "late"), [(0, False), (1, True)])
def test_held_out_images_choose_how_large_kinds_of_features_are(
    make_classifier: MakeClassifier,
    make_extractor: MakeExtractor,
    dark_and_bright: Images,
    wrong: int,
    late: bool,
) -> None:
    """All features alike, or half for correlations and half for the last block's statistics."""
    X, y = dark_and_bright
    y = np.where(np.arange(24) % 6 == wrong, 1 - y, y)
    clf = make_classifier(**LINEAR, class_weight=None).fit(X, y)
    extractor = make_extractor()
    features = StandardScaler().fit_transform(extractor.fit_transform(X)).clip(-1.5, 1.5)
    if late:
        names = extractor.get_feature_names_out().astype(str)
        correlated = np.char.endswith(names, "correlation")
        of_last = np.char.startswith(names, "block5")
        shares = np.where(correlated, 0.5 / correlated.sum(), 0.5 / of_last.sum())
        neither = ~correlated & ~of_last
        shares[neither] = 0.004 / neither.sum()
        features *= np.sqrt(shares * len(names))
    # scikit-learn's has the same coefficients, but for the line onto which ours is brought.
    reference = LogisticRegression(
        C=1 / (24 * clf.weight_decay_), tol=1e-9, max_iter=10_000
    )
    expected = reference.fit(features, y).decision_function(features)
    found = np.log(clf.predict_proba(X)[:, 1] / clf.predict_proba(X)[:, 0])
    line = np.polyval(np.polyfit(expected, found, 1), expected)
    np.testing.assert_allclose(line, found, atol=1e-3 * found.std())


@pytest.mark.parametrize("n_views", [1, 3])
def test_equal_images_with_both_labels_tell_nothing(
    make_classifier: MakeClassifier, dark_and_bright: Images, n_views: int
) -> None:
    X, y = dark_and_bright
    views: dict[str, Any] = {"augmentation": "default", "n_views": n_views}
    clf = make_classifier(**LINEAR, **views).fit(np.repeat(X[:1], 24), y)
    np.testing.assert_allclose(clf.predict_proba(X), 0.5, atol=1e-3)


def test_the_search_ends_where_weaker_decays_are_far_worse(
    make_classifier: MakeClassifier, doubtful: Images
) -> None:
    (X, y), settings = doubtful, LINEAR | CROSSED
    short = make_classifier(**settings).fit(X, y)
    losses = np.array(short.history_["val_loss"])
    lowest = losses[short.best_epoch_]
    assert short.best_epoch_ + 2 < short.n_iter_ < 9
    assert (losses[-2:] > 1.03 * lowest).all()
    assert not (
        np.minimum(losses[:-2], losses[1:-1]) > 1.03 * np.minimum.accumulate(losses)[:-2]
    ).any()


def test_activations_are_widened_exactly() -> None:
    every = np.arange(2**16, dtype=np.uint16).view(np.float16)
    halves = every[np.isfinite(every)].reshape(-1, 32)
    np.testing.assert_array_equal(
        _widened(halves).view(np.int32), halves.astype(np.float32).view(np.int32)
    )


def test_labels_by_chance_cannot_be_foreseen(
    make_classifier: MakeClassifier, make_image: Callable[..., str]
) -> None:
    random = np.random.default_rng(4)
    X = [
        make_image(f"{i}.png", random.integers(0, 256, (32, 32, 3), np.uint8))
        for i in range(60)
    ]
    y = random.permutation(np.repeat([0, 1], 30))
    twice, labels = X + X, np.tile(y, 2)
    settings = LINEAR | {"pooling": "flatten", "image_size": 128}
    leaky = make_classifier(**settings).fit(twice, labels)
    assert np.mean(leaky.oof_proba_.argmax(axis=1) == labels) > 0.8
    clf = make_classifier(**settings).fit(twice, labels, groups=np.arange(120) % 60)
    assert np.mean(clf.oof_proba_.argmax(axis=1) == labels) < 0.7
    # It does not claim to know more.
    assert np.abs(clf.predict_proba(X) - 0.5).max() < 0.4


def test_out_of_fold_rows_are_those_of_x(
    make_classifier: MakeClassifier, dark_and_bright: Images
) -> None:
    X, y = dark_and_bright
    weights = np.where(np.arange(24) % 5 == 2, 0.0, 1.0)
    clf = make_classifier(**LINEAR).fit(X, np.where(y, "fake", "real"), weights)
    assert clf.oof_proba_.shape == (24, 2)
    assert (np.isnan(clf.oof_proba_).any(axis=1) == (weights == 0)).all()
    kept = weights > 0
    names = clf.classes_[clf.oof_proba_[kept].argmax(axis=1)]
    assert (names == np.where(y, "fake", "real")[kept]).all()
    clf.fit(X, y, X_val=X[::2], y_val=y[::2])
    assert not hasattr(clf, "oof_proba_")


def test_views_are_rows_and_the_plain_image_is_held_out(
    make_classifier: MakeClassifier, doubtful: Images
) -> None:
    X, y = doubtful
    views = LINEAR | {"augmentation": "default", "n_views": 3, "epochs": 1}
    clf = make_classifier(**views).fit(X, y)
    assert clf.n_computed_ == 4 * 24
    clf = make_classifier(**views, weight_decay=0.1).fit(X, y)
    assert clf.n_computed_ == 4 * 24
    assert len(clf.history_["loss"]) == 1


def test_the_plain_image_is_learned_from_beside_its_views(
    make_classifier: MakeClassifier, doubtful: Images
) -> None:
    """The solution is that of scikit-learn over view 0 and all others."""
    X, y = doubtful
    augmentation = Augmentation(rotation=40, brightness=0.5)
    settings = LINEAR | {"augmentation": augmentation, "weight_decay": 0.02}
    clf = make_classifier(**settings, n_views=2, standardize=False).fit(X, y)
    reader = ActivationReader(clf._trunk, clf._settings, augmentation=augmentation)
    views = [
        np.concatenate([batch.activations for batch in reader.read(X.tolist(), [view])])
        for view in range(3)
    ]
    found = clf.predict_proba(X)[:, 1]
    for used, equal in ((views, True), (views[1:], False)):
        rows = np.concatenate(used)
        reference = LogisticRegression(C=1 / (0.02 * len(rows)), tol=1e-8, max_iter=10_000)
        reference.fit(rows, np.tile(y, len(used)))
        expected = reference.predict_proba(views[0])[:, 1]
        assert (np.abs(found - expected).max() < 2e-3) == equal


def test_where_it_cannot_be_solved_for(
    make_classifier: MakeClassifier, dark_and_bright: Images
) -> None:
    for changes in ({"hidden_units": (8,)}, {"trainable_from": "block5"}):
        clf = make_classifier(**{"hidden_units": (), "optimizer": "lbfgs"} | changes)
        with pytest.raises(ValueError, match=r'linear head.*optimizer="auto"'):
            clf.fit(*dark_and_bright)


def test_equal_seeds_are_equal_to_the_bit(
    make_classifier: MakeClassifier, doubtful: Images
) -> None:
    one, same, other = (
        make_classifier(**LINEAR, random_state=seed).fit(*doubtful) for seed in (1, 1, 2)
    )
    X = doubtful[0]
    assert one.history_ == same.history_
    np.testing.assert_array_equal(one.predict_proba(X), same.predict_proba(X))
    np.testing.assert_array_equal(one.oof_proba_, same.oof_proba_)
    assert other.history_["val_loss"] != one.history_["val_loss"]


@pytest.mark.slow
def test_searches_and_folds_share_activations(
    make_classifier: MakeClassifier, doubtful: Images, tmp_path: Any
) -> None:
    (X, y), groups = doubtful, np.arange(24) // 2
    settings = LINEAR | {"augmentation": "default", "n_views": 2, "cache": tmp_path}
    clf = make_classifier(**settings).fit(X, y, groups=groups)
    grid = {"hidden_units": [(), (4,)], "weight_decay": ["auto", 0.1]}
    search = GridSearchCV(make_classifier(**settings, epochs=2), grid, cv=3).fit(X, y)
    assert search.best_estimator_.n_computed_ == 0
    folds = StratifiedGroupKFold(4, shuffle=True, random_state=0)
    assert clf.n_computed_ == 72
    proba = cross_val_predict(clf, X, y, groups=groups, cv=folds, method="predict_proba")
    assert np.isfinite(proba).all()
    assert clf.fit(X[::2], y[::2]).n_computed_ == 0


def test_files_keep_it(
    make_classifier: MakeClassifier, doubtful: Images, tmp_path: Any
) -> None:
    X, y = doubtful
    clf = make_classifier(**LINEAR).fit(X, y)
    save(clf, tmp_path / "model.skfr")
    joblib.dump(clf, tmp_path / "model.joblib")
    for again in (load(tmp_path / "model.skfr"), joblib.load(tmp_path / "model.joblib")):
        np.testing.assert_array_equal(again.predict_proba(X), clf.predict_proba(X))
        assert again.weight_decay_ == clf.weight_decay_
        np.testing.assert_array_equal(again.oof_proba_, clf.oof_proba_)
    # No layer stands for the standardisation, but for its bounds.
    assert [type(layer) for layer in clf._tail.layers] == [Clip, Dense]
    plain = make_classifier(**LINEAR, pooling="statistics").fit(X, y)
    assert [type(layer) for layer in plain._tail.layers] == [Dense]


def test_an_old_pickle_is_fitted_as_it_was() -> None:
    old = VGG16ImageClassifier.recipe()
    state = dict(old.__getstate__())
    del state["standardize"], state["weight_decay"]
    again = VGG16ImageClassifier()
    again.__setstate__(state)
    assert again.get_params() == old.get_params()


def test_standardisation_folds_into_the_layer_and_back() -> None:
    random = np.random.default_rng(0)
    rows = random.standard_normal((50, 6)) * [1, 1e-3, 100, 0, 2, 1]
    rows += [0, 5, 1000, 7, -30, 65000]
    rows = rows.astype(np.float16).astype(np.float32)
    weights = random.uniform(0.1, 2, 50)
    known = Standardization.measure([(rows[:20], weights[:20]), (rows[20:], weights[20:])])
    mean = np.average(rows, axis=0, weights=weights)
    np.testing.assert_allclose(known.mean, mean, rtol=1e-6)
    # A constant, and what float16 cannot tell from one: 1e-3 at 5, 1 at 65,000.
    assert (known.scale == 1).tolist() == [False, True, False, True, False, True]
    deviation = np.sqrt(np.average((rows - mean) ** 2, axis=0, weights=weights))
    np.testing.assert_allclose(known.scale[[0, 2, 4]], deviation[[0, 2, 4]], rtol=1e-4)
    kernel = random.standard_normal((6, 3)).astype(np.float32)
    layer = Dense(kernel, np.array([1, -2, 3], np.float32), "relu")
    expected = known.apply(rows.copy()) @ kernel + layer.bias
    (folded,) = known.fold(layer)
    assert isinstance(folded, Dense)
    np.testing.assert_allclose(rows @ folded.kernel + folded.bias, expected, atol=0.1)
    again = known.unfold(folded)
    np.testing.assert_allclose(again.kernel, kernel, rtol=1e-5)
    np.testing.assert_allclose(again.bias, layer.bias, atol=0.02)


def test_bounds_hold_for_what_comes_later(
    make_classifier: MakeClassifier, doubtful: Images
) -> None:
    clf = make_classifier(**LINEAR).fit(*doubtful)
    bounds, head = clf._tail.layers
    assert isinstance(bounds, Clip)
    assert isinstance(head, Dense)
    far = np.stack([bounds.high, bounds.high + 9, bounds.low, bounds.low - 9])
    found = compile_dense(clf._tail)(far)
    np.testing.assert_array_equal(found[::2], found[1::2])
    assert found[0] != found[2]
