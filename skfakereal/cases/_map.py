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
    from skfakereal.explain import (
        NO_CHECK,
        check_maps,
        grad_cam,
        occlusion,
        why_no_grad_cam,
    )

    if not hasattr(estimator, "predict_proba"):
        return LookedAt(problem="This model gives no probability that a map could explain.")
    method: Any = "occlusion" if why_no_grad_cam(estimator) is not None else "grad-cam"
    label = None if positive is None else estimator.classes_.tolist()[positive]
    X = as_fitted(estimator, [path])
    try:
        maps = (grad_cam if method == "grad-cam" else occlusion)(estimator, X, label=label)
        check = check_maps(estimator, X, method, label=label)
    except (OSError, TypeError, ValueError) as error:  # the page is worth having without
        return LookedAt(problem=f"No map could be made: {str(error)[:300]}")
    of = names[estimator.classes_.tolist().index(maps.explained.tolist()[0])]
    drawn = _draw(replace(maps, paths=("",)), of, method)
    return LookedAt(drawn, method, of, NO_CHECK if check is None else check.sentence(0))


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
    from skfakereal.explain import HOW_CHECKED, READING

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
                [f"It explains the probability of {looked.of}.", *READING[looked.method]]
            ),
            HOW_CHECKED,
        ),
    )
