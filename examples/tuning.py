"""
Tuning with GridSearchCV
========================

A search over the augmentation and over how much of VGG16 is trained, with folds that never
divide a picture from its manipulated copy.
"""

# %%
import sys
from pathlib import Path
from tempfile import mkdtemp

from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold

from skfakereal import Augmentation, VGG16ImageClassifier
from skfakereal.datasets import make_fake_real_images

folder = Path(sys.argv[1] if len(sys.argv) > 1 else mkdtemp())
images = make_fake_real_images(folder / "images", n_images=400)
train, test = images.split == "train", images.split == "test"

# %%
# An ``Augmentation`` is a parameter object like any other: its settings are reached with
# two underscores. What the frozen blocks make of an image is computed once for all
# candidates and folds that share it.
classifier = VGG16ImageClassifier(
    image_size=(32, 32),
    weights="cifake",
    hidden_units=(256, 128),
    learning_rate=1e-4,
    augmentation=Augmentation(rotation=0, zoom=0),
    n_views=4,
    epochs=4,
    early_stopping=False,
    random_state=0,
)
search = GridSearchCV(
    classifier,
    {"trainable_from": [None, "block4"], "augmentation__rotation": [0, 15]},
    scoring="roc_auc",
    cv=StratifiedGroupKFold(2, shuffle=True, random_state=0),
)
search.fit(images.data[train], images.target[train], groups=images.groups[train])

# %%
for parameters, score in zip(
    search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
):
    print(f"{score:.3f}  {parameters}")
print(f"on the test part: {search.score(images.data[test], images.target[test]):.3f}")
