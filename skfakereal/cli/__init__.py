"""The command line: ``skfakereal demo``, ``audit``, ``equalize``, ``train``, ``evaluate``,
``robustness``, ``recalibrate``, ``predict``, ``serve``, ``score``, ``explain``, ``provenance``,
``cache`` and ``completion``.

Each verb is a module of `verbs`: its help, what it takes (`add_arguments`), and `run`. What
several share lies in `run`, and training in `train`. What computes is imported only when a verb
runs, so that ``--help`` is instant.
"""

import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from skfakereal.cli._output import complain, output_loss, quiet_libraries, standard_streams
from skfakereal.cli._parser import parse
from skfakereal.cli.run._folder import UnfinishedRunError

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
        The exit code: 0 for success, 1 for an error, 3 if some images could not be
        read, 4 if a model was trained but not with the threshold or calibration that was
        asked for, 5 if it was trained and saved but a later step failed, 130 if interrupted,
        141 if standard output was closed, full, or no longer read.

    Raises
    ------
    SystemExit
        With code 2 for wrong usage, and 0 after ``--help`` and
        ``--version``.

    Examples
    --------
    >>> from skfakereal.cli import main
    >>> main(["predict", "no-such-model", "suspect.jpg"])
    1
    """
    words = list(sys.argv[1:] if argv is None else argv)
    with standard_streams():
        try:
            code = _run(words)
        except SystemExit as end:  # of argparse: after --help, or for wrong usage
            if end.code or output_loss() is None:
                raise
            code = 0
        loss = output_loss()
        if code == 0 and loss is not None:
            complain(
                f"standard output could not be written ({_why(loss)}); everything else is done"
            )
            code = 141
    return code


def _run(words: list[str]) -> int:
    arguments = parse(words)
    arguments.command_line = ["skfakereal", *words]
    try:
        Path.cwd()
    except FileNotFoundError:
        complain("error: the working folder no longer exists: change to another one")
        return 1
    try:
        with quiet_libraries(), _any_end_as_ctrl_c():
            code: int = arguments.run(arguments)
    except KeyboardInterrupt:
        complain("interrupted")
        return 130
    except BrokenPipeError:
        return 141
    except UnfinishedRunError as error:
        if arguments.debug:
            traceback.print_exc()
        cause = error.__cause__
        if isinstance(cause, KeyboardInterrupt):
            complain(f"interrupted; {error}")
            return 130
        complain(f"error: {_describe(cause).rstrip('.')}. {error}")
        return 5
    except Exception as error:
        if arguments.debug:
            traceback.print_exc()
        complain(f"error: {_describe(error)}")
        return 1
    return code


@contextmanager
def _any_end_as_ctrl_c() -> Iterator[None]:
    """Let a job's end (SIGTERM) and a lost terminal (SIGHUP) clean up as Ctrl+C does."""
    names = ("SIGTERM", "SIGHUP")  # the latter not on Windows
    found = [getattr(signal, name) for name in names if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():
        found = []  # only that one may say what a signal does
    # What is ignored, as nohup has it, stays so.
    ours = [number for number in found if signal.getsignal(number) is signal.SIG_DFL]

    def interrupt(*_: object) -> None:
        # A lost terminal is often told twice: the second must not end the cleaning up.
        for number in ours:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in ours:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def _why(error: BaseException) -> str:
    return getattr(error, "strerror", None) or " ".join(str(error).split())


def _describe(error: BaseException | None) -> str:
    if hasattr(error, "failures"):  # an ImageReadError lists the files, one a line
        return "\n".join([str(error), *getattr(error, "__notes__", ())])
    text = " ".join(str(error).split())
    if isinstance(error, _EXPECTED) and text:
        return text
    return f"{type(error).__name__}: {text} (--debug shows where it happened)"
