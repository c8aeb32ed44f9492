"""Help, verdicts and pages import neither networks nor plots nor servers that they do not need."""

import json
import shutil
from pathlib import Path
from typing import Any

import joblib
import pytest
from conftest import Images, run_python

import skfakereal

# One process: each step begins with what those before it have imported.
STEPS = """
import contextlib, io, sys
from pathlib import Path

model, pickled, pipeline, trunk, out, *images = sys.argv[1:]
folder = str(Path(images[0]).parent.parent)
labels = [Path(path).parent.name for path in images]


def has_imported_none(step, *names):
    found = sorted(set(names) & set(sys.modules))
    assert not found, f"{step} imports {found}"


from skfakereal.cli import main

for words in (["--help"], ["--version"], ["predict", "--help"]):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        main(words)
NETWORKS = ("tensorflow", "keras", "scikeras")
COMPUTES = ("joblib", "matplotlib", "numpy", "PIL", "sklearn")
has_imported_none("help", *NETWORKS, *COMPUTES)

from skfakereal.persistence import read_description

read_description(model)
has_imported_none("a description", *NETWORKS, "joblib", "matplotlib", "ncnn", "scipy", "sklearn")

assert main(["predict", model, images[0], "--format", "json"]) == 0
has_imported_none("a verdict", *NETWORKS, "matplotlib", "pandas", "scipy", "sklearn")

for words in (
    ["predict", "--trust", pickled, images[0], "--stable", "--out", f"{out}/rows.csv"],
    ["score", "--trust", pickled, images[0], "--out", f"{out}/scores.csv"],
    ["audit", folder, "--out", f"{out}/audit"],
    ["equalize", folder, f"{out}/equal"],
):
    with contextlib.redirect_stdout(io.StringIO()):
        assert main(words) == 0, words
    has_imported_none(words[0], *NETWORKS, "distributed", "matplotlib", "starlette")

from skfakereal.engines import visible_gpus

assert visible_gpus(Path(out), {}) == []
has_imported_none("the search for a GPU", *NETWORKS)

import joblib
from skfakereal.explain import grad_cam, randomization_check

clf = joblib.load(pipeline)
grad_cam(clf, images[:1])
randomization_check(clf, images[:1], n_draws=1)
has_imported_none("Grad-CAM", *NETWORKS, "matplotlib")

from skfakereal import VGG16ImageClassifier

settings = {"image_size": 32, "weights": trunk, "cache": None, "n_views": 2}
clf = VGG16ImageClassifier(**settings, hidden_units=()).fit(images, labels)
assert clf.score(images, labels) == 1
has_imported_none("a linear head", *NETWORKS, "matplotlib")

from skfakereal.cases import case_report

case_report(model, images[0]).to_html()
has_imported_none("a case page", *NETWORKS, "starlette")

with contextlib.redirect_stdout(io.StringIO()):
    main(["explain", "--trust", pipeline, images[0], "--out", f"{out}/why"])
has_imported_none("explain", *NETWORKS)
"""


@pytest.mark.slow
def test_each_step_imports_only_what_it_needs(
    fitted_classifier: Any,
    pipeline: Any,
    narrow_trunk: str,
    dark_and_bright: Images,
    tmp_path: Path,
) -> None:
    model, pickles = tmp_path / "m.skfr", [tmp_path / "m.joblib", tmp_path / "p.joblib"]
    skfakereal.save(fitted_classifier, model)
    for path, estimator in zip(pickles, (fitted_classifier, pipeline), strict=True):
        joblib.dump(estimator, path)
    images = []
    for path, label in zip(*dark_and_bright, strict=True):
        images.append(tmp_path / "photos" / ("fake" if label else "real") / Path(path).name)
        images[-1].parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, images[-1])
    words = [model, *pickles, narrow_trunk, tmp_path, *images]
    (row,) = json.loads(run_python(STEPS, *words))
    expected = fitted_classifier.predict_proba(dark_and_bright[0][:1])[0, 1]
    assert row["probability"] == pytest.approx(expected, abs=1e-6)


def test_imports_of_the_package_are_light() -> None:
    program = """
import sys
for statement in (
    "import skfakereal",
    "import skfakereal.datasets, skfakereal.evaluation, skfakereal.audit, skfakereal.cards",
    "import skfakereal.persistence, skfakereal.thresholds, skfakereal.scoring",
    "import skfakereal._pages.pictures",
    "from skfakereal.explain import GradCAMDisplay, occlusion, randomization_check",
    "from skfakereal import Augmentation, VGG16FeatureExtractor, VGG16ImageClassifier",
):
    exec(statement)
    heavy = {"tensorflow", "keras", "scikeras", "matplotlib", "ncnn"} & {*sys.modules}
    assert not heavy, (statement, heavy)
"""
    run_python(program)
