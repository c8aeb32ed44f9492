"""Images whose evidence is known: both methods must point at it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Folders, write_image
from numpy.typing import NDArray
from safetensors.numpy import save_file
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from skfakereal import VGG16FeatureExtractor
from skfakereal.explain import Explanation, grad_cam, occlusion, randomization_check

SIDE, BOX, N = 128, 16, 16
Planted = tuple[list[str], NDArray[np.int64], NDArray[np.int64]]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: Folders) -> Planted:
    """Return 16 images with a bright box, 16 without; labels; top and left of the boxes.

    Every image has grey noise and a decoy of the same size, bright but for the threshold.
    """
    random, folder = np.random.RandomState(0), tmp_path_factory.mktemp("planted")
    paths, corners = [], []
    for i in range(2 * N):
        pixels = random.randint(40, 140, (SIDE, SIDE, 3)).astype(np.uint8)
        for level in (185, 250)[: 1 + (i < N)]:
            top, left = random.randint(0, SIDE - BOX, 2)
            pixels[top : top + BOX, left : left + BOX] = level
        corners.append((top, left))
        paths.append(write_image(Path(folder, f"{i:02}.png"), pixels))
    return paths, np.repeat([1, 0], N), np.array(corners)


def eye_for_brightness(path: Path) -> str:
    """Write a narrow VGG16, all random but for the first channel: light above 0.8."""
    random, inputs = np.random.RandomState(3), 3
    arrays: dict[str, NDArray[np.float32]] = {}
    for block, convolutions in enumerate((2, 2, 3, 3, 3), 1):
        for conv in range(1, convolutions + 1):
            kernel = random.standard_normal((3, 3, inputs, 6)) * np.sqrt(2 / (9 * inputs))
            bias = np.zeros(6)
            kernel[:, :, :, 0] = 0
            kernel[1, 1, :, 0] = 1 / 3 if inputs == 3 else np.eye(6)[0]
            if inputs == 3:
                bias[0] = -0.8
            arrays[f"block{block}_conv{conv}/kernel"] = kernel.astype(np.float32)
            arrays[f"block{block}_conv{conv}/bias"] = bias.astype(np.float32)
            inputs = 6
    save_file(arrays, path)
    return str(path)


@pytest.fixture(scope="module")
def detector(tmp_path_factory: Folders, planted: Planted) -> Pipeline:
    """Return a detector whose one useful feature is known to be the bright box."""
    weights = eye_for_brightness(tmp_path_factory.mktemp("eye") / "eye.safetensors")
    features = VGG16FeatureExtractor(
        weights=weights, image_size=(SIDE, SIDE), pooling="avg", cache=None
    )
    clf = make_pipeline(features, LogisticRegression(C=1e4)).fit(planted[0], planted[1])
    # What the random channels happened to be good for is not known: it is taken away.
    known = clf.named_steps["logisticregression"]
    known.coef_[:, 1:] = 0
    known.coef_[0, 0], known.intercept_[0] = 150, -1
    assert clf.score(planted[0], planted[1]) == 1
    return clf


def hits(result: Explanation, corners: NDArray[np.int64], slack: int) -> float:
    """Return the share of maps whose greatest value is in the box (Zhang et al., 2018)."""
    inside = []
    for values, (top, left) in zip(result.maps, corners, strict=True):
        y, x = np.unravel_index(values.argmax(), values.shape)
        inside.append(
            top - slack <= y < top + BOX + slack and left - slack <= x < left + BOX + slack
        )
    return float(np.mean(inside))


def energy_inside(result: Explanation, corners: NDArray[np.int64], slack: int) -> float:
    """Return the mean share of what is above zero that lies in the box."""
    shares = []
    for values, (top, left) in zip(result.maps, corners, strict=True):
        positive = np.maximum(values, 0)
        box = positive[
            max(0, top - slack) : top + BOX + slack,
            max(0, left - slack) : left + BOX + slack,
        ]
        shares.append(box.sum() / positive.sum())
    return float(np.mean(shares))


# Slack: half a patch, or a cell, which is 16 pixels wide at block5_conv3.
@pytest.mark.parametrize(
    ("layer", "slack", "energy"),
    [("block5_conv3", 16, 0.95), ("block4_conv3", 8, 0.95), ("block3_conv3", 4, 0.97)],
)
def test_grad_cam_points_at_the_evidence(
    detector: Pipeline, planted: Planted, layer: str, slack: int, energy: float
) -> None:
    paths, _, corners = planted
    result = grad_cam(detector, paths[:N], layer=layer)
    assert hits(result, corners[:N], slack) == 1
    assert energy_inside(result, corners[:N], slack) > energy
    assert hits(result, corners[::-1][:N], slack) < 0.5  # of other images: by chance


@pytest.mark.parametrize(
    "fill", ["mean", *(pytest.param(f, marks=pytest.mark.slow) for f in ("grey", "blur"))]
)
def test_occlusion_points_at_the_evidence(
    detector: Pipeline, planted: Planted, fill: Any
) -> None:
    paths, _, corners = planted
    result = occlusion(detector, paths[:4], fill=fill, patch=24, stride=8)
    assert hits(result, corners[:4], 12) == 1
    assert hits(result, corners[::-1][:4], 12) < 0.5  # of other images: by chance
    assert energy_inside(result, corners[:4], 12) > 0.9
    assert result.maps.max() <= 1


def test_without_evidence_there_is_no_map(detector: Pipeline, planted: Planted) -> None:
    paths = planted[0][N : N + 2]
    assert grad_cam(detector, paths).maps.max() == 0
    assert np.abs(occlusion(detector, paths, patch=32).maps).max() == 0
    check = randomization_check(detector, paths, n_draws=2)
    assert "it shows nothing" in check.sentence()


def test_evidence_for_the_one_class_is_evidence_against_the_other(
    detector: Pipeline, planted: Planted
) -> None:
    paths = planted[0][:2]
    assert grad_cam(detector, paths, label=0).maps.max() == 0
    for_fake, for_real = (
        occlusion(detector, paths, label=i, patch=32).maps for i in (1, 0)
    )
    np.testing.assert_allclose(for_fake, -for_real, atol=1e-6)


@pytest.mark.slow
def test_what_is_there_twice_is_missed_by_small_patches(
    detector: Pipeline, planted: Planted
) -> None:
    """Poolings keep what is left of the box: a known limit, which the docs tell."""
    paths = planted[0][:2]
    small, large = (occlusion(detector, paths, patch=p, stride=8).maps for p in (8, 28))
    assert small.max() < 0.03
    assert large.max() > 0.1
