"""The sanity check tells maps that owe something to what was learned from those that do not."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Fit, Images, MakeExtractor, MakeImage, write_image
from PIL import Image
from reading import read_image
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from skfakereal.explain import RandomizationCheck, grad_cam, randomization_check
from skfakereal.explain._opened import forward, layer_names, open_network
from skfakereal.explain._randomization import MapMaker


@pytest.fixture(scope="module")
def pipeline(make_extractor: MakeExtractor, dark_and_bright: Images) -> Pipeline:
    features = make_extractor(image_size=(64, 64), pooling="flatten")
    return make_pipeline(features, LogisticRegression()).fit(*dark_and_bright)


@pytest.fixture
def photo(make_image: MakeImage, rng: np.random.Generator) -> str:
    return make_image("photo.png", rng.integers(0, 256, (64, 64, 3)).astype(np.uint8))


@pytest.mark.parametrize("layer", ["block1_conv2", "block5_pool"])
def test_what_is_compared_is_the_map_itself(
    pipeline: Pipeline, photo: str, layer: str
) -> None:
    _, opened = open_network(pipeline)
    n_layers = opened.position(layer)
    maker = MapMaker(opened, read_image(photo)[None], n_layers, np.array([1]))
    signed = maker.signed_maps(opened)
    shown = grad_cam(pipeline, [photo], layer=layer).maps[0]
    if layer == "block5_pool":
        shown = shown[[0, -1]][:, [0, -1]]  # the corners are the cells themselves
    assert np.maximum(signed[0], 0) == pytest.approx(shown.ravel(), rel=1e-4, abs=1e-7)
    assert signed.min() < 0 or layer == "block5_pool"


def test_random_detectors_have_other_maps(pipeline: Pipeline, photo: str) -> None:
    check = randomization_check(pipeline, [photo] * 9, layer="block4_conv3", n_draws=4)
    assert check.correlations.shape == (9, 2, 4)
    assert check.n_cells == 64
    assert np.abs(check.correlations).max() <= 1
    assert (check.similarity < 0.9).all()
    np.testing.assert_allclose(check.correlations[0], check.correlations[8], atol=1e-6)
    again = randomization_check(pipeline, [photo], layer="block4_conv3", n_draws=4)
    np.testing.assert_allclose(again.correlations, check.correlations[:1], atol=1e-6)
    other = randomization_check(
        pipeline, [photo], layer="block4_conv3", n_draws=4, random_state=1
    )
    assert not np.allclose(other.correlations, again.correlations)


@pytest.mark.parametrize(
    "trainable_from", [None, pytest.param("block5", marks=pytest.mark.slow)]
)
def test_occlusion_of_statistics_is_checked(
    fit: Fit, photo: str, trainable_from: str | None
) -> None:
    settings = {"image_size": (64, 64), "hidden_units": (), "learning_rate": 1e-3}
    clf = fit(**settings, trainable_from=trainable_from, epochs=1)
    # The detector's own map is that of `occlusion`, in the order of the logit.
    _, opened = open_network(clf, method="occlusion")
    covered = opened.render(Image.open(photo))[None].repeat(3, axis=0)
    covered[1, :32], covered[2, 32:, 32:] = 0, 255
    maker = MapMaker(opened, covered, None, np.array([1, 1, 1]))
    probabilities = [
        clf.predict_proba([write_image(Path(photo).with_name(f"{i}.png"), one)])[0, 1]
        for i, one in enumerate(covered)
    ]
    logits = np.log(probabilities) - np.log1p(-np.array(probabilities))
    np.testing.assert_allclose(maker.signed_maps(opened)[0], -logits, rtol=1e-3, atol=1e-3)
    check = randomization_check(clf, [photo], method="occlusion", patch=16, n_draws=3)
    assert check.correlations.shape == (1, 2, 3)
    assert len(np.unique(check.correlations.round(6))) == 6  # every draw has its own map
    assert check.n_cells == 49
    with pytest.raises(TypeError, match=r"pooling='correlations'. Use occlusion"):
        randomization_check(clf, [photo])


def test_stages_change_what_they_say_and_nothing_before_it(pipeline: Pipeline) -> None:
    _, opened = open_network(pipeline)
    names = layer_names(opened.layers)
    for stage, first in (("head", "flatten"), ("block5", "block5_conv1")):
        drawn = opened.with_random(stage, np.random.RandomState(0))
        changed = [
            i
            for i, (a, b) in enumerate(zip(opened.layers, drawn.layers, strict=True))
            if hasattr(a, "kernel") and not np.array_equal(a.kernel, b.kernel)  # type: ignore[union-attr]
        ]
        assert all(hasattr(opened.layers[i], "kernel") for i in changed)
        begin = names.index(first) if first in names else len(names)
        assert min(changed) >= begin
        assert changed[-1] == len(opened.layers) - 1
        kernel, new = opened.layers[-1].kernel, drawn.layers[-1].kernel  # type: ignore[union-attr]
        assert new.std() == pytest.approx(kernel.std(), rel=0.5)


def test_maps_are_the_same_in_two_parts_as_in_one(pipeline: Pipeline, photo: str) -> None:
    """What an engine computes and NumPy goes on with is what NumPy computes alone."""
    _, opened = open_network(pipeline)
    views = read_image(photo)[None]
    maker = MapMaker(opened, views, None, np.array([1]))
    everything = forward(opened.layers, opened.settings.preprocess(views))
    assert maker.signed_maps(opened)[0, 0] == pytest.approx(-everything[0, 0], rel=1e-4)


@pytest.mark.parametrize(
    ("correlations", "n_cells", "said", "short"),
    [
        (
            [[[0.9, -0.9], [0.1, -0.3]]],
            64,
            "nearly the same.*0.90.*it changes.*0.20",
            "hardly changes .0.90., so it shows little",
        ),
        (
            [[[0.1, -0.1], [0.8, 0.8]]],
            64,
            "depends on how.*0.80.*Do not rely on it",
            "hardly changes .0.80.",
        ),
        ([[[0.1, -0.1], [0.2, 0.2]]], 64, "depends on", "changes .0.20., so it shows what"),
        ([[[0.9, -0.9], [0.1, -0.3]]], 4, "only 4 cells, too few", "only 4 cells"),
        ([[[np.nan, np.nan], [0.1, 0.1]]], 64, "same everywhere", "same everywhere"),
    ],
)
def test_sentences_say_what_the_figures_mean(
    correlations: Any, n_cells: int, said: str, short: str
) -> None:
    check = RandomizationCheck(("head", "block5"), np.array(correlations), n_cells)
    assert re.search(said, check.sentence())
    assert re.search(short, check.summary())


def test_wrong_settings_are_refused(pipeline: Pipeline, photo: str) -> None:
    for settings, said in [
        ({"method": "lime"}, "method must be 'grad-cam' or 'occlusion', got 'lime'"),
        ({"stages": ["block1"]}, "stages must be some of"),
        ({"stages": []}, "stages must be some of"),
        ({"n_draws": 0}, "n_draws must be 1 or more, got 0"),
    ]:
        with pytest.raises(ValueError, match=said):
            randomization_check(pipeline, [photo], **settings)
