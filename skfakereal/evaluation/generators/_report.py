"""The report on unseen generators: a row of figures for each, table, picture, page."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from skfakereal._pages.html import (
    Dot,
    Html,
    details,
    dots,
    folds,
    fragment,
    headlines,
    items,
    meaning,
    note,
    notes,
    panel,
    panels,
    section,
    table,
)
from skfakereal._pages.report import ReportOfRows, records_frame, without_nan
from skfakereal._shown import drawable, legible
from skfakereal._wording import counted, decimal, text_table
from skfakereal.evaluation.generators._trials import (
    GENERATOR_FIGURES,
    GeneratorRow,
    generator_steps,
    mean_figures,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MEANINGS = (
    "Seen: other images of the generator were in the training images. Unseen: none were. Both "
    "figures are for the same fake images, which no model was trained on.",
    "Both classes have the same weight: 0.5 is chance for balanced accuracy, ROC-AUC and average "
    "precision, whatever the number of images.",
    "ROC-AUC: how often a fake gets a higher probability than a real image; no threshold is "
    "involved.",
    "True positive rate (TPR): the share of the generator's images that was classified as fake. "
    "False positive rate (FPR): the same share of the real images. Both at the classifier's own "
    "threshold.",
    "Drop: how much the figure is lower when the generator is unseen. Rise: how much the false "
    "positive rate is higher.",
)


def generator_lead(rows: Sequence[GeneratorRow]) -> str:
    """Return the result in a sentence or two."""
    seen, unseen = (mean_figures(rows, kind)["roc_auc"] for kind in ("seen", "unseen"))
    lead = (
        f"On a generator that it was not trained on, the detector reaches a ROC-AUC of "
        f"{unseen:.3f} on average, against {seen:.3f} on generators that it was trained on "
        f"({counted(len(rows), 'generator')}, left out one by one)."
    )
    drops = [row for row in rows if not math.isnan(row.drop["roc_auc"])]
    if not drops:
        return lead
    worst = max(drops, key=lambda row: row.drop["roc_auc"])
    return (
        f"{lead} The largest drop is on {worst.generator!r}: from "
        f"{worst.seen['roc_auc']:.3f} to {worst.unseen['roc_auc']:.3f}."
    )


def generator_remarks(rows: Sequence[GeneratorRow], n_unreadable: int) -> list[str]:
    """Return what a reader of the figures must know besides."""
    remarks = []
    if n_unreadable:
        remarks.append(
            f"{counted(n_unreadable, 'image')} could not be read and "
            f"{'is' if n_unreadable == 1 else 'are'} left out of all figures."
        )
    fewest = min(rows, key=lambda row: row.n_fake)
    # Twice the standard error of a share of one half.
    margin = 1 / math.sqrt(fewest.n_fake) if fewest.n_fake else 1
    remarks.append(
        f"{fewest.generator!r} has the fewest fakes ({counted(fewest.n_fake, 'image')}): by chance "
        f"its rates may be off by {min(margin, 1):.2f} (95%)."
    )
    fewer = [row for row in rows if row.n_train_unseen < 0.8 * row.n_train_seen]
    if fewer:
        names = ", ".join(repr(row.generator) for row in fewer)
        remarks.append(
            f"Without {names} there were over 20% fewer training images than with; part of the "
            "drop may come from that alone."
        )
    return remarks


def draw_generators(
    rows: Sequence[GeneratorRow], key: str, ax: "Axes | None" = None
) -> "Figure":
    """Draw for each generator the figure with and without it, joined by a line."""
    import matplotlib.pyplot as plt

    if key not in GENERATOR_FIGURES:
        raise ValueError(f"figure must be one of {list(GENERATOR_FIGURES)}, got {key!r}.")
    if ax is None:
        size = (5.2, 1.6 + 0.34 * len(rows))
        _, ax = plt.subplots(figsize=size, layout="constrained")
    # Matplotlib counts from below: the largest drop comes last to be on top.
    ordered = sorted(rows, key=lambda row: np.nan_to_num(row.drop[key], nan=-np.inf))
    seen, unseen = (
        [getattr(row, kind)[key] for row in ordered] for kind in ("seen", "unseen")
    )
    places = range(len(ordered))
    ax.hlines(places, unseen, seen, color="0.7", linewidth=2, zorder=1)
    ax.scatter(seen, places, color="C0", s=45, zorder=2, label="seen in training")
    ax.scatter(unseen, places, color="C3", s=45, zorder=3, marker="D", label="unseen")
    ax.set_yticks(
        places, [drawable(f"{row.generator} ({row.n_fake:,})") for row in ordered]
    )
    ax.set(
        xlim=(-0.02, 1.02), ylim=(-0.6, len(ordered) - 0.4), xlabel=GENERATOR_FIGURES[key]
    )
    ax.grid(axis="x", color="0.9")
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False)
    return legible(cast("Figure", ax.get_figure(root=True)))


def generator_sections(rows: Sequence[GeneratorRow], remarks: Sequence[str]) -> list[Html]:
    """Return what a page shows."""
    means = {kind: mean_figures(rows, kind) for kind in ("seen", "unseen", "drop")}
    return [
        section(
            "How good is it on a generator that it has not seen?",
            headlines((f"ROC-AUC, {kind}", means[kind]["roc_auc"]) for kind in means),
            meaning(items(_MEANINGS)),
            *notes(remarks),
        ),
        section("In pictures", panels(_panel(rows, key) for key in ("roc_auc", "tpr"))),
        section("What to do next", items(generator_steps(rows))),
        section(
            "In numbers",
            folds(
                *(
                    details(GENERATOR_FIGURES[key], generator_table(rows, key))
                    for key in GENERATOR_FIGURES
                )
            ),
        ),
    ]


def _panel(rows: Sequence[GeneratorRow], key: str) -> Html:
    """Return one figure of each generator, the largest drop first."""
    ordered = sorted(rows, key=lambda row: -np.nan_to_num(row.drop[key], nan=-np.inf))
    drawn = [
        (
            f"{row.generator} ({row.n_fake:,})",
            [Dot(row.seen[key]), Dot(row.unseen[key], series=1)],
            decimal(row.unseen[key]),
        )
        for row in ordered
    ]
    return panel(
        GENERATOR_FIGURES[key],
        dots(drawn, series=("seen in training", "unseen")),
        "The number is that of the unseen generator.",
    )


def generator_table(rows: Sequence[GeneratorRow], key: str) -> Html:
    """Return one figure of all generators as a table."""
    means = [mean_figures(rows, kind)[key] for kind in ("seen", "unseen", "drop")]
    cells = [
        [
            row.generator,
            row.n_fake,
            row.n_real,
            row.seen[key],
            row.unseen[key],
            row.drop[key],
        ]
        for row in rows
    ]
    header = [
        "generator",
        "fakes",
        "real",
        "seen",
        "unseen",
        "rise" if key == "fpr" else "drop",
    ]
    return table([*cells, ["mean", None, None, *means]], header, GENERATOR_FIGURES[key])


class GeneratorReport(ReportOfRows[GeneratorRow]):
    """How a detector fares on generators it was not trained on: a mapping of their names.

    `leave_one_generator_out` makes it. Each value has the counts `n_fake`, `n_real`,
    `n_train_seen` and `n_train_unseen`, and the dicts `seen`, `unseen` and `drop` of
    ``balanced_accuracy``, ``roc_auc``, ``average_precision``, ``tpr`` and ``fpr``.

    Parameters
    ----------
    rows : sequence of GeneratorRow
        One for each generator.
    target_names : sequence of str
        What the classes are called.
    positive : str
        What the class of fakes is called.
    n_unreadable : int
        How many images the classifier could not read.

    Attributes
    ----------
    rows : list of GeneratorRow
        One for each generator, in alphabetical order.
    mean : dict of str to dict
        ``"seen"``, ``"unseen"`` and ``"drop"``, each with the means over generators, every
        one of which counts the same.
    target_names : tuple of str
        What the classes are called.
    positive : str
        What the class of fakes is called.
    remarks : list of str
        Sentences that say what to keep in mind when reading the figures.

    See Also
    --------
    leave_one_generator_out : Makes the report.
    """

    _title = "Unseen generators"

    def __init__(
        self,
        rows: Sequence[GeneratorRow],
        *,
        target_names: Sequence[str],
        positive: str,
        n_unreadable: int,
    ) -> None:
        self.rows = list(rows)
        self.mean = {kind: mean_figures(rows, kind) for kind in ("seen", "unseen", "drop")}
        self.target_names = tuple(target_names)
        self.positive = positive
        self.remarks = generator_remarks(rows, n_unreadable)
        self._by_name = {row.generator: row for row in rows}

    def __repr__(self) -> str:
        title = (
            f"GeneratorReport: {counted(len(self), 'generator')} of class "
            f"{self.positive!r}; seen in training -> unseen"
        )
        lines = [["", "n_fake", "n_real", *GENERATOR_FIGURES]]
        for row in self.rows:
            figures = [_arrow(row.seen[key], row.unseen[key]) for key in GENERATOR_FIGURES]
            lines.append([row.generator, f"{row.n_fake:,}", f"{row.n_real:,}", *figures])
        means = self.mean["seen"], self.mean["unseen"]
        lines.append(
            ["mean", "", "", *(_arrow(means[0][k], means[1][k]) for k in GENERATOR_FIGURES)]
        )
        return "\n\n".join([title, text_table(lines), self.summary(), *self.remarks])

    def _repr_html_(self) -> str:
        return fragment(
            self.summary(),
            generator_table(self.rows, "roc_auc"),
            generator_table(self.rows, "tpr"),
            *(note(remark) for remark in self.remarks),
        )

    def summary(self) -> str:
        """Return the result in a sentence or two.

        Returns
        -------
        str
            The mean ROC-AUC with and without the generator, and the largest drop.
        """
        return generator_lead(self.rows)

    def to_frame(self) -> "pd.DataFrame":
        """Return all figures as a table.

        Returns
        -------
        pandas.DataFrame
            One row for each generator by name; for each figure the columns
            ``FIGURE_seen``, ``FIGURE_unseen`` and ``FIGURE_drop``.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        return records_frame([row.flat() for row in self.rows], index="generator")

    def to_dict(self) -> dict[str, Any]:
        """Return all figures in a form that `json.dump` takes.

        Returns
        -------
        dict
            ``rows``, ``mean``, ``classes`` and ``positive_class`` (names), and
            ``remarks``. An undefined figure is None.
        """
        return {
            "rows": [without_nan(row.flat()) for row in self.rows],
            "mean": {kind: without_nan(figures) for kind, figures in self.mean.items()},
            "classes": list(self.target_names),
            "positive_class": self.positive,
            "remarks": list(self.remarks),
        }

    def plot(
        self,
        figure: Literal[
            "balanced_accuracy", "roc_auc", "average_precision", "tpr", "fpr"
        ] = "roc_auc",
        *,
        ax: "Axes | None" = None,
    ) -> "Figure":
        """Draw a figure for each generator, seen and unseen, the largest drop on top.

        Parameters
        ----------
        figure : {"balanced_accuracy", "roc_auc", "average_precision", "tpr", "fpr"}, \
                default="roc_auc"
            Which figure.
        ax : matplotlib.axes.Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        matplotlib.figure.Figure
            The figure.

        Raises
        ------
        ValueError
            If there is no such figure.
        """
        return draw_generators(self.rows, figure, ax)

    def html_sections(self) -> list[Html]:
        """Return the report as sections for an HTML page.

        Returns
        -------
        list of Html
            Figures, pictures, tables.
        """
        return generator_sections(self.rows, self.remarks)


def _arrow(seen: float, unseen: float) -> str:
    return f"{seen:.3f} -> {unseen:.3f}"
