"""Words -> arguments, some of them from a TOML file; nothing that computes is imported."""

import tomllib
from argparse import (
    Action,
    ArgumentParser,
    BooleanOptionalAction,
    Namespace,
    RawDescriptionHelpFormatter,
    _SubParsersAction,
)
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from textwrap import fill
from typing import Any

from skfakereal._version import __version__
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
