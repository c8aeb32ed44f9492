"""A fitted estimator in a file, and in another process: arrays and settings, no Keras."""

import json
import pickle
import pickletools
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from conftest import Fit, Images, MakeClassifier, MakeExtractor, run_python
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

import skfakereal
from skfakereal import VGG16ImageClassifier

MEGABYTE = 10**6

LOAD_AND_PREDICT = """
import json, sys
import joblib
paths = json.loads(sys.argv[1])
models = {file: joblib.load(file) for file in sys.argv[2:]}
answers = {file: model.predict_proba(paths).tolist() for file, model in models.items()}
print(json.dumps({"loaded": sorted(sys.modules), "answers": answers}))
"""


@pytest.fixture(scope="module")
def models(
    make_classifier: MakeClassifier, make_extractor: MakeExtractor, dark_and_bright: Images
) -> dict[str, BaseEstimator]:
    """Return fitted estimators by name."""
    X, y = dark_and_bright
    made: dict[str, Any] = {
        "alone": make_classifier(early_stopping=True, epochs=3, augmentation="default"),
        "trained blocks": make_classifier(trainable_from="block5", epochs=1),
        "strings": Pipeline([("same", FunctionTransformer()), ("clf", make_classifier())]),
        "features": make_pipeline(make_extractor(cache="auto"), LogisticRegression()),
    }
    labels = {"strings": np.array(["real", "fake"])[y]}
    return {name: model.fit(X, labels.get(name, y)) for name, model in made.items()}


@pytest.mark.slow
def test_the_same_probabilities_in_another_process_without_keras(
    models: dict[str, Any], dark_and_bright: Images, tmp_path: Path
) -> None:
    X = dark_and_bright[0][::5].tolist()
    files = {name: str(tmp_path / f"{name}.joblib") for name in models}
    for name, model in models.items():
        joblib.dump(model, files[name])
    said = json.loads(
        run_python(LOAD_AND_PREDICT, json.dumps(X), *files.values()).splitlines()[-1]
    )
    for name, model in models.items():
        np.testing.assert_allclose(
            said["answers"][files[name]], model.predict_proba(X), rtol=1e-6, err_msg=name
        )
    assert "skfakereal._classifier" in said["loaded"]
    for module in ("keras", "tensorflow", "scikeras", "matplotlib"):
        assert module not in said["loaded"]


def globals_in(pickled: bytes) -> set[str]:
    """Return the modules whose names a pickle holds."""
    words = [argument for _, argument, _ in pickletools.genops(pickled)]
    return {word.split(".")[0].split(" ")[0] for word in words if isinstance(word, str)}


def test_a_pickle_names_nothing_of_keras(models: dict[str, Any]) -> None:
    named = set.union(*(globals_in(pickle.dumps(model)) for model in models.values()))
    assert {"skfakereal", "numpy", "sklearn"} <= named
    assert not named & {"keras", "tensorflow", "scikeras", "h5py"}


def test_a_copy_is_complete(models: dict[str, Any], dark_and_bright: Images) -> None:
    X, _ = dark_and_bright
    clf = models["alone"]
    copy = pickle.loads(pickle.dumps(clf))
    assert joblib.hash(copy) == joblib.hash(clf)
    assert copy.history_ == clf.history_
    for name in ("n_iter_", "best_epoch_", "n_computed_"):
        assert getattr(copy, name) == getattr(clf, name)
    assert copy.get_params(deep=False).keys() == clf.get_params(deep=False).keys()
    np.testing.assert_array_equal(copy.predict_proba(X), clf.predict_proba(X))


@pytest.mark.parametrize(
    ("weights", "megabytes"),
    [
        # The random trunk is made anew from its seed.
        pytest.param(None, 0, marks=pytest.mark.slow),
        # The 8-bit form that the package ships.
        pytest.param(
            "cifake",
            (Path(skfakereal.__file__).parent / "trunks/cifake.npz").stat().st_size
            / MEGABYTE,
            marks=pytest.mark.slow,
        ),
        ("narrow", 0.1),
    ],
)
def test_the_file_is_no_larger_than_the_weights_and_5_mb(
    narrow_trunk: str,
    dark_and_bright: Images,
    tmp_path: Path,
    weights: Any,
    megabytes: float,
) -> None:
    X, y = dark_and_bright
    some = [0, 1, 22, 23]
    clf = VGG16ImageClassifier(
        image_size=(32, 32),
        weights=narrow_trunk if weights == "narrow" else weights,
        early_stopping=False,
        epochs=2,
        random_state=0,
    ).fit(X[some], y[some])
    joblib.dump(clf, tmp_path / "model.joblib")
    assert (tmp_path / "model.joblib").stat().st_size < (megabytes + 5) * MEGABYTE
    joblib.dump(make_pipeline(clf), tmp_path / "pipeline.joblib")
    assert (tmp_path / "pipeline.joblib").stat().st_size < (megabytes + 5) * MEGABYTE
    copy = joblib.load(tmp_path / "model.joblib")
    np.testing.assert_array_equal(copy.predict_proba(X[some]), clf.predict_proba(X[some]))


def test_a_file_of_weights_is_not_needed_any_more(
    narrow_trunk: str, fit: Fit, dark_and_bright: Images, tmp_path: Path
) -> None:
    X, _ = dark_and_bright
    path = tmp_path / "moved.safetensors"
    path.write_bytes(Path(narrow_trunk).read_bytes())
    clf = fit(weights=path, epochs=1)
    before, pickled = clf.predict_proba(X), pickle.dumps(clf)
    path.unlink()
    np.testing.assert_array_equal(pickle.loads(pickled).predict_proba(X), before)
