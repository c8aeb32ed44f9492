"""The pictures: what is drawn, in which colours, and where."""

from typing import Any

import numpy as np
import pytest
from conftest import Images, MakeExtractor, MakeImage
from matplotlib import pyplot as plt
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from skfakereal.explain import (
    Explanation,
    GradCAMDisplay,
    OcclusionDisplay,
    grad_cam,
    occlusion,
)


@pytest.fixture
def photos(make_image: MakeImage, rng: np.random.Generator) -> list[str]:
    return [
        make_image(f"{i}.png", rng.integers(0, 256, (*size, 3)).astype(np.uint8))
        for i, size in enumerate([(50, 100), (90, 30)])
    ]


def test_a_row_for_each_image(pipeline: Pipeline, photos: list[str]) -> None:
    display = GradCAMDisplay.from_estimator(pipeline, photos, layer="block4_conv3")
    result = grad_cam(pipeline, photos, layer="block4_conv3")
    assert display.axes_.shape == (2, 3)
    assert display.figure_ is display.ax_.figure
    for row, axes in enumerate(display.axes_):
        image, under, over, alone = [x for ax in axes for x in ax.images]
        np.testing.assert_array_equal(image.get_array(), result.images[row])
        assert under.get_cmap().name == "gray"
        for drawn in (over, alone):
            np.testing.assert_array_equal(drawn.get_array(), result.maps[row])
            assert drawn.get_cmap().name == "inferno"
            assert drawn.get_clim() == (0, pytest.approx(result.maps[row].max()))
        p = result.probabilities[row]
        name = ["real", "fake"][result.predicted[row]]
        assert axes[1].get_title() == f"P(fake) = {p:.3f}, predicted {name}"
        assert axes[0].get_title().endswith(f"{row}.png")
        assert axes[2].get_title() == "Grad-CAM at block4_conv3"
    labels = [ax.get_ylabel() for ax in display.figure_.axes]
    assert labels.count("logit per cell") == 2
    display.figure_.canvas.draw()


def test_pictures_have_the_proportions_of_the_file(
    pipeline: Pipeline, photos: list[str]
) -> None:
    display = GradCAMDisplay.from_estimator(pipeline, photos)
    wide, high = display.axes_[0, 0].images[0], display.axes_[1, 1].images[1]
    assert wide.get_extent() == [0, 100, 50, 0]
    assert high.get_extent() == [0, 30, 90, 0]
    assert wide.get_array().shape == (64, 64, 3)  # what the network sees


def test_a_crop_is_drawn_where_it_is(
    make_extractor: MakeExtractor, dark_and_bright: Images, photos: list[str]
) -> None:
    features = make_extractor(image_size=(40, 32), pooling="avg", resize="crop")
    clf = make_pipeline(features, LogisticRegression()).fit(*dark_and_bright)
    display = GradCAMDisplay.from_estimator(clf, photos[:1])
    assert display.ax_.images[0].get_extent() == [34, 66, 45, 5]


def test_signed_maps_have_white_for_zero(pipeline: Pipeline, photos: list[str]) -> None:
    display = OcclusionDisplay.from_estimator(
        pipeline, photos, patch=30, fill="blur", label=0, target_names=["true", "false"]
    )
    over = display.axes_[0, 1].images[1]
    low, high = over.get_clim()
    assert -low == high == pytest.approx(np.abs(display.explanation.maps[0]).max())
    assert over.get_cmap()(0.5)[:3] == pytest.approx((0.97, 0.97, 0.97), abs=0.02)
    assert display.axes_[0, 1].get_title().startswith("P(true) = ")


def test_own_axes_take_the_overlay(pipeline: Pipeline, photos: list[str]) -> None:
    result = grad_cam(pipeline, photos)
    figure, axes = plt.subplots(1, 2)
    display = GradCAMDisplay.from_maps(result, ax=axes)
    assert display.figure_ is figure
    assert display.axes_.shape == (2, 1)
    assert [len(ax.images) for ax in axes] == [2, 2]
    _, one = plt.subplots()
    assert GradCAMDisplay(result.only(1)).plot(ax=one).ax_ is one
    with pytest.raises(ValueError, match="one Axes for each of the 2 images, got 1"):
        GradCAMDisplay.from_maps(result, ax=one)


def test_an_empty_map_has_a_scale(pipeline: Pipeline, photos: list[str]) -> None:
    result = occlusion(pipeline, photos[:1], patch=50)
    settings: dict[str, Any] = vars(result) | {"maps": np.zeros_like(result.maps)}
    for display in (GradCAMDisplay, OcclusionDisplay):
        drawn = display.from_maps(Explanation(**settings))
        assert drawn.ax_.images[1].get_clim()[1] == 1
        drawn.figure_.canvas.draw()
