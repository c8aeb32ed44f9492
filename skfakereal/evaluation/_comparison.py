"""Reports on several models, side by side and paired."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from skfakereal._html import Html, fragment, paragraph
from skfakereal.evaluation._as_json import without_nan
from skfakereal.evaluation._comparison_figures import (
    Difference,
    common_images,
    find_differences,
)
from skfakereal.evaluation._comparison_parts import COMPARED
from skfakereal.evaluation._comparison_plot import draw_comparison
from skfakereal.evaluation._comparison_views import (
    comparison_lead,
    comparison_sections,
    comparison_text,
)
from skfakereal.evaluation._frames import make_frame
from skfakereal.evaluation._intervals import Interval
from skfakereal.evaluation._mcnemar import McNemar, mcnemar_tests
from skfakereal.evaluation._paged import Paged
from skfakereal.evaluation._report import EvaluationReport
from skfakereal.evaluation._results import Results

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


class ReportComparison(Paged):
    """Several models on the same images; `compare_reports` makes it.

    Parameters
    ----------
    reports : mapping of str to EvaluationReport
        The reports by the models' names.
    n_resamples : int, default=1000
        How many resamples.
    random_state : int, default=0
        Their seed.

    Attributes
    ----------
    names : list of str
        The models, the reference first.
    n_images : int
        How many images all of them classified; all figures are about these.
    values : dict of str to dict
        For each model its figures, by the keys of `EvaluationReport`.
    intervals : dict of str to dict
        Their 95 % intervals.
    differences : list of Difference
        For each model but the reference and each figure: how far it is from the
        reference's, with the 95 % interval of a paired bootstrap, and whether that
        ``is_clear``.
    mcnemar : dict of str to McNemar
        For each model but the reference: on how many images only one of the two is right,
        and the p-value of the exact test, as it is and adjusted for the number of models.
    remarks : list of str
        What was left out.
    """

    _title = "Comparison of models"

    def __init__(
        self,
        reports: Mapping[str, EvaluationReport],
        *,
        n_resamples: int = 1000,
        random_state: int = 0,
    ) -> None:
        known, self.remarks = common_images(
            {name: report._predictions for name, report in reports.items()}
        )
        self.names = list(known)
        self.n_images = len(known[self.names[0]].paths)
        settings = {"n_resamples": n_resamples, "random_state": random_state}
        results = {name: Results(p, **settings) for name, p in known.items()}
        keys = [key for key in COMPARED if key in results[self.names[0]].figures.overall]
        none: Interval = (np.nan, np.nan)
        self.values = {
            name: {key: result.figures.overall[key] for key in keys}
            for name, result in results.items()
        }
        self.intervals = {
            name: {key: result.intervals.overall.get(key, none) for key in keys}
            for name, result in results.items()
        }
        self.differences: list[Difference] = find_differences(
            known, self.values, **settings
        )
        self.mcnemar: dict[str, McNemar] = mcnemar_tests(known)

    def __repr__(self) -> str:
        return comparison_text(self)

    def _repr_html_(self) -> str:
        return fragment(paragraph(self.summary()), *self.html_sections()[:2])

    def to_frame(self) -> "pd.DataFrame":
        """Return all figures of all models as one table.

        Returns
        -------
        pandas.DataFrame
            A row for each model and figure, with columns ``model``, ``figure``, ``value``,
            ``low``, ``high``, and ``difference``, ``difference_low``, ``difference_high``
            to the reference, NaN for the reference itself.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        nothing = (np.nan, np.nan, np.nan)
        held = {(d.model, d.figure): (d.difference, *d.interval) for d in self.differences}
        rows = [
            [
                name,
                key,
                value,
                *self.intervals[name][key],
                *held.get((name, key), nothing),
            ]
            for name in self.names
            for key, value in self.values[name].items()
        ]
        columns = ["model", "figure", "value", "low", "high"]
        columns += ["difference", "difference_low", "difference_high"]
        return make_frame(rows, None, columns)

    def to_dict(self) -> dict[str, Any]:
        """Return everything in a form that `json.dump` takes.

        Returns
        -------
        dict
            ``models``, ``reference``, ``n_images``, ``values``, ``intervals``,
            ``differences``, ``mcnemar`` and ``remarks``. An undefined figure is None.
        """
        plain: dict[str, Any] = without_nan(
            {
                "models": self.names,
                "reference": self.names[0],
                "n_images": self.n_images,
                "values": self.values,
                "intervals": self.intervals,
                "differences": [vars(each) for each in self.differences],
                "mcnemar": {name: vars(test) for name, test in self.mcnemar.items()},
                "remarks": self.remarks,
            }
        )
        return plain

    def plot(self) -> "Figure":
        """Draw the figures of the models, and their differences to the reference.

        Returns
        -------
        matplotlib.figure.Figure
            The figure: values on the left, differences on the right, both with their 95 %
            intervals.
        """
        return draw_comparison(self)

    def html_sections(self) -> list[Html]:
        """Return the comparison as sections for an HTML page.

        Returns
        -------
        list of Html
            Figures, differences, pictures.
        """
        return comparison_sections(self)

    def summary(self) -> str:
        """Return the result in a few sentences.

        Returns
        -------
        str
            Which models classify more images correctly, and whether that is clear.
        """
        return comparison_lead(self)
