"""Explained images -> PNG files, ``maps.npz`` and one page that can be mailed."""

import re
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from skfakereal._classifying.verdicts import Classification
from skfakereal._judging.model import Model, load_model
from skfakereal._judging.verdicts import classify
from skfakereal._pages.html import (
    Html,
    details,
    folds,
    items,
    meaning,
    note,
    page,
    paragraph,
    section,
    table,
)
from skfakereal._pages.pictures import figure
from skfakereal._parameters import settings_of
from skfakereal._paths import as_fitted
from skfakereal._shown import printable, write_page
from skfakereal._wording import counted
from skfakereal.cli._output import complain, say, wants_progress, watched
from skfakereal.cli._paths import find_images
from skfakereal.cli.run._folder import describe_run, new_run, seal
from skfakereal.cli.run._page import made_by
from skfakereal.explain import (
    Explanation,
    GradCAMDisplay,
    OcclusionDisplay,
    RandomizationCheck,
    grad_cam,
    occlusion,
    randomization_check,
    why_no_grad_cam,
)

_DPI = 144
_MOST_IMAGES = 50  # on one page that can still be mailed
_CHUNK = 8
_CAUTION = (
    "A map shows which parts of the image the detector used. It does not show what was "
    "manipulated, and it is no evidence that anything was: a detector that is wrong has "
    "maps as convincing as one that is right."
)
_NO_CHECK = (
    "The sanity check with random weights needs a VGG16 with a head that can be looked "
    "into, which this model does not have."
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
_READING = {
    "grad-cam": (
        "Bright: this detector sees evidence for the class. Dark: there "
        "is none, or evidence against it.",
        "Each map has a scale of its own, so brightness cannot be compared between images. "
        "A photograph that is surely real has a brightest place too.",
        "Cells are large, and each sees far beyond its borders: trust the region, not the "
        "outline.",
        "The picture is what the detector sees of the image, at the proportions of the file.",
    ),
    "occlusion": (
        "Red: the probability falls if this place is covered, so something there "
        "speaks for it. Blue: it gains.",
        "Each map has a scale of its own: look at the numbers. A detector that is very sure "
        "may lose next to nothing wherever one covers.",
        "A covered image is unlike any that the detector has seen; edges of the cover may "
        "count as evidence themselves.",
    ),
}


@dataclass
class Explained:
    """What has been explained so far."""

    model: Model
    unreadable: Mapping[str, str]  # what is wrong with images that cannot be read, by path
    why_method: str = ""  # why it is occlusion, where that was left to us
    method: str = ""  # what made the maps, in words
    sections: list[Html] = field(default_factory=list)  # one for each image
    # What ``maps.npz`` will hold.
    arrays: dict[str, list[Any]] = field(default_factory=dict)


def explain_images(arguments: Namespace) -> int:
    """Explain the images and write the page."""
    if arguments.method == "occlusion" and arguments.layer is not None:
        raise ValueError("--layer is for --method grad-cam. Leave it out.")
    paths = list(dict.fromkeys(find_images(arguments.images)))
    if len(paths) > _MOST_IMAGES:
        raise ValueError(
            f"explain takes at most {_MOST_IMAGES} images, got {len(paths):,}. Name fewer."
        )
    progress = wants_progress(arguments.progress)
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


def _settings(arguments: Namespace, estimator: Any) -> tuple[dict[str, Any], str]:
    """Return what makes the maps, and why, where "auto" does not take Grad-CAM."""
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


def _load(arguments: Namespace) -> Model:
    try:
        return load_model(
            arguments.model, pos_label=arguments.class_name, trust=arguments.trust
        )
    except ValueError as error:  # which calls the option as the other verbs do
        said = str(error).replace("--pos-label", "--class").replace("pos_label", "--class")
        raise ValueError(said) from error


def _chunks(
    verdicts: Sequence[Classification], model: Model, name: str | None
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
    explained: Explained, paths: Sequence[str], folder: Path, *, method: str, **how: Any
) -> None:
    """Explain some images; write their PNG files."""
    estimator = explained.model.estimator
    X = as_fitted(estimator, paths)
    maps = (grad_cam if method == "grad-cam" else occlusion)(estimator, X, **how)
    sanity = _check(estimator, X, method, how)
    explained.method = maps.method
    for row in range(len(maps)):
        _add(explained, maps, row, sanity[row], folder, method)


def _check(estimator: Any, X: Any, method: str, how: dict[str, Any]) -> list[list[Html]]:
    """Return what the map of each image is worth, by the sanity check."""
    # To draw the last block anew for every covered copy would take minutes an image.
    stages = ("head", "block5") if method == "grad-cam" else ("head",)
    try:
        check = randomization_check(estimator, X, method=method, stages=stages, **how)  # type: ignore[arg-type]
    except TypeError:
        return [[paragraph(_NO_CHECK)]] * len(X)
    return [_worth(check, row) for row in range(len(X))]


def _worth(check: RandomizationCheck, row: int) -> list[Html]:
    """Return one line, and the figures behind it."""
    short, sentence = check.summary(row), check.sentence(row)
    behind = [meaning(sentence)] if sentence != short else []
    return [paragraph(f"Sanity check: {short}"), *behind]


def _add(
    explained: Explained,
    maps: Explanation,
    row: int,
    sanity: Sequence[Html],
    folder: Path,
    method: str,
) -> None:
    import matplotlib.pyplot as plt

    model = explained.model
    display = GradCAMDisplay if method == "grad-cam" else OcclusionDisplay
    drawn = display.from_maps(maps.only(row), target_names=model.names).figure_
    number, name = len(explained.sections) + 1, Path(maps.paths[row]).name
    drawn.savefig(
        folder / f"{number:02}_{_harmless(name)}.png", dpi=_DPI, metadata={"Software": None}
    )
    position = {label: i for i, label in enumerate(maps.classes.tolist())}
    verdict = model.names[position[maps.predicted.tolist()[row]]]
    label = model.names[position[maps.explained.tolist()[row]]]
    says = (
        f"Predicted {verdict}; the probability of {label} is {maps.probabilities[row]:.3f}. "
        f"{_COLOURS[method].format(label)}"
    )
    worth = sanity
    if not maps.maps[row].any():
        worth = [paragraph(_EMPTY[method].format(label))]
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
    arrays = dict(explained.arrays)
    maps = {f"map_{i:02}": one for i, one in enumerate(arrays.pop("maps", []), 1)}
    columns = {name: np.array(values) for name, values in arrays.items()}
    everything: dict[str, Any] = {**columns, **maps}
    np.savez_compressed(folder / "maps.npz", **everything)
    write_page(folder / "explanation.html", _page(explained, config))


def _page(explained: Explained, config: Mapping[str, Any]) -> str:
    method = "occlusion" if explained.method == "Occlusion" else "grad-cam"
    broken = list(explained.unreadable.items())
    lead = (
        f"{explained.method or 'Nothing'} on {counted(len(explained.sections), 'image')}."
    )
    parts: list[Html] = [
        note(_CAUTION, "warning"),
        meaning(
            items([*_READING[method], *filter(None, [explained.why_method])]),
            "The sanity check puts random weights in the place of learned ones and compares "
            "the maps: the similarity is the mean absolute rank correlation over ten draws, "
            "from 0 to 1 (Adebayo et al., 2018, Sanity checks for saliency maps).",
        ),
        *explained.sections,
    ]
    if broken:
        parts.append(section("Could not be read", table(broken, header=("image", "why"))))
    facts = {"command": " ".join(config["command"]), "model": config["model"]["file"]}
    parts.append(
        section(
            "How it was made",
            folds(
                details("Command and model", table(list(facts.items()))),
                details("Versions", table(list(config["versions"].items()))),
            ),
        )
    )
    return page("Where did the detector look?", *parts, lead=lead, footer=made_by(config))


def _harmless(name: str) -> str:
    """Return a file's name without anything that a file system or page may stumble over."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", Path(name).stem)[:40].strip("._") or "image"
