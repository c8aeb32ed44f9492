import subprocess
import sys

import joblib
import pytest

from skfakereal._threads import count_threads


def test_none_is_this_process_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert count_threads(None) == joblib.cpu_count()
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert count_threads(None) == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "9999")
    assert count_threads(None) == joblib.cpu_count()
    monkeypatch.setenv("OMP_NUM_THREADS", "2,1")
    assert count_threads(None) == joblib.cpu_count()


def test_numbers_are_joblibs() -> None:
    assert count_threads(3) == 3
    assert count_threads(-1) == joblib.cpu_count()


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
from skfakereal._threads import limit_tensorflow
limit_tensorflow()
import numpy as np, tensorflow as tf
tf.linalg.matmul(np.ones((400, 400), "f4"), np.ones((400, 400), "f4"))
threads = [open(f"/proc/self/task/{t}/comm").read() for t in os.listdir("/proc/self/task")]
print(sum("tf_Compute" in name or "tf_" in name for name in threads))
print(os.environ["TF_NUM_INTRAOP_THREADS"])
"""
    if not sys.platform.startswith("linux"):
        pytest.skip("reads /proc")
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[-1] == "1"
