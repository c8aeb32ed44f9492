"""Robustness -> words, pictures and parts of a page, for readers without prior knowledge."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skfakereal._classifying.predictions import Predictions
from skfakereal._pages.html import (
    Html,
    details,
    folds,
    headlines,
    items,
    meaning,
    note,
    notes,
    section,
    table,
)
from skfakereal._pages.pictures import figure, gallery, picture
from skfakereal._shown import drawable
from skfakereal._wording import counted, first_of, shortened
from skfakereal.evaluation.perturbations import Copy, Perturbation
from skfakereal.evaluation.robustness._rows import FIGURES, TABLE_HEADER, RobustnessRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_LOSS = 0.05  # what a reader would notice, of accuracy, of ROC-AUC, of single verdicts

_HARDLY = 0.1  # of the true above the false positive rate: an accuracy of 55%


def robustness_steps(untouched: RobustnessRow, rows: Sequence[RobustnessRow]) -> list[str]:
    """Return what the figures ask for."""
    if untouched.tpr - untouched.fpr <= _HARDLY:
        return [
            "Even on unchanged images the model hardly separates the classes at its threshold "
            f"(true positive rate {untouched.tpr:.0%}, false positive rate "
            f"{untouched.fpr:.0%}), so these figures say nothing about robustness. Look at the "
            "report on the model first (skfakereal evaluate)."
        ]
    worse = [row for row in rows if untouched.accuracy - row.accuracy > _LOSS]
    # With more than two classes ROC-AUC is NaN: a loss of accuracy is then all we know.
    ranked = [row for row in worse if untouched.roc_auc - row.roc_auc <= _LOSS]
    blind = [row for row in worse if row not in ranked]
    flips = max((row.flip_rate for row in rows if not math.isnan(row.flip_rate)), default=0)
    steps = []
    if blind:
        steps.append(
            f"After {_named(blind)} the model separates the classes less well. Train on "
            "images that went through such changes, in both classes alike (Augmentation has "
            "blur and jpeg_quality), and audit the training images for differences in "
            "format, size and compression."
        )
    if ranked:
        steps.append(
            f"After {_named(ranked)} the accuracy falls, but ROC-AUC hardly does: only the "
            "threshold no longer fits. Choose it on validation images that went through such "
            "changes (skfakereal.thresholds)."
        )
    if flips > _LOSS:
        steps.append(
            f"Up to {flips:.0%} of the verdicts flip, so a single one proves little: judge "
            'single images with stable_verdicts (predict --stable), which can answer "unsure".'
        )
    if worse:
        return [
            *steps,
            "Until then, state with every verdict which images it does not apply to.",
        ]
    return [
        *steps,
        f"None of these changes costs more than {_LOSS:.2f} of accuracy. Next, measure the "
        "detector on a generator that it was not trained on (leave_one_generator_out).",
    ]


def _named(rows: Sequence[RobustnessRow]) -> str:
    worst = sorted(rows, key=lambda row: row.accuracy)
    return first_of([row.name for row in worst])


_N_COLUMNS = 3
_STYLES: dict[str, dict[str, Any]] = {
    "accuracy": {"color": "C0", "marker": "o"},
    "roc_auc": {"color": "C2", "marker": "s"},
    "tpr": {"color": "C4", "marker": "^"},
    "fpr": {"color": "C1", "marker": "v"},
    "flip_rate": {"color": "C3", "marker": "x", "linestyle": "--"},
}


def families_of(rows: Sequence[RobustnessRow]) -> dict[str, list[RobustnessRow]]:
    """Return the rows that have curves by family, in the order in which they came."""
    families: dict[str, list[RobustnessRow]] = {}
    for row in rows:
        families.setdefault(row.family, []).append(row)
    if len(families) > 1:
        # A lossless copy is one point on a flat line, which a table says better.
        families.pop(Copy.family, None)
    return families


def draw_robustness(
    untouched: RobustnessRow,
    rows: Sequence[RobustnessRow],
    figures: Sequence[str],
    families: Sequence[str] | None = None,
) -> "Figure":
    """Draw figures over the strength of each perturbation, a panel for each family."""
    import matplotlib.pyplot as plt

    by_family = families_of(rows)
    asked = list(by_family if families is None else families)
    _check_among("figures", figures, list(FIGURES))
    _check_among("families", asked, list(by_family))
    n_columns = min(_N_COLUMNS, len(asked))
    n_rows = -(-len(asked) // n_columns)
    size = (max(2.9 * n_columns, 4.4), 2.4 * n_rows + 0.7)
    fig, grid = plt.subplots(
        n_rows, n_columns, figsize=size, squeeze=False, sharey=True, layout="constrained"
    )
    for ax in grid.ravel()[len(asked) :]:
        ax.set_axis_off()
    for ax, family in zip(grid.flat, asked, strict=False):
        _draw_family(ax, [untouched, *by_family[family]], figures)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    # Beside a single narrow panel, five names in a row would make the figure wider.
    n_names = len(labels) if n_columns > 1 else 3
    fig.legend(handles, labels, loc="outside upper center", ncols=n_names, frameon=False)
    return fig


def _draw_family(ax: "Axes", rows: Sequence[RobustnessRow], figures: Sequence[str]) -> None:
    # Evenly spaced: qualities, factors and names have no common scale.
    places = range(len(rows))
    for key in figures:
        values = [getattr(row, key) for row in rows]
        ax.plot(
            places, values, label=FIGURES[key], markersize=4, linewidth=1.4, **_STYLES[key]
        )
    ax.set_xticks(
        places, ["unchanged", *(drawable(row.level) for row in rows[1:])], fontsize="small"
    )
    ax.set_title(drawable(rows[-1].family), fontsize="medium")
    ax.set(ylim=(-0.03, 1.03), yticks=[0, 0.25, 0.5, 0.75, 1])
    ax.grid(axis="y", color="0.9")
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)


def _check_among(name: str, asked: Sequence[str], allowed: Sequence[str]) -> None:
    if isinstance(asked, str):
        raise ValueError(f"{name} must be a list of names, got {asked!r}: use [{asked!r}].")
    wrong = next((each for each in asked if each not in allowed), None)
    if wrong is not None or not asked:
        raise ValueError(f"{name} must be some of {list(allowed)}, got {list(asked)}.")


_N_FRAGILE = 10
_MEANINGS = (
    "Each image went through each change on its own, in both classes alike.",
    "Accuracy: the share of images whose class was predicted correctly.",
    "ROC-AUC: how often a fake gets a higher probability than a real image; no threshold is "
    "involved. Where it stays high while the accuracy falls, only the threshold no longer "
    "fits.",
    "True positive rate (TPR): the share of the positive class that was detected. False "
    "positive rate (FPR): the share of the other class that was classified as positive. Both "
    "at the classifier's own threshold.",
    "Verdicts flipped: the share of images whose predicted class changes, right or wrong. It "
    "shows how far a single verdict can be relied on.",
)


def robustness_lead(untouched: RobustnessRow, rows: Sequence[RobustnessRow]) -> str:
    """Return the result in a sentence or two."""
    worst, flips = _worst(rows), _most_flips(rows)
    sentences = [
        f"{untouched.accuracy:.1%} of {counted(untouched.n_images, 'unchanged image')} are "
        f"classified correctly; after {worst.name!r}, the worst of "
        f"{counted(len(rows), 'change')}, {worst.accuracy:.1%} are."
    ]
    if flips.flip_rate > 0:
        sentences.append(
            f"Up to {flips.flip_rate:.1%} of the single verdicts flip (by {flips.name!r})."
        )
    else:
        sentences.append("No verdict flips.")
    return " ".join(sentences)


def _worst(rows: Sequence[RobustnessRow]) -> RobustnessRow:
    return min(rows, key=lambda row: np.nan_to_num(row.accuracy, nan=np.inf))


def _most_flips(rows: Sequence[RobustnessRow]) -> RobustnessRow:
    return max(rows, key=lambda row: np.nan_to_num(row.flip_rate, nan=-np.inf))


def robustness_headlines(untouched: RobustnessRow, rows: Sequence[RobustnessRow]) -> Html:
    """Return the few figures that come first."""
    worst, flips = _worst(rows), _most_flips(rows)
    return headlines(
        [
            ("accuracy, unchanged", untouched.accuracy),
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
            "How much does a change of the file cost?",
            robustness_headlines(untouched, rows),
            meaning(items(_MEANINGS)),
            *notes(remarks, "warning"),
        ),
        section("In pictures", _curves(untouched, rows)),
        section("The most fragile verdicts", *_fragile(rows, predictions, flips)),
        section("What to do next", items(robustness_steps(untouched, rows))),
        section(
            "In numbers",
            folds(
                details(
                    "All figures of each change",
                    table(map(row_cells, [untouched, *rows]), TABLE_HEADER),
                ),
                details(
                    "What was done",
                    items(
                        f"{r.name}: {p!r}" for r, p in zip(rows, perturbations, strict=True)
                    ),
                ),
            ),
        ),
    ]


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
) -> list[str]:
    n_flips = flips.sum(axis=0)
    fragile = [int(i) for i in np.argsort(-n_flips, kind="stable") if n_flips[i]]
    if not fragile:
        return [note("No verdict flipped under any change.", "good")]
    p, shown = predictions, fragile[:_N_FRAGILE]
    names = [row.name for row in rows]
    return [
        f"{counted(len(fragile), 'image')} of {len(p.paths):,} changed their verdict under "
        "at least one change. The most fragile ones are shown, with the first change in the "
        "table that flips them.",
        gallery(
            picture(
                p.paths[i],
                f"{p.names[p.y_true[i]]}, predicted {p.names[p.y_pred[i]]}; flips under "
                f"{n_flips[i]} of {len(rows)}, first {names[int(np.argmax(flips[:, i]))]}\n"
                f"{shortened(p.paths[i], 18)}",
            )
            for i in shown
        ),
    ]
