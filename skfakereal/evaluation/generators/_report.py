"""The report on unseen generators: a row of figures for each, table, picture, page."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from skfakereal._pages.html import Html, fragment, note
from skfakereal._pages.report import Report, records_frame, without_nan
from skfakereal._wording import counted, text_table
from skfakereal.evaluation.generators._page import (
    draw_generators,
    generator_lead,
    generator_remarks,
    generator_sections,
    generator_table,
)
from skfakereal.evaluation.generators._trials import (
    GENERATOR_FIGURES,
    GeneratorRow,
    mean_figures,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class GeneratorReport(Mapping[str, GeneratorRow], Report):
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

    def __getitem__(self, key: str) -> GeneratorRow:
        try:
            return self._by_name[key]
        except KeyError:
            raise KeyError(f"{key!r}: there are only {list(self._by_name)}.") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

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
