"""Labelled images: your own folder, a small generated set, and CIFAKE.

Each is imported when it is first touched: `skfakereal predict` needs none of it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skfakereal.datasets._cifake import fetch_cifake
    from skfakereal.datasets._folder import load_image_folder
    from skfakereal.datasets._generated import make_fake_real_images

__all__ = ["fetch_cifake", "load_image_folder", "make_fake_real_images"]

_HOME = {
    "fetch_cifake": "skfakereal.datasets._cifake",
    "load_image_folder": "skfakereal.datasets._folder",
    "make_fake_real_images": "skfakereal.datasets._generated",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
