"""How good a classifier of images is, in figures and in pictures.

`evaluate` scores any fitted scikit-learn classifier over image paths and gives an
`EvaluationReport`; `compare_reports` puts several side by side. `TrainingCurveDisplay`
shows how a fit went, `MisclassifiedDisplay` the images that were taken for another class.
"""

from skfakereal.evaluation._compare import compare_reports
from skfakereal.evaluation._comparison import ReportComparison
from skfakereal.evaluation._evaluate import evaluate
from skfakereal.evaluation._misclassified import MisclassifiedDisplay
from skfakereal.evaluation._report import EvaluationReport
from skfakereal.evaluation._training_curve import TrainingCurveDisplay

__all__ = [
    "EvaluationReport",
    "MisclassifiedDisplay",
    "ReportComparison",
    "TrainingCurveDisplay",
    "compare_reports",
    "evaluate",
]
