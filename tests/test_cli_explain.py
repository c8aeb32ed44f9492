"""``skfakereal explain``: a page, pictures and arrays, whatever is broken."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from conftest import Command, Images, MakeExtractor, MakeImage
from PIL import Image
from reading import brightness_by_pillow
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skfakereal.cli import main
from skfakereal.explain import grad_cam, occlusion

Save = Callable[[Any], str]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def dump(model: Any) -> str:
        joblib.dump(model, tmp_path / "model.joblib")
        return str(tmp_path / "model.joblib")

    return dump


@pytest.fixture
def photo(make_image: MakeImage, rng: np.random.Generator) -> str:
    pixels = rng.integers(0, 256, (50, 80, 3)).astype(np.uint8)
    return make_image("a <photo>.png", pixels)


def test_page_pictures_and_arrays(
    pipeline: Pipeline, save: Save, photo: str, tmp_path: Path
) -> None:
    out = tmp_path / "why"
    words = ["explain", "--trust", save(pipeline), photo, photo, "--layer", "block4_conv3"]
    assert main([*words, "--out", str(out)]) == 0
    names = ["01_a_photo.png", "config.json", "explanation.html", "maps.npz"]
    assert sorted(file.name for file in out.iterdir()) == names
    label = int(pipeline.predict([photo])[0])
    name = ("real", "fake")[label]
    expected = grad_cam(pipeline, [photo], layer="block4_conv3", label=label)
    with np.load(out / "maps.npz") as arrays:  # without pickles
        np.testing.assert_array_equal(arrays["map_01"], expected.maps[0])
        assert arrays["paths"].tolist() == [photo]
        assert arrays["explained"].tolist() == arrays["predicted"].tolist() == [name]
        assert arrays["probabilities"] == pytest.approx(expected.probabilities)
        assert arrays["areas"].tolist() == [[0, 0, 50, 80]]
    page = (out / "explanation.html").read_text(encoding="utf-8")
    assert "a &lt;photo&gt;.png" in page
    assert "<photo>" not in page
    said = f"Predicted {name}; the probability of {name} is {expected.probabilities[0]:.3f}"
    assert said in page
    assert "Grad-CAM at block4_conv3 on 1 image." in page
    assert "no evidence that anything was" in page
    assert "random weights the map " in page.split("Sanity check: ")[1]
    assert "<p>With random layers on top of VGG16" in page
    assert "http" not in page.replace("http-equiv", "")
    assert Image.open(out / names[0]).width > 800
    config = json.loads((out / "config.json").read_text(encoding="utf-8"))
    assert config["images"] == [photo]
    assert set(config["files"]) == {names[0], names[2], names[3]}


def test_each_image_is_explained_as_predicted(
    pipeline: Pipeline, save: Save, make_image: MakeImage, tmp_path: Path
) -> None:
    levels = (10, 240, 20, 230, 220)
    paths = [make_image(f"{level} \u751f.png", (level,) * 3) for level in levels]
    out = tmp_path / "why"
    assert main(["explain", "--trust", save(pipeline), *paths, "--out", str(out)]) == 0
    names = [("real", "fake")[label] for label in pipeline.predict(paths)]
    assert set(names) == {"real", "fake"}
    with np.load(out / "maps.npz") as arrays:
        assert arrays["paths"].tolist() == paths
        assert arrays["explained"].tolist() == names
        assert arrays["probabilities"].min() >= 0.5
    page = (out / "explanation.html").read_text(encoding="utf-8")
    # The network sees 64x64 pixels.
    assert "Grad-CAM at block4_conv3 on 5 images." in page


def test_broken_images_are_named_and_the_others_explained(
    pipeline: Pipeline,
    save: Save,
    photo: str,
    tmp_path: Path,
    command: Command,
) -> None:
    (tmp_path / "text.jpg").write_text("no image")
    broken = [str(tmp_path / "text.jpg"), "https://example.org/a.png", "/no/such.png"]
    words = ["explain", "--trust", save(pipeline), broken[0], photo, *broken[1:]]
    errors = command(*words, "--out", tmp_path / "why", code=3).err
    page = (tmp_path / "why" / "explanation.html").read_text(encoding="utf-8")
    for path in broken:
        assert path in errors
        assert path in page
    assert (tmp_path / "why" / "01_a_photo.png").is_file()
    words = ["explain", "--trust", save(pipeline), broken[0]]
    assert main([*words, "--out", str(tmp_path / "no")]) == 3
    page = (tmp_path / "no" / "explanation.html").read_text(encoding="utf-8")
    assert "Could not be read" in page


@pytest.mark.slow
def test_occlusion_explains_any_model(
    save: Save,
    dark_and_bright: Images,
    photo: str,
    tmp_path: Path,
    command: Command,
    refuse: Command,
) -> None:
    clf = make_pipeline(FunctionTransformer(brightness_by_pillow), LogisticRegression())
    model, out = save(clf.fit(*dark_and_bright)), tmp_path / "why"
    words = ["explain", "--trust", model, photo, "--out", str(out)]
    refuse("Use --method occlusion", *words, "--method", "grad-cam")
    refuse("Leave --layer out", *words, "--layer", "block5_conv3")
    assert not out.exists()
    assert "Grad-CAM needs one VGG16" in command(*words, "--class", "real").out
    page = (out / "explanation.html").read_text(encoding="utf-8")
    assert "Grad-CAM needs one VGG16" in page
    assert "which this model does not have" in page
    assert "probability of real is" in page
    with np.load(out / "maps.npz") as arrays:
        expected = occlusion(clf, [photo], label=0).maps[0]
        np.testing.assert_array_equal(arrays["map_01"], expected)
    refuse("--force", *words, "--method", "occlusion")
    assert main([*words, "--method", "occlusion", "--force"]) == 0


@pytest.mark.parametrize(
    ("method", "said"),
    [("grad-cam", "nowhere does anything speak for fake"), ("occlusion", "of fake stays")],
)
def test_an_empty_map_is_said_to_be_empty(
    pipeline: Pipeline, save: Save, photo: str, tmp_path: Path, method: str, said: str
) -> None:
    clf = deepcopy(pipeline)
    clf[-1].coef_ = -np.abs(clf[-1].coef_) if method == "grad-cam" else 0 * clf[-1].coef_
    words = ["explain", "--trust", save(clf), photo, "--method", method, "--class", "fake"]
    assert main([*words, "--out", str(tmp_path / "why")]) == 0
    page = (tmp_path / "why" / "explanation.html").read_text(encoding="utf-8")
    assert said in page
    assert "Sanity check: " not in page


def test_statistics_are_explained_by_occlusion_and_checked(
    make_extractor: MakeExtractor,
    save: Save,
    dark_and_bright: Images,
    photo: str,
    tmp_path: Path,
    command: Command,
) -> None:
    features = make_extractor(image_size=(64, 64))
    clf = make_pipeline(features, LogisticRegression(C=0.01)).fit(*dark_and_bright)
    out = tmp_path / "why"
    said = command("explain", "--trust", save(clf), photo, "--out", out).out
    assert "cannot explain pooling='correlations'" in said
    page = (out / "explanation.html").read_text(encoding="utf-8")
    assert "Occlusion on 1 image." in page
    assert "cannot explain pooling=" in page
    assert "random weights the map " in page.split("Sanity check: ")[1]
    assert "<p>With random layers on top of VGG16" in page
    with np.load(out / "maps.npz") as arrays:
        expected = occlusion(clf, [photo], label=clf.predict([photo])[0])
        np.testing.assert_array_equal(arrays["map_01"], expected.maps[0])


def test_more_classes_are_each_explained_as_predicted(
    make_extractor: MakeExtractor, save: Save, dark_and_bright: Images, tmp_path: Path
) -> None:
    X, _ = dark_and_bright
    y = np.array(["camera", "gan", "diffusion"])[np.arange(len(X)) % 3]
    clf = make_pipeline(make_extractor(pooling="avg"), LogisticRegression()).fit(X, y)
    out = tmp_path / "why"
    words = ["explain", "--trust", save(clf), X[0], X[1], "--out", str(out)]
    for more, explained in (
        ([], clf.predict(X[:2]).tolist()),
        (["--class", "gan"], ["gan"] * 2),
    ):
        assert main([*words, *more, "--force"]) == 0
        with np.load(out / "maps.npz") as arrays:
            assert arrays["explained"].tolist() == explained


def test_wrong_words_are_refused(
    pipeline: Pipeline,
    save: Save,
    photo: str,
    make_image: MakeImage,
    tmp_path: Path,
    refuse: Command,
) -> None:
    words = ["explain", "--trust", save(pipeline), photo, "--out", str(tmp_path / "why")]
    refuse("--class must be one of the classes", *words, "--class", "forged")
    refuse("layer must be one of block1_conv1", *words, "--layer", "block6")
    refuse("--layer is for", *words, "--layer", "block5_conv3", "--method", "occlusion")
    for i in range(51):
        make_image(f"many/{i}.png", i, size=(4, 4))
    words[3] = str(tmp_path / "many")
    refuse("at most 50 images, got 51", *words)
    assert not (tmp_path / "why").exists()
