"""
The views of one image
======================

What augmentation makes of an image: the plain image, which validation and prediction see,
and the views on which the epochs train, with the default settings and with those that
forensic work adds. ``python examples/views.py FOLDER`` writes ``FOLDER/views.png``.
"""

# %%
import sys
from pathlib import Path
from tempfile import mkdtemp

import matplotlib as mpl
from PIL import Image
from sklearn.datasets import load_sample_image

from skfakereal import Augmentation

mpl.use("Agg")
import matplotlib.pyplot as plt

folder = Path(sys.argv[1] if len(sys.argv) > 1 else mkdtemp())
folder.mkdir(parents=True, exist_ok=True)
flower = folder / "flower.png"
Image.fromarray(load_sample_image("flower.jpg")).save(flower)

# %%
# Each view is a pure function of the image's content, the settings and its number.
rows = {
    "default": Augmentation(),
    "with blur and JPEG": Augmentation(blur=(0, 3), jpeg_quality=(30, 100)),
}
figure, axes = plt.subplots(len(rows), 6, figsize=(12, 4.6), layout="constrained")
for (name, augmentation), line in zip(rows.items(), axes, strict=True):
    for number, ax in enumerate(line):
        ax.imshow(augmentation.render(flower, number))
        ax.set_title(f"view {number}" if number else "view 0: the plain image", fontsize=9)
        ax.set(xticks=[], yticks=[])
    line[0].set_ylabel(name)
figure.savefig(folder / "views.png", dpi=80)
print(f"the picture is {folder / 'views.png'}")
