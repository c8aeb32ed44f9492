"""How good a classifier of images is, in figures and in pictures.

`evaluate` scores any fitted scikit-learn classifier over image paths and gives an
`EvaluationReport`. `TrainingCurveDisplay` shows how a fit went, `MisclassifiedDisplay`
the images that were taken for another class.
"""

from skfakereal.evaluation._evaluate import evaluate
from skfakereal.evaluation._misclassified import MisclassifiedDisplay
from skfakereal.evaluation._report import EvaluationReport
from skfakereal.evaluation._robustness import robustness_report
from skfakereal.evaluation._robustness_report import RobustnessReport
from skfakereal.evaluation._standard import mild_perturbations, standard_perturbations
from skfakereal.evaluation._training_curve import TrainingCurveDisplay

__all__ = [
    "EvaluationReport",
    "MisclassifiedDisplay",
    "RobustnessReport",
    "TrainingCurveDisplay",
    "evaluate",
    "mild_perturbations",
    "robustness_report",
    "standard_perturbations",
]
