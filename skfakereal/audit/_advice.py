"""The findings -> what to do, in the order in which to do it."""

from collections.abc import Sequence

from skfakereal.audit._verdict import CLEAN, TOO_FEW, Verdict
from skfakereal.audit._words import UNREADABLE, Finding

__all__ = ["next_steps"]

_SIZES = frozenset({"dimensions", "width", "height", "aspect", "blocks"})


def next_steps(
    verdict: Verdict, findings: Sequence[Finding], shortest_side: int
) -> list[str]:
    """Return the steps that lead from an audit to training.

    Parameters
    ----------
    verdict : {"clean", "suspicious", "leaking", "too few images"}
        The audit's answer.
    findings : sequence of Finding
        What was found, the worst first.
    shortest_side : int
        Pixels of the shortest side of all readable images.

    Returns
    -------
    list of str
        A sentence or two each. Of the findings that are minor, only
        unreadable files ask for anything.
    """
    # Training stops at what cannot be read, whatever the verdict.
    broken = [
        "Remove or replace the files that cannot be read, or leave them out of training "
        "with skfakereal train --skip-unreadable: it stops at them."
        for finding in findings
        if finding.name == UNREADABLE
    ]
    if verdict == CLEAN:
        rest = "Nothing else" if broken else "Nothing"
        return [
            *broken,
            f"{rest} has to be mended: go on to training, skfakereal train FOLDER --out RUN "
            "(in Python: fit).",
        ]
    if verdict == TOO_FEW:
        return ["Collect more images of each class, and audit again."]
    severe = [finding for finding in findings if finding.severity != "minor"]
    unequal = [f for f in severe if "equalize" in f.remedy]
    # Files go before copies are made of the rest.
    steps = broken + list(dict.fromkeys(f.remedy for f in severe if f not in unequal))
    if unequal:
        sized = any(_SIZES & set(finding.fields) for finding in unequal)
        size = f" --size {shortest_side}" if sized else ""
        steps.append(
            f"Write both classes anew in the same way: skfakereal equalize FOLDER OUT{size} "
            "(in Python: equalize_images). The originals stay as they are."
        )
    if not severe:  # the headline alone, by what several fields say together
        steps.append("Look for what differs most in the table of all properties.")
    but = (
        ", or nothing but copies is left and groups keep them together"
        if any(finding.name == "copies" for finding in severe)
        else ""
    )
    return [*steps, f"Audit the result again. Train when the answer is “clean”{but}."]
