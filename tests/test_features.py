"""The extractor beside scikit-learn: names, containers, errors; test_statistics.py has values."""

import contextlib
import pickle
import sqlite3
import warnings
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from conftest import Fit, Images, MakeExtractor, write_image
from PIL import Image
from safetensors.numpy import load_file
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skfakereal
from skfakereal import ImageReadError
from skfakereal._store.file import checksum_of
from skfakereal.explain import grad_cam, occlusion


def test_equal_images_in_other_batches_change_nothing(
    make_extractor: MakeExtractor, dark_and_bright: Images
) -> None:
    X, _ = dark_and_bright
    extractor = make_extractor(n_jobs=3).fit(X)
    features = extractor.transform(X)
    np.testing.assert_array_equal(
        extractor.transform(np.tile(X, 4)), np.tile(features, (4, 1))
    )


def test_images_are_stretched_or_cropped(
    make_extractor: MakeExtractor, tmp_path: Path
) -> None:
    rng = np.random.default_rng(8)
    pixels = rng.integers(0, 256, (80, 64, 3)).astype(np.uint8)
    small = Image.fromarray(pixels).resize((32, 32), Image.Resampling.BICUBIC)
    X = [
        write_image(tmp_path / "whole.png", pixels),
        write_image(tmp_path / "stretched.png", np.asarray(small)),
        write_image(tmp_path / "centre.png", pixels[24:56, 16:48]),
    ]
    whole, stretched, _ = make_extractor(resize="stretch").fit_transform(X)
    np.testing.assert_array_equal(whole, stretched)
    whole, _, centre = make_extractor(resize="crop").fit_transform(X)
    np.testing.assert_array_equal(whole, centre)


def test_names_of_the_features_and_pandas_output(
    make_extractor: MakeExtractor, dark_and_bright: Images
) -> None:
    X, _ = dark_and_bright
    extractor = make_extractor(pooling="avg").fit(X)
    names = [f"vgg16featureextractor{i}" for i in range(8)]
    assert extractor.get_feature_names_out().tolist() == names
    assert extractor.n_features_out_ == 8
    series = pd.Series(X[:3], index=[7, 8, 9])
    frame = extractor.set_output(transform="pandas").transform(series)
    assert isinstance(frame, pd.DataFrame)
    assert frame.columns.tolist() == names
    np.testing.assert_array_equal(
        frame.to_numpy(), extractor.set_output(transform="default").transform(X[:3])
    )


def test_frames_within_a_pipeline_change_nothing_and_warn_of_nothing(
    make_extractor: MakeExtractor, dark_and_bright: Images, tmp_path: Path
) -> None:
    X, y = dark_and_bright
    models = [
        make_pipeline(make_extractor(pooling="avg"), StandardScaler(), LogisticRegression())
        .set_output(transform=kind)
        .fit(X, y)
        for kind in ("pandas", "default")
    ]
    assert hasattr(models[0][-1], "feature_names_in_")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        maps = [[m(model, X[:1]).maps for m in (grad_cam, occlusion)] for model in models]
        for model, name in zip(models, "ab", strict=True):
            skfakereal.save(model, tmp_path / f"{name}.skfr")
            skfakereal.export_onnx(model, tmp_path / f"{name}.onnx")
        again = skfakereal.load(tmp_path / "a.skfr").predict_proba(X)
    for one, other in zip(*maps, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(again, models[1].predict_proba(X))
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


def test_a_pipeline_learns_scores_clones_and_pickles(
    make_extractor: MakeExtractor, dark_and_bright: Images
) -> None:
    X, y = dark_and_bright
    model = make_pipeline(make_extractor(), LogisticRegression(C=100))
    assert model.fit(X, y).score(X, y) == 1
    assert cross_val_score(clone(model), X, y, cv=4).tolist() == [1, 1, 1, 1]
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict_proba(X), model.predict_proba(X))
    grid = {"vgg16featureextractor__pooling": ["avg", "max"], "logisticregression__C": [1]}
    search = GridSearchCV(model, grid)
    assert search.fit(X, y).best_estimator_.score(X, y) == 1


def test_the_name_of_a_dataframes_column(
    make_extractor: MakeExtractor, dark_and_bright: Images
) -> None:
    frame = pd.DataFrame({"path": dark_and_bright[0]})
    extractor = make_extractor().fit(frame)
    assert extractor.feature_names_in_.tolist() == ["path"]
    with pytest.raises(ValueError, match="feature names"):
        extractor.transform(frame.rename(columns={"path": "file"}))


