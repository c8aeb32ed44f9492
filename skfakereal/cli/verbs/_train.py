"""``skfakereal train``: from a folder of labelled images to a detector and its report."""

from argparse import SUPPRESS, ArgumentParser, Namespace, _ArgumentGroup
from pathlib import Path

from skfakereal._wording import counted
from skfakereal.cli._arguments import (
    add_classes,
    add_folder,
    add_run,
    fraction,
    image_size,
    none_or_text,
    units,
)
from skfakereal.cli._decision import add_decision_options, read_decision
from skfakereal.cli._output import complain, say, wants_progress

SUMMARY = "train a detector on a folder of images, and report on it"
DESCRIPTION = """\
Train a detector by transfer learning on VGG16, measure it on images that it was
not trained on, and write a run folder.

FOLDER holds one folder for each class, and may hold splits:

  FOLDER/real/...     or     FOLDER/train/real/...    FOLDER/test/real/...
  FOLDER/fake/...            FOLDER/train/fake/...    FOLDER/test/fake/...

Without a test folder, a part is held out. Fewer than 200 images are too few for
that: all are trained on, and the figures come from a cross-validation, in which
each image is classified by a model of the same kind that was fitted without it. A
folder below a class is a group (a generator, a camera, a person): if there are
any, no group is on both sides, as far as that is possible.

Settings that training chooses are chosen on a validation folder, if there is one.
Otherwise a linear head (the default) is cross-validated among the training
images; for other heads, a part of them decides when to stop.
"""

EPILOG = """\
examples:
  skfakereal train photos/ --out detector/
  skfakereal train photos/ --out quick/ --image-size 64 --weights none --epochs 5
  skfakereal train photos/ --out tuned/ --trainable-from block5 --epochs 20
  skfakereal train photos/ --out careful/ --target-fpr 0.01
  skfakereal train photos/ --out which/ --classes real,midjourney,sd14
  skfakereal train photos/ --out again/ --config settings.toml --epochs 30

the run folder:
  report.html      the report, one self-contained page
  audit.html       the audit of the files
  model.skfr       the fitted estimator; its labels are 0 for real and 1 for fake
  metrics.json     figures on the test part, or of the cross-validation
  predictions.csv  what they come from: path,label,predicted,probability,error
                   (the probability is that of fake), and fold if cross-validated
  validation.csv   the same for what threshold and unsure band come from: the
                   validation part, or the training part, each image classified
                   by a model that was fitted without it
  label_issues.csv images whose label looks wrong: path,label,likely,probability
                   (the probability is that of the label); not written if the
                   model has learned too little to tell
  card.md          the model card, to be published with the model
  images.csv       which image was in which part, with its SHA-256
  config.json      parameters, versions, counts, command
  *.png            confusion matrix, curves, worst errors, views of one image
The folder appears when it is complete. A run that ends before the model is
trained leaves none; one that fails later leaves the model and what was written
until then.

exit codes:
  0 done    3 done, but some images could not be read    1 error    2 wrong usage
  4 done, but not with the threshold or calibration that was asked for: the
    model decides at 0.5
  5 the model is trained and saved, but a later step failed: the message names the
    model
"""


def add_arguments(parser: ArgumentParser) -> None:
    add_folder(parser)
    add_run(parser, required=True)
    parser.add_argument(
        "--config",
        metavar="FILE",
        help="options from a TOML file, by their names: image-size = 64, hidden-units = "
        "[256, 128], no-audit = true; what is given here as well takes precedence",
    )
    add_classes(parser)
    parser.add_argument(
        "--test-fraction",
        type=fraction,
        metavar="SHARE",
        help="share that is held out for the test (default: 0.2; with fewer than 200 images "
        "and a linear head none, and the figures are cross-validated)",
    )
    parser.add_argument(
        "--groups",
        default="auto",
        metavar="auto|none|FILE",
        help="which images to keep together: those of a folder below a class, none, or those "
        "of a group in the groups.csv of `skfakereal audit --out`, so that no copy of a "
        "training image is tested (default: auto)",
    )
    parser.add_argument(
        "--skip-unreadable",
        action="store_true",
        help="leave out training images that cannot be read, instead of stopping",
    )
    parser.add_argument(
        "--cache",
        type=none_or_text,
        default="auto",
        metavar="PLACE",
        help="where to store VGG16's activations, so that later runs on the same images are "
        "faster: a folder, none, or auto for your own cache folder (default: auto; see "
        "`skfakereal cache info`)",
    )
    parser.add_argument(
        "--no-audit",
        dest="audit",
        action="store_false",
        help="do not audit the images first for file formats, copies and the like (see "
        "`skfakereal audit`)",
    )
    parser.add_argument(
        "--random-state",
        type=int,
        default=0,
        metavar="SEED",
        help="seed of all random draws (default: 0)",
    )
    add_decision_options(parser)
    _add_estimator_options(parser.add_argument_group("parameters of VGG16ImageClassifier"))


