"""Predictions -> how often each image is drawn, in each of many resamples.

The bootstrap (Efron 1979): what another test set would have given is guessed from sets
that are drawn from this one, with replacement.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skfakereal.evaluation._predictions import Predictions

_FEWEST_GROUPS, _MANY_GROUPS = 5, 30
_CHUNK = 1_000_000  # weights at a time: 8 MB, so that memory stays small


def check_resampling(n_resamples: int, random_state: int) -> None:
    """Check the settings of a bootstrap."""
    for name, value in (("n_resamples", n_resamples), ("random_state", random_state)):
        if not isinstance(value, int | np.integer) or value < 0:
            raise ValueError(f"{name} must be an integer of 0 or more, got {value!r}.")


@dataclass(frozen=True)
class ResamplingPlan:
    """What is drawn: images or groups of images, and out of which urns.

    Parameters
    ----------
    unit : ndarray of shape (n_images,)
        The unit of each image, from 0 on. A unit is drawn as a whole.
    urns : list of ndarray
        Units that replace each other: each urn is drawn from as often as it has units.
    remarks : list of str
        What to know about intervals that come of it.
    """

    unit: NDArray[np.intp]
    urns: list[NDArray[np.intp]]
    remarks: list[str]


def plan_resamples(predictions: Predictions) -> ResamplingPlan:
    """Decide what is drawn.

    Without groups, images are drawn, each class by itself, so that every resample has as
    many images of each class as were tested. With groups, whole groups are drawn (the
    cluster bootstrap, Davison and Hinkley 1997, section 3.8), and groups with images of
    the same classes replace each other. A handful of groups cannot stand for all that
    there could be (Cameron, Gelbach and Miller 2008 call 5 to 30 few), so the images of
    fewer than 5 such groups are drawn one by one, which is said.
    """
    p = predictions
    n_images = len(p.paths)
    if p.groups is None:
        urns = [np.flatnonzero(p.y_true == c) for c in np.unique(p.y_true)]
        return ResamplingPlan(np.arange(n_images), urns, [])

    _, group = np.unique(p.groups, return_inverse=True)
    has_class = np.zeros((group.max() + 1, len(p.names)), dtype=bool)
    has_class[group, p.y_true] = True
    kinds, kind = np.unique(has_class, axis=0, return_inverse=True)
    unit, urns, remarks = group.copy(), [], []
    n_units = len(has_class)
    for k, classes in enumerate(kinds):
        members = np.flatnonzero(kind == k)
        named = " and ".join(repr(p.names[c]) for c in np.flatnonzero(classes))
        verb = "holds" if len(members) == 1 else "hold"
        hold = f"{verb} {'only ' if classes.sum() == 1 else ''}images of class {named}"
        images = np.flatnonzero(np.isin(group, members))
        if len(members) < _FEWEST_GROUPS and len(images) > len(members):
            remarks.append(
                f"{len(members)} of the groups {hold}, too few to stand for others: for these "
                "the intervals hold for more images from the same groups, not for new groups."
            )
            for c in np.flatnonzero(classes):
                rows = images[p.y_true[images] == c]
                unit[rows] = np.arange(n_units, n_units + len(rows))
                urns.append(unit[rows])
                n_units += len(rows)
            continue
        if _FEWEST_GROUPS <= len(members) < _MANY_GROUPS and len(images) > len(members):
            remarks.append(
                f"Only {len(members)} of the groups {hold}: the intervals are rather too "
                "narrow."
            )
        urns.append(members)
    return ResamplingPlan(unit, urns, remarks)


def draw_weights(
    plan: ResamplingPlan,
    weights: NDArray[np.float64],
    n_resamples: int,
    random_state: int,
) -> Iterator[NDArray[np.float64]]:
    """Draw, some resamples at a time."""
    random = np.random.default_rng(random_state)
    n_units = int(plan.unit.max()) + 1
    one_each = np.array_equal(plan.unit, np.arange(len(weights)))
    at_a_time = max(1, _CHUNK // max(n_units, len(weights)))
    for start in range(0, n_resamples, at_a_time):
        n_some = min(at_a_time, n_resamples - start)
        counts = np.zeros((n_some, n_units))
        for urn in plan.urns:
            drawn = random.integers(len(urn), size=(n_some, len(urn)))
            drawn += np.arange(n_some)[:, None] * len(urn)
            times = np.bincount(drawn.ravel(), minlength=n_some * len(urn))
            counts[:, urn] = times.reshape(n_some, -1)
        yield (counts if one_each else counts[:, plan.unit]) * weights
