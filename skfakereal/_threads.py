"""How many threads are this process's share of the cores."""

import os

import joblib

__all__ = ["count_threads", "limit_tensorflow"]


def count_threads(n_jobs: int | None) -> int:
    """Return the number of threads that a setting of `n_jobs` stands for.

    Parameters
    ----------
    n_jobs : int or None
        A number; negative ones count from the number of cores, as in joblib. None is this
        process's share: what ``OMP_NUM_THREADS`` says, which joblib sets in the workers of
        a parallel search so that together they fill the cores, or else all cores.

    Returns
    -------
    int
        At least 1.
    """
    if n_jobs is not None:
        return max(1, int(joblib.effective_n_jobs(n_jobs)))
    share = os.environ.get("OMP_NUM_THREADS", "")
    cores = int(joblib.cpu_count())
    return min(int(share), cores) if share.isdigit() and int(share) else cores


def limit_tensorflow() -> None:
    """Hold TensorFlow to this process's share of the cores; to be called before its import.

    It heeds no ``OMP_NUM_THREADS``, so that the workers of a parallel search would each
    take all cores.
    """
    share = os.environ.get("OMP_NUM_THREADS", "")
    if share.isdigit():
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", share)
