"""
Where a detector looked
=======================

Patches of two photographs, and copies of them in which one square was made noisy, so that
it is known where the evidence is. A detector is trained on some, and both kinds of map are
held against the squares of others. ``python examples/explain.py FOLDER`` writes
``FOLDER/explain.png`` and ``FOLDER/occlusion.png``.
"""

# %%
import sys
from pathlib import Path
from tempfile import mkdtemp

import matplotlib as mpl
import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skfakereal import VGG16FeatureExtractor
from skfakereal.explain import (
    GradCAMDisplay,
    OcclusionDisplay,
    grad_cam,
    occlusion,
    randomization_check,
)

mpl.use("Agg")
folder = Path(sys.argv[1] if len(sys.argv) > 1 else mkdtemp())
folder.mkdir(parents=True, exist_ok=True)
images = Path(mkdtemp())

# %%
# 120 patches of 64x64, and as many copies with a noisy square of 28x28. The evidence is
# only in the square.
SIDE, SQUARE = 64, 28
random = np.random.RandomState(0)
paths, labels, corners = [], [], []
for photograph in map(Image.fromarray, load_sample_images().images):
    for top in range(0, photograph.height - SIDE, SIDE):
        for left in range(0, photograph.width - SIDE + 1, SIDE):
            real = photograph.crop((left, top, left + SIDE, top + SIDE))
            x, y = random.randint(0, SIDE - SQUARE + 1, 2)
            box = (x, y, x + SQUARE, y + SQUARE)
            fake = real.copy()
            noise = random.normal(0, 25, (SIDE, SIDE, 3))
            noisy = np.clip(np.asarray(real) + noise, 0, 255).astype(np.uint8)
            fake.paste(Image.fromarray(noisy).crop(box), box)
            for label, image in enumerate([real, fake]):
                paths.append(images / f"{len(paths):03}.png")
                image.save(paths[-1])
                labels.append(label)
                corners.append((y, x))
paths, labels, corners = np.array(paths), np.array(labels), np.array(corners)
# A patch and its copy stay together.
train = np.repeat(random.permutation(len(paths) // 2) >= 30, 2)

# %%
# Grad-CAM looks at one layer, so the features are those of the last block.
features = VGG16FeatureExtractor(
    weights="cifake", image_size=(SIDE, SIDE), pooling="avg", cache=None
)
clf = make_pipeline(features, StandardScaler(), LogisticRegression(C=0.001, max_iter=1000))
clf.fit(paths[train], labels[train])
print(f"accuracy on other patches: {clf.score(paths[~train], labels[~train]):.2f}")

# %%
# How often is the greatest value in the square (the pointing game of Zhang et al., 2018)?
# A square of 28x28 in 64x64 is hit by chance in 19 of 100.
shown = np.flatnonzero(~train & (labels == 1) & (clf.predict(paths) == 1))


def pointing(maps):
    found = []
    for values, (top, left) in zip(maps, corners[shown], strict=True):
        y, x = np.unravel_index(values.argmax(), values.shape)
        found.append(top <= y < top + SQUARE and left <= x < left + SQUARE)
    return f"{np.mean(found):.2f} of {len(found)} fakes that were found"


layer = "block4_conv3"
for name in ("block5_conv3", layer, "block3_conv3"):
    print(f"{name}:", pointing(grad_cam(clf, paths[shown], layer=name).maps))
print("occlusion:", pointing(occlusion(clf, paths[shown], patch=16).maps))

# %%
# What would be seen if nothing had been learned? See `randomization_check`.
check = randomization_check(clf, paths[shown[:8]], layer=layer)
for stage, likeness in zip(check.stages, check.similarity.mean(axis=0), strict=True):
    print(f"likeness to the maps with a random {stage}: {likeness:.2f}")

# %%
few = shown[[0, len(shown) // 2, -1]]
displays = {
    "explain": GradCAMDisplay.from_estimator(clf, paths[few], layer=layer),
    "occlusion": OcclusionDisplay.from_estimator(clf, paths[few], patch=16),
}
for name, display in displays.items():
    colour = "white" if name == "explain" else "black"
    for row, (top, left) in zip(display.axes_, corners[few], strict=True):
        for ax in row:
            square = mpl.patches.Rectangle(
                (left, top), SQUARE, SQUARE, fill=False, color=colour, linestyle="--"
            )
            ax.add_patch(square)
        row[0].set_title("the square was made noisy", fontsize="small")
    display.figure_.savefig(folder / f"{name}.png", dpi=80, metadata={"Software": None})
print(f"the pictures are in {folder}")
