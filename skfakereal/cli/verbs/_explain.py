"""``skfakereal explain``: where in an image did a model look?"""

from argparse import ArgumentParser, Namespace

from skfakereal.cli._arguments import add_model, add_run

SUMMARY = "show where in images a model looked"
DESCRIPTION = """\
Show which parts of images raise the probability of the class that was predicted
(or of --class): colour maps over the images, on one page.

occlusion  covers parts of the image and measures how the probability changes;
           for any model; takes as long as 170 predictions, for a VGG16 340.
grad-cam   looks into the model's VGG16; takes seconds per image, at 14x14 cells
           (8x8 at small sizes); not for models trained with --pooling
           statistics, the default.
auto       grad-cam where it can explain the model, else occlusion.

A map shows what the model used. It is no evidence that an image was manipulated,
nor where. The page also says how much of each map would look the
same if the model had random weights.
"""

EPILOG = """\
examples:
  skfakereal explain detector/ suspect.jpg --out why/
  skfakereal explain detector/ inbox/ --out why/ --method occlusion
  skfakereal explain averaging/ small.png --out why/ --layer block3_conv3

The output is explanation.html, a PNG for each image, maps.npz with all maps as
arrays, and config.json. At most 50 images; an image that cannot be read is
listed, and the others are explained.

exit codes:
  0 all images were read    3 some could not be read    1 error    2 wrong usage
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the verb's arguments and options."""
    add_model(parser)
    parser.add_argument(
        "images", metavar="IMAGE", nargs="+", help="image files, and folders of them"
    )
    add_run(parser, required=True)
    parser.add_argument(
        "--method",
        choices=("auto", "grad-cam", "occlusion"),
        default="auto",
        help="default: auto",
    )
    parser.add_argument(
        "--class",
        dest="class_name",
        metavar="NAME",
        help="the class to look for (default: the one predicted for each image)",
    )
    parser.add_argument(
        "--layer",
        help="for grad-cam: a convolution or pooling of VGG16 (default: the last convolution "
        "with 8x8 cells or more: block5_conv3 at 224x224, block3_conv3 at 32x32); earlier ones "
        "have finer cells, and say less about the class",
    )


def run(arguments: Namespace) -> int:
    """Explain the images and write the page."""
    from skfakereal.cli.run._explain import explain_images

    return explain_images(arguments)
