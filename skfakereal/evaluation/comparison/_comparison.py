"""Reports on several models -> their comparison, side by side and paired."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from skfakereal._pages.html import Html, fragment
from skfakereal._pages.report import Report, make_frame, without_nan
from skfakereal._validation import RandomState
from skfakereal.evaluation.comparison._differences import (
    Difference,
    McNemar,
    common_images,
    find_differences,
    mcnemar_tests,
)
from skfakereal.evaluation.comparison._views import (
    COMPARED,
    comparison_lead,
    comparison_sections,
    comparison_text,
    draw_comparison,
)
from skfakereal.evaluation.figures._intervals import Interval
from skfakereal.evaluation.figures._resamples import check_resampling
from skfakereal.evaluation.figures._results import Results
from skfakereal.evaluation.report._report import EvaluationReport

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


class ReportComparison(Report):
    """Several models on the same images; `compare_reports` makes it.

    Parameters
    ----------
    reports : mapping of str to EvaluationReport
        The reports by the models' names.
    n_resamples : int, default=1000
        How many resamples.
    random_state : int, RandomState instance or None, default=0
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
        Their 95% intervals.
    differences : list of Difference
        For each model but the reference and each figure: how far it is from the
        reference's, with the 95% interval of a paired bootstrap, and whether that
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
        random_state: RandomState = 0,
    ) -> None:
        predictions, self.remarks = common_images(
            {name: report._predictions for name, report in reports.items()}
        )
        self.names = list(predictions)
        self.n_images = len(predictions[self.names[0]].paths)
        seed = check_resampling(n_resamples, random_state)
        settings = {"n_resamples": n_resamples, "random_state": seed}
        results = {name: Results(p, **settings) for name, p in predictions.items()}
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
            predictions, self.values, **settings
        )
        self.mcnemar: dict[str, McNemar] = mcnemar_tests(predictions)

    def __repr__(self) -> str:
        return comparison_text(self)

    def _repr_html_(self) -> str:
        return fragment(self.summary(), *self.html_sections()[:2])

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
            The figure: values on the left, differences on the right, both with their 95%
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


def compare_reports(
    reports: Mapping[str, EvaluationReport] | Sequence[EvaluationReport],
    *,
    n_resamples: int = 1000,
    random_state: RandomState = 0,
) -> ReportComparison:
    """Put reports on several models side by side, image by image.

    Parameters
    ----------
    reports : mapping of str to EvaluationReport, or sequence of them
        Two or more, on the same images. The first is the reference that the others are
        held against. Models of a sequence are called "model 1", "model 2" and so on.
    n_resamples : int, default=1000
        How many resamples the 95% intervals are made from; 0 for no intervals.
    random_state : int, RandomState instance or None, default=0
        Seed of the resamples.

    Returns
    -------
    ReportComparison
        Figures, differences with intervals, and McNemar's test.

    Raises
    ------
    TypeError
        If these are not reports.
    ValueError
        If there are less than two, or they do not agree on classes, positive class, labels
        or weights, or share no image.

    Notes
    -----
    Images that one of the models could not read are left out. If a report has groups, the
    first of them says what is resampled. The p-values of McNemar's test are adjusted for
    the number of models (Holm 1979); the intervals of the differences are not: of twenty
    figures that do not differ, about one is called better or worse.

    References
    ----------
    Q. McNemar (1947). "Note on the sampling error of the difference between correlated
    proportions or percentages". Psychometrika 12(2), 153-157.

    S. Holm (1979). "A simple sequentially rejective multiple test procedure".
    Scandinavian Journal of Statistics 6(2), 65-70.

    Examples
    --------
    >>> from skfakereal.evaluation import EvaluationReport, compare_reports
    >>> paths, y = ["a.jpg", "b.jpg", "c.jpg", "d.jpg"], [0, 0, 1, 1]
    >>> old = EvaluationReport(
    ...     paths, y, [[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.6, 0.4]], classes=[0, 1]
    ... )
    >>> new = EvaluationReport(
    ...     paths, y, [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.2, 0.8]], classes=[0, 1]
    ... )
    >>> comparison = compare_reports({"old": old, "new": new})
    >>> comparison.values["new"]["accuracy"], comparison.values["old"]["accuracy"]
    (1.0, 0.5)
    >>> comparison.mcnemar["new"].p_value
    0.5
    """
    named = _named(reports)
    if len(named) < 2:
        raise ValueError(f"Two reports or more are needed, got {len(named)}.")
    return ReportComparison(named, n_resamples=n_resamples, random_state=random_state)


def _named(reports: Any) -> dict[str, EvaluationReport]:
    # A report is a mapping too, of its figures.
    if isinstance(reports, EvaluationReport):
        raise TypeError("Several reports are needed, got one. Put them into a dictionary.")
    if not isinstance(reports, Mapping):
        reports = {f"model {i}": report for i, report in enumerate(reports, 1)}
    for name, report in reports.items():
        if not isinstance(report, EvaluationReport):
            raise TypeError(
                f"reports must be EvaluationReports, but {name!r} is a "
                f"{type(report).__name__}. Make one with evaluate."
            )
    return {str(name): report for name, report in reports.items()}
