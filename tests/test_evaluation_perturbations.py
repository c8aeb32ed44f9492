import io
import pickle
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import MakeImage, Patch
from PIL import Image
from reading import read_image
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skfakereal import ImageReadError
from skfakereal._classifying import copies
from skfakereal._classifying.copies import paths_like, predict_perturbed
from skfakereal.evaluation import mild_perturbations, standard_perturbations
from skfakereal.evaluation.perturbations import (
    Blur,
    Chain,
    Copy,
    Crop,
    Fit,
    Jpeg,
    Noise,
    Scale,
    Trim,
    WebP,
    name_of,
)


def picture(width: int = 60, height: int = 40) -> Image.Image:
    """Return smooth colours with some noise: something that every codec changes a bit."""
    random = np.random.default_rng(0)
    ramp = np.linspace(0, 255, width)[None, :, None] * np.ones((height, 1, 3))
    noisy = ramp + random.normal(0, 12, (height, width, 3))
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def distance(a: Image.Image, b: Image.Image) -> float:
    return float(np.abs(np.asarray(a, float) - np.asarray(b, float)).mean())


ALL = [*standard_perturbations(), *mild_perturbations(), Fit(30)]


@pytest.mark.parametrize("perturbation", ALL, ids=name_of)
def test_a_perturbation_is_a_pure_function_of_the_pixels(perturbation: Any) -> None:
    image = picture()
    before = image.tobytes()
    first, again = perturbation(image), perturbation(picture())
    assert image.tobytes() == before
    assert first is not image
    assert (first.mode, first.size) == (again.mode, again.size) == ("RGB", first.size)
    assert first.tobytes() == again.tobytes()
    # Joblib's processes get them by pickle.
    assert pickle.loads(pickle.dumps(perturbation)) == perturbation


@pytest.mark.parametrize(
    "series",
    [
        [Jpeg(95), Jpeg(70), Jpeg(30)],
        [WebP(90), WebP(50), WebP(10)],
        [Blur(0.5), Blur(1), Blur(2)],
        [Noise(2), Noise(5), Noise(20)],
    ],
)
def test_a_stronger_one_changes_more(series: list[Any]) -> None:
    image = picture()
    changes = [distance(image, each(image)) for each in series]
    assert 0 < changes[0] < changes[1] < changes[2]


def test_jpeg_is_what_pillow_writes() -> None:
    image, buffer = picture(), io.BytesIO()
    image.save(buffer, "JPEG", quality=60, subsampling="4:2:0")
    assert Jpeg(60)(image).tobytes() == Image.open(buffer).convert("RGB").tobytes()


def test_noise_has_its_deviation_and_follows_the_content() -> None:
    grey = Image.new("RGB", (200, 200), (128, 128, 128))
    added = np.asarray(Noise(10)(grey), float) - 128
    assert added.std() == pytest.approx(10, rel=0.02)
    assert added.mean() == pytest.approx(0, abs=0.1)
    other = Image.new("RGB", (200, 200), (129, 129, 129))
    assert not np.array_equal(np.asarray(Noise(10)(other), float) - 129, added)


@pytest.mark.parametrize(
    ("perturbation", "size"),
    [
        (Scale(0.5), (30, 20)),
        (Scale(2.0), (120, 80)),
        (Fit(30), (30, 20)),
        (Fit(60), (60, 40)),
        (Fit(1), (1, 1)),
        (Crop(0.5), (30, 20)),
        (Trim(2), (56, 36)),
        (Trim(500), (2, 2)),
        (Chain("small", (Fit(30), Jpeg(50))), (30, 20)),
    ],
)
def test_sizes(perturbation: Any, size: tuple[int, int]) -> None:
    assert perturbation(picture()).size == size


def test_crops_keep_the_middle() -> None:
    pixels = np.asarray(picture())
    assert np.array_equal(np.asarray(Trim(2)(picture())), pixels[2:-2, 2:-2])
    assert np.array_equal(np.asarray(Crop(0.5)(picture())), pixels[10:30, 15:45])


@pytest.mark.parametrize("side", [1, 2, 3])
@pytest.mark.parametrize("perturbation", ALL, ids=name_of)
def test_tiny_images_survive(perturbation: Any, side: int) -> None:
    copy = perturbation(Image.new("RGB", (side, side), (200, 20, 20)))
    assert min(copy.size) >= 1


@pytest.mark.parametrize(("perturbation", "side"), [(WebP(90), 16384), (Jpeg(95), 65501)])
def test_a_picture_too_long_for_a_format_stays_as_it_is(
    perturbation: Any, side: int
) -> None:
    image = Image.effect_noise((side, 1), 60).convert("RGB")
    assert perturbation(image) == image