def test_fit_opens_no_image_and_transform_needs_fit(
    make_extractor: MakeExtractor, dark_and_bright: Images
) -> None:
    X, _ = dark_and_bright
    with pytest.raises(NotFittedError):
        make_extractor().transform(X)
    extractor = make_extractor().fit(["missing.png"])
    with pytest.raises(NotFittedError):
        clone(extractor).transform(X)
    assert extractor.transform(X).shape == (24, 2 * 13 * 8 + 3 * 28)


def test_a_stored_value_of_another_size_is_none_of_ours(
    make_extractor: MakeExtractor, dark_and_bright: Images, tmp_path: Path
) -> None:
    X, _ = dark_and_bright
    expected = make_extractor(cache=tmp_path).fit_transform(X)
    (file,) = tmp_path.glob("*.sqlite")
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as store:
        for key, number in store.execute("SELECT key, id FROM entry").fetchall():
            change = "UPDATE payload SET value = ?, checksum = ? WHERE id = ?"
            store.execute(change, (bytes(10), checksum_of(key, bytes(10)), number))
    found = make_extractor(cache=tmp_path).fit_transform(X)
    np.testing.assert_array_equal(found, expected)


def test_what_numpy_is_to_raise_is_no_matter(fit: Fit, dark_and_bright: Images) -> None:
    X, _ = dark_and_bright
    settings: dict[str, Any] = {"hidden_units": (), "pooling": "correlations"}
    expected = fit(**settings).predict_proba(X)
    with np.errstate(all="raise"):
        found = fit(**settings).predict_proba(X)
    np.testing.assert_array_equal(found, expected)


def test_transforming_does_not_alter_the_transformer(
    make_extractor: MakeExtractor, dark_and_bright: Images
) -> None:
    extractor = make_extractor().fit(dark_and_bright[0])
    before = joblib.hash(extractor)
    extractor.transform(dark_and_bright[0])
    assert joblib.hash(extractor) == before


def test_on_error(make_extractor: MakeExtractor, dark_and_bright: Images) -> None:
    X = [dark_and_bright[0][0], "missing.png", dark_and_bright[0][1], "gone.png"]
    with pytest.raises(ImageReadError, match="2 images cannot be read") as caught:
        make_extractor().fit_transform(X)
    assert [failure.index for failure in caught.value.failures] == [1, 3]
    features = make_extractor(on_error="nan").fit_transform(X)
    assert np.isnan(features).all(axis=1).tolist() == [False, True, False, True]
    assert np.isfinite(features[[0, 2]]).all()


def test_activations_beyond_float16_are_an_error(
    make_extractor: MakeExtractor,
    narrow_trunk: str,
    dark_and_bright: Images,
    tmp_path: Path,
) -> None:
    from safetensors.numpy import save_file

    arrays = load_file(narrow_trunk)
    arrays["block5_conv3/bias"] = np.full(8, 1e5, np.float32)
    save_file(arrays, tmp_path / "loud.safetensors")
    extractor = make_extractor(weights=tmp_path / "loud.safetensors", pooling="avg")
    with pytest.raises(ValueError, match="exceed what float16 can hold") as caught:
        extractor.fit_transform(dark_and_bright[0][:2])
    assert repr(str(dark_and_bright[0][0])) in str(caught.value)


def test_a_fit_that_fails_leaves_the_earlier_one(
    make_extractor: MakeExtractor, dark_and_bright: Images, tmp_path: Path
) -> None:
    frame = pd.DataFrame({"path": dark_and_bright[0][:3]})
    extractor = make_extractor().fit(frame)
    before = extractor.transform(frame)
    broken = write_image(tmp_path / "broken.png", np.zeros((40, 40, 3), np.uint8))
    Path(broken).write_bytes(Path(broken).read_bytes()[:60])
    # Of its own trunk, images are measured.
    extractor.set_params(engine="int8", pooling="avg")
    with pytest.raises(ImageReadError, match="broken"):
        extractor.fit(pd.DataFrame({"other": [broken]}))
    extractor.set_params(engine="auto", pooling="correlations")
    assert extractor.feature_names_in_.tolist() == ["path"]
    np.testing.assert_array_equal(extractor.transform(frame), before)
