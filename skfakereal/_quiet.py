"""Importing TensorFlow without its lines on oneDNN, CUDA and the processor."""

import importlib.util
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

LEVEL = "TF_CPP_MIN_LOG_LEVEL"
# What it logs: a letter and a date, or a date and a letter; and two lines of another kind.
_CHATTER = re.compile(
    rb"[IWE]\d{4} \d\d:|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IWE] "
    rb"|WARNING: All log messages before absl::|To enable the following instructions: "
)


def silence_tensorflow() -> None:
    """Let the next import of TensorFlow, and what it computes, say nothing but errors.

    A ``TF_CPP_MIN_LOG_LEVEL`` that the user has set is respected.
    """
    if "tensorflow" in sys.modules:
        return
    quiet = os.environ.setdefault(LEVEL, "3") not in ("0", "1")
    if quiet and not any(isinstance(finder, _QuietImport) for finder in sys.meta_path):
        sys.meta_path.insert(0, _QuietImport())


@contextmanager
def quiet_import() -> Iterator[None]:
    """Do so, whoever imports it, for a while."""
    silence_tensorflow()
    try:
        yield
    finally:
        sys.meta_path[:] = [f for f in sys.meta_path if not isinstance(f, _QuietImport)]


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
                with _without_chatter():
                    execute(module)

            spec.loader.exec_module = execute_quietly  # type: ignore[method-assign]
        return spec


@contextmanager
def _without_chatter() -> Iterator[None]:
    """Hold back what comes to standard error, then let pass what is not TensorFlow's."""
    if sys.stderr is not None:
        sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # it is closed
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            held.seek(0)
            for line in held:
                if not _CHATTER.match(line):
                    os.write(2, line)
