"""Occlusion: what does the probability lose where a part of the image is covered?"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm.auto import tqdm

from skfakereal._classifying.ask import check_classifier, predict_once
from skfakereal._images.read import blamed_on, decode_image, read_bytes
from skfakereal._paths import ImagePaths, check_paths
from skfakereal._perturbations import Copy
from skfakereal.explain._covers import (
    Fill,
    check_patches,
    cover_image,
    judge_of,
    mean_under,
    n_positions,
)
from skfakereal.explain._explanation import (
    Explanation,
    classes_to_explain,
    of_each_image,
    stacked,
)

# Pixels a side up to which image and map are kept as they are: enough for any screen.
_LARGEST_SIDE = 1024


def occlusion(
    estimator: Any,
    X: ImagePaths,
    *,
    label: Any = None,
    patch: int | None = None,
    stride: int | None = None,
    fill: Fill = "mean",
    verbose: int = 0,
) -> Explanation:
    """Map by how much the probability of a class drops where the image is covered [1]_.

    For any classifier. A square is moved over the image; each copy with one square covered
    is classified, and a pixel's value is the mean drop over the squares that cover it.
    Above zero, the class loses: something there speaks for it. Below zero it wins.

    With the defaults an image takes 169 copies if it is square, more if it is long. A
    VGG16 is fed with them in memory; for other classifiers they are lossless temporary
    files. They never get into the store of activations.

    Parameters
    ----------
    estimator : estimator
        A fitted classifier with ``predict_proba`` over paths, wrapped as you like.
    X : array-like of shape (n_images,) or (n_images, 1)
        Image paths.
    label : label, default=None
        The class, one of ``classes_``. None: the positive class ("fake" or 1), or, with
        more than two classes, the one predicted for each image.
    patch : int, default=None
        Side of the square in pixels of the image. None: a seventh of its shorter side.
    stride : int, default=None
        Pixels from one square to the next. None: half a patch.
    fill : {"mean", "grey", "blur"}, default="mean"
        What covers: the image's mean colour, grey, or the image itself, blurred, which
        adds no edges that a detector may take for traces.
    verbose : int, default=0
        Above 0: a progress bar over the images.

    Returns
    -------
    Explanation
        With `maps` from -1 to 1, the drop of the probability, in pixels of the upright
        image; images of more than 1,024 pixels a side are shrunk to that, with their maps.

    Raises
    ------
    TypeError, sklearn.exceptions.NotFittedError
        If the estimator is no fitted classifier with ``predict_proba``.
    ValueError
        If `patch`, `stride`, `fill` or `label` breaks its rule, or X does not hold paths.
    ImageReadError
        If an image cannot be read; it lists all of them.

    See Also
    --------
    grad_cam : Looks into a VGG16, a hundred times as fast.
    OcclusionDisplay : Draws the maps.

    Notes
    -----
    A drop is measured from a lossless copy of the whole image, so that what the file says
    beside its pixels plays no part. A probability that is 1 to six decimals hardly drops
    where evidence is plentiful: the map of a very sure detector can be nearly empty. And a
    covered copy is unlike all images that the detector was trained on, so the edges of the
    squares may count as evidence themselves; compare two fills.

    References
    ----------
    .. [1] M. D. Zeiler and R. Fergus (2014), "Visualizing and understanding convolutional
       networks", ECCV.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from skfakereal import VGG16FeatureExtractor
    >>> from skfakereal.datasets import make_fake_real_images
    >>> from skfakereal.explain import occlusion
    >>> data = make_fake_real_images(mkdtemp(), 8, image_size=32)
    >>> features = VGG16FeatureExtractor(weights="cifake", image_size=(32, 32), cache=None)
    >>> clf = make_pipeline(features, LogisticRegression()).fit(data.data, data.target)
    >>> occlusion(clf, data.data[:2], patch=16).maps.shape
    (2, 32, 32)
    """
    check_classifier(estimator)
    check_patches(patch, stride, fill)
    paths, classes = check_paths(X), np.asarray(estimator.classes_)
    classes_to_explain(classes, label, classes[:1])  # before any image is read
    sizes = of_each_image(paths, lambda image: image.size)
    predicted, probabilities = predict_once(estimator, X)
    wanted = classes_to_explain(classes, label, predicted)
    judge = judge_of(estimator, X, paths)
    images, maps = [], []
    for row, path in enumerate(tqdm(paths, unit="image", disable=not verbose)):
        width, height = sizes[row]
        covers = cover_image(width, height, patch, stride, fill)
        judged = judge(row, [Copy(), *covers])[:, wanted[row]]
        with blamed_on(path):
            drops = mean_under(covers, judged[0] - judged[1:], width, height)
            image, values = _shrunk(decode_image(read_bytes(path), path), drops)
        images.append(image)
        maps.append(values)
    return Explanation(
        method="Occlusion",
        unit="drop of the probability",
        paths=tuple(paths),
        images=stacked(images),
        maps=stacked(maps),
        explained=classes[wanted],
        probabilities=probabilities[np.arange(len(paths)), wanted],
        predicted=predicted,
        classes=classes,
        areas=np.array([(0, 0, h, w) for w, h in sizes], dtype=np.float64),
        cells=n_positions(*sizes[0], patch, stride),
    )


def _shrunk(
    image: Image.Image, values: NDArray[np.float32]
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Shrink a large image, and its map with it."""
    kept = image.copy()
    kept.thumbnail((_LARGEST_SIDE, _LARGEST_SIDE))
    if kept.size == image.size:
        return np.asarray(kept), values
    reduced = Image.fromarray(values).resize(kept.size, Image.Resampling.BOX)
    return np.asarray(kept), np.asarray(reduced)
