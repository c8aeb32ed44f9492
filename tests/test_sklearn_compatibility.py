"""The classifier inside scikit-learn's own tools and estimators, on real files."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn
from conftest import Images, MakeClassifier
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    ConfusionMatrixDisplay,
    PrecisionRecallDisplay,
    RocCurveDisplay,
    accuracy_score,
    classification_report,
    make_scorer,
)
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    LeaveOneGroupOut,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    permutation_test_score,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import get_tags

from skfakereal import Augmentation, VGG16FeatureExtractor, VGG16ImageClassifier


@pytest.fixture(scope="module")
def quick(make_classifier: MakeClassifier) -> Any:
    """Return an unfitted classifier that learns dark and bright, for cloning."""
    return make_classifier(hidden_units=(), weight_decay=0.01)


def test_the_tags() -> None:
    for estimator in (VGG16ImageClassifier(), VGG16FeatureExtractor()):
        tags = get_tags(estimator).input_tags
        assert (tags.string, tags.one_d_array, tags.two_d_array) == (True, True, False)
    assert is_classifier(VGG16ImageClassifier())
    assert get_tags(VGG16ImageClassifier()).classifier_tags.multi_class
    assert get_tags(VGG16FeatureExtractor()).transformer_tags is not None


def test_a_clone_is_unfitted_and_equal(
    fitted_classifier: VGG16ImageClassifier, dark_and_bright: Images
) -> None:
    copy = clone(fitted_classifier)
    assert copy.get_params() == fitted_classifier.get_params()
    assert not hasattr(copy, "classes_")
    np.testing.assert_array_equal(
        copy.fit(*dark_and_bright).predict_proba(dark_and_bright[0]),
        fitted_classifier.predict_proba(dark_and_bright[0]),
    )


def test_an_integer_cv_is_stratified_on_sorted_labels(
    quick: Any, dark_and_bright: Images
) -> None:
    X, y = dark_and_bright
    result = cross_validate(quick, X, y, cv=3, return_indices=True)
    assert result["test_score"].tolist() == [1, 1, 1]
    for rows in result["indices"]["test"]:
        assert np.bincount(y[rows]).tolist() == [4, 4]


@pytest.mark.parametrize("scoring", ["roc_auc", "average_precision", "neg_log_loss", "f1"])
def test_scoring(fitted_classifier: Any, dark_and_bright: Images, scoring: str) -> None:
    X, y = dark_and_bright
    score = sklearn.metrics.get_scorer(scoring)(fitted_classifier, X, y)
    assert (-0.5 < score < 0) if scoring == "neg_log_loss" else score == 1
    swapped = sklearn.metrics.get_scorer(scoring)(fitted_classifier, X, 1 - y)
    assert swapped < score - 0.5


def test_scoring_within_a_cross_validation(quick: Any, dark_and_bright: Images) -> None:
    X, y = dark_and_bright
    scores = cross_validate(quick, X, y, cv=2, scoring=["roc_auc", "average_precision"])
    assert scores["test_roc_auc"].tolist() == [1, 1]
    assert scores["test_average_precision"].tolist() == [1, 1]
    assert (cross_val_predict(quick, X, y, cv=2) == y).all()


def test_a_pipeline_around_it(quick: Any, dark_and_bright: Images) -> None:
    X, y = dark_and_bright
    pipeline = Pipeline([("absolute", FunctionTransformer()), ("clf", clone(quick))])
    pipeline.set_params(clf__augmentation=Augmentation(), clf__augmentation__rotation=5)
    assert pipeline.fit(X, y).score(X, y) == 1
    assert pipeline.predict_proba(X[:1]).shape == (1, 2)
    assert pipeline.classes_.tolist() == [0, 1]


def test_a_column_among_others(quick: Any, dark_and_bright: Images) -> None:
    X, y = dark_and_bright
    table = pd.DataFrame({"path": X, "size": 32, "note": "x"})
    choose = ColumnTransformer([("path", "passthrough", ["path"])])
    assert make_pipeline(choose, clone(quick)).fit(table, y).score(table, y) == 1
    features = VGG16FeatureExtractor(image_size=(32, 32), weights=quick.weights)
    both = ColumnTransformer(
        [("image", features, ["path"]), ("size", "passthrough", ["size"])]
    )
    model = make_pipeline(both, LogisticRegression(C=100))
    assert model.fit(table, y).score(table, y) == 1
    # A single name hands over one dimension.
    alone = ColumnTransformer([("image", features, "path")])
    assert alone.fit_transform(table).shape == (24, 2 * 13 * 8 + 3 * 28)


def test_reports_and_pictures(fitted_classifier: Any, dark_and_bright: Images) -> None:
    X, y = dark_and_bright
    report = classification_report(y, fitted_classifier.predict(X), output_dict=True)
    assert report["1"] == {"precision": 1, "recall": 1, "f1-score": 1, "support": 12}
    matrix = ConfusionMatrixDisplay.from_estimator(fitted_classifier, X, y)
    assert matrix.confusion_matrix.tolist() == [[12, 0], [0, 12]]
    assert matrix.display_labels.tolist() == [0, 1]
    assert RocCurveDisplay.from_estimator(fitted_classifier, X, y).roc_auc == 1
    curve = PrecisionRecallDisplay.from_estimator(fitted_classifier, X, y)
    assert curve.average_precision == 1


def test_pictures_with_string_labels(quick: Any, dark_and_bright: Images) -> None:
    X, labels = dark_and_bright[0], np.array(["real", "fake"])[dark_and_bright[1]]
    clf = clone(quick).fit(X, labels)
    matrix = ConfusionMatrixDisplay.from_estimator(clf, X, labels)
    assert matrix.display_labels.tolist() == ["fake", "real"]
    assert RocCurveDisplay.from_estimator(clf, X, labels, pos_label="fake").roc_auc == 1
    with pytest.raises(ValueError, match="pos_label"):
        sklearn.metrics.get_scorer("f1")(clf, X, labels)


def test_a_permutation_test(quick: Any, dark_and_bright: Images) -> None:
    X, y = dark_and_bright
    score, permuted, p_value = permutation_test_score(
        quick, X, y, cv=2, n_permutations=3, random_state=0
    )
    assert score == 1
    assert max(permuted) < 1
    assert p_value == 1 / 4


@pytest.fixture
def contradicting(dark_and_bright: Images) -> tuple[Any, ...]:
    """Return every image with both labels, and weights that choose the right ones."""
    X, y = dark_and_bright
    order = np.random.RandomState(0).permutation(48)
    weights = np.repeat([1, 0], 24)
    return np.tile(X, 2)[order], np.concatenate([y, 1 - y])[order], weights[order]


def test_sample_weights_are_routed(
    quick: Any, dark_and_bright: Images, contradicting: tuple[Any, ...]
) -> None:
    X, y, weights = contradicting
    with sklearn.config_context(enable_metadata_routing=True):
        clf = clone(quick).set_fit_request(sample_weight=True)
        pipeline = make_pipeline(FunctionTransformer(), clf)
        pipeline.fit(X, y, sample_weight=weights)
        assert pipeline.score(*dark_and_bright) == 1
        scorer = make_scorer(accuracy_score).set_score_request(sample_weight=True)
        how: dict[str, Any] = {"cv": 2, "scoring": scorer}
        how["params"] = {"sample_weight": weights}
        result = cross_validate(pipeline, X, y, **how)
        # The wrong labels count neither in training nor in the score.
        assert result["test_score"].tolist() == [1, 1]
        refusing = clone(quick).set_fit_request(sample_weight=False)
        unweighted = cross_validate(refusing, X, y, **how)
        assert unweighted["test_score"].min() < 1


def test_groups_are_routed_to_the_split_and_to_fit(
    quick: Any, dark_and_bright: Images
) -> None:
    X, y = dark_and_bright
    # A training fold is a single group: no part of it can be held out group-wise.
    groups = np.tile(["a", "b"], 12)
    with sklearn.config_context(enable_metadata_routing=True):
        clf = clone(quick).set_params(early_stopping=True).set_fit_request(groups=True)
        how: dict[str, Any] = {"cv": LeaveOneGroupOut(), "params": {"groups": groups}}
        with pytest.raises(ValueError, match="lies in a single group"):
            cross_val_score(clf, X, y, **how, error_score="raise")
        clf.set_fit_request(groups=False)
        scores = cross_val_score(clf, X, y, **how)
        assert np.isfinite(scores).all()


@pytest.mark.slow
def test_a_grid_search_in_two_processes(quick: Any, dark_and_bright: Images) -> None:
    X, y = dark_and_bright
    search = GridSearchCV(
        clone(quick).set_params(augmentation=Augmentation()),
        {"hidden_units": [(8,), (16, 8)], "augmentation__rotation": [0, 90]},
        cv=2,
        n_jobs=2,
        scoring="roc_auc",
        error_score="raise",
    ).fit(pd.Series(X), y)
    assert search.cv_results_["mean_test_score"].tolist() == [1, 1, 1, 1]
    assert search.best_estimator_.score(X, y) == 1
    assert search.best_params_ == {"augmentation__rotation": 0, "hidden_units": (8,)}


def test_calibration(quick: Any, fitted_classifier: Any, dark_and_bright: Images) -> None:
    X, y = dark_and_bright
    clf = CalibratedClassifierCV(clone(quick), method="isotonic", cv=2).fit(X, y)
    assert len(clf.calibrated_classifiers_) == 2
    assert clf.score(X, y) == 1
    fitted = CalibratedClassifierCV(FrozenEstimator(fitted_classifier)).fit(X, y)
    assert fitted.score(X, y) == 1


def test_thresholds(quick: Any, fitted_classifier: Any, dark_and_bright: Images) -> None:
    X, y = dark_and_bright
    # Both folds and all images lead to like probabilities, if nothing depends on the part.
    settings = {"pooling": "avg", "standardize": False, "weight_decay": 0}
    plain = clone(quick).set_params(**settings)
    tuned = TunedThresholdClassifierCV(plain, cv=2, scoring="f1").fit(X, y)
    dark, bright = np.array_split(tuned.estimator_.predict_proba(X)[:, 1], 2)
    assert dark.max() < tuned.best_threshold_ <= bright.min()
    assert tuned.score(X, y) == 1
    found = fitted_classifier.predict_proba(X)[:, 1]
    for threshold, label in ((np.nextafter(found.max(), 2), 0), (found.min(), 1)):
        fixed = FixedThresholdClassifier(
            FrozenEstimator(fitted_classifier), threshold=threshold
        )
        assert set(fixed.fit(X, y).predict(X)) == {label}


def test_voting_and_stacking(quick: Any, dark_and_bright: Images) -> None:
    X, y = dark_and_bright
    members = [("a", clone(quick)), ("b", clone(quick).set_params(random_state=1))]
    voting = VotingClassifier(members, voting="soft").fit(X, y)
    assert voting.score(X, y) == 1
    expected = np.mean([member.predict_proba(X) for member in voting.estimators_], axis=0)
    np.testing.assert_allclose(voting.predict_proba(X), expected)
    stacking = StackingClassifier(members[:1], LogisticRegression(C=100), cv=2).fit(X, y)
    assert stacking.score(X, y) == 1
    assert stacking.transform(X).shape == (24, 1)


def test_bagging_hands_over_a_column(quick: Any, dark_and_bright: Images) -> None:
    X, y = dark_and_bright
    clf = BaggingClassifier(clone(quick), n_estimators=2, random_state=0)
    assert clf.fit(X[:, np.newaxis], y).score(X[:, np.newaxis], y) == 1
