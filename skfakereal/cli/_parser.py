"""The parser of the whole command line; it imports nothing that computes."""

from argparse import (
    ArgumentParser,
    Namespace,
    RawDescriptionHelpFormatter,
    _SubParsersAction,
)
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from textwrap import fill

from skfakereal._version import __version__
from skfakereal.cli._config import with_config
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
        words = [*words[:place], *with_config(words[place:], verbs[verb])]
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
    """Return the parser with all verbs."""
    parser = ArgumentParser(
        prog="skfakereal",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    version = f"skfakereal {__version__}"
    parser.add_argument("--version", action="version", version=version)
    verbs = parser.add_subparsers(required=True, metavar="VERB", title="verbs")
    for verb in (
        *(_demo, _audit, _equalize, _train, _evaluate, _robustness, _recalibrate),
        *(_predict, _serve, _score, _explain, _provenance, _cache),
    ):
        verb.add_parser(verbs)
    _completion.add_parser(verbs, parser)
    return parser
