"""Robustness -> words and parts of an HTML page that need no prior knowledge."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from skfakereal._html import (
    Html,
    details,
    headlines,
    items,
    note,
    paragraph,
    section,
    table,
)
from skfakereal._html_pictures import figure, gallery, picture
from skfakereal.evaluation._predictions import Predictions
from skfakereal.evaluation._robustness_advice import robustness_steps
from skfakereal.evaluation._robustness_plots import draw_robustness, families_of
from skfakereal.evaluation._robustness_rows import FIGURES, TABLE_HEADER, RobustnessRow
from skfakereal.evaluation._wording import counted, shortened
from skfakereal.evaluation.perturbations import Perturbation

_N_FRAGILE = 10
_MEANINGS = (
    "Each image went through each change alone, images of both classes alike.",
    "Accuracy: the share of images whose class was predicted correctly.",
    "ROC-AUC: how often a fake gets a higher probability than a real image; no threshold is "
    "involved. Where it stays high while the accuracy falls, the images can still be told "
    "apart, but no longer at this threshold.",
    "Found (TPR): the share of the positive class that was found. False alarms (FPR): the "
    "share of the other class that was mistaken for it. Both at the classifier's own "
    "threshold.",
    "Verdicts flipped: the share of images that are called otherwise than untouched, right "
    "or wrong. It tells how far a single verdict can be relied on.",
)


def robustness_lead(untouched: RobustnessRow, rows: Sequence[RobustnessRow]) -> str:
    """Return the result in a sentence or two."""
    worst, flips = _worst(rows), _most_flips(rows)
    said = [
        f"As they are, {untouched.accuracy:.1%} of "
        f"{counted(untouched.n_images, 'image')} are classified correctly; after "
        f"{worst.name!r}, the worst of {counted(len(rows), 'change')}, "
        f"{worst.accuracy:.1%} are."
    ]
    if flips.flip_rate > 0:
        said.append(
            f"Up to {flips.flip_rate:.1%} of the single verdicts flip (by {flips.name!r})."
        )
    else:
        said.append("No verdict flips.")
    return " ".join(said)


def _worst(rows: Sequence[RobustnessRow]) -> RobustnessRow:
    return min(rows, key=lambda row: np.nan_to_num(row.accuracy, nan=np.inf))


def _most_flips(rows: Sequence[RobustnessRow]) -> RobustnessRow:
    return max(rows, key=lambda row: np.nan_to_num(row.flip_rate, nan=-np.inf))


def robustness_headlines(untouched: RobustnessRow, rows: Sequence[RobustnessRow]) -> Html:
    """Return the few figures that come first."""
    worst, flips = _worst(rows), _most_flips(rows)
    return headlines(
        [
            ("accuracy as they are", untouched.accuracy),
            (f"accuracy, {worst.name}", worst.accuracy),
            (f"verdicts flipped, {flips.name}", flips.flip_rate),
        ]
    )


def row_cells(row: RobustnessRow) -> list[str | float | int]:
    """Return a row of the table."""
    # No line breaks within a name: a row for each perturbation is long enough.
    name = row.name.replace(" ", "\N{NO-BREAK SPACE}")
    return [name, *(getattr(row, key) for key in FIGURES), row.n_images]


def robustness_sections(
    untouched: RobustnessRow,
    rows: Sequence[RobustnessRow],
    remarks: Sequence[str],
    perturbations: Sequence[Perturbation],
    predictions: Predictions,
    flips: NDArray[np.bool_],
) -> list[Html]:
    """Return what a page shows."""
    return [
        section(
            "How much a change of the file costs",
            robustness_headlines(untouched, rows),
            *(note(remark, "warning") for remark in remarks),
            details("What the figures mean", items(_MEANINGS)),
            details(
                "What was done",
                items(f"{r.name}: {p!r}" for r, p in _pairs(rows, perturbations)),
            ),
        ),
        section("What to do next", items(robustness_steps(untouched, rows))),
        section("Curves", _curves(untouched, rows)),
        section("Table", table(map(row_cells, [untouched, *rows]), TABLE_HEADER)),
        section("The most fragile verdicts", *_fragile(rows, predictions, flips)),
    ]


def _pairs(
    rows: Sequence[RobustnessRow], perturbations: Sequence[Perturbation]
) -> list[tuple[RobustnessRow, Perturbation]]:
    return list(zip(rows, perturbations, strict=True))


def _curves(untouched: RobustnessRow, rows: Sequence[RobustnessRow]) -> Html:
    import matplotlib.pyplot as plt

    shown = [key for key in FIGURES if not np.isnan(getattr(untouched, key))]
    pictures = []
    # One by one, so that they stand below each other on a phone.
    for family in families_of(rows):
        fig = draw_robustness(untouched, rows, shown, [family])
        pictures.append(figure(fig, alt=f"figures over {family}"))
        plt.close(fig)
    return gallery(pictures, wide=True)


def _fragile(
    rows: Sequence[RobustnessRow], predictions: Predictions, flips: NDArray[np.bool_]
) -> list[Html]:
    n_flips = flips.sum(axis=0)
    fragile = [int(i) for i in np.argsort(-n_flips, kind="stable") if n_flips[i]]
    if not fragile:
        return [note("No verdict flipped under any change.", "good")]
    p, shown = predictions, fragile[:_N_FRAGILE]
    names = [row.name for row in rows]
    return [
        paragraph(
            f"{counted(len(fragile), 'image')} of {len(p.paths):,} changed their verdict under "
            "at least one change. Those that did so under the most are shown, with the "
            "first change of the table that was enough."
        ),
        gallery(
            picture(
                p.paths[i],
                f"{p.names[p.y_true[i]]}, called {p.names[p.y_pred[i]]}; flips under "
                f"{n_flips[i]} of {len(rows)}, first {names[int(np.argmax(flips[:, i]))]}\n"
                f"{shortened(p.paths[i], 26)}",
            )
            for i in shown
        ),
    ]
