"""Occlusion: in memory as by files, for any classifier, and never in the store."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Images, MakeClassifier, MakeExtractor, MakeImage, Patch
from numpy.typing import NDArray
from PIL import Image
from reading import read_image
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skfakereal import ImageReadError, VGG16FeatureExtractor
from skfakereal._store.store import open_store
from skfakereal.explain import occlusion
from skfakereal.explain._covers import (
    Cover,
    cover_image,
    judge_of,
    mean_under,
    n_positions,
    without_store,
)


def quarters(X: Iterable[str]) -> NDArray[np.float64]:
    """Return the brightness of each image's upper left quarter."""
    images = map(read_image, X)
    corners = [image[: len(image) // 2, : image.shape[1] // 2] for image in images]
    return np.array([[corner.mean() / 255] for corner in corners])


@pytest.fixture
def corner_classifier(make_image: MakeImage) -> Pipeline:
    paths = [make_image(f"train/{i}.png", 20 * i) for i in range(12)]
    clf = make_pipeline(FunctionTransformer(quarters), LogisticRegression(C=100))
    return clf.fit(paths, np.arange(12) >= 6)


@pytest.fixture
def extractor(make_extractor: MakeExtractor) -> VGG16FeatureExtractor:
    return make_extractor()


def by_files(estimator: Any, X: Any) -> Any:
    """Return the maps as they are where nobody looks into the estimator."""
    outside = Pipeline([("paths", FunctionTransformer()), ("inner", estimator)])
    return occlusion(outside, X, patch=10).maps


def test_any_classifier_over_paths_is_explained(
    corner_classifier: Pipeline, make_image: MakeImage
) -> None:
    pixels = np.full((40, 60, 3), 20, np.uint8)
    pixels[:20, :30] = 160
    path = Path(make_image("a.png", pixels))
    result = occlusion(corner_classifier, [path], label=True, fill="grey", patch=10)
    (values,) = result.maps
    assert values.shape == (40, 60)
    assert values.dtype == np.float32
    assert values[:20, :30].min() > 0.01
    assert np.abs(values[25:, :]).max() == 0
    assert np.abs(values[:, 35:]).max() == 0
    expected = corner_classifier.predict_proba([str(path)])[0, 1]
    assert result.probabilities == pytest.approx([expected])
    against = occlusion(corner_classifier, [path], label=False, fill="grey", patch=10)
    np.testing.assert_allclose(against.maps[0], -values, atol=1e-6)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda clf, X, y: clf,
        lambda clf, X, y: FrozenEstimator(clf),
        lambda clf, X, y: FixedThresholdClassifier(clf, threshold=0.2).fit(X, y),
        lambda clf, X, y: CalibratedClassifierCV(FrozenEstimator(clf), cv=2).fit(X, y),
    ],
    ids=["plain", "frozen", "threshold", "calibrated"],
)
@pytest.mark.parametrize("kind", ["extractor", "classifier"])
def test_in_memory_is_as_by_files(
    wrap: Callable[..., Any],
    kind: str,
    extractor: VGG16FeatureExtractor,
    fitted_classifier: Any,
    dark_and_bright: Images,
    make_image: MakeImage,
    rng: np.random.Generator,
) -> None:
    X, y = dark_and_bright
    clf = fitted_classifier
    if kind == "extractor":
        clf = make_pipeline(extractor, StandardScaler(), LogisticRegression()).fit(X, y)
    clf = wrap(clf, X, y)
    pixels = rng.integers(0, 256, (40, 50, 3)).astype(np.uint8)
    paths = [make_image("photo.png", pixels), make_image("photo.jpg", pixels)]
    got = occlusion(clf, paths, patch=10).maps
    np.testing.assert_array_equal(got, by_files(clf, paths))
    assert np.ptp(got) > 0


def test_three_classes_in_memory_are_as_by_files(
    make_classifier: MakeClassifier, dark_and_bright: Images
) -> None:
    X, _ = dark_and_bright
    clf = make_classifier(epochs=1).fit(X, np.arange(len(X)) % 3)
    result = occlusion(clf, X[:2], patch=10)
    assert result.explained.tolist() == clf.predict(X[:2]).tolist()
    np.testing.assert_array_equal(result.maps, by_files(clf, X[:2]))


def test_a_vgg16_alone_writes_no_file(
    fitted_classifier: Any, dark_and_bright: Images, monkeypatch: Patch
) -> None:
    monkeypatch.setenv("TMPDIR", "/does/not/exist")
    monkeypatch.setattr("tempfile.tempdir", "/does/not/exist")
    X = dark_and_bright[0][:1]
    assert occlusion(fitted_classifier, X, patch=16).maps.shape == (1, 32, 32)
    with pytest.raises(FileNotFoundError):
        by_files(fitted_classifier, X)


@pytest.mark.parametrize("wrapper", [Pipeline, VotingClassifier])
def test_copies_never_get_into_the_store(
    wrapper: type, tmp_path: Path, make_extractor: MakeExtractor, dark_and_bright: Images
) -> None:
    X, y = dark_and_bright
    store = str(tmp_path / "store")
    features = make_extractor(cache=store)
    clf = make_pipeline(features, LogisticRegression())
    if wrapper is VotingClassifier:
        # What cannot be pickled hides no VGG16.
        own = FunctionTransformer(lambda X: X)
        other = make_pipeline(own, features, RandomForestClassifier(2))
        clf = VotingClassifier([("one", clf), ("other", other)], voting="soft")
    clf.fit(X, y)
    kept = open_store(store)
    before = kept.info().n_entries
    assert before == len(X)
    occlusion(clf, X[:2], patch=16)
    assert kept.info().n_entries == before
    assert features.cache == store
    assert without_store(LogisticRegression) is LogisticRegression


