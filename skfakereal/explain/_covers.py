"""Which parts of an image are covered, and with what.

Covered copies of images -> probabilities, in memory where that can be, else by files.

No way of them touches the store of activations: thousands of copies that nobody will ask
for again must not push out what is worth keeping.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageStat

from skfakereal._activations import ActivationReader, mean_of_crops
from skfakereal._classifier import VGG16ImageClassifier
from skfakereal._classifying.copies import predict_perturbed
from skfakereal._classifying.unwrap import copy_with_settings, find_network
from skfakereal._features import VGG16FeatureExtractor
from skfakereal._images.read import blamed_on, decode_image, read_bytes
from skfakereal._perturbations import Perturbation
from skfakereal._probabilities import of_each_class
from skfakereal._views import render_crops
from skfakereal.engines import compile_network

Fill = Literal["mean", "grey", "blur"]
_FILLS = ("mean", "grey", "blur")
_GREY = (128, 128, 128)
# A patch of this share of the shorter side, half a patch apart: 169 copies of a square.
_PATCHES_A_SIDE = 7


@dataclass(frozen=True)
class Cover:
    """Cover a rectangle of an image."""

    left: int  # left, top, right, bottom: the rectangle, in pixels
    top: int
    right: int
    bottom: int
    fill: Fill  # one of "mean", "grey", "blur": with what
    family = "covered"

    @property
    def level(self) -> str:
        """Where, for messages."""
        return f"{self.left},{self.top} to {self.right},{self.bottom}"

    def __call__(self, image: Image.Image, /) -> Image.Image:
        box = self.left, self.top, self.right, self.bottom
        covered = image.copy()
        if self.fill == "blur":
            covered.paste(self._blurred(image), box)
        else:
            covered.paste(_GREY if self.fill == "grey" else _mean_colour(image), box)
        return covered

    def _blurred(self, image: Image.Image) -> Image.Image:
        """Blur the rectangle along with what its blur takes in from around it."""
        radius = max(1.0, (self.right - self.left) / 2)
        reach = 3 * round(radius)
        left, top = max(0, self.left - reach), max(0, self.top - reach)
        around = image.crop(
            (left, top, min(image.width, self.right + reach),
             min(image.height, self.bottom + reach))
        )  # fmt: skip
        blurred = around.filter(ImageFilter.GaussianBlur(radius))
        x, y = self.left - left, self.top - top
        return blurred.crop((x, y, x + self.right - self.left, y + self.bottom - self.top))


def check_patches(patch: int | None, stride: int | None, fill: str) -> None:
    """Check what can be checked before an image is known."""
    for name, value in (("patch", patch), ("stride", stride)):
        if value is not None and not _is_positive(value):
            raise ValueError(
                f"{name} must be a number of pixels of at least 1, or None, got {value!r}."
            )
    if fill not in _FILLS:
        raise ValueError(
            f"fill must be one of {', '.join(map(repr, _FILLS))}, got {fill!r}."
        )
    if patch is not None and stride is not None and stride > patch:
        raise ValueError(
            f"stride must not exceed patch, or pixels between patches are never covered, "
            f"got stride={stride} and patch={patch}."
        )


def _is_positive(value: Any) -> bool:
    return isinstance(value, Integral) and value is not True and int(value) >= 1


def cover_image(
    width: int, height: int, patch: int | None, stride: int | None, fill: Fill
) -> list[Cover]:
    """Return the covers of an image, which together reach every pixel."""
    sizes = _sizes(width, height, patch, stride)
    return [
        Cover(x, y, min(width, x + sizes[0]), min(height, y + sizes[0]), fill)
        for y in _starts(height, *sizes)
        for x in _starts(width, *sizes)
    ]


def n_positions(
    width: int, height: int, patch: int | None, stride: int | None
) -> tuple[int, int]:
    """Return how many rows and columns of patches `cover_image` has."""
    sizes = _sizes(width, height, patch, stride)
    return len(_starts(height, *sizes)), len(_starts(width, *sizes))


def mean_under(
    covers: list[Cover], values: NDArray[np.float64], width: int, height: int
) -> NDArray[np.float32]:
    """Return for each pixel the mean value of the patches that cover it."""
    total = np.zeros((height, width), np.float32)
    count = np.zeros((height, width), np.float32)
    for cover, value in zip(covers, values, strict=True):
        here = slice(cover.top, cover.bottom), slice(cover.left, cover.right)
        total[here] += np.float32(value)
        count[here] += 1
    return total / count


def _sizes(
    width: int, height: int, patch: int | None, stride: int | None
) -> tuple[int, int]:
    side = patch or max(stride or 1, round(min(width, height) / _PATCHES_A_SIDE))
    return side, stride or max(1, side // 2)


def _starts(side: int, patch: int, stride: int) -> list[int]:
    """Return where patches begin; the last one ends where the image does."""
    last = max(0, side - patch)
    return sorted({*range(0, last, stride), last})


def _mean_colour(image: Image.Image) -> tuple[int, ...]:
    return tuple(round(mean) for mean in ImageStat.Stat(image).mean)


# From the position of an image and what is done to it to (n_copies, n_classes).
Judge = Callable[[int, Sequence[Perturbation]], NDArray[np.float64]]
_PIXELS = 2**20  # in one batch of the network


def judge_of(estimator: Any, X: Any, paths: Sequence[str]) -> Judge:
    """Return a function from copies of one image to their probabilities."""
    steps = find_network(estimator)
    if steps is not None and not steps.before:
        return _InMemory(estimator, steps.network, paths)
    unstored = without_store(estimator)

    def judge(row: int, changes: Sequence[Perturbation]) -> NDArray[np.float64]:
        pairs = [(row, change) for change in changes]
        return predict_perturbed(unstored, X, paths, pairs).y_proba

    return judge


class _Knowing(VGG16FeatureExtractor):
    """An extractor that knows its features, and gives them as `set_output` says."""

    _answers: Callable[[Any], NDArray[Any]]
    _names: NDArray[np.object_]

    def transform(self, X: Any) -> NDArray[Any]:
        return self._answers(X)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        return self._names  # else those of this class


class _InMemory:
    """Judges copies without files: the VGG16 is replaced by one that knows the answers."""

    def __init__(self, estimator: Any, network: Any, paths: Sequence[str]) -> None:
        self._network = network
        self._paths = paths
        self._answers: NDArray[Any] = np.empty(0)
        twin = copy.copy(network)
        if isinstance(network, VGG16ImageClassifier):
            twin.predict_proba = self.predict_proba  # hides the method of its class
        else:
            twin.__class__ = _Knowing
            twin._answers, twin._names = self.predict_proba, network.get_feature_names_out()
        # Copied with the twin in the place of the original, however deep that lies.
        self._estimator = copy.deepcopy(estimator, {id(network): twin})
        self._reader = ActivationReader(
            network._trunk, network._settings, engine=network.engine, n_jobs=network.n_jobs
        )

    def __call__(self, row: int, changes: Sequence[Perturbation]) -> NDArray[np.float64]:
        path = self._paths[row]
        image = decode_image(read_bytes(path), path)
        settings = self._reader.settings
        height, width = settings.image_size
        n = max(1, _PIXELS // (height * width * settings.n_crops))
        parts = [changes[i : i + n] for i in range(0, len(changes), n)]
        answers = [self._compute(path, image, part) for part in parts]
        self._answers = np.concatenate(answers)
        keys = np.arange(len(changes)).astype(str).astype(object)
        return np.asarray(self._estimator.predict_proba(keys), dtype=np.float64)

    # scikit-learn recognises a response method by its name, and treats others otherwise.
    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Return what is known of copies, by their numbers as text."""
        return np.asarray(self._answers[np.asarray(X).astype(int).ravel()])

    def _compute(
        self, path: str, image: Image.Image, changes: Sequence[Perturbation]
    ) -> NDArray[Any]:
        """Do for copies in memory what the estimator does for files."""
        reader, settings = self._reader, self._reader.settings
        with blamed_on(path):
            crops = [render_crops(change(image), settings) for change in changes]
        forward = self._compiled(reader.network, (*settings.image_size, 3))
        values = forward(settings.preprocess(np.concatenate(crops)))
        rounded = mean_of_crops(values, map(len, crops)).astype(reader.dtype)
        if not isinstance(self._network, VGG16ImageClassifier):
            return np.asarray(rounded.astype(np.float32))
        outputs = self._compiled(self._network._tail, reader.shape)(rounded.astype("f4"))
        return of_each_class(outputs)

    def _compiled(self, network: Any, shape: tuple[int, ...]) -> Any:
        engine, n_threads = self._network.engine, self._reader.n_threads
        return compile_network(network, shape, engine=engine, n_threads=n_threads)


def without_store(estimator: Any) -> Any:
    """Return a copy of an estimator in which no VGG16 keeps activations."""
    try:
        copied, networks = copy_with_settings(estimator, {"cache": None})
    except Exception:  # one that holds a lock or a session, say, is asked itself
        return estimator
    return copied if networks else estimator
