"""A model and images from where it is used -> the model with another threshold, and its run."""

import dataclasses
import math
import warnings
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skfakereal import save
from skfakereal._judging import MODEL_FILE
from skfakereal._judging.model import Model, describe_for_file
from skfakereal._pages.html import Html, note, notes, page, paragraph, section, table
from skfakereal._paths import as_fitted
from skfakereal._settings import settings_of
from skfakereal._shown import write_page
from skfakereal._wording import chance, counted
from skfakereal.cli._tested import Tested, load_tested
from skfakereal.cli.run._folder import describe_run, seal
from skfakereal.cli.run._images import add_to_manifest
from skfakereal.cli.run._page import decision_sections, how_it_was_made, made_by
from skfakereal.evaluation import UnsureBand, learn_unsure_band
from skfakereal.thresholds import (
    Recalibration,
    ThresholdChoice,
    check_counts,
    check_share,
    recalibrate,
)

_PRECISION = 0.95  # where the model says of no other
_MORE_PROBABLE = 0.5


@dataclass(frozen=True)
class Moved:
    """A model with a new threshold, and what is to be known of it."""

    model: Model
    tested: Tested
    change: Recalibration  # its classes by name
    facts: dict[str, Any]  # what ``config.json`` keeps as ``decision``
    said: str
    cautions: list[str]
    unreadable: list[str]


def move_threshold(arguments: Namespace, *, progress: bool) -> Moved:
    """Choose the threshold on the images that can be read."""
    unlabelled = arguments.prevalence is not None and arguments.costs is None
    if unlabelled and arguments.label is not None:
        raise ValueError(
            "--prevalence without --costs is for images that nobody has labelled. Leave "
            "--label out, or --prevalence."
        )
    tested = load_tested(arguments, progress=progress, unlabelled=unlabelled, only_new=True)
    tested, unreadable = tested.readable(progress=progress)
    model, part = tested.model, tested.part
    if model.positive is None:
        raise ValueError(
            f"A threshold needs two classes, but MODEL has {list(model.names)}."
        )
    _check_enough(arguments, tested, unlabelled)
    classes = np.asarray(model.estimator.classes_)
    with warnings.catch_warnings():
        # It is said below, in the words of the command line.
        warnings.filterwarnings("ignore", "The threshold was set to", UserWarning)
        detector, change = recalibrate(
            model.estimator,
            as_fitted(model.estimator, part.paths),
            None if unlabelled else classes[part.labels],
            target_fpr=arguments.target_fpr,
            confidence=arguments.confidence,
            costs=arguments.costs,
            prevalence=arguments.prevalence,
            pos_label=classes.tolist()[model.positive],
        )
    change = dataclasses.replace(change, pos_label=model.names[model.positive])
    moved = dataclasses.replace(model, estimator=detector)
    band, no_band = _band(moved, tested, unlabelled)
    facts = _facts(moved, change, band, no_band)
    cautions = [*_cautions(change, arguments.prevalence, unlabelled), *tested.cautions()]
    said = f"{_chosen_on(tested)}\n\n{change}"
    return Moved(moved, tested, change, facts, said, cautions, unreadable)


def _chosen_on(tested: Tested) -> str:
    rest = tested.said().removeprefix("The tested images are")
    return f"The threshold was chosen on{rest}"


def _check_enough(arguments: Namespace, tested: Tested, unlabelled: bool) -> None:
    names, positive = tested.model.names, tested.model.positive
    assert positive is not None
    label, other = names[positive], names[1 - positive]
    if unlabelled:
        check_share(len(tested.part.paths), arguments.prevalence, label)
        return
    is_positive = tested.part.labels == positive
    target, confidence = arguments.target_fpr, arguments.confidence
    check_counts(is_positive, target, confidence, label, other)


def _band(
    model: Model, tested: Tested, unlabelled: bool
) -> tuple[UnsureBand | None, str | None]:
    """Learn a band on these images, since the model's own is of others."""
    if unlabelled:
        return None, "Without labels, it is unknown which verdicts are right."
    assert model.positive is not None
    part = tested.part
    known = model.config.get("decision") or {}
    try:
        probabilities = model.estimator.predict_proba(
            as_fitted(model.estimator, part.paths)
        )[:, model.positive]
        band = learn_unsure_band(
            np.array(model.names)[part.labels],
            probabilities,
            precision=known.get("unsure_precision") or _PRECISION,
            pos_label=model.names[model.positive],
        )
    except ValueError as error:
        return None, " ".join(str(error).split())
    return band, None


