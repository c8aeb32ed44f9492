"""What may stand in X, and what is said about files that cannot be read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import Fit, Images, MakeClassifier, write_image

from skfakereal import ImageReadError

Broken = tuple[list[str], dict[int, str]]


@pytest.mark.parametrize(
    "container",
    [
        lambda X: pd.Series(X, dtype="string", index=range(100, 100 + len(X))),
        lambda X: X[:, np.newaxis],
        lambda X: pd.DataFrame({"path": X}),
        lambda X: [Path(path) for path in X],
    ],
    ids=["Series", "column", "DataFrame", "Paths"],
)
def test_paths_in_every_container_mean_the_same(
    fitted_classifier: Any,
    make_classifier: MakeClassifier,
    dark_and_bright: Images,
    container: Callable[[Any], Any],
) -> None:
    X, y = dark_and_bright
    clf = make_classifier(epochs=8).fit(container(X), y)
    np.testing.assert_array_equal(
        clf.predict_proba(container(X[3:9])), fitted_classifier.predict_proba(X[3:9])
    )


def test_the_name_of_a_dataframes_column(
    make_classifier: MakeClassifier, dark_and_bright: Images
) -> None:
    X, y = dark_and_bright
    clf = make_classifier(epochs=1).fit(pd.DataFrame({"path": X}), y)
    assert clf.feature_names_in_.tolist() == ["path"]
    with pytest.raises(ValueError, match="feature names"):
        clf.predict(pd.DataFrame({"file": X}))
    clf.fit(X, y)
    assert not hasattr(clf, "feature_names_in_")


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        ([], [], "0 sample"),
        (["a.png", None, "b.png"], [0, 1, 0], r"X\[1\] .* None"),
        (np.zeros((4, 32, 32, 3)), [0, 1, 0, 1], r"shape \(4, 32, 32, 3\)"),
        (["a.png", "b.png", "c.png"], [0, 1], "3 image paths, but 2 labels in y"),
        (["a.png", "b.png"], [0.5, 1.7], "continuous"),
        (["a.png", "b.png"], None, "requires y"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_arguments_are_named_before_any_file_is_opened(
    make_classifier: MakeClassifier, X: Any, y: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make_classifier().fit(X, y)


def test_wrong_paths_in_predict(fitted_classifier: Any, dark_and_bright: Images) -> None:
    X, _ = dark_and_bright
    for ask in (fitted_classifier.predict, fitted_classifier.predict_proba):
        with pytest.raises(ValueError, match="got one path"):
            ask(str(X[0]))
        with pytest.raises(ValueError, match=r"X\[1\] .* None"):
            ask([X[0], None])
        with pytest.raises(ValueError, match=r"shape \(3, 2\)"):
            ask(X[:6].reshape(3, 2))
        with pytest.raises(ValueError, match="0 sample"):
            ask([])


@pytest.fixture
def with_broken(dark_and_bright: Images, tmp_path: Path) -> Broken:
    """Return the shared images with some broken ones among them, and the reasons by index."""
    X = list(dark_and_bright[0])
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.jpg").write_text("no image at all")
    whole = Path(X[3]).read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    broken = {
        2: ("missing.png", "missing"),
        7: ("empty.png", "empty"),
        8: ("text.jpg", "not an image"),
        15: ("cut.png", "truncated"),
        23: (".", "directory"),
    }
    for index, (name, _) in broken.items():
        X[index] = str(tmp_path / name)
    return X, {index: reason for index, (_, reason) in broken.items()}


@pytest.mark.parametrize("early_stopping", [False, True])
def test_fit_lists_all_broken_files_with_their_index(
    make_classifier: MakeClassifier,
    dark_and_bright: Images,
    with_broken: Broken,
    early_stopping: bool,
) -> None:
    X, reasons = with_broken
    # With 0.5, some of them lie in the validation part.
    how = {"early_stopping": early_stopping, "validation_fraction": 0.5}
    clf = make_classifier(**how, on_error="nan")
    with pytest.raises(ImageReadError, match="5 images cannot be read") as caught:
        clf.fit(X, dark_and_bright[1])
    failures = caught.value.failures
    assert {failure.index: failure.reason for failure in failures} == reasons
    assert [failure.index for failure in failures] == sorted(reasons)
    for index in reasons:
        assert f"X[{index}]: {X[index]!r}" in str(caught.value)
    assert not hasattr(clf, "history_")


def test_the_files_of_the_validation_data_are_listed_too(
    make_classifier: MakeClassifier,
    dark_and_bright: Images,
    with_broken: Broken,
) -> None:
    (X, y), (broken, reasons) = dark_and_bright, with_broken
    training = [*X[:4], "gone.png", *X[5:]]
    with pytest.raises(ImageReadError, match="6 images cannot be read") as caught:
        make_classifier().fit(training, y, X_val=broken, y_val=y)
    where = [(failure.array, failure.index) for failure in caught.value.failures]
    assert where == [("X", 4), *(("X_val", index) for index in reasons)]
    assert "\n  X[4]: 'gone.png'" in str(caught.value)
    assert f"\n  X_val[23]: {broken[23]!r}" in str(caught.value)


def test_an_image_of_weight_zero_need_not_be_readable(
    make_classifier: MakeClassifier,
    dark_and_bright: Images,
    with_broken: Broken,
) -> None:
    X, reasons = with_broken
    weights = np.ones(24)
    weights[list(reasons)[1:]] = 0
    with pytest.raises(ImageReadError, match="1 image cannot be read") as caught:
        make_classifier().fit(X, dark_and_bright[1], weights)
    assert caught.value.index == 2
    weights[2] = 0
    make_classifier(epochs=1).fit(X, dark_and_bright[1], weights)


def test_on_error_decides_about_probabilities(
    fit: Fit, dark_and_bright: Images, with_broken: Broken
) -> None:
    X, reasons = with_broken
    clf = fit(on_error="nan")
    proba = clf.predict_proba(X)
    good = np.setdiff1d(np.arange(24), list(reasons))
    assert np.isnan(proba[list(reasons)]).all()
    np.testing.assert_allclose(
        proba[good], clf.predict_proba(dark_and_bright[0])[good], atol=1e-3
    )
    assert np.isnan(clf.predict_proba([X[7]])).all()
    with pytest.raises(ImageReadError, match="5 images cannot be read"):
        clf.predict(X)
    clf.set_params(on_error="raise")
    with pytest.raises(ImageReadError, match="5 images cannot be read") as caught:
        clf.predict_proba(X)
    assert [failure.index for failure in caught.value.failures] == list(reasons)


def test_nan_rows_where_blocks_are_trained(
    make_classifier: MakeClassifier, dark_and_bright: Images, tmp_path: Path
) -> None:
    clf = make_classifier(on_error="nan", trainable_from="block5", epochs=1)
    proba = clf.fit(*dark_and_bright).predict_proba(["gone.png", dark_and_bright[0][0]])
    assert np.isnan(proba[0]).all()
    assert np.isfinite(proba[1]).all()
    assert np.isnan(clf.predict_proba(["gone.png"])).all()


def test_images_of_every_size_and_mode(fitted_classifier: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    shapes = [(1, 1, 3), (300, 20, 3), (33, 31), (64, 64, 4)]
    bright = [rng.integers(220, 256, shape).astype(np.uint8) for shape in shapes]
    bright[3][..., 3] = 255
    paths = [write_image(tmp_path / f"{i}.png", pixels) for i, pixels in enumerate(bright)]
    assert fitted_classifier.predict(paths).tolist() == [1, 1, 1, 1]
