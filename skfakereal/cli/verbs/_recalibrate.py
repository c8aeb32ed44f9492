"""``skfakereal recalibrate``: move the threshold of a finished model to other images."""

from argparse import ArgumentParser, Namespace
from contextlib import nullcontext
from pathlib import Path

from skfakereal.cli._arguments import (
    ABOUT_TRUST,
    Verbs,
    add_model,
    add_run,
    add_tested,
    add_verb,
    finish_verb,
)
from skfakereal.cli._decision import add_threshold_options
from skfakereal.cli._output import complain, say, wants_progress

_DESCRIPTION = """\
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

_EPILOG = """\
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


def add_parser(verbs: "Verbs[ArgumentParser]") -> None:
    """Add the verb to the parser."""
    parser = add_verb(
        verbs,
        "recalibrate",
        summary="move the threshold of a model to the images that it meets in use",
        description=_DESCRIPTION,
        epilog=_EPILOG + ABOUT_TRUST,
    )
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
    finish_verb(parser, run)


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
    from skfakereal.cli.run._folder import new_run
    from skfakereal.cli.run._recalibrate import move_threshold, write_file, write_run

    progress, out = wants_progress(arguments.progress), arguments.out
    alone = out.lower().endswith(".skfr")
    with nullcontext() if alone else new_run(out, force=arguments.force) as folder:
        moved = move_threshold(arguments, progress=progress)
        say(moved.said)
        for caution in moved.cautions:
            say(f"\nCaution: {caution}")
        if folder is None:
            write_file(Path(out), moved)
        else:
            write_run(folder, arguments, moved)
    say(f"\nThe model is {out}. To classify an image:\n  skfakereal predict {out} IMAGE")
    if moved.unreadable:
        complain(f"{len(moved.unreadable):,} of the images could not be read")
    return 3 if moved.unreadable else 0


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
