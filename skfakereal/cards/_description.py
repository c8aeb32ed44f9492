"""What the detector is, what it is for, what it was made of, and under what terms."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from skfakereal._trunk_settings import height_and_width
from skfakereal._wording import counted, left_out
from skfakereal.cards._blocks import (
    Block,
    Bullets,
    Code,
    Section,
    Table,
    Text,
    last_part,
    without_paths,
)
from skfakereal.cards._figures import positive_name
from skfakereal.evaluation import EvaluationReport


def details_section(report: EvaluationReport, config: Mapping[str, Any]) -> Section:
    """Return what the detector is."""
    model = config.get("model", {})
    network = network_settings(model)
    image_size = network.get("image_size")
    facts = [f"Task: classifies images as {' or '.join(report.target_names)}."]
    if network:
        facts.append(
            "Kind: transfer learning on VGG16 (Simonyan and Zisserman 2015), with layers "
            "of its own on top."
        )
    elif "class" in model:
        facts.append(f"Kind: {model['class']}, a scikit-learn classifier.")
    if image_size:
        height, width = height_and_width(image_size)
        facts.append(f"Input: one image, resized or cropped to {height}x{width} pixels.")
    facts.append("Output: a probability of each class; they add up to 1.")
    if "date" in config:
        facts.append(f"Made on {str(config['date'])[:10]}.")
    if "skfakereal" in config:
        facts.append(f"Made with skfakereal {config['skfakereal']}.")
    return Section("Model details", (Bullets(tuple(facts)),))


def uses_section(report: EvaluationReport) -> Section:
    """Return what the detector is for, and what it is not for."""
    positive = positive_name(report)
    what = f"that an image is {positive}" if positive else "of each class"
    out_of_scope = (
        "As the only ground for an accusation, a takedown, or any decision about a person.",
        "On images of other kinds than those it was tested on: other generators, cameras or "
        "sizes, or images that were saved again, cropped or photographed from a screen. "
        "Where a table below covers that, rely on the table.",
        "To tell who made an image, when, or which part of it was altered.",
    )
    return Section(
        "Intended use",
        (
            Text(
                f"To help people decide which images deserve a closer look: it estimates the "
                f"probability {what}. It gives no proof and no reasons, and a person should "
                "review its results."
            ),
            Text("Out of scope:"),
            Bullets(out_of_scope),
        ),
    )


def use_section(report: EvaluationReport, config: Mapping[str, Any]) -> Section:
    """Return how to use the detector."""
    labels = dict(zip(report.classes.tolist(), report.target_names, strict=True))
    release = f"=={config['skfakereal']}" if "skfakereal" in config else ""
    lines = [
        "import skfakereal",
        "",
        'model = skfakereal.load("model.skfr")',
        f'model.predict(["suspect.jpg"])        # one of {labels}',
        f'model.predict_proba(["suspect.jpg"])  # columns: {list(report.target_names)}',
    ]
    return Section(
        "How to use it",
        (
            Code(f'pip install "skfakereal{release}"', "bash"),
            Code("\n".join(lines), "python"),
            Text(
                "A .skfr file holds arrays and settings and no code, so it is safe to load, "
                "whoever made it. With the versions named above it gives the same predictions."
            ),
        ),
    )


_PARTS = ("train", "validation", "test")
_MOST_NAMES = 20


def data_section(report: EvaluationReport, config: Mapping[str, Any]) -> Section:
    """Return what the images were."""
    data = dict(config.get("data", {}))
    if "cross_validated" not in data:
        data.setdefault("test", {n: f["n_images"] for n, f in report.per_class.items()})
    names = report.target_names
    parts = [part for part in _PARTS if part in data]
    rows = tuple(
        (part, *(f"{int(data[part].get(name, 0)):,}" for name in names)) for part in parts
    )
    blocks: list[Block] = [Table(("images", *names), rows)]
    facts = [*_groups(data, positive_name(report)), *_audit(data)]
    if "train" in data and "validation" not in data:
        facts += _drawn(config)
    if "test_images" in data:
        facts.append(without_paths(data["test_images"]))
    if data.get("unreadable"):
        facts.append(f"{left_out(len(data['unreadable']))}.")
    if "manifest_sha256" in data:
        facts.append(
            "images.csv lists every image with its part and SHA-256; the SHA-256 of that "
            f"file is {data['manifest_sha256']}."
        )
    if facts:
        blocks.append(Bullets(tuple(facts)))
    return Section("Data", tuple(blocks))


def _groups(data: Mapping[str, Any], positive: str | None) -> list[str]:
    sentences = []
    for name, groups in data.get("groups", {}).items():
        if groups and name == positive:
            shown = [f"{group} ({n:,})" for group, n in list(groups.items())[:_MOST_NAMES]]
            more = len(groups) - len(shown)
            rest = f" and {more:,} more" if more else ""
            sentences.append(
                f"Groups (folders) of class {name} in the training part, with their numbers "
                f"of images: {', '.join(shown)}{rest}."
            )
        elif groups:
            # They may be people or cameras, which a card does not name.
            sentences.append(
                f"The training images of class {name} come from "
                f"{counted(len(groups), 'group')} (folders)."
            )
    return sentences


def _drawn(config: Mapping[str, Any]) -> list[str]:
    network = network_settings(config.get("model", {}))
    share = network.get("validation_fraction")
    if share is None or not network.get("early_stopping"):
        return []
    if share == "auto":
        return [
            "What training had to choose (the weight decay, or the number of epochs) was chosen "
            "by validation among these images."
        ]
    return [f"{share:.0%} of the training images were held out to decide when to stop."]


def _audit(data: Mapping[str, Any]) -> list[str]:
    audit = data.get("audit")
    if not audit:
        return []
    figure, ends = "", audit.get("interval") or (None, None)
    if audit.get("headline") is not None:
        figure = f", ROC-AUC {audit['headline']:.3f}"
        if None not in ends:
            figure += f" (95% interval {ends[0]:.3f} to {ends[1]:.3f})"
    sentences = [
        "Audit, by a small model that sees the files' metadata and no pixels: "
        f"{audit['word']}{figure}. Near 0.5 the files do not give the class away."
    ]
    findings = [
        f"{each['name']} ({each['word']})"
        for each in audit.get("findings", ())
        if each["word"] != "clean"
    ]
    if findings:
        sentences.append(without_paths(f"The audit found: {', '.join(findings)}."))
    return sentences


def training_section(config: Mapping[str, Any]) -> Section | None:
    """Return how the detector was trained."""
    blocks: list[Block] = []
    training = config.get("training", {})
    if "epochs_run" in training:
        blocks.append(
            Text(
                f"Ran {counted(training['epochs_run'], 'epoch')} and kept the weights of "
                f"epoch {training.get('epoch_kept', training['epochs_run'])}."
            )
        )
    if "weight_decay" in training:
        decay = f"{training['weight_decay']:.2g}"
        blocks.append(Text(f"Solved for a linear head, with weight decay {decay}."))
    if training.get("engine") == "int8":
        blocks.append(
            Text("The frozen part of VGG16 is computed in whole numbers (8 bits).")
        )
    settings = public_settings(dict(config.get("model", {})))
    rows = tuple((name, _shown(value)) for name, value in _flat(settings))
    if rows:
        blocks.append(Table(("setting", "value"), rows))
    versions = {
        name: version
        for name, version in {
            "skfakereal": config.get("skfakereal"),
            **config.get("versions", {}),
        }.items()
        # The platform says more about a machine than about a result.
        if version and name != "platform"
    }
    if versions:
        named = ", ".join(f"{name} {version}" for name, version in versions.items())
        blocks.append(Text(f"Versions: {named}."))
    return Section("Training", tuple(blocks)) if blocks else None


def _flat(settings: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield settings by the names that `set_params` knows."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield f"{before}{name}", value.get("class", "")
            inner = {key: each for key, each in value.items() if key != "class"}
            yield from _flat(inner, f"{before}{name}__")
        else:
            yield f"{before}{name}", value


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


# They say how fast it went and where things lay, not what came out.
_LOCAL = ("cache", "n_jobs", "on_error", "verbose")


def public_settings(model: dict[str, Any]) -> dict[str, Any]:
    """Return an estimator's settings without local ones."""
    return {name: _public(value) for name, value in model.items() if name not in _LOCAL}


