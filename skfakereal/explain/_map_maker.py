"""The maps of some images, for detectors that differ in their last layers only."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfakereal.explain._gradients import Scores, class_activation, forward
from skfakereal.explain._opened import OpenedNetwork

# The last layer that no random detector changes.
_LAST_SHARED = "block4_pool"


class MapMaker:
    """What the detectors have in common is computed once, by an engine; the rest in NumPy."""

    def __init__(
        self,
        opened: OpenedNetwork,
        views: NDArray[np.uint8],
        n_layers: int | None,
        wanted: NDArray[np.intp],
    ) -> None:
        shared = opened.position(_LAST_SHARED)
        self._n_shared = shared if n_layers is None else min(shared, n_layers)
        self._n_layers = n_layers
        self._scores: Scores = opened.scores_of(wanted)
        self._inputs = opened.activations(views, self._n_shared)

    def signed_maps(self, opened: OpenedNetwork) -> NDArray[Any]:
        """Return one value for each cell or patch, of which only the order means anything."""
        if self._n_layers is None:
            scores = forward(opened.layers[self._n_shared :], self._inputs)
            rows = np.arange(len(scores))
            # The less is left without a patch, the more it is worth.
            worth = -scores[rows, self._scores.outputs] * self._scores.signs
            return worth.reshape(1, -1)
        between = opened.layers[self._n_shared : self._n_layers]
        activations = forward(between, self._inputs)
        rest = opened.layers[self._n_layers :]
        maps = class_activation(rest, activations, self._scores)
        return maps.reshape(len(maps), -1)
