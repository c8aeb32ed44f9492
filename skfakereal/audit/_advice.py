"""The findings -> what to do, in the order in which to do it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skfakereal.audit._copying import LEAST_SHRINKING
from skfakereal.audit._verdict import CLEAN, TOO_FEW, Verdict
from skfakereal.audit._words import UNREADABLE, Finding

_SIZES = frozenset({"dimensions", "width", "height", "aspect", "blocks"})
# A tenth of the images is left out for a size that grows by 1.7 times or more, a fifth, which
# is the most, for one that grows by 3: few tiny files do not make all others tiny.
_LEAST_KEPT, _WORTH = 0.8, 5.0


@dataclass(frozen=True)
class SizeAdvice:
    """To which size the images are best brought.

    Attributes
    ----------
    side : int
        Pixels of the copies, for ``equalize_images(size=(side, side))``.
    needed : int
        Pixels that the shorter side of an image needs for that.
    n_left_out : int
        How many images have less, and must be left out.
    n_images : int
        How many images there are.
    """

    side: int
    needed: int
    n_left_out: int
    n_images: int

    def reason(self) -> str:
        """Return why it is this size, and what must be left out for it."""
        if not self.n_left_out:
            return (
                "That is three quarters of the shortest side of any of these images, since "
                "every picture is shrunk by a quarter at least."
            )
        return (
            f"That keeps {self.n_images - self.n_left_out:,} of {self.n_images:,} images: "
            f"leave out the {self.n_left_out:,} with a side of less than {self.needed:,} "
            'pixels (on_error="skip", or --skip-unreadable, does).'
        )


def advise_size(
    shorter_sides: NDArray[np.float64], classes: NDArray[np.intp]
) -> SizeAdvice:
    """Choose a size that is large and keeps most images of each class."""
    candidates = np.unique(shorter_sides)
    kept = np.min(
        [
            1 - np.searchsorted(np.sort(s), candidates) / len(s)
            for s in (shorter_sides[classes == c] for c in np.unique(classes))
        ],
        axis=0,
    )
    worth = np.where(kept >= _LEAST_KEPT, candidates * kept**_WORTH, 0)
    needed = int(candidates[np.argmax(worth)])
    n_left_out = int((shorter_sides < needed).sum())
    side = max(1, int(LEAST_SHRINKING * needed))
    return SizeAdvice(side, needed, n_left_out, len(shorter_sides))


def next_steps(
    verdict: Verdict, findings: Sequence[Finding], size: SizeAdvice
) -> list[str]:
    """Return the steps that lead from an audit to training."""
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
        options = f" --size {size.side}" if sized else ""
        left_out = ""
        if sized and size.n_left_out:
            options += " --skip-unreadable"
            left_out = f" That leaves out the {size.n_left_out:,} smallest images."
        steps.append(
            f"Write both classes anew in the same way: skfakereal equalize FOLDER OUT{options}"
            f" (in Python: equalize_images).{left_out} The originals stay as they are."
        )
    if not severe:  # the headline alone, by what several fields say together
        steps.append("Look for what differs most in the table of all properties.")
    but = (
        ", or nothing but copies is left and groups keep them together"
        if any(finding.name == "copies" for finding in severe)
        else ""
    )
    return [*steps, f"Audit the result again. Train when the answer is “clean”{but}."]
