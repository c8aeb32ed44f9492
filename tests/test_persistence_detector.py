"""What predicts from a .skfr file without scikit-learn answers as the estimator does."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Images, Said
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import make_pipeline

import skfakereal
from skfakereal import ImageReadError, VGG16FeatureExtractor
from skfakereal._classifying.ask import predict_once
from skfakereal.cli import main
from skfakereal.persistence import Detector, load_with_metadata
from skfakereal.persistence._files import make_detector
from skfakereal.persistence._read import read_model

Wrap = Callable[[Any, Images], Any]


def with_threshold(threshold: Any, **parameters: Any) -> Wrap:
    def wrap(classifier: Any, images: Images) -> Any:
        return FixedThresholdClassifier(
            FrozenEstimator(classifier), threshold=threshold, **parameters
        ).fit(*images)

    return wrap


def of_three_classes(classifier: Any, images: Images) -> Any:
    paths, labels = images
    third = np.where(np.arange(len(labels)) % 3, labels, 2)
    fitted: Any = clone(classifier).set_params(epochs=2)
    return fitted.fit(paths, np.array(["dark", "bright", "odd"])[third])


def detector_of(estimator: Any, folder: Path) -> Any:
    skfakereal.save(estimator, folder / "model.skfr")
    return load_with_metadata(folder / "model.skfr", only_predict=True)[0]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda classifier, images: classifier,
        lambda classifier, images: FrozenEstimator(classifier),
        with_threshold(0.3),
        with_threshold(0.9),
        with_threshold(0.3, pos_label=0),
        with_threshold(0.3, response_method="predict_proba"),
        of_three_classes,
    ],
)
def test_its_answers_are_those_of_the_estimator(
    wrap: Wrap, fitted_classifier: Any, dark_and_bright: Images, tmp_path: Path
) -> None:
    estimator, paths = wrap(fitted_classifier, dark_and_bright), dark_and_bright[0]
    detector = detector_of(estimator, tmp_path)
    assert isinstance(detector, Detector)
    np.testing.assert_array_equal(
        detector.predict_proba(paths), estimator.predict_proba(paths)
    )
    np.testing.assert_array_equal(detector.predict(paths), estimator.predict(paths))
    np.testing.assert_array_equal(detector.classes_, estimator.classes_)
    labels, probabilities = predict_once(detector, paths)
    np.testing.assert_array_equal(labels, detector.predict(paths))
    np.testing.assert_array_equal(probabilities, detector.predict_proba(paths))


@pytest.mark.parametrize("pos_label", [0, 1])
def test_a_probability_on_the_threshold_counts_as_above(
    pos_label: int, fitted_classifier: Any, dark_and_bright: Images, tmp_path: Path
) -> None:
    path = dark_and_bright[0][:1]
    on_it = float(fitted_classifier.predict_proba(path)[0, pos_label])
    wrap = with_threshold(on_it, pos_label=pos_label)
    estimator = wrap(fitted_classifier, dark_and_bright)
    assert estimator.predict(path).tolist() == [pos_label]
    assert detector_of(estimator, tmp_path).predict(path).tolist() == [pos_label]


def test_broken_images(
    fitted_classifier: Any, dark_and_bright: Images, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    paths = [str(dark_and_bright[0][0]), str(broken)]
    with pytest.raises(ImageReadError, match=r"broken\.png"):
        detector_of(fitted_classifier, tmp_path).predict(paths)
    lenient = copy.copy(fitted_classifier).set_params(on_error="nan")
    labels, probabilities = detector_of(lenient, tmp_path).predict_once(paths)
    assert np.isnan(probabilities).any(axis=1).tolist() == [False, True]
    assert labels[1] == fitted_classifier.classes_[0]
    with pytest.raises(ValueError, match="must be an array of image paths"):
        detector_of(lenient, tmp_path).predict(paths[0])


@pytest.mark.parametrize(
    "wrap",
    [
        lambda clf, images: CalibratedClassifierCV(FrozenEstimator(clf)).fit(*images),
        with_threshold("auto"),
        with_threshold(0.3, response_method="decision_function"),
        lambda clf, images: make_pipeline(
            VGG16FeatureExtractor(image_size=(32, 32), weights=clf.weights),
            LogisticRegression(),
        ).fit(*images),
    ],
)
def test_what_is_more_than_a_threshold_is_loaded_whole(
    wrap: Wrap, fitted_classifier: Any, dark_and_bright: Images, tmp_path: Path
) -> None:
    estimator = wrap(fitted_classifier, dark_and_bright)
    assert type(detector_of(estimator, tmp_path)) is type(estimator)


def test_a_parameter_of_another_version_is_left_to_scikit_learn(
    fitted_classifier: Any, tmp_path: Path
) -> None:
    skfakereal.save(fitted_classifier, tmp_path / "m.skfr")
    model = read_model(tmp_path / "m.skfr")
    assert isinstance(make_detector(model), Detector)
    model.root.params["of_tomorrow"] = 1
    assert make_detector(model) is None


@pytest.fixture
def predict(capsys: Said) -> Callable[..., list[dict[str, Any]]]:
    def run(*words: str) -> list[dict[str, Any]]:
        assert main(["predict", *words, "--format", "json"]) == 0
        rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
        return rows

    return run


BAND = {"low": 0.0, "high": 1.0, "precision": 0.95, "n_images": 100, "share_unsure": 1.0}


def test_a_file_alone_knows_its_classes_and_its_band(
    fitted_classifier: Any,
    dark_and_bright: Images,
    tmp_path: Path,
    predict: Callable[..., list[dict[str, Any]]],
) -> None:
    facts = {"classes": ["dark", "bright"]}
    facts |= {"decision": {"pos_label": "bright", "unsure": BAND}}
    file, image = str(tmp_path / "m.skfr"), str(dark_and_bright[0][0])
    skfakereal.save(fitted_classifier, file, facts)
    (row,) = predict(file, image, "--pos-label", "bright")
    assert row["label"] in ("dark", "bright")
    (row,) = predict(file, image, "--pos-label", "bright", "--stable")
    assert row["label"] == "unsure"


@pytest.mark.parametrize(
    "facts",
    [
        {"classes": "no list"},
        {"classes": ["\x1b[2J", "fake"]},
        {"classes": [1, 2]},
        {"decision": 3},
        {"decision": {"unsure": {"low": "x"}}},
        {"decision": {"unsure": BAND | {"evil": 1}, "pos_label": "fake"}},
        {"decision": {"unsure": BAND | {"low": True}, "pos_label": "fake"}},
    ],
)
def test_what_a_stranger_wrote_beside_the_model_is_not_believed(
    facts: dict[str, Any],
    fitted_classifier: Any,
    dark_and_bright: Images,
    tmp_path: Path,
    predict: Callable[..., list[dict[str, Any]]],
) -> None:
    file, image = str(tmp_path / "m.skfr"), str(dark_and_bright[0][0])
    skfakereal.save(fitted_classifier, file, facts)
    for options in ([], ["--stable"]):
        (row,) = predict(file, image, *options)
        assert row["label"] in ("real", "fake", "unsure")
        assert row["error"] is None
