"""Labelled images: your own folder, a small generated set, and CIFAKE.

Each is imported when it is first touched: `skfakereal predict` needs none of it.
"""

from typing import TYPE_CHECKING

from skfakereal._lazy import lazily

if TYPE_CHECKING:
    from skfakereal.datasets._cifake import fetch_cifake as fetch_cifake
    from skfakereal.datasets._folder import LabelledImages as LabelledImages
    from skfakereal.datasets._folder import load_image_folder as load_image_folder
    from skfakereal.datasets._generated import (
        make_fake_real_images as make_fake_real_images,
    )


__getattr__, __dir__, __all__ = lazily(
    __name__,
    inner={"_folder": "LabelledImages"},
    _cifake="fetch_cifake",
    _folder="load_image_folder",
    _generated="make_fake_real_images",
)
