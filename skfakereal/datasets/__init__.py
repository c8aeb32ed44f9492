"""Labelled images: your own folder, a small generated set, and CIFAKE."""

from skfakereal.datasets._cifake import fetch_cifake
from skfakereal.datasets._folder import load_image_folder
from skfakereal.datasets._generated import make_fake_real_images

__all__ = ["fetch_cifake", "load_image_folder", "make_fake_real_images"]
