"""Contestants in processes of their own, so that neither's threads disturb the other."""

import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Self

__all__ = ["Worker", "peak_memory", "seconds_of"]

_made: Callable[..., Any] | None = None


class Worker:
    """A fresh process that makes a function once and then calls it when it is asked to.

    Parameters
    ----------
    make : callable
        A function of a module; what it returns is what the worker does.
    *arguments : object
        Its arguments.

    Raises
    ------
    Exception
        Whatever `make` raises, such as an ImportError.
    """

    def __init__(self, make: Callable[..., Callable[..., Any]], *arguments: Any) -> None:
        self._pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
        try:
            self._pool.submit(_make, make, arguments).result()
        except BaseException:
            self._pool.shutdown()
            raise

    def __call__(self, *arguments: Any) -> Any:
        """Call the function in the process and return what it returns."""
        return self._pool.submit(_work, arguments).result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown()


def _make(make: Callable[..., Callable[..., Any]], arguments: tuple[Any, ...]) -> None:
    global _made
    _made = make(*arguments)


def _work(arguments: tuple[Any, ...]) -> Any:
    assert _made is not None
    return _made(*arguments)


def seconds_of(work: Callable[[], object]) -> float:
    """Return the wall time that a call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def peak_memory() -> float:
    """Return the peak of this process's resident memory so far, in MB (10**6 bytes)."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not ru_maxrss: after a fork and exec that begins with the parent's memory.
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
