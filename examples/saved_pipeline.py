"""
A pipeline, saved and used in another process
=============================================

VGG16's features with a classifier of scikit-learn's own, in one file.
"""

# %%
import subprocess
import sys
from pathlib import Path
from tempfile import mkdtemp

import joblib
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skfakereal import VGG16FeatureExtractor
from skfakereal.datasets import make_fake_real_images

folder = Path(sys.argv[1] if len(sys.argv) > 1 else mkdtemp())
images = make_fake_real_images(folder / "images", n_images=240)
train, test = images.split == "train", images.split == "test"

# %%
model = make_pipeline(
    VGG16FeatureExtractor(image_size=(32, 32), weights="cifake"),
    StandardScaler(),
    LogisticRegression(C=0.01, max_iter=1000),
)
model.fit(images.data[train], images.target[train])
print(f"accuracy: {model.score(images.data[test], images.target[test]):.3f}")
joblib.dump(model, folder / "model.joblib", compress=3)

# %%
# Another process. Only load files that you trust: a joblib file can run any code.
program = """
import sys, joblib
model = joblib.load(sys.argv[1])
for path, (_, fake) in zip(sys.argv[2:], model.predict_proba(sys.argv[2:])):
    print(f"{fake:.3f}  {path}")
"""
suspects = [str(path) for path in images.data[test][:5]]
there = subprocess.run(
    [sys.executable, "-c", program, str(folder / "model.joblib"), *suspects],
    check=True,
    capture_output=True,
    text=True,
)
print(there.stdout)
here = model.predict_proba(suspects)[:, 1]
assert [line.split()[0] for line in there.stdout.splitlines()] == [f"{p:.3f}" for p in here]
