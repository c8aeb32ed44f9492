"""The command line: ``skfakereal demo``, ``audit``, ``equalize``, ``train``, ``evaluate``,
``robustness``, ``recalibrate``, ``predict``, ``serve``, ``score``, ``explain``, ``provenance``,
``cache`` and ``completion``.

Each verb is a module of `verbs`: its help, what it takes (`add_arguments`), and `run`. What
several share lies in `run`, and training in `train`. Here, words become arguments, some of them
from a TOML file. What computes is imported only when a verb runs, so that ``--help`` is instant.
"""

import signal
import sys
import threading
import tomllib
import traceback
from argparse import (
    Action,
    ArgumentParser,
    BooleanOptionalAction,
    Namespace,
    RawDescriptionHelpFormatter,
    _SubParsersAction,
)
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from textwrap import fill
from typing import Any

from skfakereal._version import __version__
from skfakereal.cli._output import complain, output_loss, quiet_libraries, standard_streams
from skfakereal.cli.run._folder import UnfinishedRunError
from skfakereal.cli.verbs import (
    _audit,
    _cache,
    _completion,
    _demo,
    _equalize,
    _evaluate,
    _explain,
    _predict,
    _provenance,
    _recalibrate,
    _robustness,
    _score,
    _serve,
    _train,
)

__all__ = ["main"]

# What the rest of the package raises on purpose; its messages need no name before them.
_EXPECTED = (ImportError, OSError, TypeError, ValueError)
_VERBS = {
    **{"demo": _demo, "audit": _audit, "equalize": _equalize, "train": _train},
    **{"evaluate": _evaluate, "robustness": _robustness, "recalibrate": _recalibrate},
    **{"predict": _predict, "serve": _serve, "score": _score, "explain": _explain},
    **{"provenance": _provenance, "cache": _cache, "completion": _completion},
}
_MOST_BYTES = 2**20  # of a TOML file
_DESCRIPTION = """\
Tell fake images (generated or manipulated) from real ones.
"""

_EPILOG = """\
examples:
  skfakereal demo                              everything on toy images, offline
  skfakereal audit photos/                     do the files give the class away?
  skfakereal train photos/ --out detector/     photos/real/..., photos/fake/...
  skfakereal evaluate detector/ more-photos/   how good is it on other images?
  skfakereal robustness detector/ photos/      what do JPEG, blur and noise cost?
  skfakereal recalibrate detector/ inbox/ --out moved/   suit it to other images
  skfakereal predict detector/ suspect.jpg     what is this image?
  skfakereal serve detector/                   a page to drop images on
  skfakereal score detector/ archive/ --out scores.csv   and all of these?
  skfakereal explain detector/ suspect.jpg --out why/   where did it look?
  skfakereal provenance suspect.jpg            what does the file itself say?

Every verb has its own help: skfakereal train --help

exit codes:
  0 success    1 error    2 wrong usage    3 some images could not be read
  4 trained, but not with the threshold or calibration that was asked for
  5 trained and saved, but a later step failed, such as the report
  130 interrupted    141 standard output was closed, full, or no longer read
"""


# What somebody sees who only types the program's name.
_OVERVIEW = """\
usage: skfakereal VERB ...

Tell fake images (generated or manipulated) from real ones.

  skfakereal demo                              all of it on toy images, offline
  skfakereal train photos/ --out detector/     photos/real/..., photos/fake/...
  skfakereal predict detector/ suspect.jpg     what is this image?
  skfakereal serve detector/                   the same on a page in the browser

{others}
More: skfakereal --help, and of each verb: skfakereal train --help
"""


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


