"""Which parts of an image a detector used, and how far such a map can be trusted.

`grad_cam` looks into the VGG16; `occlusion` covers parts of the image, and explains any
classifier over paths. Both give an `Explanation`, which holds the maps as arrays;
`GradCAMDisplay` and `OcclusionDisplay` draw them. `randomization_check` measures how much of a
map comes from what the detector has learned.

A map shows what a detector used. It is no evidence that an image was manipulated, nor where.
"""

from typing import TYPE_CHECKING

from skfakereal._lazy import lazily

if TYPE_CHECKING:
    from skfakereal.explain._display import GradCAMDisplay as GradCAMDisplay
    from skfakereal.explain._display import OcclusionDisplay as OcclusionDisplay
    from skfakereal.explain._explanation import READING as READING
    from skfakereal.explain._explanation import Explanation as Explanation
    from skfakereal.explain._grad_cam import grad_cam as grad_cam
    from skfakereal.explain._occlusion import occlusion as occlusion
    from skfakereal.explain._opened import as_named as as_named
    from skfakereal.explain._opened import linear_head as linear_head
    from skfakereal.explain._opened import why_no_grad_cam as why_no_grad_cam
    from skfakereal.explain._randomization import HOW_CHECKED as HOW_CHECKED
    from skfakereal.explain._randomization import NO_CHECK as NO_CHECK
    from skfakereal.explain._randomization import RandomizationCheck as RandomizationCheck
    from skfakereal.explain._randomization import check_maps as check_maps
    from skfakereal.explain._randomization import randomization_check as randomization_check

__getattr__, __dir__, __all__ = lazily(
    __name__,
    inner={
        "_explanation": "READING",
        "_opened": "as_named linear_head why_no_grad_cam",
        "_randomization": "HOW_CHECKED NO_CHECK check_maps",
    },
    _display="GradCAMDisplay OcclusionDisplay",
    _explanation="Explanation",
    _grad_cam="grad_cam",
    _occlusion="occlusion",
    _randomization="RandomizationCheck randomization_check",
)
