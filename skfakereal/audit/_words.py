"""What was found, in words: the headline, one finding, the verdict on all of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from skfakereal.audit._verdict import CLEAN, LEAKING, SUSPICIOUS, TOO_FEW, Strength, Verdict

Severity = Literal["leaking", "suspicious", "minor"]
UNREADABLE = "unreadable files"  # the name of the finding
_SURE_UP_TO = 0.65  # upper end of the interval, below which "clean" needs no reservation


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
            "There are fewer than ten readable images of a class: too few to say whether "
            "the files give it away."
        )
    figure = (
        f"A model that sees only the files' metadata, never a picture, reaches ROC-AUC "
        f"{headline.auc:.3f} (95 % interval {headline.low:.2f} to {headline.high:.2f}; 0.5 "
        "is chance, 1 is perfect). "
    )
    if headline.verdict == LEAKING:
        return figure + "The files give the classes away."
    if headline.verdict == SUSPICIOUS:
        return figure + "The files say more about the classes than they should."
    if headline.high > _SURE_UP_TO:
        return figure + (
            "Nothing speaks against their metadata, but with so few images a leak of an AUC up "
            f"to about {headline.high:.1f} could go unseen."
        )
    return figure + "Their metadata does not give the classes away."


def overall_verdict(headline: Strength, findings: Sequence[Finding]) -> Verdict:
    """Return the worst word of the headline and the findings."""
    words = {headline.verdict} | {f.severity for f in findings}
    for verdict in (LEAKING, SUSPICIOUS, TOO_FEW):
        if verdict in words:
            return verdict
    return CLEAN


def percent(share: float) -> str:
    """Return a share as text; 0 % and 100 % only where they are exact."""
    short = share in (0, 1) or 0.1 <= share < 0.99
    return f"{100 * share:.0f} %" if short else f"{100 * share:.1f} %"
