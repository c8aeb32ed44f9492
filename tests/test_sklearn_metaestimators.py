"""The classifier inside scikit-learn's estimators of estimators, on real files."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import Images, MakeClassifier
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    TunedThresholdClassifierCV,
)

from skfakereal import Augmentation


@pytest.fixture(scope="module")
def quick(make_classifier: MakeClassifier) -> Any:
    """Return an unfitted classifier that learns dark and bright, for cloning."""
    return make_classifier(hidden_units=(), weight_decay=0.01)


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


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_calibration(quick: Any, dark_and_bright: Images, method: str) -> None:
    X, y = dark_and_bright
    clf = CalibratedClassifierCV(clone(quick), method=method, cv=2).fit(X, y)
    assert len(clf.calibrated_classifiers_) == 2
    assert clf.score(X, y) == 1


def test_calibration_of_a_fitted_one(
    fitted_classifier: Any, dark_and_bright: Images
) -> None:
    X, y = dark_and_bright
    clf = CalibratedClassifierCV(FrozenEstimator(fitted_classifier)).fit(X, y)
    assert clf.score(X, y) == 1


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
