"""Where in a picture a detector found what it went by, and how much that picture is worth.

`grad_cam` looks into the VGG16; `occlusion` covers parts of the image, and explains any
classifier over paths. Both give an `Explanation`, which holds the maps as arrays;
`GradCAMDisplay` and `OcclusionDisplay` draw them. `randomization_check` tells how much of a
map is owed to what the detector has learned.

A map shows what a detector used. It is no evidence that an image was manipulated, nor where.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skfakereal.explain._display import GradCAMDisplay, OcclusionDisplay
    from skfakereal.explain._explanation import Explanation
    from skfakereal.explain._grad_cam import grad_cam
    from skfakereal.explain._occlusion import occlusion
    from skfakereal.explain._randomization import RandomizationCheck, randomization_check

__all__ = [
    "Explanation",
    "GradCAMDisplay",
    "OcclusionDisplay",
    "RandomizationCheck",
    "grad_cam",
    "occlusion",
    "randomization_check",
]

_HOME = {
    "Explanation": "skfakereal.explain._explanation",
    "GradCAMDisplay": "skfakereal.explain._display",
    "OcclusionDisplay": "skfakereal.explain._display",
    "RandomizationCheck": "skfakereal.explain._randomization",
    "grad_cam": "skfakereal.explain._grad_cam",
    "occlusion": "skfakereal.explain._occlusion",
    "randomization_check": "skfakereal.explain._randomization",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
