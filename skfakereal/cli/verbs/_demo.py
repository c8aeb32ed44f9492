"""``skfakereal demo``: the whole way on toy images, offline."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from skfakereal.cli._arguments import Verbs, add_verb, finish_verb
from skfakereal.cli._output import say, wants_progress

if TYPE_CHECKING:
    from skfakereal.cli.train import Trained


_DESCRIPTION = """\
A complete run on toy images, offline, in less than three minutes: it makes
images, trains a detector, tests it, writes the report, and classifies one image.

The images are patches of two photographs, and copies of them that were smoothed,
resampled or spliced. The detector and its figures apply to such images only.
"""

_EPILOG = """\
examples:
  skfakereal demo
  skfakereal demo --out elsewhere/

A second run replaces what the first one wrote, and never touches anything else.
"""

_N_IMAGES = 800
_SIDE = 32
_TOY = (
    "This is a demonstration on toy images: patches of two photographs, and copies of them "
    "that were smoothed, resampled or spliced. The figures say nothing about other images, "
    "and this model is useless for them."
)


def add_parser(verbs: "Verbs[ArgumentParser]") -> None:
    """Add the verb to the parser."""
    parser = add_verb(
        verbs,
        "demo",
        summary="a complete run on toy images, offline",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    parser.add_argument(
        "--out",
        metavar="FOLDER",
        default="skfakereal-demo",
        help="where images and results go (default: ./skfakereal-demo)",
    )
    finish_verb(parser, run)


def run(arguments: Namespace) -> int:
    """Make images, train, test, classify one image, and say where everything lies."""
    from skfakereal import Augmentation
    from skfakereal.cli.train import Plan, train_run
    from skfakereal.datasets import make_fake_real_images

    images, detector = Path(arguments.out, "images"), Path(arguments.out, "run")
    say(f"{_TOY}\n")
    made = make_fake_real_images(images, _N_IMAGES, image_size=_SIDE, random_state=0)
    say(f"Made {len(made.data)} images of {_SIDE}x{_SIDE} pixels in {images}.")
    plan = Plan(
        folder=str(images),
        out=str(detector),
        parameters={
            "image_size": (_SIDE, _SIDE),
            "weights": "cifake",
            # The trunk's last blocks look for what a picture shows; the traces that
            # manipulations leave are for them to learn.
            "trainable_from": "block4",
            "hidden_units": (256, 128),
            "learning_rate": 1e-4,
            # Turning and zooming interpolate, which covers those traces.
            "augmentation": Augmentation(rotation=0, zoom=0, brightness=0.1),
            "epochs": 12,
            "cache": None,  # nothing is left behind but the folder
            # A tenth would be too few images to tell one epoch from the next.
            "validation_fraction": 0.2,
        },
        command_line=arguments.command_line,
        force=True,
        progress=wants_progress(arguments.progress),
        title="Demonstration on toy images",
        cautions=[_TOY],
    )
    trained = train_run(plan)
    say(f"{trained.report.summary()}\n")
    _classify_one(trained)
    _say_what_next(images, detector)
    return 0


def _classify_one(trained: "Trained") -> None:
    from skfakereal.cli._rows import rows_of, table_lines

    test = trained.parts.test
    assert test is not None  # there are enough images
    path = test.paths[int(test.labels.argmax())]  # the first fake one
    say("What is this image? (It is fake.)")
    say("".join(table_lines(rows_of(trained.model, [path]), "fake")))


def _say_what_next(images: Path, detector: Path) -> None:
    say("Look at:")
    say(f"  {detector / 'report.html'}   the report, in a browser")
    say(f"  {images}   the images")
    say("Next, with images of your own in photos/real and photos/fake:")
    say("  skfakereal audit photos/")
    say("  skfakereal train photos/ --out detector/")
    say("  skfakereal predict detector/ suspect.jpg")
