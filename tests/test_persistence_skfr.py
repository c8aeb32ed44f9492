"""A detector in a .skfr file: it comes back equal, small, and without a folder's name."""

import pickle
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from conftest import Fit, Images, MakeClassifier
from skfr_files import assert_equal, round_trip
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import FixedThresholdClassifier, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

import skfakereal
from skfakereal import Augmentation, VGG16FeatureExtractor, _weights
from skfakereal.persistence import read_description


def test_not_fitted(make_classifier: MakeClassifier, tmp_path: Path) -> None:
    ours = make_classifier(), VGG16FeatureExtractor()
    for estimator in (*ours, make_pipeline(RidgeClassifier())):
        with pytest.raises(NotFittedError):
            skfakereal.save(estimator, tmp_path / "model.skfr")


def test_augmentation(tmp_path: Path) -> None:
    settings = Augmentation(zoom=0.3, blur=(0, 3), jpeg_quality=(30, 100))
    assert round_trip(settings, tmp_path).get_params() == settings.get_params()


@pytest.fixture(scope="module")
def detector(make_classifier: MakeClassifier, dark_and_bright: Images) -> Any:
    X, y = dark_and_bright
    made = make_classifier(early_stopping=True, epochs=3, augmentation=Augmentation(seed=4))
    return made.fit(X, np.array(["real", "fake"])[y])


def test_the_classifier_comes_back_equal(
    detector: Any, dark_and_bright: Images, tmp_path: Path
) -> None:
    X, _ = dark_and_bright
    copy = round_trip(detector, tmp_path)
    np.testing.assert_array_equal(copy.predict_proba(X), detector.predict_proba(X))
    np.testing.assert_array_equal(copy.predict(X), detector.predict(X))
    assert copy._trunk.digest == detector._trunk.digest
    for name in ("classes_", "history_", "n_iter_", "best_epoch_", "n_computed_"):
        assert_equal(getattr(copy, name), getattr(detector, name))
    params, before = (str(est.get_params(deep=False)) for est in (copy, detector))
    assert params.replace("'narrow.safetensors'", repr(detector.weights)) == before


def test_no_folder_is_named(fit: Fit, dark_and_bright: Images, tmp_path: Path) -> None:
    X, _ = dark_and_bright
    place = tmp_path / "secret"
    model = fit(cache=place / "store", epochs=1)
    skfakereal.save(Pipeline([("m", model)], memory=str(place / "m")), tmp_path / "m.skfr")
    content = (tmp_path / "m.skfr").read_bytes()
    assert b"narrow.safetensors" in content
    assert b"secret" not in content
    for file in (X[0], model.weights):
        assert str(Path(file).parent).encode() not in content
    copy = skfakereal.load(tmp_path / "m.skfr")
    known = copy.memory, copy[0].cache, copy[0].weights
    assert known == (None, "auto", "narrow.safetensors")


@pytest.mark.slow
def test_it_can_be_trained_further(
    fit: Fit, dark_and_bright: Images, narrow_trunk: str, tmp_path: Path
) -> None:
    X, y = dark_and_bright
    first = fit(epochs=2)
    further = {"warm_start": True, "trainable_from": "block5", "weights": narrow_trunk}
    copy = round_trip(first, tmp_path).set_params(**further).fit(X, y)
    first.set_params(**further).fit(X, y)
    np.testing.assert_array_equal(copy.predict_proba(X), first.predict_proba(X))
    # Only the blocks before the cut are in the file now, and yet it is the same trunk.
    again = round_trip(copy, tmp_path)
    assert again._trunk.n_blocks == 4
    again.set_params(weights=narrow_trunk, trainable_from="block4").fit(X, y)
    copy.set_params(trainable_from="block4").fit(X, y)
    np.testing.assert_array_equal(again.predict_proba(X), copy.predict_proba(X))
    assert cross_val_score(again.set_params(warm_start=False), X, y, cv=2).shape == (2,)


