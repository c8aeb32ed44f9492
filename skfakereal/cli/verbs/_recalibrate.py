"""``skfakereal recalibrate``: move the threshold of a finished model to other images."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from skfakereal.cli._arguments import add_model, add_run, add_tested
from skfakereal.cli._decision import add_threshold_options

SUMMARY = "move the threshold of a model to the images that it meets in use"
DESCRIPTION = """\
Images that were shared, or come from other cameras and generators, get other
probabilities than those that a model's threshold was chosen on. Choose a new one
on images as they arrive where the model is used, and write the model with it to
another place. Nothing is trained, and MODEL stays unchanged.

FOLDER is laid out as for `skfakereal train`, with at least 10 images of each
class. Two alternatives:
  --label real      all images below FOLDER are real: enough for --target-fpr
  --prevalence 0.05 without --costs: the images are unlabelled; this share of
                    them is classified as fake
Images that the run in MODEL was trained on are left out.
"""

EPILOG = """\
examples:
  skfakereal recalibrate detector/ inbox/ --out moved/
  skfakereal recalibrate detector/ inbox/ --out moved/ --target-fpr 0.05
  skfakereal recalibrate detector/ cam/ --out new/ --label real --target-fpr 0.05
  skfakereal recalibrate detector/ unknown/ --out moved.skfr --prevalence 0.05

With a name that ends in .skfr, --out is the model alone. Otherwise it is a run
folder:
  model.skfr    the model with its new threshold
  config.json   what MODEL's own says, and under "recalibration" what changed
  images.csv    MODEL's own, and the images that the threshold was chosen on
  report.html   what the old and the new threshold do on these images

exit codes:
  0 done    3 done, but some images could not be read    1 error    2 wrong usage
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the verb's arguments and options."""
    add_model(parser)
    add_tested(parser)
    add_run(parser, required=True)
    parser.add_argument(
        "--label",
        metavar="NAME",
        help="the class of all images below FOLDER, which then needs no class folders",
    )
    add_threshold_options(
        parser.add_argument_group(
            "what the threshold is chosen for",
            "By default, the highest balanced accuracy.",
        )
    )


def run(arguments: Namespace) -> int:
    """Choose the threshold, and write the model with it."""
    if arguments.confidence is not None and arguments.target_fpr is None:
        raise ValueError(
            "--confidence needs --target-fpr. Add it, or leave --confidence out."
        )
    if arguments.prevalence is not None and arguments.target_fpr is not None:
        raise ValueError(
            "--prevalence is for --costs, or for unlabelled images. Leave it out with "
            "--target-fpr."
        )
    _check_other_place(arguments.model, arguments.out, force=arguments.force)
    from skfakereal.cli.run._recalibrate import recalibrate_model

    return recalibrate_model(arguments)


def _check_other_place(model: str, out: str, *, force: bool) -> None:
    place, given = Path(out).resolve(), Path(model).resolve()
    if place in (given, given.parent) or given in place.parents:
        raise FileExistsError(
            f"--out must be another place than MODEL, which stays unchanged, got {out!r}."
        )
    if place.suffix.lower() == ".skfr" and place.exists() and not force:
        raise FileExistsError(
            f"--out must be a new file, but {out!r} exists. Pass --force to replace it."
        )
