"""Verdicts on labelled images -> how often they are unlike the training images."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from skfakereal._classifying.verdicts import Classification
from skfakereal._novelty import UNUSUAL
from skfakereal._pages.html import Html, section, table
from skfakereal._wording import counted

_LEVEL = f"{100 * UNUSUAL:g}%"
# Of what is like the training images, 1% is unlike; so much more is no chance.
_MANY = 0.05
_EXPLAINED = (
    f"An image is unlike {_LEVEL} of the training images if its features lie farther from them "
    f"than those of {_LEVEL} of such training images as were left out for this. Of images that "
    f"come from where the training images come from, {100 * (1 - UNUSUAL):.2g}% are. The "
    "probability of such an image means little; predict says so, and --stable calls it unsure."
)


def _known(
    verdicts: Sequence[Classification],
) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    rows = [i for i, verdict in enumerate(verdicts) if verdict.novelty is not None]
    unlike = [(verdicts[i].novelty or 0) >= UNUSUAL for i in rows]
    return np.array(unlike, dtype=bool), np.array(rows, dtype=np.intp)


def _interval(chosen: NDArray[np.bool_]) -> tuple[float, float]:
    found = binomtest(int(chosen.sum()), len(chosen)).proportion_ci(method="exact")
    return float(found.low), float(found.high)


def many_unlike(verdicts: Sequence[Classification]) -> list[str]:
    """Return a caution if clearly more images than usual are unlike the training images."""
    unlike, _ = _known(verdicts)
    if not len(unlike) or _interval(unlike)[0] <= _MANY:
        return []
    return [
        f"{unlike.sum():,} of {counted(len(unlike), 'image')} are unlike {_LEVEL} of the "
        "training images: the model was made for others, and what it says of these means little."
    ]


def unlike_section(
    verdicts: Sequence[Classification], labels: NDArray[np.int64]
) -> list[Html]:
    """Return a section on how often that was so, and how the verdicts on such images fared."""
    unlike, rows = _known(verdicts)
    if not len(rows):
        return []
    right = np.array([verdicts[i].predicted == labels[i] for i in rows])
    lines = []
    for name, chosen in ((f"unlike {_LEVEL}", unlike), ("all others", ~unlike)):
        n, n_right = int(chosen.sum()), int(right[chosen].sum())
        share = n_right / n if n else None
        lines.append([name, n, n / len(unlike), *_interval(chosen), share])
    header = ("images", "number", "share", "95% from", "to", "verdicts right")
    return [section("Unlike the training images", table(lines, header), _EXPLAINED)]
