"""Parts of scikit-learn in a .skfr file: all that are taken come back equal."""

import pickle
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Patch
from numpy.typing import NDArray
from skfr_files import assert_equal, round_trip
from sklearn.base import BaseEstimator, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.frozen import FrozenEstimator
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import fbeta_score, make_scorer
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    StratifiedKFold,
    TunedThresholdClassifierCV,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    LabelBinarizer,
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)

import skfakereal
from skfakereal.persistence import read_description
from skfakereal.persistence._classes import ESTIMATORS, ONLY_READ

Features = tuple[NDArray[np.float64], NDArray[np.int64]]


@pytest.fixture(scope="module")
def features() -> Features:
    random = np.random.default_rng(0)
    X = np.abs(random.standard_normal((60, 6)))
    return X, (X[:, 0] + 0.3 * random.standard_normal(60) > 0.6).astype(int)


FBETA = make_scorer(fbeta_score, beta=2, pos_label=1)
NUMERIC = [
    CalibratedClassifierCV(RidgeClassifier(), cv=2),
    CalibratedClassifierCV(LogisticRegression(), method="isotonic", ensemble=False),
    CalibratedClassifierCV(LogisticRegression(), method="isotonic", cv=StratifiedKFold(2)),
    CalibratedClassifierCV(LogisticRegression(C=np.inf), method="temperature", cv=2),
    FixedThresholdClassifier(LogisticRegression(), threshold=0.3, pos_label=1),
    LabelBinarizer(),
    LogisticRegression(class_weight={0: 1.0, 1: 2.5}),
    MaxAbsScaler(),
    MinMaxScaler(feature_range=(-1, 1)),
    IsotonicRegression(out_of_bounds="clip"),
    PCA(3),
    PCA(0.9, whiten=True),
    RidgeClassifier(),
    RobustScaler(),
    StandardScaler(with_mean=False),
    TunedThresholdClassifierCV(
        LogisticRegression(), thresholds=5, store_cv_results=True, cv=2
    ),
    TunedThresholdClassifierCV(LogisticRegression(), scoring=FBETA, thresholds=5, cv=2),
    make_pipeline(StandardScaler(), "passthrough", LogisticRegression()),
    make_pipeline(PCA(2), MinMaxScaler(), RidgeClassifier()),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("labels", ["int", "str"])
# No address in a name: the workers of pytest-xdist compare them.
@pytest.mark.parametrize("estimator", NUMERIC, ids=lambda est: type(est).__name__)
def test_what_it_takes_comes_back_equal(
    estimator: Any, labels: str, features: Features, tmp_path: Path
) -> None:
    X, y = features
    if isinstance(estimator, IsotonicRegression):
        X, labels = X[:, 0], "int"
    if isinstance(estimator, FixedThresholdClassifier) and labels == "str":
        estimator = clone(estimator).set_params(pos_label="fake")
    if labels == "str" and "pos_label=1" in str(estimator):
        pytest.skip("its scorer names the class 1")
    target = np.array(["real", "fake"])[y] if labels == "str" else y
    if labels == "str" and getattr(estimator, "class_weight", None) == {0: 1.0, 1: 2.5}:
        estimator = clone(estimator).set_params(class_weight={"real": 1, "fake": 2.5})
    on_labels = isinstance(estimator, LabelBinarizer)
    fitted = clone(estimator).fit(target) if on_labels else clone(estimator).fit(X, target)
    copy = round_trip(fitted, tmp_path)
    # What a pickle brings back is the measure: it, too, makes strided arrays contiguous.
    assert_equal(copy, pickle.loads(pickle.dumps(fitted)))
    for method in ("predict_proba", "decision_function", "transform", "predict"):
        if hasattr(fitted, method):
            # Not X itself: of what it was fitted on, a neighbour is at distance 0 for certain.
            data = target if on_labels else X.copy()
            np.testing.assert_array_equal(
                getattr(copy, method)(data), getattr(fitted, method)(data)
            )
    assert str(clone(copy)) == str(clone(fitted))
    if not on_labels:
        copy.fit(X, target)


def as_numpys(estimator: Any) -> Any:
    """Return an estimator of which every parameter that can be is a scalar of NumPy's."""
    kinds = {bool: np.bool_, int: np.int64, float: np.float64, str: np.str_}
    params = estimator.get_params()
    numpys = {
        name: kinds[type(value)](value)
        for name, value in params.items()
        if type(value) in kinds
        and value not in ("passthrough", "drop", "deprecated", "warn")
    }
    return clone(estimator).set_params(**numpys)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("estimator", NUMERIC, ids=lambda est: type(est).__name__)
def test_parameters_that_are_scalars_of_numpys(
    estimator: Any, features: Features, tmp_path: Path
) -> None:
    X, y = features
    X = X[:, 0] if isinstance(estimator, IsotonicRegression) else X
    data = (y,) if isinstance(estimator, LabelBinarizer) else (X, y)
    fitted = as_numpys(estimator)
    try:
        fitted.fit(*data)
    except (TypeError, ValueError):  # scikit-learn itself wants Python's
        fitted = clone(estimator).fit(*data)
        fitted.set_params(**as_numpys(estimator).get_params(deep=False))
    copy = round_trip(fitted, tmp_path)
    assert_equal(copy.get_params(deep=False), fitted.get_params(deep=False))
    for method in ("predict_proba", "predict", "transform"):
        if hasattr(estimator, method) and hasattr(fitted, method):
            np.testing.assert_array_equal(
                getattr(copy, method)(data[0].copy()),
                getattr(fitted, method)(data[0].copy()),
            )


def test_every_listed_class_is_tested() -> None:
    tested = {type(part).__name__ for part in _all_parts(NUMERIC)}
    elsewhere = {"Augmentation", "VGG16FeatureExtractor", "VGG16ImageClassifier"}
    inside = {"FrozenEstimator", "Pipeline"}
    inside |= {"_SigmoidCalibration", "_TemperatureScaling"}
    listed = {name.rpartition(".")[2] for name in ESTIMATORS.keys() - ONLY_READ}
    assert listed == tested | elsewhere | inside


def _all_parts(value: Any) -> list[Any]:
    if isinstance(value, list | tuple):
        return [part for item in value for part in _all_parts(item)]
    if not isinstance(value, BaseEstimator):
        return []
    return [value, *_all_parts(list(value.get_params(deep=False).values()))]


@pytest.mark.parametrize(
    "labels",
    [
        np.array([True, False]),
        np.array([np.int8(3), np.int8(7)]),
        np.array(["réel", "Fälschung"]),
        np.array(["a", "b\x00c"]),
        np.array(["real", "fake"], dtype=object),
    ],
    ids=repr,
)
def test_labels_keep_type_and_text(
    labels: NDArray[Any], features: Features, tmp_path: Path
) -> None:
    X, y = features
    fitted = RidgeClassifier().fit(X, labels[y])
    copy = round_trip(fitted, tmp_path)
    assert_equal(copy.classes_, fitted.classes_)
    assert_equal(copy.predict(X), fitted.predict(X))


def test_set_output_and_column_names_are_kept(features: Features, tmp_path: Path) -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(features[0], columns=list("abcdef"))
    copy = round_trip(StandardScaler().fit(frame).set_output(transform="pandas"), tmp_path)
    assert list(copy.transform(frame).columns) == list("abcdef")
    assert_equal(copy.feature_names_in_, np.array(list("abcdef"), dtype=object))


def test_metadata_requests_are_kept(features: Features, tmp_path: Path) -> None:
    from sklearn import config_context

    with config_context(enable_metadata_routing=True):
        fitted = LogisticRegression().set_fit_request(sample_weight="importance")
        copy = round_trip(fitted.fit(*features), tmp_path)
        assert copy.get_metadata_routing().fit.requests == {"sample_weight": "importance"}
        assert str(copy.get_metadata_routing()) == str(fitted.get_metadata_routing())


def test_shared_parts_are_stored_once_and_shared_again(
    features: Features, tmp_path: Path
) -> None:
    frozen = FrozenEstimator(LogisticRegression().fit(*features))
    copy = round_trip(FixedThresholdClassifier(frozen).fit(*features), tmp_path)
    assert copy.estimator_ is copy.estimator
    assert copy.estimator.estimator.coef_.flags.writeable


def test_the_same_estimator_gives_the_same_bytes(
    features: Features, tmp_path: Path
) -> None:
    fitted = make_pipeline(StandardScaler(), PCA(2)).fit(*features)
    for name in ("a.skfr", "b.skfr"):
        skfakereal.save(fitted, tmp_path / name)
    assert (tmp_path / "a.skfr").read_bytes() == (tmp_path / "b.skfr").read_bytes()


def test_another_version_of_scikit_learn_warns(
    features: Features, tmp_path: Path, monkeypatch: Patch
) -> None:
    monkeypatch.setattr(
        "importlib.metadata.version",
        lambda package: "1.6.1" if package == "scikit-learn" else "2.0.0",
    )
    path = tmp_path / "old.skfr"
    with pytest.warns(InconsistentVersionWarning, match=r"LogisticRegression.*1\.6\.1"):
        skfakereal.save(LogisticRegression().fit(*features), path)
    with pytest.warns(InconsistentVersionWarning, match=r"LogisticRegression.*1\.6\.1"):
        skfakereal.load(path)


def test_parameters_on_their_way_out_are_left_to_each_version(
    features: Features, tmp_path: Path
) -> None:
    fitted = LogisticRegression().fit(*features)
    copy = round_trip(fitted, tmp_path)
    assert copy.get_params() == fitted.get_params()
    assert "deprecated" in fitted.get_params().values()
    assert b"deprecated" not in (tmp_path / "model.skfr").read_bytes()


def own(y: NDArray[Any], y_pred: NDArray[Any]) -> float:
    return float(np.mean(y == y_pred))


class _Mine(LogisticRegression):
    """A subclass may do anything in its methods, so it is another class."""


@pytest.mark.parametrize(
    ("estimator", "says"),
    [
        (
            make_pipeline(StandardScaler(), RandomForestClassifier(n_estimators=2)),
            r"Pipeline\.steps\['randomforestclassifier'\].*class RandomForestClassifier.*joblib",
        ),
        (make_pipeline(FunctionTransformer(np.log1p), RidgeClassifier()), "FunctionTrans"),
        (GridSearchCV(RidgeClassifier(), {"alpha": [1.0]}, cv=2), "its best_estimator_"),
        (_Mine(), "class _Mine"),
        (LogisticRegression(random_state=np.random.RandomState(0)), "an int or None"),
        (
            TunedThresholdClassifierCV(RidgeClassifier(), scoring=make_scorer(own), cv=2),
            r"_score_func is the function own",
        ),
        (GaussianNB(), r"class GaussianNB, .* joblib"),  # only read
    ],
    ids=["forest", "function", "search", "subclass", "state", "own", "old"],
)
@pytest.mark.filterwarnings("ignore")
def test_what_it_does_not_take_is_refused(
    estimator: Any, says: str, features: Features, tmp_path: Path
) -> None:
    with pytest.raises((TypeError, ValueError), match=says):
        skfakereal.save(estimator.fit(*features), tmp_path / "model.skfr")
    assert list(tmp_path.iterdir()) == []


def test_what_stands_beside_the_parameters_is_refused(
    features: Features, tmp_path: Path
) -> None:
    model = FixedThresholdClassifier(CalibratedClassifierCV(RidgeClassifier(), cv=2))
    model.fit(*features).set_params(estimator__n_jobs=5000)  # not before it starts them
    with pytest.raises(ValueError, match="n_jobs"):
        skfakereal.save(model, tmp_path / "model.skfr")
    fitted = RidgeClassifier().fit(*features)
    fitted.remark = "mine"
    with pytest.raises(TypeError, match="RidgeClassifier has the attribute 'remark'"):
        skfakereal.save(fitted, tmp_path / "model.skfr")


def test_callbacks_of_the_fit_are_left_out(features: Features, tmp_path: Path) -> None:
    callback = pytest.importorskip("sklearn.callback")  # of scikit-learn 1.9
    watched: Any = LogisticRegression().set_callbacks(
        callback.ScoringMonitor(scoring="accuracy")
    )
    copy = round_trip(watched.fit(*features), tmp_path)
    np.testing.assert_array_equal(copy.coef_, watched.coef_)
    assert "_skl_callbacks" not in vars(copy)


# Of the classes that are no longer written, as version 0.1.0 wrote them: each has rows and
# the answers to them in its metadata.
OLD = sorted((Path(__file__).parent / "written_by_0_1").glob("*.skfr"))


@pytest.mark.parametrize("path", OLD, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.InconsistentVersionWarning")
def test_old_classes_are_read_with_a_warning(path: Path, tmp_path: Path) -> None:
    asked = read_description(path).metadata
    # Not pytest.warns, which cannot raise scikit-learn's warning of versions again.
    with warnings.catch_warnings(record=True) as every:
        warnings.simplefilter("always")
        model = skfakereal.load(path)
    caught = [warning for warning in every if warning.category is FutureWarning]
    assert re.search(rf"{path.name}' holds .*joblib\.dump", str(caught[0].message))
    assert caught[0].filename == __file__
    answer = model.predict if hasattr(model, "predict") else model.transform
    np.testing.assert_allclose(answer(np.array(asked["X"])), asked["answers"])
    with pytest.raises(TypeError, match=r"cannot hold.* joblib"):
        skfakereal.save(model, tmp_path / "again.skfr")


def test_every_old_class_is_tested() -> None:
    written = b"".join(path.read_bytes() for path in OLD)
    assert all(f'"{name}\\"'.encode() in written for name in ONLY_READ)
