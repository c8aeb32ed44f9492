"""How the threshold, the calibration and the unsure band are to be chosen."""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["MORE_PROBABLE", "DecisionPlan"]

MORE_PROBABLE = "the more probable class"  # the reason where nothing was chosen
_USUAL_PRECISION = 0.95


@dataclass(frozen=True)
class DecisionPlan:
    """How the threshold, the calibration and the unsure band are to be chosen.

    Parameters
    ----------
    target_fpr, confidence : float, default=None
        As `skfakereal.thresholds.choose_threshold` takes them.
    costs : mapping of str to float, default=None
        As it takes them.
    prevalence : float, default=None
        As it takes it.
    balanced : bool, default=False
        Whether the balanced accuracy is to be highest.
    calibration : {"sigmoid", "isotonic", "temperature"}, default=None
        How to calibrate the probabilities, if at all.
    unsure_precision : float, default=None
        How often a verdict outside the unsure band must be right. None takes 0.95 where
        the validation images can show it, and does without a band where they cannot.
    """

    target_fpr: float | None = None
    confidence: float | None = None
    costs: Mapping[str, float] | None = None
    prevalence: float | None = None
    balanced: bool = False
    calibration: str | None = None
    unsure_precision: float | None = None

    @property
    def chooses(self) -> bool:
        """Whether a threshold is to be chosen; else it is 0.5."""
        return self.balanced or self.target_fpr is not None or self.costs is not None

    @property
    def asked(self) -> list[str]:
        """The options that were used, all of which need validation images."""
        given = {
            "--target-fpr": self.target_fpr,
            "--costs": self.costs,
            "--balanced": self.balanced or None,
            "--calibration": self.calibration,
            "--unsure-precision": self.unsure_precision,
        }
        return [option for option, value in given.items() if value is not None]

    @property
    def precision(self) -> float:
        """How often a verdict outside the band must be right."""
        return self.unsure_precision or _USUAL_PRECISION
