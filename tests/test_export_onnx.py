"""ONNX Runtime computes from an exported graph what the classifier computes from the files."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from conftest import Folders, MakeExtractor, write_image
from numpy.typing import NDArray
from PIL import Image
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skfakereal import VGG16ImageClassifier, export_onnx
from skfakereal._views import render_crops


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: Folders) -> list[str]:
    """Smooth pictures with more or less grain, of two sizes, one of them flat."""
    folder, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    paths = []
    for i in range(24):
        small = rng.integers(0, 256, (6, 6, 3)).astype(np.uint8)
        size = (150, 141) if i % 2 else (40, 46)
        pixels = np.asarray(Image.fromarray(small).resize(size, 3)).astype(float)
        pixels += rng.normal(0, 12, pixels.shape)
        paths.append(write_image(folder / f"{i}.png", pixels.clip(0, 255).astype(np.uint8)))
    paths.append(write_image(folder / "flat.png", np.full((50, 50, 3), 200, np.uint8)))
    return paths


def labels(paths: list[str], n_classes: int = 2) -> NDArray[np.int64]:
    return np.arange(len(paths)) % n_classes


def run(path: Path, pixels: NDArray[np.float32]) -> tuple[NDArray[np.float32], Any]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    texts = dict(session.get_modelmeta().custom_metadata_map)
    version = texts.pop("skfakereal")
    assert version
    facts = {name: json.loads(text) for name, text in texts.items()}
    return session.run(None, {"pixels": pixels})[0], facts


def prepared(path: str, size: tuple[int, int]) -> NDArray[np.float32]:
    """As the documentation does it, with Pillow alone."""
    height, width = size
    image = Image.open(path).convert("RGB")
    view = image.resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(view, np.float32) / 255


def assert_same(
    estimator: Any, paths: list[str], place: Path, size: Any, *, atol: float = 1e-4
) -> Any:
    export_onnx(estimator, place)
    found, facts = run(place, np.stack([prepared(path, size) for path in paths]))
    expected = estimator.predict_proba(paths)
    if len(estimator.classes_) == 2:
        expected = expected[:, facts["classes"].index(facts["positive"])]
    np.testing.assert_allclose(found, expected, atol=atol)
    assert expected.max() - expected.min() > 0.01  # they are not all the same
    return facts


QUICK: dict[str, Any] = {"augmentation": None, "cache": None, "n_jobs": 1, "epochs": 2}
# A narrow trunk's few features weigh little with this decay.
QUICK |= {"random_state": 0, "weight_decay": 0.03}
HEADS = {
    "linear": {},
    "dense": {"hidden_units": (8, 4), "validation_fraction": 0.2, "learning_rate": 0.01},
}


@pytest.mark.parametrize(
    ("pooling", "head"),
    [
        *((pooling, "linear") for pooling in ("correlations", "statistics", "avg", "max")),
        *(("flatten", "linear"), ("flatten", "dense"), ("correlations", "dense")),
    ],
)
def test_every_pooling_and_head(
    pictures: list[str], narrow_trunk: str, tmp_path: Path, pooling: Any, head: str
) -> None:
    settings = QUICK | HEADS[head] | {"pooling": pooling, "preprocessing": "imagenet"}
    clf = VGG16ImageClassifier(image_size=(36, 33), weights=narrow_trunk, **settings)
    clf.fit(pictures, labels(pictures))
    facts = assert_same(clf, pictures, tmp_path / "clf.onnx", (36, 33))
    expected = {"classes": [0, 1], "positive": 1, "threshold": 0.5, "metadata": {}}
    assert facts == expected | {"image_size": [36, 33], "resize": "stretch", "n_crops": 1}


@pytest.mark.parametrize(
    ("pooling", "cut", "preprocessing"),
    [
        *(("correlations", None, "imagenet"), ("avg", None, "unit")),
        ("flatten", None, "imagenet"),
        pytest.param("correlations", "block5", "unit", marks=pytest.mark.slow),
    ],
)
def test_whole_numbers_stay_whole(
    pictures: list[str],
    narrow_trunk: str,
    tmp_path: Path,
    pooling: Any,
    cut: Any,
    preprocessing: Any,
) -> None:
    settings = QUICK | {
        "pooling": pooling,
        "preprocessing": preprocessing,
        "engine": "int8",
    }
    settings |= {"image_size": (36, 141) if cut is None else 32, "trainable_from": cut}
    clf = VGG16ImageClassifier(weights=narrow_trunk, **settings)
    clf.fit(pictures, labels(pictures))
    clf.set_params(engine="auto")
    # A feature may fall to the other side where it is rounded to float16.
    size = clf._settings.image_size
    assert_same(clf, pictures, tmp_path / "clf.onnx", size, atol=2e-4)


@pytest.mark.parametrize(
    ("pooling", "cut"),
    [
        *(("correlations", "block5"), ("avg", "block5")),
        pytest.param("correlations", "block1", marks=pytest.mark.slow),
        pytest.param("avg", "block3", marks=pytest.mark.slow),
    ],
)
def test_every_kind_of_cut(
    pictures: list[str], narrow_trunk: str, tmp_path: Path, pooling: Any, cut: Any
) -> None:
    clf = VGG16ImageClassifier(
        image_size=32, weights=narrow_trunk, pooling=pooling, trainable_from=cut, **QUICK
    ).fit(pictures, labels(pictures))
    assert_same(clf, pictures, tmp_path / "clf.onnx", (32, 32))


@pytest.mark.slow
def test_a_whole_trunk_and_rows_that_are_left_out(
    pictures: list[str], tmp_path: Path
) -> None:
    size = (140, 32)  # statistics leave rows out
    clf = VGG16ImageClassifier(image_size=size, weights="cifake", **QUICK)
    clf.fit(pictures, labels(pictures))
    assert_same(clf, pictures, tmp_path / "clf.onnx", size)


def test_more_than_two_classes(
    pictures: list[str], narrow_trunk: str, tmp_path: Path
) -> None:
    clf = VGG16ImageClassifier(image_size=32, weights=narrow_trunk, **QUICK)
    clf.fit(pictures, labels(pictures, 3))
    facts = assert_same(clf, pictures, tmp_path / "clf.onnx", (32, 32))
    assert "threshold" not in facts


def test_crops(pictures: list[str], narrow_trunk: str, tmp_path: Path) -> None:
    clf = VGG16ImageClassifier(
        image_size=32, resize="crop", n_crops=5, weights=narrow_trunk, **QUICK
    ).fit(pictures, labels(pictures))
    export_onnx(clf, tmp_path / "clf.onnx")
    crops = [render_crops(Image.open(path), clf._settings) for path in pictures]
    found, facts = run(tmp_path / "clf.onnx", (np.stack(crops) / 255).astype(np.float32))
    np.testing.assert_allclose(found, clf.predict_proba(pictures)[:, 1], atol=1e-4)
    assert facts["n_crops"] == 5


@pytest.fixture(scope="module")
def pipeline(pictures: list[str], make_extractor: MakeExtractor) -> Any:
    head = StandardScaler(), LogisticRegression(C=0.01)
    return make_pipeline(make_extractor(), *head).fit(pictures, labels(pictures))


@pytest.fixture(scope="module", params=[2, 3], ids=["two classes", "three"])
def uncalibrated(
    pictures: list[str], request: pytest.FixtureRequest, make_extractor: MakeExtractor
) -> Any:
    head = StandardScaler(), LogisticRegression(C=0.01)
    model = make_pipeline(make_extractor(), *head)
    return model.fit(pictures, labels(pictures, request.param))


@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
def test_calibrated(
    uncalibrated: Any, pictures: list[str], tmp_path: Path, method: Any
) -> None:
    n_classes = len(uncalibrated.classes_)
    y = labels(pictures, n_classes)
    clf = CalibratedClassifierCV(FrozenEstimator(uncalibrated), method=method)
    # Other labels, so that there is something to mend.
    clf.fit(pictures, np.where(np.arange(len(y)) % 7 == 0, (y + 1) % n_classes, y))
    # The temperature (0.2 of the logit for two classes) brings probabilities back from 0 and 1,
    # where they hide what float16 rounds; isotonic calibration is a step in places.
    atol = {"sigmoid": 1e-4, "temperature": 3e-4, "isotonic": 2e-3}[method]
    assert_same(clf, pictures, tmp_path / "clf.onnx", (32, 32), atol=atol)


def test_calibrated_in_folds(
    pictures: list[str], narrow_trunk: str, tmp_path: Path
) -> None:
    clf = CalibratedClassifierCV(
        VGG16ImageClassifier(image_size=32, weights=narrow_trunk, **QUICK), cv=2
    ).fit(pictures, labels(pictures))
    assert_same(clf, pictures, tmp_path / "clf.onnx", (32, 32))


@pytest.mark.parametrize(("pos_label", "positive"), [(None, 1), (0, 0)])
def test_a_threshold_and_whose_it_is(
    pipeline: Any, pictures: list[str], tmp_path: Path, pos_label: Any, positive: int
) -> None:
    clf = FixedThresholdClassifier(
        FrozenEstimator(pipeline), threshold=0.3, pos_label=pos_label
    ).fit(pictures, labels(pictures))
    facts = assert_same(clf, pictures, tmp_path / "clf.onnx", (32, 32))
    assert (facts["threshold"], facts["positive"]) == (0.3, positive)


def test_a_note_comes_along(pipeline: Any, pictures: list[str], tmp_path: Path) -> None:
    export_onnx(pipeline, tmp_path / "clf.onnx", {"classes": ["real", "fake"]})
    _, facts = run(tmp_path / "clf.onnx", np.zeros((1, 32, 32, 3), np.float32))
    assert facts["metadata"] == {"classes": ["real", "fake"]}


def test_what_has_no_place_in_a_graph_is_named(
    pictures: list[str], make_extractor: MakeExtractor, tmp_path: Path
) -> None:
    model = make_pipeline(make_extractor(), PCA(2), LogisticRegression())
    model.fit(pictures, labels(pictures))
    with pytest.raises(TypeError, match="got Pipeline of VGG16FeatureExtractor, PCA"):
        export_onnx(model, tmp_path / "clf.onnx")
    with pytest.raises(TypeError, match="A fitted classifier is needed"):
        export_onnx(3, tmp_path / "clf.onnx")
    assert list(tmp_path.iterdir()) == []


def test_the_place_must_suit(pipeline: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"suffix \.onnx"):
        export_onnx(pipeline, tmp_path / "clf.skfr")
    with pytest.raises(IsADirectoryError, match="Name a file in it"):
        export_onnx(pipeline, tmp_path)
