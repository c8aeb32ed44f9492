"""What happens to images on their way: compression, scaling, blur, noise, cropping.

Each perturbation is a pure function of an image's pixels: the same pixels give the same
copy, in every run and in any order, whatever class the image is of. They are small frozen
objects that print as they are written, so that a list of them says what was done:

>>> [Jpeg(85), Scale(0.5), Chain("web", (Fit(768), Jpeg(60)))]
[Jpeg(quality=85), Scale(factor=0.5), Chain(name='web', steps=(Fit(side=768), Jpeg(quality=60)))]

Anything with `family`, `level` and ``__call__`` is one too.
"""

from dataclasses import dataclass
from typing import Protocol

from PIL import Image

from skfakereal.evaluation._pixel_changes import Blur, Copy, Jpeg, Noise, WebP
from skfakereal.evaluation._size_changes import Crop, Fit, Scale, Trim

__all__ = [
    "Blur",
    "Chain",
    "Copy",
    "Crop",
    "Fit",
    "Jpeg",
    "Noise",
    "Perturbation",
    "Scale",
    "Trim",
    "WebP",
]


class Perturbation(Protocol):
    """What `robustness_report` and `stable_verdicts` take: image in, changed copy out."""

    @property
    def family(self) -> str:
        """The curve that it is a point of, for instance ``"JPEG quality"``."""

    @property
    def level(self) -> str:
        """Which point of the curve, for instance ``"85"``."""

    def __call__(self, image: Image.Image, /) -> Image.Image:
        """Return a changed copy of an RGB image; the image itself is left alone."""


@dataclass(frozen=True)
class Chain:
    """Several perturbations, one after the other, as sharing a screenshot does.

    Parameters
    ----------
    name : str
        What to call it.
    steps : tuple of Perturbation
        The first is done first.
    """

    name: str
    steps: tuple[Perturbation, ...]
    family = "chain"

    @property
    def level(self) -> str:
        """The name."""
        return self.name

    def too_small(self, size: tuple[int, int]) -> bool:
        """Tell whether a `Fit` in it leaves an image of this size alone.

        Parameters
        ----------
        size : (int, int)
            Width and height in pixels.

        Returns
        -------
        bool
            Whether nothing would be shrunk.
        """
        return any(isinstance(step, Fit) and step.too_small(size) for step in self.steps)

    def __call__(self, image: Image.Image, /) -> Image.Image:  # noqa: D102
        for step in self.steps:
            image = step(image)
        return image
