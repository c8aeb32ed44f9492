"""The chatter of libraries, kept off the terminal; their warnings, in one line each."""

import importlib.util
import os
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from skfakereal.cli._output import complain

__all__ = ["quiet_libraries"]

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_GLYPH = re.compile(r"Glyph \d+ .* missing from")
_GLYPHS = (
    "some characters of names are boxes in the pictures, since matplotlib's fonts lack them"
)


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Silence TensorFlow, let matplotlib draw without a window, and shorten warnings.

    A ``MPLBACKEND`` or ``TF_CPP_MIN_LOG_LEVEL`` that the user has set is respected: with
    a level of 0 or 1, TensorFlow speaks. The environment is put back at the end.

    Yields
    ------
    None
        For the duration of a verb.
    """
    wanted = {_LEVEL: "3", "MPLBACKEND": "Agg"}
    added = {name: value for name, value in wanted.items() if name not in os.environ}
    finder = _QuietImport()
    os.environ.update(added)
    if os.environ[_LEVEL] not in ("0", "1"):
        sys.meta_path.insert(0, finder)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _OneLine()
            # Of Pillow's; it names no file, and an image that is too large is told as one.
            warnings.filterwarnings("ignore", "Image size .* exceeds limit")
            yield
    finally:
        for name in added:
            os.environ.pop(name, None)
        if finder in sys.meta_path:
            sys.meta_path.remove(finder)


class _OneLine:
    """Shows each warning once, without lines of code."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def __call__(self, message: Warning | str, *where: Any, **more: Any) -> None:
        text = " ".join(str(message).split())
        if _GLYPH.match(text):
            text = _GLYPHS
        if text not in self._told:
            self._told.add(text)
            complain(f"warning: {text}")


class _QuietImport(MetaPathFinder):
    """Turns standard error away while TensorFlow is imported, whoever imports it.

    Since 2.19 it writes lines on oneDNN and CUDA during its import, before it looks at its
    log level (its issue 100442), and past Python's own ``sys.stderr``.
    """

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if fullname != "tensorflow":
            return None
        sys.meta_path.remove(self)  # the others find it, and no second search ends here
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_quietly(module: ModuleType) -> None:
                with _stderr_turned_away():
                    execute(module)

            spec.loader.exec_module = execute_quietly  # type: ignore[method-assign]
        return spec


@contextmanager
def _stderr_turned_away() -> Iterator[None]:
    sys.stderr.flush()
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)
