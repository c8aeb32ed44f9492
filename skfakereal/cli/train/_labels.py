"""Probabilities of images that no model was fitted on -> those whose label is likely wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skfakereal._classifying.verdicts import Classification
from skfakereal._files import write_csv
from skfakereal._pages.html import Html, meaning, note, section
from skfakereal._pages.pictures import gallery, picture
from skfakereal._wording import counted, shortened
from skfakereal.cli._images import Part
from skfakereal.cli.run._evaluation import Measured
from skfakereal.cli.train._decide import Decided
from skfakereal.cli.train._fit import Fitted
from skfakereal.evaluation import find_label_issues

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


def label_sections(issues: LabelIssues) -> list[Html]:
    """Return what the page shows of them."""
    looked_at = f"Looked at {counted(issues.n_images, 'image')}: {issues.which}."
    if not issues.found:
        return [
            section(
                "Labels that look wrong", note("No label looks wrong.", "good"), looked_at
            )
        ]
    shown = issues.found[:_SHOWN]
    said = f"{_looks(issues)}. Hard images look just like wrong labels: see for yourself."
    if len(issues.found) > len(shown):
        said += f" The {len(shown)} most likely are shown; {LABELS_FILE} has all."
    return [
        section(
            "Labels that look wrong",
            said,
            gallery(
                picture(
                    each.path,
                    f"labelled {each.label} (probability {each.probability:.2f}), "
                    f"more likely {each.likely}\n{shortened(each.path, 18)}",
                )
                for each in shown
            ),
            meaning(
                f"{looked_at} An image is listed if it resembles the other class more than "
                "images of that class do on average, for as many images as the probabilities "
                "say are mislabelled (confident learning, Northcutt et al. 2021). Correct what "
                f"is wrong, leave what is right, and train again; {LABELS_FILE} beside this "
                "page lists the images. None was left out of training."
            ),
        )
    ]


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
