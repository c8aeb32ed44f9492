"""Writing a .skfr file: whole or not at all, whatever happens in between."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier

import skfakereal
from skfakereal.persistence import read_description

X = np.random.default_rng(0).standard_normal((40, 3))
Y = np.repeat([0, 1], 20)
unix = pytest.mark.skipif(
    os.name != "posix", reason="needs signals and permissions of Unix"
)

# Saves models of 8 MB, again and again, with the label that it is told.
SAVE = """
import sys
import numpy as np
from sklearn.linear_model import RidgeClassifier
import skfakereal
path, label, n_times = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
X = np.random.default_rng(label).standard_normal((2, 1_000_000))
model = RidgeClassifier().fit(X, [label, label + 1])
print("ready", flush=True)
for _ in range(n_times):
    skfakereal.save(model, path, metadata={"label": label})
"""


def start_saving(path: Path, label: int, n_times: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", SAVE, str(path), str(label), str(n_times)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
@unix
def test_killed_while_writing(tmp_path: Path) -> None:
    path = tmp_path / "model.skfr"
    skfakereal.save(LogisticRegression().fit(X, Y), path, metadata={"label": 0})
    seen = set()
    for i in range(4):
        process = start_saving(path, i + 1, 1000)
        assert process.stdout.readline() == "ready\n"
        # Until a part is being written, and then at another moment each time.
        while not list(tmp_path.glob(".*.part")):
            assert process.poll() is None
        time.sleep(0.013 * i)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        seen.add(read_description(path).metadata["label"])
    assert seen <= {0, 1, 2, 3, 4}
    # What lies about is hidden, has another suffix, and hinders nobody.
    assert {p.name for p in tmp_path.glob("*.skfr")} == {"model.skfr"}
    skfakereal.save(LogisticRegression().fit(X, Y), path)


@pytest.mark.slow
@unix
def test_two_processes_save_to_the_same_place(tmp_path: Path) -> None:
    path = tmp_path / "model.skfr"
    skfakereal.save(LogisticRegression().fit(X, Y), path, metadata={"label": 0})
    processes = [start_saving(path, label, 8) for label in (1, 2)]
    while any(process.poll() is None for process in processes):
        read_description(path)  # raises if it is not whole
    for process in processes:
        assert process.wait() == 0
        process.stdout.close()
    model = skfakereal.load(path)
    label = read_description(path).metadata["label"]
    assert model.classes_.tolist() == [label, label + 1]
    assert [p.name for p in tmp_path.iterdir()] == ["model.skfr"]


def test_a_full_disk_leaves_the_old_file(
    tmp_path: Path, full_disk: Callable[[int], None]
) -> None:
    path = tmp_path / "model.skfr"
    skfakereal.save(LogisticRegression().fit(X, Y), path)
    before = path.read_bytes()
    full_disk(100_000)
    with pytest.raises(OSError, match="too large"):
        skfakereal.save(RidgeClassifier().fit(np.eye(2, 40_000), [0, 1]), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["model.skfr"]


def test_a_model_that_is_refused_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "model.skfr"
    skfakereal.save(LogisticRegression().fit(X, Y), path)
    before = path.read_bytes()
    with pytest.raises(TypeError, match=r"KNeighborsClassifier.*joblib"):
        skfakereal.save(KNeighborsClassifier().fit(X, Y), path)
    # Well formed, but this attribute could not be set again: seen when it is read back.
    model = LogisticRegression().fit(X, Y)
    model.n_iter_ = {(): [[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]}
    with pytest.raises(ValueError, match="too deeply"):
        skfakereal.save(model, path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["model.skfr"]


@unix
def test_permissions_and_links(tmp_path: Path) -> None:
    model = LogisticRegression().fit(X, Y)
    before = os.umask(0o027)
    try:
        skfakereal.save(model, tmp_path / "new.skfr")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new.skfr").stat().st_mode) == 0o640
    (tmp_path / "new.skfr").chmod(0o600)
    (tmp_path / "link.skfr").symlink_to("new.skfr")
    skfakereal.save(model, tmp_path / "link.skfr", metadata={"again": True})
    assert (tmp_path / "link.skfr").is_symlink()
    assert stat.S_IMODE((tmp_path / "new.skfr").stat().st_mode) == 0o600
    assert read_description(tmp_path / "new.skfr").metadata == {"again": True}
    (tmp_path / "bare.skfr").write_bytes(b"")
    skfakereal.save(model, tmp_path / "bare.skfr")
    skfakereal.load(tmp_path / "bare.skfr")