def parse(words: Sequence[str]) -> Namespace:
    """Parse the arguments; what is mistyped is answered with what comes nearest."""
    parser = build_parser()
    verbs = _verbs(parser)
    if not words:
        others = [name for name in verbs if f"skfakereal {name} " not in _OVERVIEW]
        parser.exit(2, _OVERVIEW.format(others=fill(f"Also: {', '.join(others)}.", 78)))
    # No option that stands before the verb has a value.
    verb = next((word for word in words if not word.startswith("-")), None)
    if verb is not None and verb not in verbs:
        parser.error(f"there is no verb {verb!r}{_nearest(verb.lower(), verbs)}")
    known = parser._option_string_actions
    if verb is None and words[0] not in known:
        parser.error(f"there is no option {words[0]}{_nearest(words[0], known)}")
    if verb is not None:
        place = words.index(verb) + 1
        words = [*words[:place], *_with_config(words[place:], verbs[verb])]
    arguments, unknown = parser.parse_known_args(words)
    if unknown:
        own = verbs[verb] if verb is not None else parser
        word = unknown[0].partition("=")[0]
        near = _nearest(word, own._option_string_actions) if word.startswith("-") else ""
        own.error(f"unrecognized arguments: {' '.join(unknown)}{near}")
    return arguments


def _verbs(parser: ArgumentParser) -> dict[str, ArgumentParser]:
    return next(
        dict(action.choices)
        for action in parser._actions
        if isinstance(action, _SubParsersAction)
    )


def _nearest(word: str, known: Iterable[str]) -> str:
    near = get_close_matches(word, known, n=1, cutoff=0.6)
    return f". Did you mean {near[0]}?" if near else ""


def build_parser() -> ArgumentParser:
    program = ArgumentParser(
        prog="skfakereal",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    program.add_argument("--version", action="version", version=f"skfakereal {__version__}")
    verbs = program.add_subparsers(required=True, metavar="VERB", title="verbs")
    for name, verb in _VERBS.items():
        parser = verbs.add_parser(
            name,
            help=verb.SUMMARY,
            description=verb.DESCRIPTION,
            epilog=verb.EPILOG,
            formatter_class=RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        verb.add_arguments(parser)
        parser.add_argument(
            "--progress",
            action=BooleanOptionalAction,
            default=None,
            help="show progress bars on standard error (default: if it is a terminal)",
        )
        parser.add_argument(
            "--debug", action="store_true", help="show the traceback of an error"
        )
        parser.set_defaults(run=verb.run)
    verbs.choices["completion"].set_defaults(program=program)
    return program


def _with_config(words: Sequence[str], parser: ArgumentParser) -> list[str]:
    """Return the words of a verb with those of its file put before them."""
    scout = ArgumentParser(add_help=False, allow_abbrev=False)
    scout.add_argument("--config", action="append", nargs="?")
    places = scout.parse_known_args(words)[0].config
    if "--config" not in parser._option_string_actions or not places or not all(places):
        return list(words)
    added: list[str] = []
    for place in places:
        added += _words_of(_read(place, parser), place, parser)
    return [*added, *words]


def _read(place: str, parser: ArgumentParser) -> dict[str, Any]:
    try:
        with Path(place).open("rb") as file:
            text = file.read(_MOST_BYTES).decode("utf-8-sig")
        return tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        what = getattr(error, "strerror", None) or error
        parser.error(f"argument --config: {place!r} cannot be read as TOML: {what}")


def _words_of(values: Mapping[str, Any], place: str, parser: ArgumentParser) -> list[str]:
    words: list[str] = []
    for key, value in values.items():
        name = key.replace("_", "-")
        try:
            words += _option(name, value, parser._option_string_actions)
        except ValueError as error:
            parser.error(f"argument --config: in {place!r}, {key} {error}")
    return words


def _option(name: str, value: Any, known: Mapping[str, Action]) -> list[str]:
    on, off = f"--{name}", f"--no-{name}"
    if name in ("config", "help") or (on not in known and off not in known):
        names = [option[2:] for option in known if option.startswith("--")]
        near = get_close_matches(name, [n for n in names if n != name], n=1)
        raise ValueError(f"is no option{f'. Did you mean {near[0]}?' if near else ''}")
    is_switch = on not in known or known[on].nargs == 0
    if isinstance(value, bool):
        if value and is_switch:
            return [on] if on in known else []
        if not value and (off in known or is_switch):
            return [off] if off in known else []
        raise ValueError("must be a value, not true or false")
    if is_switch:
        raise ValueError(f"must be true or false, got {value!r}")
    if isinstance(value, list):
        value = ("x" if name == "image-size" else ",").join(map(str, value))
    if not isinstance(value, str | int | float):
        raise ValueError(f"must be a text, a number, or a list of them, got {value!r}")
    return [f"{on}={value}"]
