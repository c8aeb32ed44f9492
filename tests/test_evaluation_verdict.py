import json
import warnings
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import MakeImage
from numpy.typing import NDArray
from PIL import Image
from reading import Darken, brightness, read_image
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skfakereal.evaluation import UnsureBand, Verdict, learn_unsure_band, stable_verdicts

NAMES = ["real", "fake"]


@pytest.fixture
def model(make_image: MakeImage) -> Pipeline:
    """Return a detector for which brightness is fakeness: 128 of 255 is the threshold."""
    X = [make_image(f"train/{n}.png", int(n)) for n in range(0, 256, 15)]
    pipeline = make_pipeline(FunctionTransformer(brightness), LogisticRegression(C=10))
    return pipeline.fit(X, np.arange(18) > 8)


def judge(model: Any, X: Any, **settings: Any) -> list[Verdict]:
    settings = {"target_names": NAMES, "pos_label": True} | settings
    return stable_verdicts(model, X, **settings)


def test_a_verdict_that_a_change_turns_is_unsure(
    model: Pipeline, make_image: MakeImage
) -> None:
    X = [make_image(f"{n}.png", n) for n in (20, 135, 235)]
    rows = judge(model, X, perturbations=[Darken(2), Darken(20)])
    assert [row.verdict for row in rows] == ["real", "unsure", "fake"]
    assert rows[1].reasons == ("It would be classified as real after: darkened by 20.",)
    assert rows[0].reasons == rows[2].reasons == ()
    for row, n in zip(rows, (20, 135, 235), strict=True):
        levels = np.array([[n], [max(0, n - 2)], [max(0, n - 20)]]) / 255
        p = model[-1].predict_proba(levels)[:, 1]
        assert (row.probability, row.low, row.high) == pytest.approx((p[0], p.min(), p[0]))


def test_threads_leave_the_filters_of_warnings_alone(
    model: Pipeline, make_image: MakeImage
) -> None:
    # All threads share them, and two that set and restore them may leave none behind.
    seen: list[Any] = []

    class Watch(Darken):
        def __call__(self, image: Image.Image) -> Image.Image:
            seen.append(warnings.filters)
            return super().__call__(image)

    X = [make_image(f"{n}.png", n) for n in (20, 135, 235)]
    judge(model, X, perturbations=[Watch(2)], n_jobs=2)
    assert len(seen) == 3
    assert all(filters is warnings.filters for filters in seen)


def test_a_probability_in_the_band_is_unsure(
    model: Pipeline, make_image: MakeImage
) -> None:
    X = [make_image(f"{n}.png", n) for n in (20, 90, 160, 235)]
    p = [row.probability for row in judge(model, X)]
    band = UnsureBand(p[1] - 0.01, p[2] + 0.01, 0.9, 100, 0.2)
    rows = judge(model, X, band=band)
    assert [row.verdict for row in rows] == ["real", "unsure", "unsure", "fake"]
    (reason,) = rows[1].reasons
    assert f"fewer than 90% of those with a probability like {p[1]:.3f} were real" in reason
    assert f"sure only below {band.low:.3f}" in reason
    assert "were fake; the detector is sure only above" in rows[2].reasons[0]
    both = judge(model, X, band=band, perturbations=[Darken(60)])[2]
    assert len(both.reasons) == 2


def test_a_band_beside_the_threshold_makes_the_called_unsure(
    model: Pipeline, make_image: MakeImage
) -> None:
    # Called fake, but below the band: nearly all such images were real.
    X = [make_image("a.png", 150)]
    p = judge(model, X)[0].probability
    assert p > 0.5
    row = judge(model, X, band=UnsureBand(p + 0.05, p + 0.1, 0.95, 100, 0.1))[0]
    assert row.verdict == "unsure"
    assert "were fake; the detector is sure only above" in row.reasons[0]


def test_the_threshold_is_the_models_own(model: Pipeline, make_image: MakeImage) -> None:
    X = [make_image("a.png", 170)]
    strict = FixedThresholdClassifier(model, threshold=0.99, pos_label=True)
    strict.fit([make_image(f"b{n}.png", n) for n in range(0, 256, 15)], np.arange(18) > 8)
    assert judge(model, X)[0].verdict == "fake"
    row = judge(strict, X)[0]
    assert row.verdict == "real"
    assert row.probability > 0.5


