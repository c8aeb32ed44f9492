"""``skfakereal demo``: the whole way on toy images, offline."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from skfakereal.cli._output import say, signs_of_life, wants_progress

if TYPE_CHECKING:
    from skfakereal.cli.train import Trained


SUMMARY = "a complete run on toy images, offline"
DESCRIPTION = """\
A complete run on toy images, offline, in a minute: it makes images, trains a
detector, tests it, writes the report, and classifies three of the tested images.

The images are small pictures of parts of three photographs, with the noise of a
sensor, and copies of them that were resampled, spliced or regenerated. The test
images come from a photograph that the detector has never seen. The detector and
its figures apply to such images only.
"""

EPILOG = """\
examples:
  skfakereal demo
  skfakereal demo --out elsewhere/

A second run replaces what the first one wrote, and never touches anything else.
"""

_N_IMAGES = 800
_SIDE = 32
_TOY = (
    "This is a demonstration on toy images: small pictures of parts of three photographs, and "
    "copies of them that were resampled, spliced or regenerated. The detector is tested on a "
    "photograph that it has never seen, but on the same three manipulations and the same "
    "noise. The figures say nothing about other images, and this model is useless for them."
)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--out",
        metavar="FOLDER",
        default="skfakereal-demo",
        help="where images and results go (default: ./skfakereal-demo)",
    )


def run(arguments: Namespace) -> int:
    """Make images, train, test, classify some images, and say where everything lies."""
    from skfakereal.cli.train import Plan, train_run
    from skfakereal.datasets import make_fake_real_images

    images, detector = Path(arguments.out, "images"), Path(arguments.out, "run")
    progress = wants_progress(arguments.progress)
    say(f"{_TOY}\n")
    with signs_of_life(wanted=not progress):
        made = make_fake_real_images(images, _N_IMAGES, image_size=_SIDE, random_state=0)
        say(f"Made {len(made.data)} images of {_SIDE}x{_SIDE} pixels in {images}.")
        plan = Plan(
            folder=str(images),
            out=str(detector),
            parameters={
                "image_size": (_SIDE, _SIDE),
                "weights": "cifake",
                # Turning and zooming interpolate, which covers the traces that are looked for.
                "augmentation": None,
                "cache": None,  # nothing is left behind but the folder
            },
            command_line=arguments.command_line,
            force=True,
            progress=progress,
            title="Demonstration on toy images",
            cautions=[_TOY],
        )
        trained = train_run(plan)
    say(f"{trained.report.summary()}\n")
    _classify_some(trained)
    _say_what_next(images, detector)
    return 0


def _classify_some(trained: "Trained") -> None:
    """Classify the first image of each class that was called rightly, and the worst error."""
    from skfakereal.cli._rows import rows_of, table_lines
    from skfakereal.evaluation import worst_errors

    report = trained.report
    right = (report.y_true == report.y_pred).tolist()
    true = report.y_true.tolist()
    paths = [
        next(report.paths[i] for i, label in enumerate(true) if right[i] and label == known)
        for known in report.classes.tolist()
    ]
    errors = worst_errors(report._predictions)
    say(f"{sum(right):,} of the {len(right):,} tested images were classified correctly.")
    first = " and ".join(f"the first {name}" for name in report.target_names)
    worst = f", and the worst error, a {errors[0].label} image" if errors else ""
    say(f"Here are {first} image of these{worst}:")
    rows = rows_of(trained.model, [*paths, *(error.path for error in errors[:1])])
    say("".join(table_lines(rows, "fake")))


def _say_what_next(images: Path, detector: Path) -> None:
    say("Look at:")
    say(f"  {detector / 'report.html'}   the report, in a browser")
    say(f"  {images}   the images")
    say("Next, with images of your own in photos/real and photos/fake:")
    say("  skfakereal audit photos/")
    say("  skfakereal train photos/ --out detector/")
    say("  skfakereal predict detector/ suspect.jpg")
