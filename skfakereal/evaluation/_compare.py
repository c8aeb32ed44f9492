"""Reports on several models -> their comparison."""

from collections.abc import Mapping, Sequence
from typing import Any

from skfakereal.evaluation._comparison import ReportComparison
from skfakereal.evaluation._report import EvaluationReport
from skfakereal.evaluation._resamples import check_resampling


def compare_reports(
    reports: Mapping[str, EvaluationReport] | Sequence[EvaluationReport],
    *,
    n_resamples: int = 1000,
    random_state: int = 0,
) -> ReportComparison:
    """Put reports on several models side by side, image by image.

    Parameters
    ----------
    reports : mapping of str to EvaluationReport, or sequence of them
        Two or more, on the same images. The first is the reference that the others are
        held against. Models of a sequence are called "model 1", "model 2" and so on.
    n_resamples : int, default=1000
        How many resamples the 95 % intervals are made from; 0 for no intervals.
    random_state : int, default=0
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
    check_resampling(n_resamples, random_state)
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
