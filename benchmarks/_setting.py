"""How large a run of the benchmarks is."""

from dataclasses import dataclass

__all__ = ["FULL", "QUICK", "SMALLEST", "Setting"]


@dataclass(frozen=True)
class Setting:
    """Sizes and counts of one run; the cases say what they are for.

    Parameters
    ----------
    name : str
        What the table calls it.
    rounds : int
        How often each contestant is measured.
    sides : tuple of int
        Sides of the images in the forward case, in pixels.
    forward_images : int
        Images in a round of the forward case at 224x224; of small ones up to 36 times more.
    side : int
        Side of the images of the cases that fit.
    fit_images, search_images : int
        Images of the two cases.
    photographs : int
        Images of the case of large photographs.
    photograph_size : tuple of (int, int)
        Their width and height.
    epochs : int
        Epochs of each fit.
    n_views : int
        Views of the fit that is called the default one.
    memory_images : tuple of (int, int)
        The few and the many images whose peaks of memory are compared.
    """

    name: str
    rounds: int
    sides: tuple[int, ...]
    forward_images: int
    side: int
    fit_images: int
    search_images: int
    photographs: int
    photograph_size: tuple[int, int]
    epochs: int
    n_views: int
    memory_images: tuple[int, int]


FULL = Setting(
    name="full",
    rounds=5,
    sides=(32, 64, 224),
    forward_images=32,
    side=224,
    fit_images=100,
    search_images=120,
    photographs=20,
    photograph_size=(4000, 3000),
    epochs=10,
    n_views=8,
    memory_images=(1_000, 20_000),
)
# To see within minutes that all of it works; its ratios are those of small work.
QUICK = Setting(
    name="quick",
    rounds=2,
    sides=(32, 224),
    forward_images=8,
    side=64,
    fit_images=40,
    search_images=36,
    photographs=20,
    photograph_size=(2000, 1500),
    epochs=4,
    n_views=3,
    memory_images=(200, 2_000),
)
# For the tests.
SMALLEST = Setting(
    name="smallest",
    rounds=1,
    sides=(32,),
    forward_images=1,
    side=32,
    fit_images=24,
    search_images=24,
    photographs=24,
    photograph_size=(64, 48),
    epochs=2,
    n_views=1,
    memory_images=(20, 40),
)
