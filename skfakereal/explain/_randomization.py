"""How much of a map is owed to what a detector has learned: the maps of random ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from skfakereal._classifying.ask import check_classifier, predict_once
from skfakereal._images.read import blamed_on, decode_image, read_bytes
from skfakereal._network import Statistics
from skfakereal._paths import ImagePaths, check_paths
from skfakereal._validation import RandomState, seed_of
from skfakereal.explain._covers import Fill, check_patches, cover_image
from skfakereal.explain._explanation import classes_to_explain
from skfakereal.explain._grad_cam import look_at, parts_of
from skfakereal.explain._opened import (
    OpenedNetwork,
    Scores,
    class_activation,
    forward,
    open_network,
)

# Below this number of cells a rank correlation says next to nothing.
_FEWEST_CELLS = 16


@dataclass(frozen=True, eq=False)
class RandomizationCheck:
    """How like the maps of a detector are to those of detectors that have learned nothing.

    `randomization_check` makes it.

    Parameters
    ----------
    stages : tuple of str
        What was drawn anew: ``"head"``, all that follows the convolutions; ``"block5"``,
        VGG16's last block as well.
    correlations : ndarray of shape (n_images, n_stages, n_draws), float64
        Spearman's rank correlation of the two maps of an image, from -1 to 1; NaN where
        the detector's own map is the same everywhere.
    n_cells : int
        How many values each map has.
    """

    stages: tuple[str, ...]
    correlations: NDArray[np.float64]
    n_cells: int

    @property
    def similarity(self) -> NDArray[np.float64]:
        """Mean absolute correlation, from 0 to 1, of shape (n_images, n_stages).

        Absolute, since what counts as the one class and what as the other is drawn too.
        """
        return np.asarray(np.abs(self.correlations).mean(axis=2))

    def sentence(self, image: int = 0) -> str:
        """Say what the figures of an image mean.

        Parameters
        ----------
        image : int, default=0
            Its position.

        Returns
        -------
        str
            A sentence for each stage.
        """
        return self._why_not(image) or " ".join(
            _MEANINGS[stage][int(value >= _LIKE)].format(value)
            for stage, value in zip(self.stages, self.similarity[image], strict=True)
        )

    def summary(self, image: int = 0) -> str:
        """Say in one line what the map of an image is worth.

        Parameters
        ----------
        image : int, default=0
            Its position.

        Returns
        -------
        str
            A sentence on the stage at which the map changes least.
        """
        most = self.similarity[image].max()
        if most < _LIKE:
            said = "With random weights the map changes ({:.2f}), so it shows what was learned."
        else:
            said = (
                "Even with random weights the map hardly changes ({:.2f}), so it shows little of "
                "how this detector decides."
            )
        return self._why_not(image) or said.format(most)

    def _why_not(self, image: int) -> str:
        """Return why the maps of an image cannot be compared, if so."""
        if self.n_cells < _FEWEST_CELLS:
            return (
                f"The map has only {self.n_cells} cells, too few for the sanity "
                "check; choose an earlier layer."
            )
        if np.isnan(self.similarity[image]).any():
            return "The map is the same everywhere: it shows nothing."
        return ""


# From this likeness on, a map is said to be nearly the same.
_LIKE = 0.7
_MEANINGS = {
    "head": (
        "With random layers on top of VGG16 the map changes (similarity {:.2f}): it "
        "depends on how this detector decides.",
        "With random layers on top of VGG16 the map stays nearly the same, but for its sign "
        "(similarity {:.2f}): it shows what VGG16 responds to in this picture, and little of "
        "how this detector decides.",
    ),
    "block5": (
        "With a random last block of VGG16 as well, it changes (similarity {:.2f}).",
        "With a random last block of VGG16 as well, it stays nearly the same (similarity "
        "{:.2f}): the picture alone gives such a map. Do not rely on it.",
    ),
}


# The last layer that no random detector changes.
_LAST_SHARED = "block4_pool"


class MapMaker:
    """What the detectors have in common is computed once, by an engine; the rest in NumPy.

    Statistics come from an engine too, once more for each random last block.
    """

    def __init__(
        self,
        opened: OpenedNetwork,
        views: NDArray[np.uint8],
        n_layers: int | None,
        wanted: NDArray[np.intp],
    ) -> None:
        shared = opened.position(_LAST_SHARED)
        statistics = [isinstance(layer, Statistics) for layer in opened.layers]
        if any(statistics):
            shared = statistics.index(True) + 1
        self._n_shared = shared if n_layers is None else min(shared, n_layers)
        self._n_layers = n_layers
        self._views = views
        self._shared_layers = opened.layers[: self._n_shared]
        self._scores: Scores = opened.scores_of(wanted)
        self._inputs = opened.activations(views, self._n_shared)

    def signed_maps(self, opened: OpenedNetwork) -> NDArray[Any]:
        """Return one value for each cell or patch, of which only the order means anything."""
        if self._n_layers is None:
            inputs = self._inputs
            if opened.layers[: self._n_shared] != self._shared_layers:
                inputs = opened.activations(self._views, self._n_shared)
            scores = forward(opened.layers[self._n_shared :], inputs)
            rows = np.arange(len(scores))
            # The less is left without a patch, the more it is worth.
            worth = -scores[rows, self._scores.outputs] * self._scores.signs
            return worth.reshape(1, -1)
        between = opened.layers[self._n_shared : self._n_layers]
        activations = forward(between, self._inputs)
        rest = opened.layers[self._n_layers :]
        maps = class_activation(rest, activations, self._scores)
        return maps.reshape(len(maps), -1)


_STAGES = ("head", "block5")


def randomization_check(
    estimator: Any,
    X: ImagePaths,
    *,
    method: Literal["grad-cam", "occlusion"] = "grad-cam",
    layer: str | None = None,
    label: Any = None,
    patch: int | None = None,
    stride: int | None = None,
    fill: Fill = "mean",
    stages: Sequence[str] = _STAGES,
    n_draws: int = 10,
    random_state: RandomState = 0,
) -> RandomizationCheck:
    """Compare the maps with those of detectors whose weights are random [1]_.

    A map that hardly changes shows edges and bright places of the picture, whatever the
    detector has learned, however convincing it looks. Grad-CAM passes the check in
    general; this tells of these images, this detector and this layer. Signed maps are
    compared, before Grad-CAM's negative part is cut off, cell by cell or patch by patch,
    and what counts is the absolute correlation, since random layers have no idea which
    class is which. Two smooth maps of a few dozen cells that have nothing to do with each
    other reach 0.1 to 0.5 of it by chance.

    Parameters
    ----------
    estimator : estimator
        As `grad_cam` takes it; with occlusion for any ``pooling``.
    X : array-like of shape (n_images,) or (n_images, 1)
        Image paths.
    method : {"grad-cam", "occlusion"}, default="grad-cam"
        What makes the maps.
    layer : str, default=None
        As in `grad_cam`.
    label : label, default=None
        As in `grad_cam`.
    patch, stride : int, default=None
        As in `occlusion`.
    fill : {"mean", "grey", "blur"}, default="mean"
        As in `occlusion`.
    stages : sequence of {"head", "block5"}, default=("head", "block5")
        What is drawn anew; "block5" takes the head with it. With occlusion of large images
        it takes minutes.
    n_draws : int, default=10
        How many random detectors there are for each stage.
    random_state : int, RandomState instance or None, default=0
        Seed of their weights, which are normal with the deviation of the trained ones.

    Returns
    -------
    RandomizationCheck
        The rank correlations.

    Raises
    ------
    TypeError
        If the estimator cannot be differentiated, so that its weights are not known.
    ValueError
        If a parameter breaks its rule, or X does not hold paths.
    ImageReadError
        If an image cannot be read; it lists all of them.

    References
    ----------
    .. [1] J. Adebayo et al. (2018), "Sanity checks for saliency maps", NeurIPS.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from skfakereal import VGG16FeatureExtractor
    >>> from skfakereal.datasets import make_fake_real_images
    >>> from skfakereal.explain import randomization_check
    >>> data = make_fake_real_images(mkdtemp(), 8, image_size=32)
    >>> features = VGG16FeatureExtractor(
    ...     weights="cifake", image_size=(32, 32), pooling="avg", cache=None
    ... )
    >>> clf = make_pipeline(features, LogisticRegression()).fit(data.data, data.target)
    >>> check = randomization_check(clf, data.data[:2], layer="block3_conv3", n_draws=3)
    >>> check.correlations.shape
    (2, 2, 3)
    """
    check_classifier(estimator)
    check_patches(patch, stride, fill)
    _check(method, stages, n_draws)
    seed = seed_of(random_state)
    steps, opened = open_network(estimator, method=method)
    n_layers = opened.position(layer or opened.default_layer())
    paths, classes = check_paths(steps.transformed(X)), np.asarray(estimator.classes_)
    classes_to_explain(classes, label, classes[:1])  # before any image is read
    views, _ = look_at(opened, paths)
    wanted = classes_to_explain(classes, label, predict_once(estimator, X)[0])
    if method == "grad-cam":
        parts = parts_of(len(paths))
        makers = (MapMaker(opened, views[part], n_layers, wanted[part]) for part in parts)
    else:
        covered = (_covered(opened, path, patch, stride, fill) for path in paths)
        makers = (
            MapMaker(opened, views, None, np.repeat(wanted[row], len(views)))
            for row, views in enumerate(covered)
        )
    correlations, n_cells = [], 0
    for maker in makers:  # one after the other: each holds its images' activations
        own = maker.signed_maps(opened)
        n_cells = own.shape[1]
        drawn = []
        for stage in stages:
            draws = (np.random.RandomState([seed, draw]) for draw in range(n_draws))
            others = (maker.signed_maps(opened.with_random(stage, draw)) for draw in draws)
            drawn.append([list(map(_rank_correlation, own, other)) for other in others])
        correlations.append(np.moveaxis(np.array(drawn), 2, 0))
    return RandomizationCheck(tuple(stages), np.concatenate(correlations), n_cells)


NO_CHECK = (
    "The sanity check with random weights needs a VGG16 with a head that can be looked "
    "into, which this model does not have."
)
HOW_CHECKED = (
    "The sanity check puts random weights in the place of learned ones and compares "
    "the maps: the similarity is the mean absolute rank correlation over ten draws, "
    "from 0 to 1 (Adebayo et al., 2018, Sanity checks for saliency maps)."
)


def check_maps(
    estimator: Any, X: Any, method: Literal["grad-cam", "occlusion"], **how: Any
) -> RandomizationCheck | None:
    """Check the maps of a page; None where that is not possible, as `NO_CHECK` says."""
    # To draw the last block anew for every covered copy would take minutes an image.
    stages = ("head", "block5") if method == "grad-cam" else ("head",)
    try:
        return randomization_check(estimator, X, method=method, stages=stages, **how)
    except TypeError:
        return None


def _covered(
    opened: OpenedNetwork, path: str, patch: int | None, stride: int | None, fill: Fill
) -> NDArray[np.uint8]:
    """Return the covered copies of an image as the network sees them."""
    image = decode_image(read_bytes(path), path)
    with blamed_on(path):
        covers = cover_image(*image.size, patch, stride, fill)
        return np.stack([opened.render(cover(image)) for cover in covers])


def _rank_correlation(own: NDArray[Any], other: NDArray[Any]) -> float:
    """Return Spearman's; 0 where only the other map is the same everywhere."""
    if np.ptp(own) == 0:
        return float("nan")
    if np.ptp(other) == 0:
        return 0.0
    return float(np.corrcoef(rankdata(own), rankdata(other))[0, 1])


def _check(method: str, stages: Sequence[str], n_draws: int) -> None:
    if method not in ("grad-cam", "occlusion"):
        raise ValueError(f"method must be 'grad-cam' or 'occlusion', got {method!r}.")
    if not stages or not set(stages) <= set(_STAGES):
        raise ValueError(f"stages must be some of {_STAGES}, got {stages!r}.")
    if n_draws < 1:
        raise ValueError(f"n_draws must be 1 or more, got {n_draws}.")
