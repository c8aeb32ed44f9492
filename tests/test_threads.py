import os
import signal
import sys

import joblib
import pytest
from conftest import Images, MakeImage, Patch, Said, here, run_python, start_python

from skfakereal._quiet import _without_chatter
from skfakereal._threads import count_threads


@pytest.mark.parametrize(
    ("variable", "is_one"), [(None, False), ("1", True), ("9999", False), ("2,1", False)]
)
def test_none_is_this_process_share(
    monkeypatch: Patch, variable: str | None, is_one: bool
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if variable:
        monkeypatch.setenv("OMP_NUM_THREADS", variable)
    assert count_threads(None) == (1 if is_one else joblib.cpu_count())
    assert (count_threads(3), count_threads(-1)) == (3, joblib.cpu_count())


def _threads_of_a_worker() -> int:
    return count_threads(None)


def test_workers_of_a_search_share_the_cores() -> None:
    tasks = (joblib.delayed(_threads_of_a_worker)() for _ in range(2))
    counts = joblib.Parallel(n_jobs=2, backend="loky")(tasks)
    assert counts == [max(1, joblib.cpu_count() // 2)] * 2


@pytest.mark.slow
def test_tensorflow_keeps_to_the_share() -> None:
    program = """
import os
os.environ["OMP_NUM_THREADS"] = "1"
from skfakereal._threads import prepare_tensorflow
prepare_tensorflow()
import numpy as np, tensorflow as tf
tf.linalg.matmul(np.ones((400, 400), "f4"), np.ones((400, 400), "f4"))
threads = [open(f"/proc/self/task/{t}/comm").read() for t in os.listdir("/proc/self/task")]
print(sum("tf_Compute" in name or "tf_" in name for name in threads))
print(os.environ["TF_NUM_INTRAOP_THREADS"])
"""
    if not sys.platform.startswith("linux"):
        pytest.skip("reads /proc")
    assert run_python(program).split()[-1] == "1"


@pytest.mark.slow
@pytest.mark.parametrize(("level", "speaks"), [(None, False), ("0", True)])
def test_tensorflow_is_quiet_from_python_unless_it_is_asked_to_speak(
    level: str | None, speaks: bool, make_image: MakeImage
) -> None:
    program = """
import sys
from contextlib import nullcontext
from skfakereal import VGG16ImageClassifier
from skfakereal.cli._output import quiet_libraries
clf = VGG16ImageClassifier(
    image_size=32, weights="cifake", hidden_units=(2,), epochs=1, n_views=1, cache=None
)
print("mine", file=sys.stderr)
with quiet_libraries() if SPEAKS else nullcontext():  # which heeds the variable, too
    clf.fit(sys.argv[1:], [0, 1] * 2).predict_proba(sys.argv[1:])
assert "tensorflow" in sys.modules
"""
    environment = {k: v for k, v in here().items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    environment |= {"TF_CPP_MIN_LOG_LEVEL": level} if level else {}
    images = [make_image(f"{i}.png", i) for i in range(4)]
    program = program.replace("SPEAKS", str(speaks))
    done = start_python("-c", program, *images, env=environment)
    assert done.returncode == 0, done.stderr
    assert ("oneDNN" in done.stderr) == speaks
    if not speaks:
        assert done.stderr == "mine\n"


def test_only_lines_of_tensorflow_are_held_back(capfd: Said) -> None:
    chatter = (
        b"WARNING: All log messages before absl::InitializeLog() is called are written\n"
        b"I0000 00:00:1795792978.274328   17915 port.cc:153] oneDNN custom operations\n"
        b"2026-11-27 15:29:11.123456: I tensorflow/core/util/port.cc:153] oneDNN\n"
        b"To enable the following instructions: AVX2, rebuild TensorFlow\n"
    )
    with _without_chatter():
        os.write(2, b"mine\n" + chatter + b"and mine")
    assert capfd.readouterr().err == "mine\nand mine"


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")

# Each forked child has 60 seconds and says what came of it; a hang is killed by SIGALRM.
FORKS = """
import os, signal, sys
import numpy as np
from skfakereal import VGG16ImageClassifier

paths, labels = sys.argv[1:], np.repeat([0, 1], 12)

def make(**changes):
    settings = dict(
        image_size=(32, 32), weights="cifake", hidden_units=(4,), epochs=1,
        augmentation=None, early_stopping=False, cache=None, random_state=0,
    )
    return VGG16ImageClassifier(**settings | changes)

def in_a_child(name, function):
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        try:
            print(name, "returned", function(), flush=True)
        except BaseException as error:
            print(name, "raised", type(error).__name__, error, flush=True)
        os._exit(0)
    print(name, "ended with", os.waitpid(child, 0)[1], flush=True)
"""


def run_forks(code: str, images: Images) -> dict[str, str]:
    # Python's pool may hang for ever when it is stopped after an error, most of all on a busy
    # machine (CPython's issues 73945 and 96995, joblib's 295 and 1034): three tries.
    for _ in range(3):
        done = start_python("-c", FORKS + code, *images[0], timeout=400)
        if done.returncode != -signal.SIGALRM:
            break
    assert done.returncode == 0, done.stderr
    lines = [line.split(" ", 1) for line in done.stdout.splitlines()]
    assert [what for _, what in lines if what.startswith("ended")] == [
        what for _, what in lines if what == "ended with 0"
    ], done.stdout
    return {name: what for name, what in lines if not what.startswith("ended")}


@needs_fork
@pytest.mark.slow
def test_a_fork_after_a_fit_predicts_and_says_why_it_cannot_fit(
    dark_and_bright: Images,
) -> None:
    """Only a TensorFlow that has computed forbids it, whoever had it compute."""
    code = """
import tensorflow as tf
from joblib import parallel_backend
from sklearn.model_selection import GridSearchCV

in_a_child("imported", lambda: make().fit(paths, labels).n_iter_)
tf.constant(1.0)
in_a_child("computed", lambda: make().fit(paths, labels))
fitted = make().fit(paths, labels)
by_tensorflow = make(engine="tensorflow").fit(paths, labels)
expected = fitted.predict_proba(paths)
in_a_child("predict", lambda: np.array_equal(fitted.predict_proba(paths), expected))
in_a_child("tensorflow", lambda: by_tensorflow.predict_proba(paths))
in_a_child("fit", lambda: make().fit(paths, labels))

def search(error_score):
    grid = GridSearchCV(make(), {"epochs": [1, 2]}, cv=2, error_score=error_score)
    with parallel_backend("multiprocessing", n_jobs=2):
        grid.fit(paths, labels)

for error_score in (np.nan, "raise"):
    signal.alarm(90)
    try:
        search(error_score)
    except Exception as error:
        text = " ".join(str(error).split())
        print(f"search-{error_score}", "raised", type(error).__name__, text, flush=True)
"""
    said = run_forks(code, dark_and_bright)
    assert said.pop("imported") == "returned 1"
    assert said.pop("predict") == "returned True"
    assert set(said) == {"computed", "tensorflow", "fit", "search-nan", "search-raise"}
    for name, what in said.items():
        kind = "ValueError" if name == "search-nan" else "RuntimeError"
        assert what.startswith(f"raised {kind}"), name
        for words in ("its threads do not survive a fork", "'loky'", "'spawn'"):
            assert words in what, name
