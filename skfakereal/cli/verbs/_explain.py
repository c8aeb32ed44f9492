"""``skfakereal explain``: where in an image did a model look?"""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from skfakereal._shown import printable
from skfakereal._wording import counted
from skfakereal.cli._arguments import (
    ABOUT_TRUST,
    Verbs,
    add_model,
    add_run,
    add_verb,
    finish_verb,
)
from skfakereal.cli._output import complain, say, wants_progress, watched

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skfakereal._classifying.verdicts import Classification
    from skfakereal._judging.model import Model


_DESCRIPTION = """\
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

_EPILOG = """\
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

_MOST_IMAGES = 50  # on one page that can still be mailed
_CHUNK = 8


def add_parser(verbs: "Verbs[ArgumentParser]") -> None:
    """Add the verb to the parser."""
    parser = add_verb(
        verbs,
        "explain",
        summary="show where in images a model looked",
        description=_DESCRIPTION,
        epilog=_EPILOG + ABOUT_TRUST,
    )
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
    finish_verb(parser, run)


def run(arguments: Namespace) -> int:
    """Explain the images and write the page."""
    from skfakereal._judging.verdicts import classify
    from skfakereal._settings import settings_of
    from skfakereal.cli._paths import find_images
    from skfakereal.cli.run._explain import (
        Explained,
        explain_part,
        write_explanation,
    )
    from skfakereal.cli.run._folder import describe_run, new_run, seal

    _check_layer(arguments)
    paths = list(dict.fromkeys(find_images(arguments.images)))
    if len(paths) > _MOST_IMAGES:
        raise ValueError(
            f"explain takes at most {_MOST_IMAGES} images, got {len(paths):,}. Name fewer."
        )
    with new_run(arguments.out, force=arguments.force) as folder:
        model = _load(arguments)
        how, why = _settings(arguments, model.estimator)
        if why:
            say(printable(why))
        verdicts = list(classify(model.estimator, paths))
        unreadable = {v.path: v.error for v in verdicts if v.error}
        readable = [v for v in verdicts if not v.error]
        chunks = _chunks(readable, model, arguments.class_name)
        explained = Explained(model, unreadable, why_method=why)
        for label, chunk in watched(
            chunks,
            total=len(chunks),
            label="explain",
            progress=wants_progress(arguments.progress),
        ):
            explain_part(explained, chunk, folder, label=label, **how)
        config = describe_run(
            arguments.command_line,
            images=[v.path for v in readable],
            unreadable=unreadable,
            method=explained.method or how["method"],
            model={"file": arguments.model, **settings_of(model.estimator)},
        )
        write_explanation(folder, explained, config)
        seal(folder, config)
    for path, error in unreadable.items():
        complain(printable(f"{path}: {error}"))
    say(f"{counted(len(readable), 'image')} explained: {arguments.out}/explanation.html")
    return 3 if unreadable else 0


def _check_layer(arguments: Namespace) -> None:
    if arguments.method == "occlusion" and arguments.layer is not None:
        raise ValueError("--layer is for --method grad-cam. Leave it out.")


def _settings(arguments: Namespace, estimator: Any) -> tuple[dict[str, Any], str]:
    """Return what makes the maps, and why, where "auto" does not take Grad-CAM."""
    from skfakereal.explain import why_no_grad_cam

    if arguments.method == "occlusion":
        return {"method": "occlusion"}, ""
    why = why_no_grad_cam(estimator)
    if why is None:
        return {"method": "grad-cam", "layer": arguments.layer}, ""
    if arguments.layer is not None:
        raise ValueError(f"{why} Leave --layer out, to use occlusion.")
    if arguments.method == "grad-cam":
        raise ValueError(f"{why} Use --method occlusion, which explains any model.")
    return {
        "method": "occlusion"
    }, f"{why} So occlusion covers parts of the images instead."


def _load(arguments: Namespace) -> "Model":
    from skfakereal._judging.model import load_model

    try:
        return load_model(
            arguments.model, pos_label=arguments.class_name, trust=arguments.trust
        )
    except ValueError as error:  # which calls the option as the other verbs do
        said = str(error).replace("--pos-label", "--class").replace("pos_label", "--class")
        raise ValueError(said) from error


def _chunks(
    verdicts: "Sequence[Classification]", model: "Model", name: str | None
) -> list[tuple[Any, list[str]]]:
    """Return a few images at a time, in their order, each time with the class to explain."""
    labels = model.estimator.classes_.tolist()
    chunks: list[tuple[Any, list[str]]] = []
    for verdict in verdicts:
        assert verdict.predicted is not None  # it was read
        label = labels[verdict.predicted if name is None else model.names.index(name)]
        if not chunks or chunks[-1][0] != label or len(chunks[-1][1]) == _CHUNK:
            chunks.append((label, []))
        chunks[-1][1].append(verdict.path)
    return chunks
