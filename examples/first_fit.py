"""
A first fit, and what it is worth
=================================

Make a small set of images, train on one part of it, and look at the other part.
"""

# %%
# The images. ``load_image_folder("photos/")`` lists your own, from ``photos/fake`` and
# ``photos/real``. These here are a toy: parts of three photographs, and manipulated
# copies of them. The test part is from a photograph of its own.
import sys
from pathlib import Path
from tempfile import mkdtemp

from skfakereal import VGG16ImageClassifier
from skfakereal.datasets import make_fake_real_images
from skfakereal.evaluation import MisclassifiedDisplay, TrainingCurveDisplay, evaluate

folder = Path(sys.argv[1] if len(sys.argv) > 1 else mkdtemp())
images = make_fake_real_images(folder / "images", n_images=600)
train, test = images.split == "train", images.split == "test"

# %%
# The detector. ``weights="cifake"`` needs no download and suits images of 32x32; the
# default is ``"imagenet"`` at 224x224. The toy's fakes are told by fine traces, which turning
# and zooming would cover, so there is no augmentation. A picture and its manipulated copy are
# of one group, and ``groups`` keeps them together in the cross-validation that chooses how
# strongly the linear head is regularised.
classifier = VGG16ImageClassifier(
    image_size=(32, 32), weights="cifake", augmentation=None, random_state=0
)
classifier.fit(images.data[train], images.target[train], groups=images.groups[train])
print(f"weight decay: {classifier.weight_decay_:.2g}")

# %%
# The report, on images that it has not seen.
report = evaluate(
    classifier, images.data[test], images.target[test], target_names=images.target_names
)
print(report)

# %%
# The pictures: figures, training curves, and the errors that it was surest of.
report.plot().savefig(folder / "report.png")
TrainingCurveDisplay.from_estimator(classifier).figure_.savefig(folder / "training.png")
MisclassifiedDisplay.from_report(report).figure_.savefig(folder / "errors.png")
print(f"pictures are in {folder}")