def test_images_are_never_enlarged_by_a_chain() -> None:
    chain = standard_perturbations()[-1]
    assert repr(chain) == "Chain(name='hard', steps=(Fit(side=512), Jpeg(quality=40)))"
    small, large = Image.new("RGB", (512, 40)), Image.new("RGB", (513, 40))
    assert chain(small).size == small.size
    assert chain(large).size[0] == 512
    assert chain.too_small(small.size)
    assert not chain.too_small(large.size)


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (Jpeg, 0, "quality must be a number from 1 to 100, got 0"),
        (Jpeg, 50.5, "quality must be an integer, got 50.5"),
        (WebP, 101, "quality must be"),
        (Scale, 0, "factor must be"),
        (Blur, -1, "radius must be"),
        (Noise, 256, "deviation must be"),
        (Crop, 1, "share must be"),
        (Fit, True, "side must be"),
        (Trim, float("nan"), "pixels must be"),
    ],
)
def test_settings_out_of_range_are_errors(kind: Any, value: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kind(value)


def test_numbers_of_numpy_are_numbers() -> None:
    image = Image.effect_noise((32, 32), 50).convert("RGB")
    for kind, value in (
        (Jpeg, np.int64(50)),
        (WebP, np.int64(50)),
        (Scale, np.float32(0.5)),
    ):
        plain = kind(value.item())
        assert (kind(value), repr(kind(value))) == (plain, repr(plain))
        assert kind(value)(image) == plain(image)


def test_every_name_is_its_own() -> None:
    for perturbations in (standard_perturbations(), mild_perturbations()):
        names = [name_of(each) for each in perturbations]
        assert len(set(names)) == len(names)


# The copies in the temporary folder


class Notebook:
    """A classifier that writes down what it is shown."""

    classes_ = np.array([0, 1])

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.seen: list[tuple[str, bytes]] = []
        self.n_files: list[int] = []

    def predict_proba(self, X: Any) -> Any:
        paths = np.ravel(X).tolist()
        self.n_files.append(len(list(Path(paths[0]).parent.iterdir())))
        self.seen += [(path, read_image(path).tobytes()) for path in paths]
        if self.error:
            raise self.error
        bright = np.array([read_image(path).mean() / 255 for path in paths])
        return np.column_stack([1 - bright, bright])

    def predict(self, X: Any) -> Any:
        return (self.predict_proba(X)[:, 1] > 0.5).astype(int)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: Patch) -> Path:
    """Return the folder in which temporary folders are made."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


def test_copies_are_lossless_and_gone_afterwards(
    make_image: MakeImage, temporary: Path
) -> None:
    paths = [make_image(f"{i}.jpg", picture(40 + i)) for i in range(5)]
    before = [Path(path).read_bytes() for path in paths]
    pairs = [(i, change) for i in range(5) for change in (Jpeg(50), Copy(), Fit(42))]
    classifier = Notebook()
    said = predict_perturbed(classifier, paths, paths, pairs, n_jobs=2)
    shown = [pixels for _, pixels in classifier.seen]
    for (i, change), pixels in zip(pairs, shown, strict=True):
        assert pixels == change(Image.fromarray(read_image(paths[i]))).tobytes()
    assert said.unchanged.tolist() == [False, True, True] * 3 + [False, True, False] * 2
    assert said.too_small.tolist() == [False, False, True] * 3 + [False] * 6
    assert said.y_proba.shape == (15, 2)
    assert np.array_equal(said.y_pred, said.y_proba[:, 1] > 0.5)
    assert all(Path(path).is_relative_to(temporary) for path, _ in classifier.seen)
    assert list(temporary.iterdir()) == []
    assert [Path(path).read_bytes() for path in paths] == before


@pytest.mark.parametrize("error", [RuntimeError("no memory"), KeyboardInterrupt()])
def test_copies_are_gone_after_an_error(
    make_image: MakeImage, temporary: Path, error: Any
) -> None:
    path = make_image("a.png")
    with pytest.raises(type(error)):
        predict_perturbed(Notebook(error), [path], [path], [(0, Copy())])
    assert list(temporary.iterdir()) == []


def test_few_copies_lie_there_at_a_time(
    make_image: MakeImage, temporary: Path, monkeypatch: Patch
) -> None:
    path = make_image("a.png", picture())
    pairs = [(0, Noise(5))] * 100
    classifier = Notebook()
    whole = predict_perturbed(classifier, [path], [path], pairs)
    assert classifier.n_files == [100]
    monkeypatch.setattr(copies, "_MAX_FILES", 20)
    classifier = Notebook()
    parts = predict_perturbed(classifier, [path], [path], pairs)
    assert classifier.n_files == [20] * 5
    assert np.array_equal(whole.y_proba, parts.y_proba)
    monkeypatch.setattr(copies, "_MAX_BYTES", 1)
    classifier = Notebook()
    predict_perturbed(classifier, [path], [path], pairs)
    assert max(classifier.n_files) == 4


def test_an_original_that_cannot_be_read_is_named(
    make_image: MakeImage, temporary: Path
) -> None:
    paths = [make_image("a.png"), str(temporary / "missing.png")]
    with pytest.raises(ImageReadError, match=r"X\[1\].*missing.png"):
        predict_perturbed(Notebook(), paths, paths, [(0, Copy()), (1, Copy())])
    assert list(temporary.iterdir()) == []


def test_copies_come_in_the_form_of_x() -> None:
    rows, files = [2, 0], ["x.png", "y.png"]
    originals = ["a.png", "b.png", "c.png"]
    assert paths_like(originals, rows, files).tolist() == files
    column = np.array(originals, dtype=object).reshape(-1, 1)
    assert paths_like(column, rows, files).tolist() == [["x.png"], ["y.png"]]
    for dtype in ("object", "category", "string"):
        frame = pd.DataFrame({"path": pd.Series(originals, dtype=dtype)})
        like = paths_like(frame, rows, files)
        assert like.columns.tolist() == ["path"]
        assert like["path"].tolist() == files
        assert like.index.tolist() == rows
        assert frame["path"].tolist() == originals
        assert paths_like(frame["path"], rows, files).tolist() == files


def test_a_pipeline_over_a_column_of_a_table(make_image: MakeImage) -> None:
    paths = [make_image(f"{i}.png", 25 * i) for i in range(10)]
    frame = pd.DataFrame({"image": paths})

    def brightness(X: pd.DataFrame) -> Any:
        return np.array([[read_image(path).mean()] for path in X["image"]])

    model = make_pipeline(FunctionTransformer(brightness), LogisticRegression())
    model.fit(frame, np.arange(10) > 4)
    said = predict_perturbed(model, frame, paths, [(i, Jpeg(90)) for i in (9, 0)])
    assert said.y_pred.tolist() == [True, False]
