"""Threads and processes: a share of the cores, whether TensorFlow's live, work on many files."""

import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from skfakereal._quiet import silence_tensorflow

S = TypeVar("S")
T = TypeVar("T")


def count_threads(n_jobs: int | None) -> int:
    """Return the number of threads that a setting of `n_jobs` stands for.

    Negative ones count from the number of cores, as in joblib. None is this process's
    share: what ``OMP_NUM_THREADS`` says, which joblib sets in the workers of a parallel
    search so that together they fill the cores, or else all cores.
    """
    import joblib

    if n_jobs is not None:
        return max(1, int(joblib.effective_n_jobs(n_jobs)))
    share = os.environ.get("OMP_NUM_THREADS", "")
    cores = int(joblib.cpu_count())
    return min(int(share), cores) if share.isdigit() and int(share) else cores


def working_folder() -> str:
    """Return where this process stands; nothing where that folder no longer exists."""
    with contextlib.suppress(FileNotFoundError):
        return os.getcwd()  # noqa: PTH109, a string
    return ""


def in_folder(folder: str, work: Callable[..., T], *given: Any) -> T:
    """Do work where the caller stands: joblib's processes stay where they were started."""
    with contextlib.suppress(OSError):  # on another machine it may not exist
        os.chdir(folder)
    return work(*given)


def on_each(
    work: Callable[[S], T],
    files: Sequence[S],
    label: str,
    *,
    at_once: int,
    n_jobs: int | None,
    verbose: int,
) -> list[T]:
    """Do work on each of many files, some `at_once`, in processes; with a progress bar."""
    import joblib
    from tqdm import tqdm

    parts = [files[i : i + at_once] for i in range(0, len(files), at_once)]
    # One process does a part in the time that others take to start.
    parallel = joblib.Parallel(
        n_jobs=n_jobs if len(parts) > 1 else 1, return_as="generator"
    )
    done: list[T] = []
    with tqdm(total=len(files), desc=label, unit="file", disable=not verbose) as progress:
        there, here = joblib.delayed(in_folder), working_folder()
        for results in parallel(there(here, _each, work, part) for part in parts):
            done += results
            progress.update(len(results))
    return done


def _each(work: Callable[[S], T], items: Sequence[S]) -> list[T]:
    return [work(item) for item in items]


def prepare_tensorflow() -> None:
    """Hold TensorFlow to this process's share of the cores, and quiet; call before its import.

    It heeds no ``OMP_NUM_THREADS``, so that the workers of a parallel search would each
    take all cores. Raises where it could only hang, see `require_living_threads`.
    """
    require_living_threads()
    silence_tensorflow()
    share = os.environ.get("OMP_NUM_THREADS", "")
    if share.isdigit():
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", share)


def require_living_threads() -> None:
    """Raise if TensorFlow computed before this process was forked: it would wait for ever."""
    if _lost_threads:
        raise RuntimeError(
            "TensorFlow cannot compute in this process: it was forked from one in which "
            "TensorFlow had already computed, and its threads do not survive a fork. Start "
            "the worker processes afresh: with joblib's backend 'loky' (its default), or "
            "with multiprocessing.get_context('spawn'). Predicting with engine='auto' or "
            "'ncnn' works after a fork."
        )


# Not empty in a process whose parent left it a TensorFlow without threads.
_lost_threads: list[None] = []


def _note_lost_threads() -> None:
    """After a fork: note whether TensorFlow had started its threads; an import does not."""
    if "tensorflow" not in sys.modules:
        return
    context = sys.modules.get("tensorflow.python.eager.context")
    # There is no public way to ask that does not start them. If they are renamed one day,
    # an error is better than a process that hangs.
    current = getattr(context, "_context", True)
    if current is not None and getattr(current, "_initialized", True):
        _lost_threads.append(None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_lost_threads)
