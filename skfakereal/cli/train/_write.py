"""A model that decides -> its figures, labels that look wrong, and the files of its run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skfakereal import save
from skfakereal._augmentation import view_settings
from skfakereal._classifying.ask import Classification
from skfakereal._files import write_csv
from skfakereal._images.read import decode_image, read_bytes
from skfakereal._judging import MODEL_FILE
from skfakereal._judging.model import Model, describe_for_file
from skfakereal._pages.html import Html, details, meaning, note, panel, section
from skfakereal._pages.pictures import figure, gallery, picture
from skfakereal._trunk_settings import height_and_width
from skfakereal._views import content_digest, render_view
from skfakereal._wording import counted, shortened
from skfakereal.cli._images import Part, Parts
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
from skfakereal.cli.train._prepare import Plan, Prepared
from skfakereal.evaluation import (
    EvaluationReport,
    TrainingCurveDisplay,
    find_label_issues,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


_N_LOOKED_AT = 20
# A photograph of 118 million pixels would take gigabytes.
_LOOKED_AT_SIDE = 1024
_N_VIEWS = 7  # beside the plain image, which makes two rows of four
LABELS_FILE = "label_issues.csv"
_SHOWN = 12
_MANY = 0.2  # of the images: hardly a set has so many wrong labels


@dataclass(frozen=True)
class LabelIssue:
    """An image whose label is likely wrong."""

    path: str
    label: str
    likely: str
    probability: float  # of the label


@dataclass(frozen=True)
class LabelIssues:
    """What looks mislabelled among the images that could be looked at, the worst first."""

    found: list[LabelIssue]
    n_images: int
    which: str  # which images these are


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
        pictures=[_training_panel(fitted.prepared, views)],
        findings=[
            *([label_section(issues)] if issues else []),
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


def _training_panel(prepared: Prepared, views: "Figure | None") -> Html:
    """Return the panel of the loss, with what training saw folded away."""
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots(figsize=(4.8, 4.2), layout="constrained")
    TrainingCurveDisplay.from_estimator(prepared.classifier, ax=ax)
    drawn = figure(fig, alt="loss in training and validation")
    plt.close(fig)
    if prepared.is_solved:
        said = (
            "Loss by strength of weight decay; the dashed one, lowest out of fold, is kept."
        )
    else:
        said = "Loss by epoch: where validation rises while training falls, it overfits."
    if views is None:
        return panel("Training", drawn, said)
    caption = "One training image, and copies of it as augmentation alters them."
    return panel(
        "Training", drawn, said, details("What training saw", figure(views, caption))
    )


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
            digest=content_digest(data),
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


def find_mislabelled(fitted: Fitted, decided: Decided, measured: Measured) -> LabelIssues:
    """Look at all images of the run that were classified by a model not fitted on them."""
    parts, names = fitted.prepared.parts, fitted.model.names
    seen: list[tuple[Part, Sequence[Classification]]] = [(measured.part, measured.verdicts)]
    which = "all of them, each classified by a model that was fitted without it"
    if measured.folds is None:
        which = "the tested ones"
        if parts.validation is None and decided.verdicts:
            # Out of fold, of the training part.
            seen.append((parts.train, decided.verdicts))
            which += ", and the training images, classified out of fold"
    paths = [path for part, _ in seen for path in part.paths]
    labels = np.concatenate([part.labels for part, _ in seen])
    verdicts = [verdict for _, said in seen for verdict in said]
    nothing = np.full(len(names), np.nan)
    proba = np.array([nothing if v.error else v.probabilities for v in verdicts])
    rows = find_label_issues(labels, proba, labels=np.arange(len(names)))
    found = [
        LabelIssue(
            path=paths[row],
            label=names[labels[row]],
            likely=names[int(proba[row].argmax())],
            probability=float(proba[row, labels[row]]),
        )
        for row in rows.tolist()
    ]
    return LabelIssues(found, int((~np.isnan(proba).any(axis=1)).sum()), which)


def write_label_issues(folder: Path, issues: LabelIssues) -> None:
    """Write them as a table, also if there are none."""
    rows = [
        [each.path, each.label, each.likely, f"{each.probability:.6f}"]
        for each in issues.found
    ]
    write_csv(folder / LABELS_FILE, [["path", "label", "likely", "probability"], *rows])


def label_section(issues: LabelIssues) -> Html:
    """Return what the page shows of them."""
    heading = "Labels that look wrong"
    looked_at = f"Looked at {counted(issues.n_images, 'image')}: {issues.which}."
    if not issues.found:
        return section(heading, note("No label looks wrong.", "good"), looked_at)
    shown = issues.found[:_SHOWN]
    said = f"{_looks(issues)}. Hard images look just like wrong labels: see for yourself."
    if len(issues.found) > len(shown):
        said += f" The {len(shown)} most likely are shown; {LABELS_FILE} has all."
    pictures = [
        picture(
            each.path,
            f"labelled {each.label} (probability {each.probability:.2f}), "
            f"more likely {each.likely}\n{shortened(each.path, 18)}",
        )
        for each in shown
    ]
    how = meaning(
        f"{looked_at} An image is listed if it resembles the other class more than images of "
        "that class do on average, for as many images as the probabilities say are mislabelled "
        "(confident learning, Northcutt et al. 2021). Correct what is wrong, leave what is "
        f"right, and train again; {LABELS_FILE} beside this page lists the images. None was "
        "left out of training."
    )
    return section(heading, said, gallery(pictures), how)


def _looks(issues: LabelIssues) -> str:
    n = len(issues.found)
    said = f"{counted(n, 'image')} {'looks' if n == 1 else 'look'} mislabelled"
    if n > _MANY * issues.n_images:
        said += f", so many of {issues.n_images:,} that the model is rather weak"
    return said


def label_line(issues: LabelIssues, out: str) -> str:
    """Return the line for the screen; empty if there is nothing to tell."""
    if not issues.found:
        return ""
    return f"{_looks(issues)}: see {Path(out, LABELS_FILE)}, or the report."
