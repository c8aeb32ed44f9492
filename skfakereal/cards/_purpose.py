"""What the detector is, what it is for, and what it is not for."""

from collections.abc import Mapping
from typing import Any

from skfakereal._trunk_settings import height_and_width
from skfakereal.cards._blocks import Bullets, Code, Section, Text
from skfakereal.cards._figures import positive_name
from skfakereal.cards._public import network_settings
from skfakereal.evaluation import EvaluationReport


def details_section(report: EvaluationReport, config: Mapping[str, Any]) -> Section:
    """Return what the detector is."""
    model = config.get("model", {})
    network = network_settings(model)
    image_size = network.get("image_size")
    facts = [f"Task: tells images apart as {' or '.join(report.target_names)}."]
    if network:
        facts.append(
            "Kind: transfer learning on VGG16 (Simonyan and Zisserman 2015), with layers "
            "of its own on top."
        )
    elif "class" in model:
        facts.append(f"Kind: {model['class']}, a scikit-learn classifier.")
    if image_size:
        height, width = height_and_width(image_size)
        facts.append(f"Input: one image, brought to {height}x{width} pixels.")
    facts.append("Output: a probability of each class; they add up to 1.")
    if "date" in config:
        facts.append(f"Made on {str(config['date'])[:10]}.")
    if "skfakereal" in config:
        facts.append(f"Made with skfakereal {config['skfakereal']}.")
    return Section("Model details", (Bullets(tuple(facts)),))


def uses_section(report: EvaluationReport) -> Section:
    """Return what the detector is for, and what it is not for."""
    positive = positive_name(report)
    what = f"that an image is {positive}" if positive else "each class of images"
    out_of_scope = (
        "As the only ground for an accusation, a takedown, or any decision about a person.",
        "On images of other kinds than those it was tested on: other generators, cameras or "
        "sizes, or images that were saved again, cropped or photographed from a screen. "
        "Where a table below shows how it bears that, go by the table.",
        "To say who made an image, when, or which part of it was altered.",
    )
    return Section(
        "Intended use",
        (
            Text(
                f"To help people decide which images deserve a closer look: it says how "
                f"probable it finds {what}. It gives no proof and no reasons, and "
                "a person should judge what it finds."
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
                "A .skfr file holds arrays and settings and no code, so loading it is safe "
                "whoever made it. With the versions that are named above it predicts the "
                "same."
            ),
        ),
    )
