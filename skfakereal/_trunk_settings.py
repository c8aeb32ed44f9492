"""What decides an image's activations beside its content and the trunk's weights."""

from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfakereal._network import Quantization

# ImageNet's mean colour as Keras's VGG16 was trained with it: blue, green, red.
IMAGENET_MEAN = np.array([103.939, 116.779, 123.68], np.float32)


@dataclass(frozen=True)
class TrunkSettings:
    """What decides an image's activations beside its content and the trunk's weights."""

    image_size: tuple[int, int]
    resize: str
    preprocessing: str  # "unit" or "imagenet": what "auto" came to in `fit`
    pooling: str
    cut: str | None
    n_crops: int = 1  # models without it are older
    # For engine="int8": the largest activation of each convolution, where it was measured.
    ranges: tuple[float, ...] | None = field(default=None, repr=False)

    @property
    def sees_all_layers(self) -> bool:
        """Whether statistics of all convolutions are what the head sees."""
        return self.pooling in ("statistics", "correlations")

    def preprocess(self, views: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return pixels as the trunk takes them."""
        if self.preprocessing == "imagenet":
            return views[..., ::-1].astype(np.float32) - IMAGENET_MEAN
        return views.astype(np.float32) / np.float32(255)

    @property
    def quantization(self) -> Quantization | None:
        """What whole pixels are to the trunk, and how far its activations reach."""
        if self.ranges is None:
            return None
        if self.preprocessing == "imagenet":
            blue, green, red = (-IMAGENET_MEAN).tolist()
            return Quantization((blue, green, red), 1.0, self.ranges)
        return Quantization((0.0, 0.0, 0.0), 1 / 255, self.ranges)


def trunk_settings(
    estimator: Any, trained_on: str, *, cut: str | None = None
) -> TrunkSettings:
    """Return the settings of a trunk from an estimator's parameters, and from its own."""
    return TrunkSettings(
        image_size=height_and_width(estimator.image_size),
        resize=estimator.resize,
        preprocessing=(
            trained_on if estimator.preprocessing == "auto" else estimator.preprocessing
        ),
        pooling=estimator.pooling,
        cut=cut,
        n_crops=int(estimator.n_crops),
    )


def height_and_width(image_size: Any) -> tuple[int, int]:
    """Return height and width; a single number is both."""
    is_side = isinstance(image_size, Integral)
    height, width = (image_size, image_size) if is_side else image_size
    return int(height), int(width)
