"""``skfakereal explain``: where in an image did a model look?"""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skfakereal._shown import printable, write_page
from skfakereal._wording import counted
from skfakereal.cli._arguments import add_model, add_run
from skfakereal.cli._output import complain, say, wants_progress, watched
from skfakereal.cli.run._folder import (
    describe_run,
    made_by,
    new_run,
    save_figure,
    seal,
    stem_of,
)

if TYPE_CHECKING:
    from skfakereal._classifying.ask import Classification
    from skfakereal._judging.model import Model
    from skfakereal._pages.html import Html
    from skfakereal.explain import Explanation, RandomizationCheck

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


_MOST_IMAGES = 50  # on one page that can still be mailed
_CHUNK = 8
_CAUTION = (
    "A map shows which parts of the image the detector used. It does not show what was "
    "manipulated, and it is no evidence that anything was: a detector that is wrong has "
    "maps as convincing as one that is right."
)
_COLOURS = {
    "grad-cam": "Bright: what speaks for {}.",
    "occlusion": "Red: what speaks for {}. Blue: what speaks against it.",
}
_EMPTY = {
    "grad-cam": (
        "The map is empty: nowhere does anything speak for {}, at this layer. Whatever "
        "probability is left comes from what is missing, or from the detector's own offset."
    ),
    "occlusion": "The map is empty: whatever is covered, the probability of {} stays.",
}


def add_arguments(parser: ArgumentParser) -> None:
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
    from skfakereal._judging.verdicts import classify
    from skfakereal._parameters import settings_of
    from skfakereal.cli._images import find_images

    if arguments.method == "occlusion" and arguments.layer is not None:
        raise ValueError("--layer is for --method grad-cam. Leave it out.")
    paths = list(dict.fromkeys(find_images(arguments.images)))
    if len(paths) > _MOST_IMAGES:
        raise ValueError(
            f"explain takes at most {_MOST_IMAGES} images, got {len(paths):,}. Name fewer."
        )
    progress = wants_progress(arguments.progress)
    reads = [arguments.model, *paths]
    with new_run(arguments.out, force=arguments.force, reads=reads) as folder:
        model = _load(arguments)
        how, why = _settings(arguments, model.estimator)
        if why:
            say(printable(why))
        verdicts = list(classify(model.estimator, paths))
        unreadable = {v.path: v.error for v in verdicts if v.error}
        readable = [v for v in verdicts if not v.error]
        chunks = _chunks(readable, model, arguments.class_name)
        explained = Explained(model, unreadable, why_method=why)
        bar = watched(chunks, total=len(chunks), label="explain", progress=progress)
        for label, chunk in bar:
            _explain(explained, chunk, folder, label=label, **how)
        config = describe_run(
            arguments.command_line,
            images=[v.path for v in readable],
            unreadable=unreadable,
            method=explained.method or how["method"],
            model={"file": arguments.model, **settings_of(model.estimator)},
        )
        _write(folder, explained, config)
        seal(folder, config)
    for path, error in unreadable.items():
        complain(printable(f"{path}: {error}"))
    say(f"{counted(len(readable), 'image')} explained: {arguments.out}/explanation.html")
    return 3 if unreadable else 0


@dataclass
class Explained:
    """What has been explained so far."""

    model: "Model"
    unreadable: Mapping[str, str]  # what is wrong with images that cannot be read, by path
    why_method: str = ""  # why it is occlusion, where that was left to us
    method: str = ""  # what made the maps, in words
    sections: "list[Html]" = field(default_factory=list)  # one for each image
    # What ``maps.npz`` will hold.
    arrays: dict[str, list[Any]] = field(default_factory=dict)


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
    instead = "So occlusion covers parts of the images instead."
    return {"method": "occlusion"}, f"{why} {instead}"


def _load(arguments: Namespace) -> "Model":
    from skfakereal._judging.model import load_model

    try:
        return load_model(
            arguments.model, pos_label=arguments.class_name, trust=arguments.trust
        )
    except ValueError as error:  # which calls the option as the other verbs do
        said = str(error).replace("pos_label (on the command line, --pos-label)", "--class")
        said = said.replace("--pos-label", "--class")
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


