"""Grad-CAM of whole estimators: against TensorFlow, however they are wrapped."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Images, MakeClassifier, MakeExtractor, MakeImage
from numpy.typing import NDArray
from PIL import Image
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler
from sklearn.svm import LinearSVC

from skfakereal import ImageReadError, VGG16FeatureExtractor, VGG16ImageClassifier
from skfakereal.explain import grad_cam, randomization_check

IMAGENET_MEAN = np.array([103.939, 116.779, 123.68], np.float32)


@pytest.fixture(scope="module")
def extractor(make_extractor: MakeExtractor) -> VGG16FeatureExtractor:
    return make_extractor(image_size=(64, 64), pooling="avg")


@pytest.fixture
def photo(make_image: MakeImage, rng: np.random.Generator) -> str:
    """Return the path of an image that is neither square nor of the network's size."""
    small = rng.integers(0, 256, (6, 9, 3)).astype(np.uint8)
    return make_image("photo.png", Image.fromarray(small).resize((90, 70)))


def seen_by(clf: VGG16ImageClassifier, path: str) -> NDArray[np.uint8]:
    """Return an image as the network should see it, by Pillow's own means."""
    image, (height, width) = Image.open(path), clf.image_size
    if clf.resize == "stretch":
        return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return np.asarray(image.crop((left, top, left + width, top + height)))


def by_tensorflow(clf: VGG16ImageClassifier, path: str, layer: str, column: int) -> Any:
    """Return the map as `tf.GradientTape` and `tf.image.resize` have it."""
    import tensorflow as tf

    pixels = seen_by(clf, path).astype(np.float32)
    unit = clf.preprocessing != "imagenet"
    pixels = pixels / 255 if unit else pixels[..., ::-1] - IMAGENET_MEAN
    weights = clf._trunk.arrays | {
        f"{name}/{part}": getattr(trained, part)
        for name, trained in trained_convolutions(clf)
        for part in ("kernel", "bias")
    }
    dense = [x for x in clf._tail.layers if type(x).__name__ == "Dense"]
    with tf.GradientTape() as tape:
        values, chosen = tf.constant(pixels[None]), None
        for block, n in enumerate((2, 2, 3, 3, 3), 1):
            for conv in range(1, n + 1):
                name = f"block{block}_conv{conv}"
                values = tf.nn.conv2d(values, weights[f"{name}/kernel"], 1, "SAME")
                values = tf.nn.relu(values + weights[f"{name}/bias"])
                if name == layer:
                    tape.watch(values)
                    chosen = values
            values = tf.nn.max_pool2d(values, 2, 2, "VALID")
        if clf.pooling == "flatten":
            values = tf.reshape(values, (1, -1))
        else:
            pool = tf.reduce_mean if clf.pooling == "avg" else tf.reduce_max
            values = pool(values, axis=(1, 2))
        for i, one in enumerate(dense):
            values = values @ one.kernel + one.bias
            values = tf.nn.relu(values) if i < len(dense) - 1 else values
        single = values.shape[1] == 1
        score = (2 * column - 1) * values[0, 0] if single else values[0, column]
    gradient = tape.gradient(score, chosen)
    channels = tf.reduce_mean(gradient, axis=(1, 2))
    cells = tf.nn.relu(tf.reduce_sum(chosen * channels[:, None, None], axis=-1))
    return tf.image.resize(cells[..., None], clf.image_size).numpy()[0, ..., 0]


def trained_convolutions(clf: VGG16ImageClassifier) -> Any:
    first = int((clf.trainable_from or "block6")[-1])
    names = [f"block{b}_conv{c}" for b in range(first, 6) for c in (1, 2, 3)[: 2 + (b > 2)]]
    convolutions = [x for x in clf._tail.layers if type(x).__name__ == "Conv"]
    return zip(names, convolutions, strict=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "n_classes", "layer"),
    [
        ({}, 2, "block5_conv3"),
        ({"pooling": "max"}, 2, "block4_conv2"),
        ({"pooling": "flatten", "preprocessing": "imagenet"}, 3, "block5_conv3"),
        ({"trainable_from": "block5", "resize": "crop"}, 2, "block5_conv1"),
        ({"trainable_from": "block4", "pooling": "flatten"}, 3, "block3_conv3"),
        ({"trainable_from": "block1", "preprocessing": "imagenet"}, 2, "block1_conv2"),
    ],
)
def test_maps_are_those_of_tensorflow(
    make_classifier: MakeClassifier,
    dark_and_bright: Images,
    photo: str,
    changes: dict[str, Any],
    n_classes: int,
    layer: str,
) -> None:
    X, y = dark_and_bright
    y = y if n_classes == 2 else np.arange(len(y)) % 3
    settings = {"image_size": (64, 64), "pooling": "avg", "epochs": 2}
    settings |= {"learning_rate": 0.003} | changes
    clf = make_classifier(**settings).fit(X, y)
    for label in range(n_classes):
        got = grad_cam(clf, [photo], layer=layer, label=label)
        expected = by_tensorflow(clf, photo, layer, label)
        assert np.abs(got.maps[0] - expected).max() <= 1e-4 * max(expected.max(), 1e-6)
        assert np.array_equal(got.images[0], seen_by(clf, photo))
        assert got.probabilities == pytest.approx(clf.predict_proba([photo])[:, label])


