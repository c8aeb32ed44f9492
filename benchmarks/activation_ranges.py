"""Measure how far a trunk's activations reach, for the 8-bit engine.

``python -m benchmarks.activation_ranges FOLDER --weights WEIGHTS --image-size 224`` prints
the trunk's digest and the ranges on 32 images of a folder, which go into
``skfakereal/_quantization.py``.
"""

import argparse
from types import SimpleNamespace

from skfakereal._quantization import measure_on
from skfakereal._trunk_settings import trunk_settings
from skfakereal._weights import load_trunk
from skfakereal.datasets import load_image_folder


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", help="images in folders by class")
    parser.add_argument("--weights", required=True, help="as the classifier takes them")
    parser.add_argument("--image-size", type=int, default=224)
    arguments = parser.parse_args()
    trunk = load_trunk(arguments.weights)
    asked = SimpleNamespace(
        image_size=arguments.image_size,
        resize="stretch",
        preprocessing="auto",
        pooling="avg",
        n_crops=1,
    )
    settings = trunk_settings(asked, trunk.preprocessing)
    paths = load_image_folder(arguments.folder).data.tolist()
    ranges = ", ".join(f"{value:.4g}" for value in measure_on(trunk, settings, paths))
    print(f'"{trunk.digest.hex()}": ({ranges}),')


if __name__ == "__main__":
    main()
