"""
Tuning with GridSearchCV
========================

A search over the Dense layers and over the augmentation, with folds that never divide a
patch from its manipulated copy.
"""

# %%
import sys
from pathlib import Path
from tempfile import mkdtemp

from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold

from skfakereal import Augmentation, VGG16ImageClassifier
from skfakereal.datasets import make_fake_real_images

folder = Path(sys.argv[1] if len(sys.argv) > 1 else mkdtemp())
images = make_fake_real_images(folder / "images", n_images=120)
train, test = images.split == "train", images.split == "test"

# %%
# An ``Augmentation`` is a parameter object like any other: its settings are reached with
# two underscores.
classifier = VGG16ImageClassifier(
    image_size=(32, 32),
    weights="cifake",
    augmentation=Augmentation(zoom=0),
    n_views=2,
    epochs=6,
    random_state=0,
)
search = GridSearchCV(
    classifier,
    {"hidden_units": [(32,), (256, 128)], "augmentation__rotation": [0, 15]},
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