def test_result_says_what_it_is(pipeline: Pipeline, photo: str) -> None:
    result = grad_cam(pipeline, np.array([Path(photo)] * 2), layer="block4_conv3")
    assert result.maps.shape == (2, 64, 64)
    assert result.maps.dtype == np.float32
    assert result.maps.min() >= 0 < result.maps.max()
    assert result.images.dtype == np.uint8
    assert result.explained.tolist() == [1, 1]
    assert result.predicted.tolist() == pipeline.predict([photo] * 2).tolist()
    assert result.areas.tolist() == [[0, 0, 70, 90]] * 2
    assert result.cells == (8, 8)
    assert len(result) == 2
    assert len(result.only(1)) == 1
    text = "<Grad-CAM at block4_conv3 of 2 images, 8x8 cells; values: logit per cell>"
    assert repr(result) == text


def test_cells_of_a_linear_head_add_up_to_its_logit(
    extractor: VGG16FeatureExtractor, dark_and_bright: Images
) -> None:
    X, y = dark_and_bright
    clf = make_pipeline(extractor, MinMaxScaler(), LogisticRegression()).fit(X, y)
    # With every coefficient positive, nothing is cut off; 32 pixels a cell.
    clf[-1].coef_ = np.abs(clf[-1].coef_)
    scaled = clf[1].scale_ * clf[-1].coef_[0]
    expected = extractor.fit_transform(X[-3:]) @ scaled
    maps = grad_cam(clf, X[-3:], layer="block5_pool").maps
    cells = maps[:, [0, -1]][:, :, [0, -1]]  # the corners are the cells themselves
    assert cells.sum(axis=(1, 2)) == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda clf: FixedThresholdClassifier(FrozenEstimator(clf), threshold=0.9),
        lambda clf: CalibratedClassifierCV(FrozenEstimator(clf), cv=2),
        lambda clf: make_pipeline(FunctionTransformer(), FrozenEstimator(clf)),
        lambda clf: Pipeline([("nothing", "passthrough"), ("inner", clf)]),
    ],
    ids=["threshold", "calibrated", "pipeline", "passthrough"],
)
def test_wrapped_estimators_have_the_same_maps(
    pipeline: Pipeline, dark_and_bright: Images, wrap: Callable[[Any], Any]
) -> None:
    X, y = dark_and_bright
    wrapped = wrap(pipeline)
    if not isinstance(wrapped, Pipeline):
        wrapped.fit(X, y)
    got, plain = grad_cam(wrapped, X[-2:]), grad_cam(pipeline, X[-2:])
    np.testing.assert_array_equal(got.maps, plain.maps)
    assert got.probabilities == pytest.approx(wrapped.predict_proba(X[-2:])[:, 1])
    assert got.predicted.tolist() == wrapped.predict(X[-2:]).tolist()


def test_a_threshold_on_features_and_a_search_are_looked_through(
    extractor: VGG16FeatureExtractor, dark_and_bright: Images
) -> None:
    X, y = dark_and_bright
    inner = FixedThresholdClassifier(LogisticRegression(), threshold=0.3)
    inside = make_pipeline(extractor, StandardScaler(), inner).fit(X, y)
    search = GridSearchCV(inside, {"fixedthresholdclassifier__threshold": [0.3]}, cv=2)
    assert grad_cam(inside, X[:1]).maps.shape == (1, 64, 64)
    assert np.array_equal(
        grad_cam(search.fit(X, y), X[:1]).maps, grad_cam(inside, X[:1]).maps
    )


def test_a_scaler_is_part_of_the_head(
    extractor: VGG16FeatureExtractor, dark_and_bright: Images
) -> None:
    """The same function of the features, with and without a scaler, has the same maps."""
    X, y = dark_and_bright
    scaled = make_pipeline(extractor, StandardScaler(), LogisticRegression()).fit(X, y)
    plain = make_pipeline(extractor, LogisticRegression()).fit(X, y)
    scaler, linear = scaled[1], scaled[2]
    plain[1].coef_ = linear.coef_ / scaler.scale_
    plain[1].intercept_ = linear.intercept_ - plain[1].coef_ @ scaler.mean_
    np.testing.assert_allclose(
        grad_cam(scaled, X[-2:]).maps, grad_cam(plain, X[-2:]).maps, rtol=1e-4, atol=1e-7
    )


