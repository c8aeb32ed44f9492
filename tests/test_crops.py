"""``resize="shrink"`` and ``n_crops``: what of an image is seen, and in how many parts."""

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Folders, Images, MakeClassifier, write_image
from numpy.typing import NDArray
from PIL import Image
from skfr_files import describing, round_trip

import skfakereal
from skfakereal import Augmentation, VGG16FeatureExtractor
from skfakereal._trunk_settings import TrunkSettings
from skfakereal._views import render_crops
from skfakereal.explain import grad_cam, occlusion
from skfakereal.persistence import load_with_metadata
from skfakereal.persistence._encode import encode_estimator

Features = Callable[..., NDArray[np.float32]]
# Across and down, in the order of `n_crops`.
PLACES = [(1, 1), (0, 0), (2, 2), (2, 0), (0, 2), (1, 0), (1, 2), (0, 1), (2, 1)]


@pytest.fixture(scope="module")
def features(narrow_trunk: str) -> Features:
    def compute(X: Any, **settings: Any) -> NDArray[np.float32]:
        plain = {"image_size": 32, "weights": narrow_trunk, "cache": None, "n_jobs": 1}
        return VGG16FeatureExtractor(**plain | settings).fit_transform(X)

    return compute


def picture(width: int, height: int, seed: int = 0) -> Image.Image:
    """Return an image that is smooth and different everywhere."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 6, 3)).astype(np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def save(folder: Path, name: str, image: Image.Image) -> str:
    return write_image(folder / f"{name}.png", np.asarray(image))


@pytest.mark.parametrize(
    ("size", "box", "to"),
    [
        ((96, 64), (16, 0, 80, 64), (32, 32)),  # left and right are cut off
        ((64, 96), (0, 16, 64, 80), (32, 32)),
        ((64, 64), (0, 0, 64, 64), (32, 32)),
        ((33, 50), (0, 8.5, 33, 41.5), (32, 32)),
        ((32, 70), (0, 19, 32, 51), (32, 32)),  # nothing to shrink
        ((200, 100), (25, 0, 175, 100), (48, 32)),
    ],
)
def test_shrink_covers_without_distortion(
    features: Features,
    tmp_path: Path,
    size: tuple[int, int],
    box: tuple[float, ...],
    to: tuple[int, int],
) -> None:
    whole = picture(*size)
    seen = whole.resize(to, Image.Resampling.BICUBIC, box)
    X = [save(tmp_path, "whole", whole), save(tmp_path, "seen", seen)]
    one, other = features(X, resize="shrink", image_size=to[::-1])
    np.testing.assert_array_equal(one, other)


def test_shrink_never_enlarges(features: Features, tmp_path: Path) -> None:
    sizes = (20, 20), (20, 90), (40, 31)
    X = [save(tmp_path, f"{size}", picture(*size)) for size in sizes]
    np.testing.assert_array_equal(features(X, resize="shrink"), features(X, resize="crop"))
    assert (features(X, resize="shrink") != features(X, resize="stretch")).any()


@pytest.mark.parametrize("engine", ["ncnn", "tensorflow"])
@pytest.mark.parametrize("n_crops", range(1, 10))
def test_features_are_the_mean_over_crops(
    features: Features, tmp_path: Path, n_crops: int, engine: str
) -> None:
    whole = picture(80, 61)  # 24 and 14.5 pixels on each side of the centre
    lefts, tops = (0, 24, 48), (0, 14, 29)
    crops = [
        save(tmp_path, f"{x}{y}", whole.crop((left, top, left + 32, top + 32)))
        for x, y in PLACES[:n_crops]
        for left, top in [(lefts[x], tops[y])]
    ]
    settings = {"resize": "crop", "pooling": "correlations", "engine": engine}
    expected = features(crops, **settings).mean(axis=0)
    (actual,) = features([save(tmp_path, "whole", whole)], n_crops=n_crops, **settings)
    np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-3)


def test_an_image_without_room_has_fewer_crops(features: Features, tmp_path: Path) -> None:
    small, wide = picture(32, 32), picture(80, 32)
    X = [save(tmp_path, "small", small), save(tmp_path, "tiny", picture(20, 25))]
    np.testing.assert_array_equal(
        features(X, resize="crop", n_crops=9), features(X, resize="crop")
    )
    parts = [save(tmp_path, f"{x}", wide.crop((x, 0, x + 32, 32))) for x in (24, 0, 48)]
    (actual,) = features([save(tmp_path, "wide", wide)], resize="crop", n_crops=5)
    expected = features(parts, resize="crop").mean(axis=0)
    np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-3)


def test_a_shrunk_image_has_room_along_its_longer_side(
    features: Features, tmp_path: Path
) -> None:
    whole = picture(200, 64)
    parts = [
        save(tmp_path, f"{x}", whole.resize((32, 32), Image.Resampling.BICUBIC, box))
        for x in (68, 0, 136)
        for box in [(x, 0, x + 64, 64)]
    ]
    (actual,) = features([save(tmp_path, "whole", whole)], resize="shrink", n_crops=3)
    expected = features(parts, resize="shrink").mean(axis=0)
    np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-3)


def test_images_of_many_sizes_do_not_mix(features: Features, tmp_path: Path) -> None:
    sizes = [(32, 32), (90, 40), (40, 90), (20, 20), (64, 64), (33, 32)] * 3
    X = [save(tmp_path, f"{i}", picture(*size, i)) for i, size in enumerate(sizes)]
    together = features(X, resize="crop", n_crops=9, n_jobs=2)
    for i in range(0, len(X), 4):
        alone = features(X[i : i + 1], resize="crop", n_crops=9)
        np.testing.assert_array_equal(alone[0], together[i])


@pytest.mark.parametrize("resize", ["stretch", "crop", "shrink"])
def test_views_look_where_the_plain_image_does(resize: str) -> None:
    # So small a zoom that resampling leaves the pixels where they are.
    still = Augmentation(
        rotation=0, zoom=1e-9, brightness=0, horizontal_flip=False, vertical_flip=False
    )
    settings = TrunkSettings((32, 48), resize, "unit", "avg", None, n_crops=9)
    for size in ((150, 100), (100, 150), (49, 33), (40, 20)):
        image = picture(*size)
        plain = render_crops(image, settings).astype(float)
        view = render_crops(image, settings, still, b"digest", 1).astype(float)
        assert plain.shape == view.shape
        shifted = np.abs(plain[:, 1:] - view[:, :-1]).mean()
        assert np.abs(plain - view).mean() < shifted / 4


def test_every_crop_of_a_view_is_augmented_alike() -> None:
    settings = TrunkSettings((32, 32), "crop", "unit", "avg", None, n_crops=5)
    image = Image.new("RGB", (90, 90), (90, 120, 150))
    crops = render_crops(image, settings, Augmentation(), b"digest", 3)
    assert len(crops) == 5
    assert (crops == crops[0, 0, 0]).all()  # one brightness, and no border inside


@pytest.fixture(scope="module")
def trained(make_classifier: MakeClassifier, tmp_path_factory: Folders) -> Any:
    """Return a classifier of 5 crops, and its images."""
    folder, rng = tmp_path_factory.mktemp("crops"), np.random.default_rng(0)
    X, y = [], np.repeat([0, 1], 12)
    for i, label in enumerate(y):
        dark = rng.integers(0, 60, (40 + i, 60, 3), dtype=np.uint8)
        X.append(write_image(folder / f"{i}.png", 255 - dark if label else dark))
    clf = make_classifier(
        resize="crop", n_crops=5, augmentation=Augmentation(brightness=0), epochs=12
    )
    return clf.fit(X, y), X


def test_files_pickles_and_detectors_keep_it(trained: Any, tmp_path: Path) -> None:
    clf, X = trained
    before = clf.predict_proba(X)
    assert (clf.predict(X) == np.repeat([0, 1], 12)).mean() > 0.9
    for other in (round_trip(clf, tmp_path), pickle.loads(pickle.dumps(clf))):
        assert other.n_crops == 5
        np.testing.assert_array_equal(other.predict_proba(X), before)
    detector, _ = load_with_metadata(tmp_path / "model.skfr", only_predict=True)
    np.testing.assert_array_equal(detector.predict_proba(X), before)
    # What was settled in fit stays, whatever the parameter is now.
    changed = copy.copy(clf).set_params(n_crops=1)
    np.testing.assert_array_equal(changed.predict_proba(X), before)


def test_models_from_before_the_parameter_saw_one_crop(
    fitted_classifier: Any, dark_and_bright: Images, tmp_path: Path
) -> None:
    old = copy.copy(fitted_classifier)
    del vars(old)["n_crops"]
    old._settings = copy.copy(old._settings)
    del vars(old._settings)["n_crops"]
    objects, arrays = encode_estimator(fitted_classifier)
    for entry in objects:
        entry.get("params", {}).pop("n_crops", None)
        entry["state"].pop("n_crops", None)
    (tmp_path / "old.skfr").write_bytes(describing(objects, **arrays))
    before = fitted_classifier.predict_proba(dark_and_bright[0])
    for model in (pickle.loads(pickle.dumps(old)), skfakereal.load(tmp_path / "old.skfr")):
        assert model.n_crops == 1
        np.testing.assert_array_equal(model.predict_proba(dark_and_bright[0]), before)


@pytest.mark.parametrize("n_crops", [0, 10, 2.0, True])
def test_files_with_another_number_are_refused(
    trained: Any, tmp_path: Path, n_crops: Any
) -> None:
    objects, arrays = encode_estimator(trained[0])
    for entry in objects:
        if entry["class"] == "skfakereal.TrunkSettings":
            entry["state"]["n_crops"] = n_crops
    (tmp_path / "m.skfr").write_bytes(describing(objects, **arrays))
    with pytest.raises(ValueError, match="n_crops"):
        skfakereal.load(tmp_path / "m.skfr")


def test_the_store_knows_their_number(features: Features, tmp_path: Path) -> None:
    X = [save(tmp_path, "image", picture(70, 70))]
    store = {"cache": tmp_path / "store", "resize": "crop"}
    one, five = features(X, **store), features(X, n_crops=5, **store)
    assert (one != five).any()
    np.testing.assert_array_equal(features(X, n_crops=5, **store), five)
    np.testing.assert_array_equal(features(X, **store), one)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"resize": "stretch"}, "n_crops=2 needs resize='crop' or 'shrink'"),
        ({"trainable_from": "block5"}, "n_crops=2 needs trainable_from=None"),
    ],
)
def test_what_does_not_go_with_it(
    make_classifier: MakeClassifier, changes: dict[str, Any], message: str
) -> None:
    clf = make_classifier(**{"resize": "crop", "n_crops": 2} | changes)
    with pytest.raises(ValueError, match=message):
        clf.fit(["a.png", "b.png"], [0, 1])


def test_occlusion_explains_it_and_grad_cam_says_so(trained: Any) -> None:
    clf, X = trained
    with pytest.raises(TypeError, match=r"looks at one crop.*Use occlusion"):
        grad_cam(clf, X[:2])
    explained = occlusion(clf, X[:2], patch=20)
    columns = np.searchsorted(clf.classes_, explained.explained)
    np.testing.assert_array_equal(
        explained.probabilities, clf.predict_proba(X[:2])[[0, 1], columns]
    )
    assert np.abs(explained.maps[0]).max() > 0