def test_unreadable_images_are_rows_with_their_error(
    model: Pipeline, make_image: MakeImage, tmp_path: Any
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff no image")
    X = [str(broken), make_image("a.png", 30), str(tmp_path / "missing.png")]
    first, second, third = judge(model, X)
    assert (first.verdict, first.probability, first.reasons) == (None, None, ())
    assert "broken.jpg" in first.error
    assert (second.verdict, second.error) == ("real", None)
    assert "does not exist" in third.error
    assert [row.path for row in (first, second, third)] == X
    assert [row.verdict for row in judge(model, [X[0], X[2]])] == [None, None]
    json.dumps([asdict(row) for row in (first, second, third)])


def test_what_the_classifier_cannot_read(model: Pipeline, make_image: MakeImage) -> None:
    class Forgiving(Pipeline):
        def predict_proba(self, X: Any, **params: Any) -> Any:
            proba = super().predict_proba(X)
            level = 255 * brightness(X)[:, 0]
            proba[(level == 5) | (level == 170)] = np.nan
            return proba

    forgiving = Forgiving(model.steps)
    X = [make_image("a.png", 5), make_image("b.png", 200), make_image("c.png", 220)]
    rows = judge(forgiving, X, perturbations=[Darken(30)])
    assert rows[0].error == f"{X[0]!r} could not be read by the classifier."
    assert rows[1].verdict == "unsure"
    assert rows[1].reasons == ("The classifier could not read it after: darkened by 30.",)
    assert rows[1].low == rows[1].high == rows[1].probability
    assert rows[2].verdict == "fake"


def test_without_changes_and_from_a_table(model: Pipeline, make_image: MakeImage) -> None:
    X = pd.DataFrame({"image": [make_image("a.png", 30), make_image("b.jpg", 220)]})
    for changes in ({}, {"perturbations": []}):  # mild ones leave clear images alone
        rows = judge(model, X, **changes)
        assert [row.verdict for row in rows] == ["real", "fake"]
    assert all(row.low == row.high == row.probability for row in rows)


def test_classes_that_cannot_be_judged(model: Pipeline, make_image: MakeImage) -> None:
    with pytest.raises(ValueError, match="neither named 'unsure'"):
        judge(model, ["a.png"], target_names=["real", "unsure"])
    X = [make_image(f"{n}.png", n) for n in (0, 90, 180)]
    pipeline = make_pipeline(FunctionTransformer(brightness), LogisticRegression())
    with pytest.raises(ValueError, match="Two classes are needed"):
        stable_verdicts(pipeline.fit(X, [0, 1, 2]), X)


@pytest.mark.slow
def test_the_vgg(fitted_classifier: Any, dark_and_bright: tuple[Any, Any]) -> None:
    X, y = dark_and_bright
    rows = stable_verdicts(fitted_classifier, [*X, "missing.png"], target_names=NAMES)
    assert [row.verdict for row in rows[:-1]] == [NAMES[label] for label in y]
    assert rows[-1].error is not None


# The band


def calibrated(n_images: int = 4000, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    p = rng.uniform(size=n_images)
    return (rng.uniform(size=n_images) < p).astype(int), p


def test_of_a_calibrated_classifier_the_band_is_known() -> None:
    y, p = calibrated()
    band = learn_unsure_band(y, p, precision=0.8)
    assert band.low == pytest.approx(0.2, abs=0.05)
    assert band.high == pytest.approx(0.8, abs=0.05)
    assert band.share_unsure == np.mean((p >= band.low) & (p <= band.high))
    assert band.n_images == 4000
    # Outside it, fresh images are told apart as often as was asked for.
    fresh, q = calibrated(seed=1)
    assert fresh[q > band.high].mean() >= 0.8
    assert 1 - fresh[q < band.low].mean() >= 0.8
    stricter = learn_unsure_band(y, p, precision=0.95)
    assert stricter.low < band.low
    assert stricter.high > band.high
    # It need not lie around one half.
    assert learn_unsure_band(y, p / 10, precision=0.8).high == pytest.approx(band.high / 10)


def test_what_is_told_apart_has_no_band() -> None:
    y = np.repeat([0, 1], 30)
    band = learn_unsure_band(y, np.where(y == 1, 0.7, 0.4))
    assert band.low == band.high == pytest.approx(0.55)
    assert band.share_unsure == 0


def test_chance_is_unsure_throughout_and_one_side_may_be_sure() -> None:
    band = learn_unsure_band(np.arange(200) % 2, np.full(200, 0.99))
    assert (band.low, band.high, band.share_unsure) == (0, 1, 1)
    rare = np.arange(1000) % 50 == 0
    band = learn_unsure_band(rare, np.full(1000, 0.4), precision=0.95, pos_label=True)
    assert (band.low, band.high) == (1, 1)


def test_a_few_lucky_images_show_nothing() -> None:
    # Nineteen fakes above all others cannot show a precision of 0.95; twenty can.
    def band(n_lucky: int) -> UnsureBand:
        y = np.append(np.arange(200) % 2, np.ones(n_lucky, int))
        return learn_unsure_band(y, np.append(np.full(200, 0.5), np.full(n_lucky, 0.9)))

    assert band(19).high == 1
    assert band(20).high == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("names", "pos_label"),
    [
        (["real", "fake"], None),
        (["shot", "made"], "made"),
        (["made", "shot"], "shot"),
        ([True, False], False),
        ([-1, 1], None),
        (np.array(["fake", "real"], dtype=object), "real"),
    ],
)
def test_columns_names_and_missing_rows(names: Any, pos_label: Any) -> None:
    y, p = calibrated(400)
    # As predict_proba gives them: columns follow the sorted classes.
    proba = np.column_stack([1 - p, p])[:, np.argsort(names)]
    proba[7] = np.nan
    labels = np.array(names)[y]
    band = learn_unsure_band(labels, proba, precision=0.8, pos_label=pos_label)
    kept = np.arange(400) != 7
    assert band == learn_unsure_band(y[kept], p[kept], precision=0.8)
    one_column = proba[:, [np.argsort(names).tolist().index(1)]]
    assert band == learn_unsure_band(labels, one_column, precision=0.8, pos_label=pos_label)
    assert band.low < 0.5 < band.high < 1


def test_plain_numbers() -> None:
    band = learn_unsure_band(*calibrated(), precision=0.9)
    assert UnsureBand(**json.loads(json.dumps(asdict(band)))) == band
    with pytest.raises(ValueError, match=r"0 <= low <= high <= 1, got 0\.9 and 0\.1"):
        UnsureBand(0.9, 0.1, 0.95, 10, 0.1)


@pytest.mark.parametrize(
    ("counts", "p", "settings", "message"),
    [
        ((100, 19), np.zeros(119), {}, "at least 20 .* got 19 of a class of"),
        ((3, 100), np.zeros(103), {}, "got 3 of a class other than 1"),
        ((30, 30), np.zeros(60), {"pos_label": 2}, r"one of \[0, 1\], got 2"),
        ((30, 30), np.zeros(60), {"precision": 1}, "precision must be"),
        ((30, 30), np.full(60, 1.5), {}, r"y_proba\[0\] is 1.5"),
        ((30, 30), np.zeros((60, 3)), {}, r"got shape \(60, 3\)"),
        ((30, 30), np.zeros(59), {}, "inconsistent"),
    ],
)
def test_what_cannot_be_learned_from_is_an_error(
    counts: tuple[int, int], p: Any, settings: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        learn_unsure_band(np.repeat([0, 1], counts), p, **settings)


def height(X: Any) -> NDArray[np.float64]:
    return np.array([[len(read_image(str(path)))] for path in np.ravel(X)])


def test_small_images_are_not_made_smaller(make_image: MakeImage) -> None:
    sides = [32, 240, 249, 250, 300]
    X = [make_image(f"{side}.png", 9, size=(side, side)) for side in sides]
    # Called fake if not a pixel is missing.
    pipeline = make_pipeline(FunctionTransformer(height), LogisticRegression())
    verdicts = []
    for path, side in zip(X, sides, strict=True):
        model = pipeline.fit([make_image("b.png", 9, size=(20, side - 1)), path], [0, 1])
        verdicts += judge(model, [path], pos_label=1)
    assert [row.verdict for row in verdicts] == ["fake"] * 3 + ["unsure"] * 2
    assert "shrunk to 90%, edges trimmed by 2 px" in verdicts[-1].reasons[0]


def test_images_of_all_sizes_at_once(model: Pipeline, make_image: MakeImage) -> None:
    X = [make_image(f"{n}.png", n, size=(n, n)) for n in (20, 252, 30, 254)]
    together = judge(model, X)
    assert [row.verdict for row in together] == ["real", "fake", "real", "fake"]
    for path, row in zip(X, together, strict=True):
        (alone,) = judge(model, [path])
        assert row == alone