def test_three_classes_have_the_map_of_the_predicted_one(
    extractor: VGG16FeatureExtractor, dark_and_bright: Images
) -> None:
    X, _ = dark_and_bright
    y = np.array(["dark", "bright", "any"])[np.arange(len(X)) % 3]
    clf = make_pipeline(extractor, LogisticRegression()).fit(X, y)
    result = grad_cam(clf, X[:4])
    assert result.explained.tolist() == clf.predict(X[:4]).tolist()
    assert grad_cam(clf, X[:4], label="any").explained.tolist() == ["any"] * 4


def test_what_cannot_be_differentiated_is_refused(
    extractor: VGG16FeatureExtractor, pipeline: Pipeline, dark_and_bright: Images
) -> None:
    X, y = dark_and_bright
    own = FunctionTransformer()
    for estimator, message in [
        (
            make_pipeline(extractor, RandomForestClassifier(2)),
            r"got RandomForestClassifier\. Use occlusion",
        ),
        (
            make_pipeline(extractor, own, LogisticRegression()),
            r"StandardScaler .*got FunctionTransformer",
        ),
        (
            VotingClassifier([("one", pipeline)], voting="soft"),
            r"one VGG16 .* got VotingClassifier\. Use occlusion",
        ),
        (CalibratedClassifierCV(pipeline, cv=2), "got CalibratedClassifierCV"),
        (make_pipeline(extractor, LinearSVC()), "predict_proba"),
    ]:
        with pytest.raises(TypeError, match=message):
            grad_cam(estimator.fit(X, y), X)


def test_wrong_words_and_files_are_refused(
    pipeline: Pipeline, photo: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"layer must be one of block1_conv1, .*block6"):
        grad_cam(pipeline, [photo], layer="block6_conv1")
    with pytest.raises(ValueError, match=r"label must be one of the classes \[0, 1\]"):
        grad_cam(pipeline, [photo], label="fake")
    with pytest.raises(ValueError, match="must be an array of image paths"):
        grad_cam(pipeline, photo)
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(ImageReadError) as caught:
        grad_cam(pipeline, [str(tmp_path / "none.png"), photo, str(tmp_path / "text.png")])
    assert [failure.index for failure in caught.value.failures] == [0, 2]


def test_classes_that_leave_the_positive_one_open_need_a_label(
    extractor: VGG16FeatureExtractor, dark_and_bright: Images
) -> None:
    X, y = dark_and_bright
    clf = make_pipeline(extractor, LogisticRegression()).fit(X, np.array(["a", "b"])[y])
    with pytest.raises(ValueError, match="Pass label"):
        grad_cam(clf, X[:1])
    a, b = grad_cam(clf, X[:1], label="a"), grad_cam(clf, X[:1], label="b")
    assert not (np.minimum(a.maps, b.maps) > 1e-6).all()


def test_an_odd_size_leaves_the_cells_in_their_places(
    make_extractor: MakeExtractor, dark_and_bright: Images
) -> None:
    """Poolings drop the last rows; a map must not be stretched over them."""
    X, y = dark_and_bright
    maps = []
    for side in (64, 95):
        features = make_extractor(image_size=side, pooling="avg", resize="crop")
        clf = make_pipeline(features, LogisticRegression()).fit(X, y)
        maps.append(grad_cam(clf, X[:1], layer="block5_pool"))
    assert maps[1].cells == (2, 2)
    assert maps[1].maps.shape == (1, 95, 95)
    assert (maps[1].maps[0, 64:, 64:] == maps[1].maps[0, 63, 63]).all()
    assert maps[1].areas.tolist() == [[-31, -31, 95, 95]]


@pytest.mark.parametrize(
    ("size", "layer"), [(32, "block3_conv3"), (64, "block4_conv3"), (128, "block5_conv3")]
)
def test_small_images_are_explained_at_an_early_layer(
    size: int, layer: str, make_extractor: MakeExtractor, dark_and_bright: Images
) -> None:
    X, y = dark_and_bright
    features = make_extractor(image_size=size, pooling="avg")
    pipeline = make_pipeline(features, LogisticRegression()).fit(X, y)
    maps = grad_cam(pipeline, X[:1])
    assert maps.method == f"Grad-CAM at {layer}"
    assert maps.cells == (8, 8)
    check = randomization_check(pipeline, X[:1], stages=["head"], n_draws=1)
    assert check.n_cells == 8**2
