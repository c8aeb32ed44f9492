"""All that is computed from one set of predictions, each part when it is first needed."""

from functools import cached_property

from skfakereal.evaluation._groups import (
    Group,
    GroupRow,
    find_groups,
    group_remarks,
    row_word,
)
from skfakereal.evaluation._intervals import Intervals, compute_intervals
from skfakereal.evaluation._metrics import Figures, compute_figures
from skfakereal.evaluation._operating_points import OperatingPoint, operating_points
from skfakereal.evaluation._predictions import Predictions
from skfakereal.evaluation._reliability import ReliabilityBin, reliability
from skfakereal.evaluation._resamples import check_resampling


class Results:
    """Figures, rows and intervals of predictions."""

    def __init__(
        self, predictions: Predictions, *, n_resamples: int, random_state: int
    ) -> None:
        check_resampling(n_resamples, random_state)
        self.predictions = predictions
        self.n_resamples = n_resamples
        self.random_state = random_state
        self.figures: Figures = compute_figures(predictions)
        self.figures.remarks.extend(group_remarks(predictions))

    @cached_property
    def _groups(self) -> list[Group]:
        return find_groups(self.predictions)

    @cached_property
    def rows(self) -> list[GroupRow]:
        """The rows of the groups, by name."""
        return [group.row(self.predictions.weights) for group in self._groups]

    @cached_property
    def row_word(self) -> str:
        """What a row is called: "generator" or "group"."""
        return row_word(self.predictions)

    @cached_property
    def points(self) -> list[OperatingPoint]:
        """What comes of the chosen threshold, of 0.5, and of the oracle's."""
        return operating_points(self.predictions)

    @cached_property
    def bins(self) -> list[ReliabilityBin]:
        """The reliability curve."""
        p = self.predictions
        return reliability(p.y_true, p.y_proba, p.positive).bins(p.weights)

    @cached_property
    def intervals(self) -> Intervals:
        """The 95 % intervals. A thousand resamples of 10,000 images take some seconds."""
        return compute_intervals(
            self.predictions,
            self.figures,
            self._groups,
            n_resamples=self.n_resamples,
            random_state=self.random_state,
        )