def _explain(
    explained: Explained, paths: Sequence[str], folder: Path, *, method: Any, **how: Any
) -> None:
    """Explain some images; write their PNG files."""
    from skfakereal._paths import as_fitted
    from skfakereal.explain import check_maps, grad_cam, occlusion

    estimator = explained.model.estimator
    X = as_fitted(estimator, paths)
    maps = (grad_cam if method == "grad-cam" else occlusion)(estimator, X, **how)
    check = check_maps(estimator, X, method, **how)
    explained.method = maps.method
    for row in range(len(maps)):
        _add(explained, maps, row, _worth(check, row), folder, method)


def _worth(check: "RandomizationCheck | None", row: int) -> list[str]:
    """Return what the map of an image is worth in one line, and the figures behind it."""
    from skfakereal._pages.html import meaning
    from skfakereal.explain import NO_CHECK

    if check is None:
        return [NO_CHECK]
    short, sentence = check.summary(row), check.sentence(row)
    behind = [meaning(sentence)] if sentence != short else []
    return [f"Sanity check: {short}", *behind]


def _add(
    explained: Explained,
    maps: "Explanation",
    row: int,
    sanity: Sequence[str],
    folder: Path,
    method: str,
) -> None:
    import matplotlib.pyplot as plt

    from skfakereal._pages.html import section
    from skfakereal._pages.pictures import figure
    from skfakereal.explain import GradCAMDisplay, OcclusionDisplay

    model = explained.model
    display = GradCAMDisplay if method == "grad-cam" else OcclusionDisplay
    drawn = display.from_maps(maps.only(row), target_names=model.names).figure_
    number, name = len(explained.sections) + 1, Path(maps.paths[row]).name
    save_figure(folder / f"{number:02}_{stem_of(name)}.png", drawn)
    position = {label: i for i, label in enumerate(maps.classes.tolist())}
    verdict = model.names[position[maps.predicted.tolist()[row]]]
    label = model.names[position[maps.explained.tolist()[row]]]
    says = (
        f"Predicted {verdict}; the probability of {label} is {maps.probabilities[row]:.3f}. "
        f"{_COLOURS[method].format(label)}"
    )
    worth = sanity
    if not maps.maps[row].any():
        worth = [_EMPTY[method].format(label)]
    alt = f"{name}: the image, the map for {label} over it, and the map"
    # The page says in text what the titles say, in the fonts of whoever reads it.
    for ax in drawn.axes:
        ax.set_title("")
    explained.sections.append(section(name, says, figure(drawn, alt=alt), *worth))
    plt.close(drawn)
    facts = {
        "paths": maps.paths[row],
        "explained": label,
        "predicted": verdict,
        "probabilities": maps.probabilities[row],
        "areas": maps.areas[row],
        "maps": maps.maps[row],
    }
    for key, value in facts.items():
        explained.arrays.setdefault(key, []).append(value)


def _write(folder: Path, explained: Explained, config: Mapping[str, Any]) -> None:
    """Write ``explanation.html`` and ``maps.npz``."""
    import numpy as np

    arrays = dict(explained.arrays)
    maps = {f"map_{i:02}": one for i, one in enumerate(arrays.pop("maps", []), 1)}
    columns = {name: np.array(values) for name, values in arrays.items()}
    everything: dict[str, Any] = {**columns, **maps}
    np.savez_compressed(folder / "maps.npz", **everything)
    write_page(folder / "explanation.html", _page(explained, config))


def _page(explained: Explained, config: Mapping[str, Any]) -> str:
    from skfakereal._pages import html
    from skfakereal.explain import HOW_CHECKED, READING

    method = "occlusion" if explained.method == "Occlusion" else "grad-cam"
    broken = list(explained.unreadable.items())
    lead = (
        f"{explained.method or 'Nothing'} on {counted(len(explained.sections), 'image')}."
    )
    parts: list[html.Html] = [
        html.note(_CAUTION, "warning"),
        html.meaning(
            html.items([*READING[method], *filter(None, [explained.why_method])]),
            HOW_CHECKED,
        ),
        *explained.sections,
    ]
    if broken:
        parts.append(
            html.section("Could not be read", html.table(broken, header=("image", "why")))
        )
    facts = {"command": " ".join(config["command"]), "model": config["model"]["file"]}
    parts.append(
        html.section(
            "How it was made",
            html.folds(
                html.details("Command and model", html.table(list(facts.items()))),
                html.details("Versions", html.table(list(config["versions"].items()))),
            ),
        )
    )
    return html.page(
        "Where did the detector look?", *parts, lead=lead, footer=made_by(config)
    )
