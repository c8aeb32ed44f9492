"""Is a model any better than one that does not look?"""

import numpy as np
from scipy.stats import binomtest

from skfakereal.cli._output import counted
from skfakereal.evaluation import EvaluationReport

__all__ = ["no_better_than_chance", "truth_about"]

_RARE = 0.025  # one end of a 95 % interval


def no_better_than_chance(report: EvaluationReport) -> list[str]:
    """Return a caution if the model cannot be told from one that has learned nothing.

    Neither the accuracy nor its comparison with the largest class will do: where few
    images are fake, a good detector may be right less often than one that always answers
    "real". So the verdicts are compared with answers that are as often "fake", but given
    without looking (the agreement expected by chance of Cohen 1960, "A coefficient of
    agreement for nominal scales"), by an exact binomial test, since resamples of few images
    reach less far than chance does. Where groups make it less sure, the report's interval
    of the balanced accuracy tells.

    Parameters
    ----------
    report : EvaluationReport
        The figures.

    Returns
    -------
    list of str
        The caution, or nothing.
    """
    n_right = int(np.sum(report.y_pred == report.y_true))
    true, said = (
        np.array([np.mean(labels == label) for label in report.classes])
        for labels in (report.y_true, report.y_pred)
    )
    by_chance = float(np.clip(true @ said, 0, 1))
    test = binomtest(n_right, len(report.paths), by_chance, alternative="greater")
    low = report.intervals.overall.get("balanced_accuracy", (np.nan, np.nan))[0]
    blind = 1 / np.count_nonzero(true)
    if test.pvalue <= _RARE and not low <= blind:
        return []
    return [
        "This model cannot be told from one that answers without looking at the image: it "
        "has learned little, or was tested on too few images."
    ]


def truth_about(report: EvaluationReport) -> list[str]:
    """Return what the accuracy must be compared with, and how sure it is.

    Parameters
    ----------
    report : EvaluationReport
        The figures.

    Returns
    -------
    list of str
        Sentences.
    """
    counts = {name: figures["n_images"] for name, figures in report.per_class.items()}
    name = max(counts, key=lambda name: counts[name])
    share = counts[name] / len(report.paths)
    low, high = report.intervals.overall.get("accuracy", (np.nan, np.nan))
    said = [f"Always answering {name!r} would be right for {share:.1%} of them."]
    if low <= high:
        said.append(
            f"With {counted(len(report.paths), 'image')}, any accuracy from {low:.1%} to "
            f"{high:.1%} is plausible (95 % interval)."
        )
    return said