def _facts(
    model: Model, change: Recalibration, band: UnsureBand | None, no_band: str | None
) -> dict[str, Any]:
    earlier = model.config.get("decision") or {}
    unknown = dict.fromkeys(field.name for field in dataclasses.fields(ThresholdChoice))
    known: dict[str, Any] = {}
    if change.after is not None:
        known = dataclasses.asdict(change.after)
        known["false_positive_interval"] = list(change.after.false_positive_interval)
        if not change.after.n_positive:
            # The rates of a page need both classes.
            known |= {"true_positive_rate": None, "balanced_accuracy": None}
    return {
        **unknown,
        **known,
        "threshold": change.threshold,
        "pos_label": change.pos_label,
        "reason": change.reason,
        "calibration": earlier.get("calibration"),
        "out_of_fold": False,
        "recalibrated": True,
        "refused": None,
        "unsure_band": None if band is None else [band.low, band.high],
        "unsure": None if band is None else dataclasses.asdict(band),
        "unsure_precision": earlier.get("unsure_precision") or _PRECISION,
        "no_unsure_band": no_band,
    }


def _cautions(
    change: Recalibration, prevalence: float | None, unlabelled: bool
) -> list[str]:
    if unlabelled:
        return [
            f"The threshold was set to {change.threshold:.4f} without labels. That is right "
            f"only if {100 * (prevalence or 0):.4g}% of these {change.n_images:,} images are "
            f"{change.pos_label} and the model gives them higher probabilities than the rest. "
            "To check both, sort some of the images into class folders."
        ]
    if change.after is not None and not change.after.n_positive:
        return [
            f"These images show how many are falsely classified as {change.pos_label}, not how "
            f"many {change.pos_label} images are detected: there are none among them."
        ]
    return []


def write_file(place: Path, moved: Moved) -> None:
    """Write the model alone."""
    place.parent.mkdir(parents=True, exist_ok=True)
    save(moved.model.estimator, place, describe_for_file(moved.model.names, moved.facts))


def write_run(folder: Path, arguments: Namespace, moved: Moved) -> None:
    """Write the run folder of a model with a new threshold."""
    write_file(folder / MODEL_FILE, moved)
    model, tested, change = moved.model, moved.tested, moved.change
    earlier = {key: value for key, value in model.config.items() if key != "files"}
    if model.run is not None:
        labelled = change.after is not None
        add_to_manifest(model.run, folder, tested.part, model.names, labelled=labelled)
    config = {
        **earlier,
        **describe_run(
            arguments.command_line,
            data={
                **earlier.get("data", {}),
                "folder": arguments.folder,
                "classes": list(model.names),
                "recalibrated_on": _chosen_on(tested),
                "unreadable": moved.unreadable,
            },
            model=settings_of(model.estimator),
            remarks=[*earlier.get("remarks", []), *moved.cautions],
            decision=moved.facts,
            recalibration={"model": arguments.model, **_changed(change)},
        ),
    }
    html = page(
        "Another threshold",
        *notes(config["remarks"], "warning"),
        note(_chosen_on(tested)),
        paragraph(str(change)),
        _before_and_after(change),
        *decision_sections(config),
        how_it_was_made(config),
        lead=f"An image is classified as {change.pos_label} from a probability of "
        f"{chance(change.threshold)} on.",
        footer=made_by(config),
    )
    write_page(folder / "report.html", html)
    seal(folder, config)


def _changed(change: Recalibration) -> dict[str, Any]:
    """Return what changed, in a form that JSON takes."""
    facts = dataclasses.asdict(change)
    for name in ("before", "after"):
        if facts[name] is not None:
            facts[name] = {
                key: None if isinstance(value, float) and math.isnan(value) else value
                for key, value in facts[name].items()
                if key not in ("reason", "pos_label", "expected_cost")
            }
    return facts


def _before_and_after(change: Recalibration) -> Html:
    name = change.pos_label
    rows: list[Sequence[Any]] = [
        ["threshold", change.previous, change.threshold],
        [f"share predicted {name}", change.previous_share_called, change.share_called],
    ]
    if change.before is not None and change.after is not None:
        found = change.before.true_positive_rate, change.after.true_positive_rate
        false_alarms = change.before.false_positive_rate, change.after.false_positive_rate
        rows += [[f"{name} images detected", *found], ["false positives", *false_alarms]]
    return section(
        "Before and after",
        table(rows, ["", "before", "now"]),
        paragraph(
            f"On {counted(change.n_images, 'image')}. The new threshold was chosen on them, "
            "so test it on others. The figures in the report of the model "
            "before are those of the threshold before."
        ),
    )
