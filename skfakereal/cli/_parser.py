"""The parser of the whole command line; it imports nothing that computes."""

from argparse import ArgumentParser, RawDescriptionHelpFormatter

from skfakereal._version import __version__
from skfakereal.cli.verbs import (
    _audit,
    _cache,
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
    return parser
