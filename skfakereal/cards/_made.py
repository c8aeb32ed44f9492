"""What the detector was trained on, and how."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from skfakereal._wording import counted
from skfakereal.cards._blocks import Block, Bullets, Section, Table, Text
from skfakereal.cards._figures import positive_name
from skfakereal.cards._public import network_settings, public_settings, without_paths
from skfakereal.evaluation import EvaluationReport

_PARTS = ("train", "validation", "test")
_MOST_NAMES = 20


def data_section(report: EvaluationReport, config: Mapping[str, Any]) -> Section:
    """Return what the images were."""
    data = dict(config.get("data", {}))
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
        n_lost = len(data["unreadable"])
        facts.append(
            f"{counted(n_lost, 'image')} could not be read and had to be left out."
        )
    if "manifest_sha256" in data:
        facts.append(
            "images.csv lists every image with its part and SHA-256; the SHA-256 of that "
            f"file is {data['manifest_sha256']}."
        )
    if facts:
        blocks.append(Bullets(tuple(facts)))
    return Section("Data", tuple(blocks))


def _groups(data: Mapping[str, Any], positive: str | None) -> list[str]:
    said = []
    for name, groups in data.get("groups", {}).items():
        if groups and name == positive:
            shown = [f"{group} ({n:,})" for group, n in list(groups.items())[:_MOST_NAMES]]
            more = len(groups) - len(shown)
            rest = f" and {more:,} more" if more else ""
            said.append(
                f"Groups (folders) of class {name} in the training part, with their numbers "
                f"of images: {', '.join(shown)}{rest}."
            )
        elif groups:
            # They may be people or cameras, which a card does not name.
            said.append(
                f"The training images of class {name} come from "
                f"{counted(len(groups), 'group')} (folders)."
            )
    return said


def _drawn(config: Mapping[str, Any]) -> list[str]:
    network = network_settings(config.get("model", {}))
    if not network.get("early_stopping"):
        return []
    share = network["validation_fraction"]
    return [f"Of the training images, {share:.0%} served to tell when to stop."]


def _audit(data: Mapping[str, Any]) -> list[str]:
    audit = data.get("audit")
    if not audit:
        return []
    figure, ends = "", audit.get("interval") or (None, None)
    if audit.get("headline") is not None:
        figure = f", ROC-AUC {audit['headline']:.3f}"
        if None not in ends:
            figure += f" (95 % interval {ends[0]:.3f} to {ends[1]:.3f})"
    said = [
        "Audit, by a small model that sees the files' metadata and no pixels: "
        f"{audit['word']}{figure}. Near 0.5 the files do not give their class away."
    ]
    found = [
        f"{each['name']} ({each['word']})"
        for each in audit.get("findings", ())
        if each["word"] != "clean"
    ]
    if found:
        said.append(without_paths(f"The audit found: {', '.join(found)}."))
    return said


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
        # The platform's name tells more of a machine than of a result.
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
