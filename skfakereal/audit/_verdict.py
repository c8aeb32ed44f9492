"""An AUC -> its interval and a word for it; findings and the verdict on all of them, in words."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm

AuditVerdict = Literal["clean", "suspicious", "leaking", "too few images"]
CLEAN: AuditVerdict = "clean"
SUSPICIOUS: AuditVerdict = "suspicious"
LEAKING: AuditVerdict = "leaking"
TOO_FEW: AuditVerdict = "too few images"
SUSPICIOUS_FROM, LEAKING_FROM = 0.6, 0.75  # AUC
# What a verdict means for the reader.
VERDICTS: dict[AuditVerdict, str] = {
    "clean": "Nothing was found that gives the classes away without looking at the pictures.",
    "suspicious": "Look at the findings before you train: part of what a detector would "
    "learn or score here may have nothing to do with fakes.",
    "leaking": "Do not train on these files as they are: a detector would score well "
    "without having learned what a fake looks like.",
    "too few images": "There are too few images to judge: at least ten readable ones of each "
    "class are needed, better some hundreds.",
}

_LEAST_IMAGES = 10  # a class; below it even a perfect AUC may be chance
_Z95 = 1.959964
_EDGE = 1e-6  # 0 and 1 themselves solve the interval's equation for an AUC of 0 or 1
Severity = Literal["leaking", "suspicious", "minor"]
UNREADABLE = "unreadable files"  # the name of the finding
_SURE_UP_TO = 0.65  # upper end of the interval, below which "clean" needs no reservation


@dataclass(frozen=True)
class Strength:
    """How well something separates the classes.

    Attributes
    ----------
    auc : float
        Cross-validated area under the ROC curve, from 0 to 1; 0.5 is chance.
    low, high : float
        Its 95% interval.
    verdict : {"clean", "suspicious", "leaking", "too few images"}
        "leaking" from an AUC of 0.75 on whose interval lies above 0.6; "suspicious" from
        0.6 on, if its interval lies above 0.5; "too few images" below ten of a class.
    """

    auc: float
    low: float
    high: float
    verdict: AuditVerdict


def enough_images(classes: NDArray[np.intp]) -> bool:
    """Tell whether a verdict is possible."""
    counts = np.bincount(classes)
    return len(counts) > 1 and int(counts.min()) >= _LEAST_IMAGES


def judge(
    auc: float, classes: NDArray[np.intp], copies: NDArray[np.intp], *, n_tests: int = 1
) -> Strength:
    """Add interval and word to a cross-validated AUC."""
    if not enough_images(classes):
        return Strength(float("nan"), 0.0, 1.0, TOO_FEW)
    # A hundred copies of each other are one observation.
    counts = [len(np.unique(copies[classes == c])) for c in range(classes.max() + 1)]
    # Models that are trained anew in every fold scatter more than a fixed score: a model of
    # all metadata on clean sets of 40, 100 and 400 images by 1.5, 1.2 and 1.0 times (190
    # simulated sets). Where a weak leak is taken up in some folds only, they scatter more
    # still (sets of 100 with an AUC of 0.8: 1.4), and the interval is a little too narrow.
    z = _Z95 * np.sqrt(1 + 50 / sum(counts))
    low, high = _interval(auc, counts, z)
    # The verdict, not the interval that is shown, allows for many figures by Bonferroni's rule.
    if n_tests > 1:
        z = float(norm.ppf(1 - 0.025 / n_tests))
    certain, _ = _interval(auc, counts, z)
    verdict = CLEAN
    if auc >= SUSPICIOUS_FROM and certain > 0.5:
        verdict = SUSPICIOUS
    if auc >= LEAKING_FROM and certain > SUSPICIOUS_FROM:
        verdict = LEAKING
    return Strength(auc, low, high, verdict)


def _interval(auc: float, counts: Sequence[int], z: float) -> tuple[float, float]:
    """Return the interval of Newcombe (2006, Statistics in Medicine 25, method 5).

    Unlike a bootstrap, it does not shrink to a point at an AUC of 1.
    """
    bounds = []
    for count in counts:
        m, n = count, sum(counts) - count
        if not m or not n:
            return 0.0, 1.0
        half = (m + n) / 2 - 1

        def gap(a: float, m: int = m, n: int = n, half: float = half) -> float:
            spread = 1 + half * ((1 - a) / (2 - a) + a / (1 + a))
            return (a - auc) ** 2 - z**2 * a * (1 - a) * spread / (m * n)

        low = brentq(gap, 0.0, min(auc, 1 - _EDGE)) if auc > _EDGE else 0.0
        high = brentq(gap, max(auc, _EDGE), 1.0) if auc < 1 - _EDGE else 1.0
        bounds.append((low, high))
    return float(np.mean([b[0] for b in bounds])), float(np.mean([b[1] for b in bounds]))


@dataclass(frozen=True)
class Finding:
    """One thing that the audit found.

    Attributes
    ----------
    name : str
        What it is about, in a few words.
    severity : {"leaking", "suspicious", "minor"}
        How bad it is. "minor" does not count for the verdict.
    what : str
        What was found.
    why : str
        Why it matters.
    remedy : str
        What to do.
    fields : tuple of str
        Names of the fields that show it; empty for copies and unreadable files.
    """

    name: str
    severity: Severity
    what: str
    why: str
    remedy: str
    fields: tuple[str, ...] = field(default=())


def headline_text(headline: Strength) -> str:
    """Return the headline in plain words."""
    if headline.verdict == TOO_FEW:
        return (
            "A class has fewer than ten readable images: too few to tell whether the files "
            "give it away."
        )
    figure = (
        f"A model that sees only the files' metadata, never a picture, reaches a ROC-AUC of "
        f"{headline.auc:.3f} (95% interval {headline.low:.2f} to {headline.high:.2f}; 0.5 "
        "is chance, 1 is perfect). "
    )
    if headline.verdict == LEAKING:
        return figure + "The files give the classes away."
    if headline.verdict == SUSPICIOUS:
        return figure + "The files reveal more about the classes than they should."
    if headline.high > _SURE_UP_TO:
        return figure + (
            "No leak was found, but with so few images one with an AUC of up to about "
            f"{headline.high:.1f} could go unseen."
        )
    return figure + "Their metadata does not give the classes away."


def overall_verdict(headline: Strength, findings: Sequence[Finding]) -> AuditVerdict:
    """Return the worst word of the headline and the findings."""
    words = {headline.verdict} | {f.severity for f in findings}
    for verdict in (LEAKING, SUSPICIOUS, TOO_FEW):
        if verdict in words:
            return verdict
    return CLEAN


def percent(share: float) -> str:
    """Return a share as text; 0% and 100% only where they are exact."""
    short = share in (0, 1) or 0.1 <= share < 0.99
    return f"{100 * share:.0f}%" if short else f"{100 * share:.1f}%"
