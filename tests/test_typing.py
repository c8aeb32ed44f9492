"""What type checkers say of a user's script: nothing, or what is wrong with it."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

RIGHT = """
from pathlib import Path

import numpy as np
import pandas as pd

from skfakereal import Augmentation, VGG16FeatureExtractor, VGG16ImageClassifier, load, save
from skfakereal.audit import audit_images, equalize_images
from skfakereal.datasets import fetch_cifake, load_image_folder, make_fake_real_images
from skfakereal.evaluation import evaluate, robustness_report
from skfakereal.explain import grad_cam
from skfakereal.scoring import score_paths
from skfakereal.thresholds import tune_threshold

images = load_image_folder(Path("photos"), split="train")
clf = VGG16ImageClassifier(
    image_size=224,
    trainable_from="block5",
    hidden_units=(64,),
    augmentation=Augmentation(rotation=30, jpeg_quality=(30, 100)),
    weights=Path("weights.h5"),
    class_weight={0: 1.0, 1: 2.0},
    random_state=np.random.RandomState(0),
)
paths = [Path("a.jpg"), Path("b.jpg")]
clf.fit(images.data, images.target, groups=images.groups).predict(paths)
clf.fit(["a.jpg", "b.jpg"], ["real", "fake"], X_val=paths, y_val=[0, 1])
clf.predict_proba(tuple(paths))
clf.predict(np.array(["a.jpg"]))
clf.predict([["a.jpg"], ["b.jpg"]])
clf.predict(pd.Series(["a.jpg"]))
VGG16FeatureExtractor(image_size=(32, 48)).fit_transform(paths)
Augmentation().render(Path("a.jpg"), 1, image_size=64, resize="crop")
report = evaluate(clf, paths, [0, 1])
for kind in report.plots:
    report.plot(kind)
robustness_report(clf, paths, [0, 1])
grad_cam(clf, paths)
audit_images(paths, [0, 1])
equalize_images(paths, [0, 1], "copies").originals.tolist()
tuned, choice = tune_threshold(clf, paths, [0, 1], target_fpr=0.01, calibration="sigmoid")
score_paths(clf, paths, "scores.csv", format="csv")
save(clf, Path("model.skfr"))
model = load(Path("model.skfr"))
model.predict_proba(paths).argmax(axis=1)
model.named_steps["head"]
if isinstance(model, VGG16ImageClassifier):
    model.best_epoch_
reveal_type(images.data)
reveal_type(images.target)
reveal_type(fetch_cifake().target_names)
reveal_type(make_fake_real_images("made").DESCR)
reveal_type(model.predict(paths))
reveal_type(model)
"""
REVEALED = [
    r"ndarray\[.*object_",
    r"ndarray\[.*(int64|signedinteger.*64Bit)",
    r"list\[(builtins\.)?str\]",
    r"str",
    r"ndarray\[",
    r"LoadedEstimator",
]
WRONG = """
from skfakereal import Augmentation, VGG16ImageClassifier, load
from skfakereal.datasets import load_image_folder
from skfakereal.evaluation import evaluate

VGG16ImageClassifier(trainable_from="block6")
VGG16ImageClassifier(image_size="224")
VGG16ImageClassifier(resize="pad")
VGG16ImageClassifier().predict(object())
Augmentation().render("a.jpg", 1, resize="pad")
load_image_folder("photos", split="training")
load("model.skfr").predict(object())
evaluate(None, ["a.jpg"], [1]).plot("roc_curve")
"""
# A checker's messages: the line, whether it is an error, and what it says.
Messages = list[tuple[int, bool, str]]


def mypy(script: Path) -> Messages:
    command = [sys.executable, "-m", "mypy", "--strict", "--ignore-missing-imports"]
    # Not this repository's settings, which are for its own code.
    settings = ["--config-file", "", "--cache-dir", str(script.parent / "cache")]
    told = _output([*command, *settings, str(script)])
    found = re.findall(r"^[^:]+:(\d+): (error|note): (.*)$", told, re.MULTILINE)
    return [(int(line), kind == "error", text) for line, kind, text in found]


def pyright(script: Path) -> Messages:
    # basedpyright, which has all that it needs in its wheel, with pyright's own rules.
    settings = script.parent / "pyrightconfig.json"
    settings.write_text('{"typeCheckingMode": "standard", "reportMissingImports": false}')
    command = [sys.executable, "-m", "basedpyright", "--outputjson"]
    place = ["--project", str(settings), "--pythonpath", sys.executable]
    told = json.loads(_output([*command, *place]))["generalDiagnostics"]
    return [
        (each["range"]["start"]["line"] + 1, each["severity"] == "error", each["message"])
        for each in told
    ]


def _output(command: list[str]) -> str:
    process = subprocess.run(
        command, capture_output=True, text=True, timeout=600, check=False
    )
    assert process.stdout, process.stderr
    return process.stdout


@pytest.mark.slow
@pytest.mark.parametrize("checker", [mypy, pyright])
def test_a_users_script(checker: Callable[[Path], Messages], tmp_path: Path) -> None:
    pytest.importorskip("mypy" if checker is mypy else "basedpyright")
    script = tmp_path / "script.py"

    script.write_text(RIGHT + WRONG)
    messages = checker(script)
    lines, begin = (RIGHT + WRONG).splitlines(), RIGHT.count("\n")
    wanted = {i for i, x in enumerate(lines, 1) if i > begin and x and "import" not in x}
    assert {line for line, is_error, _ in messages if is_error} == wanted
    revealed = [
        text for _, _, text in messages if "evealed type" in text or "Type of" in text
    ]
    assert len(revealed) == len(REVEALED)
    for text, pattern in zip(revealed, REVEALED, strict=True):
        assert re.search(pattern, text), text
