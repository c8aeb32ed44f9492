"""A comparison of models -> what to do next, for a reader who is new to the field."""

from skfakereal.evaluation._comparison_parts import Comparison
from skfakereal.evaluation._wording import counted, first_of


def comparison_steps(known: Comparison) -> list[str]:
    """Return what the figures ask for."""
    alike = [name for name, test in known.mcnemar.items() if test.p_adjusted >= 0.05]
    steps = [
        "Go by the figure that your use calls for: TPR at 1 % FPR where a false accusation "
        "is grave, ROC-AUC where people look at the most suspicious images first, accuracy "
        "where both errors cost the same."
    ]
    if alike:
        steps.append(
            f"On {counted(known.n_images, 'image')}, the accuracy of {first_of(alike)} cannot "
            f"be told from that of {known.names[0]!r}: take the simpler or faster model, or "
            "test more images."
        )
    steps.append(
        "Whoever comes out best owes a part of that to luck with these images. Measure the "
        "model that you choose once more, on images that played no part in choosing it."
    )
    return steps
