"""What the sanity check found, in figures and in words."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
        if self.n_cells < _FEWEST_CELLS:
            return (
                f"The map has only {self.n_cells} cells, too few for the sanity check to "
                "say anything; choose an earlier layer."
            )
        likeness = self.similarity[image]
        if np.isnan(likeness).any():
            return "The map is the same everywhere: there is nothing to be seen in it."
        return " ".join(
            _MEANINGS[stage][int(value >= _LIKE)].format(value)
            for stage, value in zip(self.stages, likeness, strict=True)
        )


# From this likeness on, a map is said to be nearly the same.
_LIKE = 0.7
_MEANINGS = {
    "head": (
        "With random layers on top of VGG16 the map is another one (likeness {:.2f}): it "
        "depends on how this detector decides.",
        "With random layers on top of VGG16 the map stays nearly the same, but for its sign "
        "(likeness {:.2f}): it shows what VGG16 responds to in this picture, and little of "
        "how this detector decides.",
    ),
    "block5": (
        "With a random last block of VGG16 as well, it is another one (likeness {:.2f}).",
        "With a random last block of VGG16 as well, it stays nearly the same (likeness "
        "{:.2f}): the picture alone gives such a map. Do not rely on it.",
    ),
}
