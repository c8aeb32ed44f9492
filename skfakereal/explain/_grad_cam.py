"""Grad-CAM: where in the last maps of a VGG16 is what speaks for a class?"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skfakereal._classifying.ask import check_classifier, predict_once
from skfakereal._network import MaxPool
from skfakereal._paths import ImagePaths, check_paths
from skfakereal._resampling import seen_window
from skfakereal.explain._explanation import (
    Explanation,
    classes_to_explain,
    of_each_image,
)
from skfakereal.explain._opened import OpenedNetwork, class_activation, open_network

FloatArray = NDArray[np.float32]
_BATCH = 8  # images whose activations and derivatives are in memory at a time


def grad_cam(
    estimator: Any,
    X: ImagePaths,
    *,
    layer: str | None = None,
    label: Any = None,
) -> Explanation:
    """Map where a VGG16 found what speaks for a class, by Grad-CAM [1]_.

    The score that is differentiated is the logit of the class (before the sigmoid or
    softmax, and before any calibration or threshold): that of "real" is the negative of
    that of "fake". Each channel of the layer weighs as much as the logit changes with its
    mean; the map is their weighted sum where it is positive, in the layer's cells,
    interpolated to the pixels. No TensorFlow is needed: the backward pass is in NumPy.

    Not for ``pooling="correlations"``, the default, or "statistics": the mean derivative of
    a standard deviation is zero, whatever was learned. `occlusion` explains such a
    classifier.

    A map shows where the evidence was that this detector used, at the resolution of the
    layer. It does not show what was manipulated, and it is no evidence that anything was
    [2]_; `randomization_check` tells how much it owes to what was learned at all.

    Parameters
    ----------
    estimator : estimator
        A fitted `VGG16ImageClassifier`, or a `Pipeline` of a `VGG16FeatureExtractor`,
        perhaps a scaler, and a linear classifier; also in `FixedThresholdClassifier`,
        `TunedThresholdClassifierCV`, `FrozenEstimator`, a search, or a
        `CalibratedClassifierCV` that holds a single such classifier.
    X : array-like of shape (n_images,) or (n_images, 1)
        Image paths.
    layer : str, default=None
        Which convolution or pooling: ``"block1_conv1"`` to ``"block5_pool"``. Earlier
        ones have finer cells and say less of the class. None takes the last convolution
        with 8x8 cells or more: ``"block5_conv3"`` at 224x224 (14x14 cells),
        ``"block4_conv3"`` at 64x64, ``"block3_conv3"`` at 32x32.
    label : label, default=None
        The class, one of ``classes_``. None: the positive class ("fake" or 1), or, with
        more than two classes, the one predicted for each image.

    Returns
    -------
    Explanation
        With `maps` of shape (n_images, height, width), zero or more, in logit per cell: at
        ``"block5_pool"``, with average pooling and a linear head, the cells add up to the
        logit less its intercept, but for those below zero, which are cut off.

    Raises
    ------
    TypeError
        If the estimator cannot be differentiated; `occlusion` explains any.
    ValueError
        If `layer` or `label` is unknown, or X does not hold paths.
    ImageReadError
        If an image cannot be read; it lists all of them, whatever ``on_error`` says, since
        a map cannot be missing.

    See Also
    --------
    occlusion : Covers parts of the image; for any classifier.
    GradCAMDisplay : Draws the maps.
    randomization_check : How much a map owes to what was learned.

    References
    ----------
    .. [1] R. R. Selvaraju et al. (2017), "Grad-CAM: Visual explanations from deep networks
       via gradient-based localization", ICCV.
    .. [2] J. Adebayo et al. (2018), "Sanity checks for saliency maps", NeurIPS.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from skfakereal import VGG16FeatureExtractor
    >>> from skfakereal.datasets import make_fake_real_images
    >>> from skfakereal.explain import grad_cam
    >>> data = make_fake_real_images(mkdtemp(), 8, image_size=32)
    >>> features = VGG16FeatureExtractor(
    ...     weights="cifake", image_size=(32, 32), pooling="avg", cache=None
    ... )
    >>> clf = make_pipeline(features, LogisticRegression()).fit(data.data, data.target)
    >>> grad_cam(clf, data.data[:2]).maps.shape
    (2, 32, 32)
    """
    check_classifier(estimator)
    steps, opened = open_network(estimator)
    layer = layer or opened.default_layer()
    n_layers = opened.position(layer)
    paths = check_paths(steps.transformed(X))
    classes = np.asarray(estimator.classes_)
    classes_to_explain(classes, label, classes[:1])  # before any image is read
    views, areas = look_at(opened, paths)
    predicted, probabilities = predict_once(estimator, X)
    wanted = classes_to_explain(classes, label, predicted)
    cells = [
        class_activation(
            opened.layers[n_layers:],
            opened.activations(views[part], n_layers),
            opened.scores_of(wanted[part]),
        )
        for part in parts_of(len(paths))
    ]
    factor = 2 ** sum(isinstance(x, MaxPool) for x in opened.layers[:n_layers])
    maps = [
        _upsampled(np.maximum(one, 0), factor, opened.settings.image_size)
        for one in np.concatenate(cells)
    ]
    return Explanation(
        method=f"Grad-CAM at {layer}",
        unit="logit per cell",
        paths=tuple(paths),
        images=views,
        maps=np.stack(maps),
        explained=classes[wanted],
        probabilities=probabilities[np.arange(len(paths)), wanted],
        predicted=predicted,
        classes=classes,
        areas=areas,
        cells=(cells[0].shape[1], cells[0].shape[2]),
    )


def look_at(
    opened: OpenedNetwork, paths: Sequence[str]
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Return images as the network sees them, and which part of each file that is."""
    seen = of_each_image(paths, lambda image: (opened.render(image), _area(opened, image)))
    views, areas = zip(*seen, strict=True)
    return np.stack(views), np.array(areas, dtype=np.float64)


def parts_of(n_images: int) -> list[slice]:
    """Return the images in batches."""
    return [slice(start, start + _BATCH) for start in range(0, n_images, _BATCH)]


def _area(opened: OpenedNetwork, image: Image.Image) -> tuple[float, ...]:
    """Return top, left, height and width of what the network sees of an image."""
    settings = opened.settings
    left, top, width, height = seen_window(image.size, settings.image_size, settings.resize)
    return top, left, height, width


def _upsampled(cells: FloatArray, factor: int, size: tuple[int, int]) -> FloatArray:
    """Interpolate between the centres of the cells, bilinearly.

    A pooling drops an odd last row, so the cells may end before the image does; the last
    one then goes on.
    """
    rows, columns = cells.shape
    grown = Image.fromarray(cells).resize(
        (columns * factor, rows * factor), Image.Resampling.BILINEAR
    )
    lacking = [(0, want - have) for want, have in zip(size, grown.size[::-1], strict=True)]
    return np.pad(np.asarray(grown), lacking, mode="edge")
