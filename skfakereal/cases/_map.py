"""A model and an image -> the map of where it looked, and what that map is worth."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skfakereal._pages.html import Html, details, items, note, section
from skfakereal._pages.pictures import figure
from skfakereal._paths import as_fitted

_WORTH = (
    "The map shows what the detector used, not what was manipulated: one that is wrong has "
    "maps as convincing as one that is right."
)
_READING = {
    "occlusion": (
        "Parts of the picture were covered, one after the other. Red: the probability falls if "
        "this place is covered, so something there speaks for it. Blue: it rises.",
        "The map has a scale of its own: look at the numbers beside it. A detector that is very "
        "sure may lose next to nothing wherever one covers.",
        "A covered picture is unlike any that the detector has seen; edges of the cover may "
        "count as evidence themselves.",
    ),
    "grad-cam": (
        "Bright: the detector sees evidence for the class. Dark: none, or evidence against it.",
        "Cells are large, and each sees far beyond its borders: trust the region, not the "
        "outline.",
    ),
}
_NO_CHECK = (
    "The sanity check with random weights needs a VGG16 with a head that can be looked into, "
    "which this model does not have."
)


@dataclass(frozen=True)
class LookedAt:
    """A map as a picture, or why there is none."""

    picture: Html | None = None
    method: str = ""
    of: str = ""  # the class whose probability it explains
    sanity: str = ""
    problem: str = ""


def look(
    estimator: Any, path: str, names: tuple[str, ...], positive: int | None
) -> LookedAt:
    """Explain one image, by Grad-CAM where it can, else by occlusion."""
    from skfakereal.explain import grad_cam, occlusion, why_no_grad_cam

    if not hasattr(estimator, "predict_proba"):
        return LookedAt(problem="This model gives no probability that a map could explain.")
    method = "occlusion" if why_no_grad_cam(estimator) is not None else "grad-cam"
    label = None if positive is None else estimator.classes_.tolist()[positive]
    X = as_fitted(estimator, [path])
    try:
        maps = (grad_cam if method == "grad-cam" else occlusion)(estimator, X, label=label)
        sanity = _check(estimator, X, method, label)
    except (OSError, TypeError, ValueError) as error:  # the page is worth having without
        return LookedAt(problem=f"No map could be made: {str(error)[:300]}")
    of = names[estimator.classes_.tolist().index(maps.explained.tolist()[0])]
    drawn = _draw(replace(maps, paths=("",)), of, method)
    return LookedAt(drawn, method, of, sanity)


def _check(estimator: Any, X: Any, method: Any, label: Any) -> str:
    from skfakereal.explain import randomization_check

    # To draw the last block anew for every covered copy would take minutes.
    stages = ("head", "block5") if method == "grad-cam" else ("head",)
    try:
        check = randomization_check(estimator, X, method=method, stages=stages, label=label)
    except TypeError:
        return _NO_CHECK
    return check.sentence(0)


def _draw(maps: Any, of: str, method: str) -> Html:
    from matplotlib.figure import Figure

    from skfakereal.explain import GradCAMDisplay, OcclusionDisplay

    *_, height, width = maps.areas[0]
    tall = min(max(height / width, 0.4), 1.6)
    drawn = Figure(figsize=(5.6, 4.4 * tall + 0.2), layout="constrained")  # no window's
    ax = drawn.subplots()
    display = OcclusionDisplay if method == "occlusion" else GradCAMDisplay
    display.from_maps(maps, ax=ax)
    ax.set_title("")
    grey = np.asarray(ax.images[0].get_array())  # as colours, so that it is a photograph:
    ax.images[0].set_data(np.repeat(grey[..., np.newaxis], 3, axis=2))  # never inverted
    return figure(drawn, alt=f"Where in the picture the detector looked for {of}")


def map_section(looked: LookedAt | None) -> Html:
    """Return the section of the map."""
    heading = "Where the detector looked"
    if looked is None:
        return section(heading, "No map was asked for.")
    if looked.picture is None:
        return section(heading, looked.problem)
    return section(
        heading,
        looked.picture,
        note(f"{_WORTH} {looked.sanity}"),
        details(
            "How to read the map",
            items(
                [f"It explains the probability of {looked.of}.", *_READING[looked.method]]
            ),
            "The sanity check puts random weights in the place of learned ones and compares the "
            "maps: the similarity is the mean absolute rank correlation over ten draws, from 0 "
            "to 1 (Adebayo et al., 2018, Sanity checks for saliency maps).",
        ),
    )
