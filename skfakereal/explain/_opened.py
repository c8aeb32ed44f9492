"""The VGG16 inside an estimator as layers, their scores, and how these change, in NumPy.

VGG16 is convolutions, ReLU, poolings and Dense layers, so the backward pass is a page of
matrix products; no framework has to be imported for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from skfakereal._classifier import VGG16ImageClassifier
from skfakereal._classifying.unwrap import Steps, find_network
from skfakereal._network import (
    Clip,
    Conv,
    Dense,
    Flatten,
    GlobalPool,
    Layer,
    MaxPool,
    Network,
)
from skfakereal._threads import count_threads
from skfakereal._trunk import convolution_names, trunk_network, uncut
from skfakereal._trunk_settings import TrunkSettings
from skfakereal._views import render_view
from skfakereal.engines import compile_network

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Scores:
    """Which score of each image is meant: an output of the last layer, and its sign."""

    outputs: NDArray[np.intp]  # shape (n_images,): positions among the outputs
    # Shape (n_images,): 1, or -1 for the first class where one output stands for two
    # classes.
    signs: FloatArray


def with_plain_scores(layers: Sequence[Layer]) -> list[Layer]:
    """Return the layers without the last activation: they give logits."""
    *others, last = layers
    if not isinstance(last, Dense):
        raise TypeError(f"The last layer must be a Dense one, got {type(last).__name__}.")
    return [*others, replace(last, activation="linear")]


def class_activation(
    layers: Sequence[Layer], activations: FloatArray, scores: Scores
) -> FloatArray:
    """Return Grad-CAM's sum of the channels, before its negative part is cut off.

    Each channel weighs as much as the score changes with it, on average over its places
    (Selvaraju et al., 2017, equations 1 and 2).
    """
    _, gradient = score_and_gradient(layers, activations, scores)
    weights = gradient.mean(axis=(1, 2))
    return np.asarray(np.einsum("nhwc,nc->nhw", activations, weights))


def forward(layers: Sequence[Layer], inputs: FloatArray) -> FloatArray:
    """Return what layers make of inputs."""
    for layer in layers:
        inputs = _forward(layer, inputs)
    return inputs


def score_and_gradient(
    layers: Sequence[Layer], inputs: FloatArray, scores: Scores
) -> tuple[FloatArray, FloatArray]:
    """Return one score for each image, and its derivative by each of the image's inputs."""
    tape, values = [], inputs
    for layer in layers:
        outputs = _forward(layer, values)
        tape.append((layer, values, outputs))
        values = outputs
    rows = np.arange(len(values))
    gradient = np.zeros_like(values)
    gradient[rows, scores.outputs] = scores.signs
    score = values[rows, scores.outputs] * scores.signs
    for layer, before, after in reversed(tape):
        gradient = _backward(layer, before, after, gradient)
    return score, gradient


def _forward(layer: Layer, values: FloatArray) -> FloatArray:
    match layer:
        case Conv(kernel, bias):
            return np.asarray(np.maximum(_convolve(values, kernel) + bias, 0))
        case MaxPool():
            return np.asarray(_windows(values).max(axis=-1))
        case GlobalPool("avg"):
            return np.asarray(values.mean(axis=(1, 2)))
        case GlobalPool():
            return np.asarray(values.max(axis=(1, 2)))
        case Flatten():
            return values.reshape(len(values), -1)
        case Clip(low, high):
            return np.clip(values, low, high)
        case Dense(kernel, bias, activation):
            outputs = values @ kernel + bias
            return np.maximum(outputs, 0) if activation == "relu" else outputs
    raise TypeError(f"A {type(layer).__name__} layer has no derivative here.")


def _backward(
    layer: Layer, before: FloatArray, after: FloatArray, gradient: FloatArray
) -> FloatArray:
    match layer:
        case Conv(kernel):
            # Turned by 180 degrees, with inputs and outputs exchanged.
            turned = kernel[::-1, ::-1].transpose(0, 1, 3, 2)
            return _convolve(gradient * (after > 0), turned)
        case MaxPool():
            return _unpool(before, gradient)
        case GlobalPool("avg"):
            share = gradient / np.float32(before.shape[1] * before.shape[2])
            return np.broadcast_to(share[:, None, None], before.shape)
        case GlobalPool():
            greatest = before == after[:, None, None]
            count = greatest.sum(axis=(1, 2), keepdims=True, dtype=np.float32)
            return np.asarray(greatest / count * gradient[:, None, None])
        case Flatten():
            return gradient.reshape(before.shape)
        case Dense(kernel, _, activation):
            if activation == "relu":
                gradient = gradient * (after > 0)
            return gradient @ kernel.T
    raise TypeError(f"A {type(layer).__name__} layer has no derivative here.")


def _convolve(values: FloatArray, kernel: FloatArray) -> FloatArray:
    """Convolve 3x3, zero-padded to the same size: nine matrix products."""
    n, height, width, channels = values.shape
    padded = np.pad(values, ((0, 0), (1, 1), (1, 1), (0, 0)))
    outputs = np.zeros((n * height * width, kernel.shape[3]), np.float32)
    for i in range(3):
        for j in range(3):
            moved = padded[:, i : i + height, j : j + width].reshape(-1, channels)
            outputs += moved @ kernel[i, j]
    return outputs.reshape(n, height, width, -1)