def network_settings(settings: Any) -> dict[str, Any]:
    """Return the settings of the `VGG16ImageClassifier` or extractor within others."""
    if isinstance(settings, dict):
        if str(settings.get("class", "")).startswith("VGG16"):
            return settings
        settings = list(settings.values())
    if isinstance(settings, list | tuple):
        return next(filter(None, map(network_settings, settings)), {})
    return {}


def _public(value: Any) -> Any:
    if isinstance(value, dict):
        return public_settings(value)
    if isinstance(value, list | tuple):
        return [_public(each) for each in value]
    if isinstance(value, str) and re.search(r"[/\\]", value):
        return last_part(value)
    return value


_VGG = (
    "K. Simonyan and A. Zisserman (2015). Very deep convolutional networks for large-scale "
    "image recognition. ICLR."
)
_CIFAKE = (
    "J. J. Bird and A. Lotfi (2024). CIFAKE: image classification and explainable "
    "identification of AI-generated synthetic images. IEEE Access 12.",
    "A. Krizhevsky and G. Hinton (2009). Learning multiple layers of features from tiny "
    "images. Technical report, University of Toronto.",
)
_IMAGENET = (
    "O. Russakovsky et al. (2015). ImageNet large scale visual recognition challenge. "
    "International Journal of Computer Vision 115.",
)
_CARDS = (
    "The form of this card: M. Mitchell et al. (2019). Model cards for model reporting. "
    "FAT*."
)
_TRUNKS = {
    "imagenet": "VGG16's pretrained weights are Keras's, ported from those that the Visual "
    "Geometry Group at Oxford released under the Creative Commons Attribution License. They "
    "were trained on ImageNet, whose images have terms of their own.",
    "cifake": "VGG16's pretrained weights are those inside skfakereal: trained on CIFAKE (MIT "
    "licence), from ImageNet's weights on, which are by K. Simonyan and A. Zisserman, Visual "
    "Geometry Group, Oxford, ported to Keras by F. Chollet, under CC BY 4.0 "
    "(https://creativecommons.org/licenses/by/4.0/); training changed all of them.",
    None: "VGG16's initial weights were random: only skfakereal's licence (MIT) applies to "
    "them.",
}


def licence_section(config: Mapping[str, Any], license_name: str) -> Section:
    """Return under what terms the detector and what it is built on stand."""
    own = (
        "No licence was chosen for this detector: choose one before you publish it, here and "
        "in the first lines of this file."
        if license_name == "unknown"
        else f"This detector: {license_name}."
    )
    network = network_settings(config.get("model", {}))
    blocks: list[Block] = [Text(own)]
    if network:
        blocks.append(
            Text(
                _TRUNKS.get(
                    network.get("weights"),
                    "VGG16's pretrained weights were read from the maker's own file; the maker "
                    "must state their terms.",
                )
            )
        )
    blocks.append(Text("The maker must state the terms of the training images."))
    return Section("Licence", tuple(blocks))


def citation_section(config: Mapping[str, Any]) -> Section:
    """Return what to cite."""
    release = f" (version {config['skfakereal']})" if "skfakereal" in config else ""
    cited = [f"skfakereal{release}. The skfakereal developers."]
    network = network_settings(config.get("model", {}))
    if network:
        more = {"cifake": _CIFAKE, "imagenet": _IMAGENET}.get(
            network.get("weights", ""), ()
        )
        cited += [_VGG, *more]
    return Section("Citation", (Bullets((*cited, _CARDS)),))