def test_images_of_any_size_have_maps_of_their_own(
    corner_classifier: Pipeline, make_image: MakeImage
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    turned = make_image("turned.jpg", size=(30, 16), exif=exif)
    paths = [make_image("wide.png", size=(30, 14)), make_image("high.png", size=(8, 21))]
    result = occlusion(corner_classifier, [*paths, turned], label=True)
    assert [values.shape for values in result.maps] == [(14, 30), (21, 8), (30, 16)]
    assert [image.shape for image in result.images[:2]] == [(14, 30, 3), (21, 8, 3)]
    assert result.areas[:2].tolist() == [[0, 0, 14, 30], [0, 0, 21, 8]]
    assert result.only(1).maps[0].shape == (21, 8)
    # Maps of large ones are kept small.
    path = make_image("large.png", 200, size=(2400, 1200))
    result = occlusion(corner_classifier, [path], label=True, fill="grey", patch=600)
    assert result.maps.shape == (1, 512, 1024)
    assert result.images.shape == (1, 512, 1024, 3)  # type: ignore[union-attr]
    assert result.areas.tolist() == [[0, 0, 1200, 2400]]


@pytest.mark.parametrize(
    ("width", "height", "patch", "stride"),
    [(32, 32, None, None), (50, 31, 7, 3), (20, 10, 64, None), (1, 5, None, None),
     (33, 9, 4, 4), (40, 40, None, 9)],
)  # fmt: skip
def test_every_pixel_is_covered(
    width: int, height: int, patch: int | None, stride: int | None
) -> None:
    covers = cover_image(width, height, patch, stride, "mean")
    rows, columns = n_positions(width, height, patch, stride)
    assert len(covers) == rows * columns == len(set(covers))
    ones = mean_under(covers, np.ones(len(covers)), width, height)
    assert np.array_equal(ones, np.ones((height, width), np.float32))
    assert all(c.right <= width and c.bottom <= height for c in covers)


@pytest.mark.parametrize(("fill", "colour"), [("grey", 128), ("mean", 60)])
def test_a_cover_hides_its_rectangle_and_nothing_else(fill: Any, colour: int) -> None:
    pixels = np.zeros((20, 30, 3), np.uint8)
    pixels[:, :15] = 120
    image = Image.fromarray(pixels)
    covered = np.asarray(Cover(3, 5, 9, 11, fill)(image))
    expected = pixels.copy()
    expected[5:11, 3:9] = colour
    assert np.array_equal(covered, expected)
    assert np.array_equal(np.asarray(image), pixels)


def test_a_blurred_cover_takes_away_detail_and_adds_no_edge(
    rng: np.random.Generator,
) -> None:
    pixels = rng.integers(100, 156, (60, 60, 3)).astype(np.uint8)
    covered = np.asarray(Cover(20, 20, 40, 40, "blur")(Image.fromarray(pixels)))
    inside = covered[20:40, 20:40]
    assert inside.std() < pixels.std() / 8
    assert abs(inside.mean() - pixels.mean()) < 2
    outside = np.ones((60, 60), bool)
    outside[20:40, 20:40] = False
    assert np.array_equal(covered[outside], pixels[outside])


def test_wrong_settings_and_files_are_refused(
    corner_classifier: Pipeline, make_image: MakeImage, tmp_path: Path
) -> None:
    path = make_image("a.png")
    for settings, said in [
        ({"patch": 0}, "patch must be a number of pixels of at least 1, or None, got 0"),
        ({"stride": 1.5}, "stride must be a number of pixels"),
        ({"patch": True}, "patch must be a number of pixels"),
        ({"fill": "black"}, "fill must be one of 'mean', 'grey', 'blur', got 'black'"),
        ({"patch": 4, "stride": 5}, "stride must not exceed patch"),
        ({"label": "fake"}, "label must be one of the classes"),
    ]:
        with pytest.raises(ValueError, match=said):
            occlusion(corner_classifier, [path], **settings)
    with pytest.raises(TypeError, match="fitted classifier"):
        occlusion("model.joblib", [path])
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(ImageReadError) as caught:
        occlusion(corner_classifier, [path, str(tmp_path / "text.png"), "/no"], label=True)
    assert [failure.index for failure in caught.value.failures] == [1, 2]


def test_a_classifier_fitted_on_a_column_is_judged_by_files(
    corner_classifier: Pipeline, make_image: MakeImage
) -> None:
    first = FunctionTransformer(np.ravel)
    column = Pipeline([("ravel", first), ("inner", corner_classifier)])
    X = np.array([[make_image("a.png", 140)]])
    judged = judge_of(column, X, [X[0, 0]])(0, [Cover(0, 0, 16, 16, "grey")])
    assert judged.shape == (1, 2)
    assert occlusion(column, X, label=True, patch=16).maps.shape == (1, 32, 32)