def _windows(values: FloatArray) -> FloatArray:
    """Return the 2x2 windows of a pooling, each as the last axis."""
    n, height, width, channels = values.shape
    even = values[:, : height // 2 * 2, : width // 2 * 2]
    blocks = even.reshape(n, height // 2, 2, width // 2, 2, channels)
    last = blocks.transpose(0, 1, 3, 5, 2, 4)
    return last.reshape(n, height // 2, width // 2, channels, 4)


def _unpool(before: FloatArray, gradient: FloatArray) -> FloatArray:
    """Give each window's gradient to its greatest value; a dropped row or column has none."""
    windows = _windows(before)
    n, height, width, channels, _ = windows.shape
    spread = np.zeros_like(windows)
    places = windows.argmax(axis=-1)[..., None]
    np.put_along_axis(spread, places, gradient[..., None], axis=-1)
    blocks = spread.reshape(n, height, width, channels, 2, 2).transpose(0, 1, 4, 2, 5, 3)
    full = np.zeros_like(before)
    full[:, : height * 2, : width * 2] = blocks.reshape(n, height * 2, width * 2, channels)
    return full


_SCALERS = (MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler)
_TOLERANCE = 1e-6
_CELLS = 8  # of a map on a side: with fewer, a cell is a quarter of the image or more
_INSTEAD = "Use occlusion, which explains any classifier."


def linear_head(steps: Sequence[Any], n_features: int) -> Dense:
    """Return the Dense layer that scalers and a linear classifier amount to."""
    slope, offset = np.ones(n_features), np.zeros(n_features)
    for step in steps[:-1]:
        _require_scaler(step)
        # A scaler treats each feature by itself, so two points of each line tell it.
        at_zero, at_one = (
            np.asarray(step.transform(as_named(step, np.full((1, n_features), value))))[0]
            for value in (0.0, 1.0)
        )
        slope, offset = slope * (at_one - at_zero), offset * (at_one - at_zero) + at_zero
    coefficients, intercept = _coefficients(steps[-1], n_features)
    kernel = slope[:, None] * coefficients.T
    bias = offset @ coefficients.T + intercept
    return Dense(kernel.astype(np.float32), bias.astype(np.float32), "linear")


def as_named(step: Any, rows: NDArray[np.float64]) -> Any:
    """Return rows by the names that a step was fitted with, without which it would warn."""
    names = getattr(step, "feature_names_in_", None)
    if names is None or find_spec("pandas") is None:  # or those of polars
        return rows
    import pandas as pd

    return pd.DataFrame(rows, columns=names)


def _require_scaler(step: Any) -> None:
    if not isinstance(step, _SCALERS) or getattr(step, "clip", False):
        known = ", ".join(scaler.__name__ for scaler in _SCALERS)
        raise TypeError(
            f"Between the features and the classifier, only {known} (without clip) can be "
            f"differentiated, got {type(step).__name__}. {_INSTEAD}"
        )


def _coefficients(
    classifier: Any, n_features: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what makes up the scores, after a look at whether they are that indeed."""
    if all(hasattr(classifier, name) for name in ("coef_", "intercept_", "classes_")):
        coefficients = np.atleast_2d(np.asarray(classifier.coef_, dtype=np.float64))
        intercept = np.broadcast_to(classifier.intercept_, len(coefficients))
        n_scores = 1 if len(classifier.classes_) == 2 else len(classifier.classes_)
        probe = np.random.RandomState(0).standard_normal((2, n_features))
        if coefficients.shape == (n_scores, n_features):
            given = classifier.decision_function(as_named(classifier, probe)).reshape(2, -1)
            expected = probe @ coefficients.T + intercept
            if np.allclose(given, expected, _TOLERANCE, _TOLERANCE * np.abs(given).max()):
                return coefficients, np.asarray(intercept, dtype=np.float64)
    raise TypeError(
        "The classifier on top of the features must be a linear one, such as "
        f"LogisticRegression, for its scores to be differentiated, got "
        f"{type(classifier).__name__}. {_INSTEAD}"
    )


@dataclass(frozen=True)
class OpenedNetwork:
    """A VGG16 from the pixels to its scores."""

    layers: tuple[Layer, ...]  # all of them; the last gives logits
    settings: TrunkSettings  # what an image goes through before it
    engine: str  # what computes the part that needs no derivatives
    n_threads: int  # in how many threads

    def render(self, image: Image.Image) -> NDArray[np.uint8]:
        """Return an image as the network sees it, (height, width, 3)."""
        size, resize = self.settings.image_size, self.settings.resize
        return render_view(image, image_size=size, resize=resize)

    def position(self, layer: str) -> int:
        """Return how many layers there are up to the named one, itself included.

        Raises ValueError, with all names, if there is no layer of that name.
        """
        names = layer_names(self.layers)
        if layer not in names:
            raise ValueError(f"layer must be one of {', '.join(names)}, got {layer!r}.")
        return names.index(layer) + 1

    def default_layer(self) -> str:
        """Return the last convolution with 8x8 cells or more; at the least, one of block 3."""
        side = min(self.settings.image_size)
        block = next((b for b in (5, 4) if side // 2 ** (b - 1) >= _CELLS), 3)
        names = [name for name in layer_names(self.layers) if "conv" in name]
        return max(name for name in names if name < f"block{block + 1}")

    def activations(self, views: NDArray[np.uint8], n_layers: int) -> FloatArray:
        """Return what the first layers make of pixels (n_images, height, width, 3)."""
        forward = compile_network(
            Network(self.layers[:n_layers]),
            (*self.settings.image_size, 3),
            engine=self.engine,
            n_threads=self.n_threads,
        )
        return forward(self.settings.preprocess(views))

    def scores_of(self, classes: NDArray[np.intp]) -> Scores:
        """Return which score of each image speaks for its class (positions, (n_images,))."""
        last = self.layers[-1]
        single = isinstance(last, Dense) and last.kernel.shape[1] == 1
        if not single:
            return Scores(classes, np.ones(len(classes), np.float32))
        return Scores(np.zeros_like(classes), np.where(classes == 1, 1, -1).astype("f4"))

    def with_random(self, first: str, random: np.random.RandomState) -> "OpenedNetwork":
        """Return a copy whose weights from a block on, or of its head, are drawn anew.

        Each kernel is normal with the deviation that it had, each bias keeps its values in
        another order: signals stay as large as they were.
        """
        names = layer_names(self.layers)
        begin = next(
            (i for i, name in enumerate(names) if name.startswith(first)), len(names)
        )
        changed = [_redrawn(layer, random) for layer in self.layers[begin:]]
        return replace(self, layers=(*self.layers[:begin], *changed))


def open_network(
    estimator: Any, *, method: Literal["grad-cam", "occlusion"] = "grad-cam"
) -> tuple[Steps, OpenedNetwork]:
    """Return the VGG16 inside a fitted classifier, with everything on top of it.

    Raises TypeError if a method has no use for it; for Grad-CAM, it names occlusion.
    """
    steps = find_network(estimator)
    if steps is None:
        raise TypeError(
            "Grad-CAM needs one VGG16 that it can look into: a VGG16ImageClassifier, or a "
            "Pipeline of a VGG16FeatureExtractor and a linear classifier, perhaps with a "
            f"threshold or calibrated without folds, got {_shown(estimator)}. {_INSTEAD}"
        )
    if steps.network._settings.n_crops > 1:
        raise TypeError(
            "Grad-CAM looks at one crop, and this network sees "
            f"{steps.network._settings.n_crops}. {_INSTEAD}"
        )
    if steps.network._settings.sees_all_layers and method == "grad-cam":
        raise TypeError(
            "Grad-CAM weighs each channel of one layer by its mean derivative, which is zero "
            "for a standard deviation, so it cannot explain "
            f"pooling={steps.network._settings.pooling!r}. {_INSTEAD}"
        )
    head: Sequence[Layer]
    if isinstance(steps.network, VGG16ImageClassifier):
        head = with_plain_scores(steps.network._tail.layers)
    elif steps.after:
        head = [linear_head(steps.after, steps.network.n_features_out_)]
    else:
        raise TypeError("A VGG16FeatureExtractor alone has no classes to explain.")
    network, settings = steps.network, steps.network._settings
    frozen = trunk_network(network._trunk, settings)
    layers, n_threads = uncut(frozen.layers, head, settings), count_threads(network.n_jobs)
    return steps, OpenedNetwork(tuple(layers), settings, network.engine, n_threads)


def why_no_grad_cam(estimator: Any) -> str | None:
    """Return, in a sentence, why Grad-CAM cannot explain a classifier; None if it can."""
    try:
        open_network(estimator)
    except TypeError as error:
        return str(error).removesuffix(_INSTEAD).rstrip()
    return None


def layer_names(layers: Sequence[Layer]) -> list[str]:
    """Return the names of a VGG16's convolutions and poolings: ``"block1_conv1"``, ...

    The layers after the last one of them, the head, have none.
    """
    convolutions, names = iter(convolution_names()), list[str]()
    for layer in layers:
        if isinstance(layer, Conv):
            names.append(next(convolutions))
        elif isinstance(layer, MaxPool):
            names.append(f"{names[-1].partition('_')[0]}_pool")
    return names


def _redrawn(layer: Layer, random: np.random.RandomState) -> Layer:
    if not isinstance(layer, Conv | Dense):
        return layer
    kernel = random.standard_normal(layer.kernel.shape) * layer.kernel.std()
    return replace(
        layer, kernel=kernel.astype(np.float32), bias=random.permutation(layer.bias)
    )


def _shown(estimator: Any) -> str:
    """Return the names of an estimator and of those that it is made of."""
    name = type(estimator).__name__
    steps = getattr(estimator, "steps", None)
    if not steps:
        return name
    return f"{name} of {', '.join(type(step).__name__ for _, step in steps)}"
