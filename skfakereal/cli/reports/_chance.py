"""Is a model any better than one that does not look, and what may chance explain?"""

import numpy as np
from scipy.stats import binomtest

from skfakereal.cli._output import counted
from skfakereal.evaluation import EvaluationReport

__all__ = ["missed_target", "no_better_than_chance", "truth_about"]

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


def missed_target(report: EvaluationReport, target_fpr: float) -> list[str]:
    """Return a caution if the test shows more false alarms than were asked for.

    Parameters
    ----------
    report : EvaluationReport
        The figures of a model of two classes, at a threshold that was chosen elsewhere.
    target_fpr : float
        The false positive rate that it was chosen for.

    Returns
    -------
    list of str
        The caution, or nothing where chance explains as many (exact binomial test).
    """
    positive = report.classes.tolist().index(report.pos_label)
    name, rest = report.target_names[positive], report.target_names[1 - positive]
    others = report.y_true != report.pos_label
    n_accused = int(np.sum(report.y_pred[others] == report.pos_label))
    n_others = int(np.sum(others))
    if not n_others:
        return []
    test = binomtest(n_accused, n_others, target_fpr, alternative="greater")
    if test.pvalue > _RARE:
        return []
    return [
        f"{n_accused:,} of {counted(n_others, 'tested image')} of class {rest!r} are called "
        f"{name!r} ({n_accused / n_others:.1%}), which is more than the "
        f"{100 * target_fpr:.4g} % that was asked for and than chance explains: the validation "
        "images, on which the threshold was chosen, do not stand for them. Expect as many, "
        "or choose it on more images (--validation-fraction)."
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
