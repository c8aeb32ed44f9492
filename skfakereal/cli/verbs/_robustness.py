"""``skfakereal robustness``: what is left of a model after JPEG, scaling, blur, noise?"""

from argparse import ArgumentParser, Namespace

from skfakereal.cli._arguments import add_card, add_model, add_run, add_tested, name_list

SUMMARY = "measure what compression, scaling, blur and noise cost"
DESCRIPTION = """\
Change labelled images as they are changed on their way through the world, and
classify the copies: after JPEG and WebP at several qualities, shrinking and
enlarging, blur, noise, cropping, and what messengers do. Both classes go through
the same changes. FOLDER is laid out as for `skfakereal train`. If MODEL is a run
folder, the output says how many of the images it was trained on; and from a
folder that holds the run's own test part, these images are left out, unless
--split says otherwise. They always are if the run held no test part out (train
on fewer than 200 images); if nothing is left, that is an error.

The copies are made in a temporary folder, a few hundred at a time. Every image is
classified 29 times; --changes and --max-images reduce that.
"""

EPILOG = """\
examples:
  skfakereal robustness detector/ more-photos/ --out robustness/
  skfakereal robustness detector/ photos/ --max-images 500 --card detector/card.md
  skfakereal robustness detector/ photos/ --changes jpeg,blur:1,chain:web

changes, all of a kind or a single one:
  jpeg, jpeg:85      quality, from 1 to 100; webp alike
  scale, scale:0.5   factor of both sides
  blur, blur:1       radius in pixels
  noise, noise:5     deviation in levels of 255
  crop, crop:0.9     share of each side that is kept
  chain, chain:web   clean (JPEG 97), web (at most 768 px, JPEG 60), or hard
                     (at most 512 px, JPEG 40)
  copy               no pixel changes, only the file: a verdict that this flips
                     did not come from the picture
  fit:768, trim:2    longest side; pixels off each edge

With --out, report.html, metrics.json, robustness.csv, predictions.csv (the
predicted label after each change), robustness.png and config.json are written.
With --card, the section "Robustness" of a model card is replaced; a run folder
whose card was changed is not replaced by `train --force`.

exit codes:
  0 done    3 done, but some images could not be read    1 error    2 wrong usage
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the verb's arguments and options."""
    add_model(parser)
    add_tested(parser)
    add_run(parser)
    add_card(parser)
    parser.add_argument(
        "--changes",
        type=name_list,
        metavar="A,B,...",
        help="which changes, see below (default: 28 of all kinds)",
    )


def run(arguments: Namespace) -> int:
    """Change and classify the images, and write a run folder if one is asked for."""
    from skfakereal.cli.run._robustness import measure_robustness

    return measure_robustness(arguments)
