"""A model that decides -> its figures, and the files of its run."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skfakereal import VGG16ImageClassifier, save
from skfakereal._augmentation import view_settings
from skfakereal._images.read import decode_image, read_bytes
from skfakereal._judging import MODEL_FILE
from skfakereal._judging.model import Model, describe_for_file
from skfakereal._pages.html import Html, details, panel
from skfakereal._pages.pictures import figure
from skfakereal._training.settings import is_solved
from skfakereal._trunk_settings import height_and_width
from skfakereal._views import render_view
from skfakereal._wording import counted
from skfakereal.cli._images import Parts
from skfakereal.cli.run._evaluation import (
    Measured,
    missed_target,
    no_better_than_chance,
    write_evaluation,
)
from skfakereal.cli.run._page import card_facts, card_sections, write_card
from skfakereal.cli.run._seen import digests_of, folds_remark, seen_remark, write_manifest
from skfakereal.cli.train._decide import Decided, measure
from skfakereal.cli.train._fit import Fitted, describe_training
from skfakereal.cli.train._labels import (
    LabelIssues,
    find_mislabelled,
    label_sections,
    write_label_issues,
)
from skfakereal.cli.train._prepare import Plan
from skfakereal.evaluation import EvaluationReport, TrainingCurveDisplay

if TYPE_CHECKING:
    from matplotlib.figure import Figure


_N_LOOKED_AT = 20
# A photograph of 118 million pixels would take gigabytes.
_LOOKED_AT_SIDE = 1024
_N_VIEWS = 7  # beside the plain image, which makes two rows of four


@dataclass(frozen=True)
class Trained:
    """What came of a training."""

    model: Model
    parts: Parts
    # The figures on the test part, or else those of a cross-validation.
    report: EvaluationReport
    remarks: list[str]  # what the reader of the figures must know
    n_unreadable: int  # how many images could not be read
    refused: bool = False  # whether the model cannot decide as it was asked to
    # Labels that look wrong; None of a model that has learned too little to tell.
    issues: LabelIssues | None = None


def write(folder: Path, plan: Plan, fitted: Fitted, decided: Decided) -> Trained:
    """Test the model, and write it with its report, its card and its record."""
    model, parts, audit = decided.model, fitted.prepared.parts, fitted.prepared.audit
    measured = measure(plan, fitted, decided)
    report = measured.report
    metadata = describe_for_file(model.names, decided.facts)
    save(model.estimator, folder / MODEL_FILE, metadata)
    remarks = [
        *fitted.prepared.audit_cautions,
        *decided.cautions,
        *measured.cautions,
        *_write_manifest(folder, plan, fitted, measured),
    ]
    blind = no_better_than_chance(report)
    remarks += blind
    issues = None if blind else find_mislabelled(fitted, decided, measured)
    if issues:
        write_label_issues(folder, issues)
    if plan.decision.target_fpr is not None and not decided.refused:
        remarks += missed_target(report, plan.decision.target_fpr)
    cautions = [*plan.cautions, *remarks]
    config = describe_training(plan, fitted, cautions) | {"decision": decided.facts}
    if audit:
        config["data"]["audit"] = audit.record
    config["data"] |= card_facts(folder, parts.train, parts.names)
    classifier = fitted.prepared.classifier
    figures = {"training_curves": TrainingCurveDisplay.from_estimator(classifier).figure_}
    views = _draw_views(classifier, parts.train.paths)
    if views is not None:
        figures["views"] = views
    write_evaluation(
        folder,
        plan.title,
        model,
        measured,
        config,
        figures=figures,
        pictures=[_training_panel(classifier, views)],
        findings=[
            *(label_sections(issues) if issues else []),
            *([audit.section] if audit else []),
        ],
        sections=card_sections(write_card(folder, report, config)),
    )
    n_unreadable = len(fitted.skipped) + len(report.unreadable)
    return Trained(model, parts, report, remarks, n_unreadable, decided.refused, issues)


def _write_manifest(
    folder: Path, plan: Plan, fitted: Fitted, measured: Measured
) -> list[str]:
    """Write the manifest; return what it and the unreadable files have to say."""
    parts, skipped = fitted.prepared.parts, fitted.skipped
    known = parts.by_name()
    paths = [path for part in known.values() for path in part.paths]
    digests = digests_of(paths, progress=plan.progress)
    write_manifest(folder, known, parts.names, digests)
    tested = [digests[path] for path in measured.part.paths]
    if measured.folds is None:
        seen = {digests[path] for path in paths[: -len(tested)]}  # the test is last
        remark = seen_remark(seen, tested)
    else:
        remark = folds_remark(tested, measured.folds)
    remarks = [said for said in (parts.left_out, remark) if said]
    if skipped:
        remarks.append(
            f"{counted(len(skipped), 'image')} of the training part could not be read and "
            "were left out; config.json names them."
        )
    return remarks


def _training_panel(classifier: VGG16ImageClassifier, views: "Figure | None") -> Html:
    """Return the panel of the loss, with what training saw folded away."""
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots(figsize=(4.8, 4.2), layout="constrained")
    TrainingCurveDisplay.from_estimator(classifier, ax=ax)
    drawn = figure(fig, alt="loss in training and validation")
    plt.close(fig)
    if is_solved(classifier):
        said = (
            "Loss by strength of weight decay; the dashed one, lowest out of fold, is kept."
        )
    else:
        said = "Loss by epoch: where validation rises while training falls, it overfits."
    return panel("Training", drawn, said, *_views(views))


def _views(views: "Figure | None") -> list[Html]:
    if views is None:
        return []
    caption = "One training image, and copies of it as augmentation alters them."
    return [details("What training saw", figure(views, caption))]


def _draw_views(estimator: Any, paths: Sequence[str]) -> "Figure | None":
    """Draw the first views of the image with most to see, of some that training saw."""
    import matplotlib.pyplot as plt

    augmentation = view_settings(estimator.augmentation)
    if augmentation is None:
        return None
    some = paths[:: max(1, len(paths) // _N_LOOKED_AT)]
    path = max(some, key=_amount_to_see)
    data = read_bytes(path)
    image = decode_image(data, path)
    n_views = min(_N_VIEWS, estimator.n_views)
    figure, axes = plt.subplots(2, 4, figsize=(8.4, 4.7), layout="constrained")
    for ax in axes.flat[n_views + 1 :]:
        ax.set_axis_off()
    for view, ax in zip(range(n_views + 1), axes.flat, strict=False):
        pixels = render_view(
            image,
            image_size=height_and_width(estimator.image_size),
            resize=estimator.resize,
            augmentation=augmentation,
            digest=blake2b(data, digest_size=16).digest(),
            view=view,
        )
        ax.imshow(pixels, interpolation="nearest" if max(pixels.shape) <= 96 else None)
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_color("0.85")  # a white image must not end in the page
        ax.set_title(f"view {view}" if view else "the image itself", fontsize="medium")
    return figure


def _amount_to_see(path: str) -> float:
    """Return how much the pixels of an image differ from their neighbours."""
    image = decode_image(read_bytes(path), path)
    image.thumbnail((_LOOKED_AT_SIDE, _LOOKED_AT_SIDE))
    pixels = np.asarray(image).astype(float)
    change = sum(np.abs(np.diff(pixels, axis=axis)).sum() for axis in (0, 1))
    return float(change) / pixels.size
