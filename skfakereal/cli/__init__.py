"""The command line: ``skfakereal demo``, ``audit``, ``equalize``, ``train``, ``evaluate``,
``robustness``, ``predict``, ``score``, ``explain`` and ``cache``.

Each verb is a module of its own that says what it takes (`add_parser`) and does it
(`run`). What computes is imported only when a verb runs, so that ``--help`` is instant.
"""

import os
import sys
import traceback
from collections.abc import Sequence

from skfakereal.cli._output import complain
from skfakereal.cli._parser import build_parser
from skfakereal.cli._quiet import quiet_libraries

__all__ = ["main"]

# What the rest of the package raises on purpose; its messages need no name before them.
_EXPECTED = (ImportError, OSError, TypeError, ValueError)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, default=None
        The arguments; None for those of the process.

    Returns
    -------
    int
        The exit code: 0 if all went well, 1 for an error, 3 if some images could not be
        read, 4 if a model could not be given the threshold that was asked for, 130 if it
        was interrupted, 141 if whoever read the output stopped reading.

    Raises
    ------
    SystemExit
        With code 2 for arguments that make no sense, and 0 after ``--help`` and
        ``--version``.

    Examples
    --------
    >>> from skfakereal.cli import main
    >>> main(["predict", "no-such-model", "suspect.jpg"])
    1
    """
    words = list(sys.argv[1:] if argv is None else argv)
    arguments = build_parser().parse_args(words)
    arguments.command_line = ["skfakereal", *words]
    try:
        with quiet_libraries():
            code: int = arguments.run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        complain("interrupted")
        return 130
    except BrokenPipeError:
        _forget_stdout()
        return 141
    except Exception as error:
        if arguments.debug:
            traceback.print_exc()
        complain(f"error: {_describe(error)}")
        return 1
    return code


def _describe(error: Exception) -> str:
    if hasattr(error, "failures"):  # an ImageReadError lists the files, one a line
        return "\n".join([str(error), *getattr(error, "__notes__", ())])
    text = " ".join(str(error).split())
    if isinstance(error, _EXPECTED) and text:
        return text
    return f"{type(error).__name__}: {text} (--debug shows where it happened)"


def _forget_stdout() -> None:
    """Let the interpreter's last flush, at its end, write into nothing."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)
