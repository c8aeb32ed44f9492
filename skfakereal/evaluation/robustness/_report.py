"""The report on robustness: a row of figures for each perturbation, tables, pictures."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from skfakereal._classifying.predictions import Predictions
from skfakereal._pages.html import Html, fragment, note, paragraph, table
from skfakereal._pages.report import ReportOfRows, records_frame, without_nan
from skfakereal._wording import counted, text_table
from skfakereal.evaluation.perturbations import Copy, Perturbation
from skfakereal.evaluation.robustness._page import (
    draw_robustness,
    robustness_headlines,
    robustness_lead,
    robustness_sections,
    row_cells,
)
from skfakereal.evaluation.robustness._rows import (
    FIGURES,
    TABLE_HEADER,
    RobustnessRow,
    Verdicts,
    make_row,
    robustness_remarks,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


class RobustnessReport(ReportOfRows[RobustnessRow]):
    """How a classifier bears what happens to images: a mapping of names to figures.

    `robustness_report` makes it. Its first key is ``"untouched"``, the others are the
    names of the perturbations, such as ``"JPEG quality 85"`` or ``"chain web"``; each
    value has `accuracy`, `roc_auc`, `tpr`, `fpr`, `flip_rate` and the counts `n_images`,
    `n_unchanged` and `n_too_small`.

    Parameters
    ----------
    predictions : Predictions
        The predictions on the unchanged images.
    perturbations : sequence of Perturbation
        What was done to them.
    verdicts : sequence of Verdicts
        The predictions on the copies, for each perturbation.

    Attributes
    ----------
    untouched : RobustnessRow
        The figures of the images as they are.
    rows : list of RobustnessRow
        The figures of each perturbation, in order.
    perturbations : list of Perturbation
        What was done.
    target_names : tuple of str
        What the classes are called.
    pos_label : label or None
        The positive class; None with more than two classes.
    unreadable : list of str
        Paths of the images that could not be read.
    remarks : list of str
        Sentences that say what to keep in mind when reading the figures.

    See Also
    --------
    robustness_report : Makes the report.
    """

    _title = "Robustness"

    def __init__(
        self,
        predictions: Predictions,
        perturbations: Sequence[Perturbation],
        verdicts: Sequence[Verdicts],
    ) -> None:
        p = self._predictions = predictions
        self._verdicts = list(verdicts)
        self.perturbations = list(perturbations)
        n_images = len(p.paths)
        as_is = Verdicts(p.y_pred, p.y_proba, n_images, 0)
        self.untouched = make_row("untouched", "", p, as_is)
        self.rows = [
            make_row(done.family, done.level, p, each)
            for done, each in zip(perturbations, verdicts, strict=True)
        ]
        self._by_name = {row.name: row for row in [self.untouched, *self.rows]}
        self.target_names = p.names
        self.pos_label: Any = None if p.positive is None else p.classes[p.positive].item()
        self.unreadable = [path for path, _ in p.unreadable]
        rewritten = [
            row
            for row, done in zip(self.rows, perturbations, strict=True)
            if isinstance(done, Copy)
        ]
        self.remarks = robustness_remarks(p, self.rows, rewritten[0] if rewritten else None)

    def __repr__(self) -> str:
        title = f"RobustnessReport: {counted(self.untouched.n_images, 'image')}"
        positive = self._predictions.positive
        if positive is not None:
            title += f", positive class {self.target_names[positive]!r}"
        lines: list[Sequence[str]] = [TABLE_HEADER]
        for row in self.values():
            values = (getattr(row, key) for key in FIGURES)
            cells = ("nan" if math.isnan(value) else f"{value:.3f}" for value in values)
            lines.append([row.name, *cells, f"{row.n_images:,}"])
        return "\n\n".join([title, text_table(lines), self.summary(), *self.remarks])

    def _repr_html_(self) -> str:
        return fragment(
            paragraph(self.summary()),
            robustness_headlines(self.untouched, self.rows),
            table(map(row_cells, self.values()), TABLE_HEADER),
            *(note(remark, "warning") for remark in self.remarks),
        )

    def summary(self) -> str:
        """Return the result in a sentence or two.

        Returns
        -------
        str
            The share of correct verdicts untouched and after the worst perturbation, and
            how many single verdicts flip at most.
        """
        return robustness_lead(self.untouched, self.rows)

    def to_frame(self) -> "pd.DataFrame":
        """Return all figures as a table.

        Returns
        -------
        pandas.DataFrame
            One row for each perturbation by name, the untouched images first.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        return records_frame([row.flat() for row in self.values()], index="name")

    def to_dict(self) -> dict[str, Any]:
        """Return all figures in a form that `json.dump` takes.

        Returns
        -------
        dict
            ``rows`` (the untouched images first; an undefined figure is None),
            ``perturbations`` (as they print), ``n_images``, ``classes``,
            ``positive_class`` (names), ``unreadable`` and ``remarks``.
        """
        positive = self._predictions.positive
        return {
            "rows": [without_nan(row.flat()) for row in self.values()],
            "perturbations": [repr(done) for done in self.perturbations],
            "n_images": self.untouched.n_images,
            "classes": list(self.target_names),
            "positive_class": None if positive is None else self.target_names[positive],
            "unreadable": list(self.unreadable),
            "remarks": list(self.remarks),
        }

    def predictions_table(self) -> dict[str, list[Any]]:
        """Return every image with all its verdicts, as columns of a table.

        Returns
        -------
        dict of str to list
            ``path``, ``label``, and for ``untouched`` and each perturbation by name what
            the image was called; None where the copy could not be read.
            ``pandas.DataFrame`` takes it as it is.
        """
        p, names = self._predictions, [*self.target_names, None]
        return {
            "path": list(p.paths),
            "label": [names[i] for i in p.y_true],
            "untouched": [names[i] for i in p.y_pred],
            **{
                row.name: [names[i] for i in verdicts.y_pred]
                for row, verdicts in zip(self.rows, self._verdicts, strict=True)
            },
        }

    def plot(
        self,
        figures: Sequence[str] = ("accuracy", "roc_auc", "flip_rate"),
        *,
        families: Sequence[str] | None = None,
    ) -> "Figure":
        """Draw figures over the strength of the perturbations, a panel for each family.

        Parameters
        ----------
        figures : sequence of str, default=("accuracy", "roc_auc", "flip_rate")
            Any of ``"accuracy"``, ``"roc_auc"``, ``"tpr"``, ``"fpr"``, ``"flip_rate"``.
        families : sequence of str, default=None
            Which panels, for instance ``["JPEG quality"]``. None: all.

        Returns
        -------
        matplotlib.figure.Figure
            The figure.

        Raises
        ------
        ValueError
            If there is no such figure or family.
        """
        return draw_robustness(self.untouched, self.rows, figures, families)

    def html_sections(self) -> list[Html]:
        """Return the report as sections for an HTML page.

        Returns
        -------
        list of Html
            Figures, curves, the table, and the images whose verdict is most fragile.
        """
        readable = [verdicts.y_pred >= 0 for verdicts in self._verdicts]
        flips = np.array(
            [
                seen & (verdicts.y_pred != self._predictions.y_pred)
                for seen, verdicts in zip(readable, self._verdicts, strict=True)
            ]
        )
        return robustness_sections(
            self.untouched,
            self.rows,
            self.remarks,
            self.perturbations,
            self._predictions,
            flips,
        )