@pytest.mark.slow
@pytest.mark.parametrize("cut", [None, "block5"])
@pytest.mark.parametrize("weights", [None, "cifake"])
def test_known_trunks_are_not_stored(
    fit: Fit, dark_and_bright: Images, tmp_path: Path, weights: Any, cut: Any
) -> None:
    X, _ = dark_and_bright
    model = fit(weights=weights, pooling="avg", trainable_from=cut, epochs=1)
    path = tmp_path / "model.skfr"
    copy = round_trip(model, tmp_path)
    np.testing.assert_array_equal(copy.predict_proba(X), model.predict_proba(X))
    assert copy._trunk.digest == model._trunk.digest
    tail = 4 * (7_080_000 if cut else 4_500)
    assert path.stat().st_size < tail + 50_000


# weights="cifake" now, before, and in version 0.1.
@pytest.mark.parametrize("start", ["cc62719b", "ac1eabc5", "e99be77d"])
def test_each_trunk_that_was_ever_inside_is_what_files_name(start: str) -> None:
    (digest,) = (known for known in _weights._EMBEDDED if known.startswith(start))
    trunk = _weights.embedded_trunk(digest)
    assert trunk.digest.hex() == digest


def test_wrapped_models_are_no_larger_than_pickles(
    detector: Any, narrow_trunk: str, dark_and_bright: Images, tmp_path: Path
) -> None:
    X, y = dark_and_bright
    labels = np.array(["real", "fake"])[y]
    extractor = VGG16FeatureExtractor(image_size=(32, 32), weights=narrow_trunk)
    wrapped = [
        FixedThresholdClassifier(
            FrozenEstimator(detector), threshold=0.4, pos_label="fake"
        ),
        CalibratedClassifierCV(FrozenEstimator(detector), method="isotonic"),
        make_pipeline(extractor, StandardScaler(), LogisticRegression()),
        CalibratedClassifierCV(make_pipeline(extractor, RidgeClassifier()), cv=2),
    ]
    for model in wrapped:
        model.fit(X, labels)
        copy = round_trip(model, tmp_path)
        np.testing.assert_array_equal(copy.predict_proba(X), model.predict_proba(X))
        joblib.dump(model, tmp_path / "model.joblib")
        ours, theirs = (
            (tmp_path / f"model.{s}").stat().st_size for s in ("skfr", "joblib")
        )
        assert ours < theirs + 10_000
        assert joblib.hash(pickle.loads(pickle.dumps(copy))) == joblib.hash(copy)


def test_the_description(detector: Any, tmp_path: Path) -> None:
    model = make_pipeline(FrozenEstimator(detector))
    skfakereal.save(model, tmp_path / "m.skfr", metadata={"by": "Ärzte", "n": [1, None]})
    says = read_description(tmp_path / "m.skfr")
    assert says.outline == "Pipeline(FrozenEstimator(VGG16ImageClassifier(Augmentation)))"
    assert says.classes == ["fake", "real"]
    assert says.metadata == {"by": "Ärzte", "n": [1, None]}
    assert says.made_with.keys() == {"skfakereal", "scikit-learn", "numpy"}
    assert says.n_bytes == (tmp_path / "m.skfr").stat().st_size
    trunk = sum(array.size for array in detector._trunk.arrays.values())
    arrays = [v for v in vars(detector._summary).values() if isinstance(v, np.ndarray)]
    summary = sum(array.size for array in arrays)
    assert says.n_numbers == trunk + 2 * 292 + 292 * 8 + 8 + 8 + 1 + summary


@pytest.mark.parametrize("metadata", [{"a": float("nan")}, {"a": {1}}, {"a": "x" * 70_000}])
def test_metadata_must_be_small_json(metadata: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="metadata must be"):
        skfakereal.save(Augmentation(), tmp_path / "m.skfr", metadata=metadata)