def _add_estimator_options(group: _ArgumentGroup) -> None:
    # Without a default here: what is not given is left to the estimator.
    def add(option: str, **settings: object) -> None:
        group.add_argument(option, default=SUPPRESS, **settings)  # type: ignore[arg-type]

    add(
        "--image-size",
        type=image_size,
        metavar="SIDE|HxW",
        help="size of the network's input in pixels (default: 224)",
    )
    add(
        "--resize",
        choices=("stretch", "crop", "shrink"),
        help="stretch images, cut out their centre unaltered, or shrink them without "
        "distortion first and then cut out the centre (default: stretch)",
    )
    add(
        "--n-crops",
        type=int,
        metavar="N",
        help="with --resize crop or shrink: average over N crops, 1 to 9, which takes N times "
        "as long (default: 1)",
    )
    add(
        "--preprocessing",
        choices=("auto", "unit", "imagenet"),
        help="input of the network: what the weights were trained with, pixels in [0, 1], or "
        "ImageNet's (default: auto)",
    )
    add(
        "--weights",
        type=none_or_text,
        metavar="SOURCE",
        help="imagenet (downloaded once, 59 MB), cifake (inside this package, for images "
        "of 32x32), none (random), or a .safetensors or Keras .h5 file (default: imagenet)",
    )
    add(
        "--pooling",
        choices=("correlations", "statistics", "avg", "max", "flatten"),
        help="features for the head: mean and deviation of every channel of all convolutions, "
        "with correlations of channels or without, or the last block's averages, maxima, or "
        "all of it (default: correlations)",
    )
    add(
        "--trainable-from",
        metavar="BLOCK",
        choices=("block1", "block2", "block3", "block4", "block5"),
        help="fine-tune VGG16 from this block on (default: train the head only)",
    )
    add(
        "--hidden-units",
        type=units,
        metavar="N,N",
        help="units of Dense layers before the last one (default: none)",
    )
    add(
        "--dropout",
        type=float,
        metavar="SHARE",
        help="share of units dropped in training (default: 0.0)",
    )
    add(
        "--learning-rate",
        type=float,
        metavar="RATE",
        help="learning rate of Adam (default: 0.001)",
    )
    add(
        "--batch-size", type=int, metavar="N", help="images per training step (default: 32)"
    )
    add("--epochs", type=int, metavar="N", help="maximum number of epochs (default: 50)")
    add(
        "--patience",
        type=int,
        metavar="N",
        help="epochs without improvement before training stops (default: 5)",
    )
    add(
        "--no-early-stopping",
        dest="early_stopping",
        action="store_false",
        help="run all epochs, and keep the last",
    )
    add(
        "--validation-fraction",
        type=fraction,
        metavar="SHARE",
        help="share of the training part to validate on (default: 0.1; none for a linear "
        "head on fewer than 10,000 images, which are cross-validated)",
    )
    add(
        "--augmentation",
        choices=("default", "shared", "none"),
        help="train on views that are rotated, zoomed and flipped, on views that are shrunk, "
        "blurred and saved again like shared photographs, or on the images unchanged "
        "(default: default)",
    )
    add(
        "--no-augmentation",
        dest="augmentation",
        action="store_const",
        const="none",
        help="the same as --augmentation none",
    )
    add(
        "--n-views",
        type=int,
        metavar="N",
        help="augmented views of each image (default: 8)",
    )
    add(
        "--engine",
        choices=("auto", "ncnn", "int8", "tensorflow"),
        help="engine for the frozen part of VGG16 (default: auto)",
    )
    add("--n-jobs", type=int, metavar="N", help="threads that read images (default: all)")


def run(arguments: Namespace) -> int:
    """Train, test, write the run folder, and say where it lies."""
    from skfakereal import VGG16ImageClassifier
    from skfakereal.cli.train import Plan, label_line, train_run

    given = vars(arguments)
    own = VGG16ImageClassifier().get_params().keys() - {"random_state"}
    parameters = {name: value for name, value in given.items() if name in own}
    if parameters.get("augmentation") == "none":
        parameters["augmentation"] = None
    plan = Plan(
        folder=arguments.folder,
        out=arguments.out,
        parameters=parameters,
        command_line=arguments.command_line,
        classes=arguments.classes,
        test_fraction=arguments.test_fraction,
        use_groups=arguments.groups != "none",
        groups_file=None if arguments.groups in ("auto", "none") else arguments.groups,
        random_state=arguments.random_state,
        decision=read_decision(arguments),
        skip_unreadable=arguments.skip_unreadable,
        force=arguments.force,
        progress=wants_progress(arguments.progress),
        audit=arguments.audit,
    )
    trained = train_run(plan)
    if trained.parts.test is None:
        say(f"\n{trained.parts.how}")
    say(f"\n{trained.report.summary()}\n\n{trained.report!r}\n")
    for remark in trained.remarks:
        say(f"Caution: {remark}\n")
    if trained.issues and trained.issues.found:
        say(f"{label_line(trained.issues, arguments.out)}\n")
    say(f"The report is {Path(arguments.out, 'report.html')}. To classify an image:")
    say(f"  skfakereal predict {arguments.out} IMAGE")
    if trained.n_unreadable:
        complain(f"{counted(trained.n_unreadable, 'image')} could not be read")
    if trained.refused:
        complain("the threshold or calibration that was asked for was not possible")
        return 4
    return 3 if trained.n_unreadable else 0
