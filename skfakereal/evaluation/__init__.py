"""How good a classifier of images is, in figures and in pictures.

`evaluate` scores any fitted scikit-learn classifier over image paths and gives an
`EvaluationReport`; `compare_reports` puts several side by side. `TrainingCurveDisplay`
shows how a fit went, `MisclassifiedDisplay` the images that were taken for another class.
`robustness_report` measures what is left after compression, scaling, blur and noise
(`skfakereal.evaluation.perturbations`), `leave_one_generator_out` on fakes of a generator
that was not trained on. `stable_verdicts` judges images of unknown origin, and says
"unsure" where it should.
"""

from skfakereal.evaluation._compare import compare_reports
from skfakereal.evaluation._comparison import ReportComparison
from skfakereal.evaluation._evaluate import evaluate
from skfakereal.evaluation._generator_report import GeneratorReport
from skfakereal.evaluation._generators import leave_one_generator_out
from skfakereal.evaluation._misclassified import MisclassifiedDisplay
from skfakereal.evaluation._report import EvaluationReport
from skfakereal.evaluation._robustness import robustness_report
from skfakereal.evaluation._robustness_report import RobustnessReport
from skfakereal.evaluation._standard import mild_perturbations, standard_perturbations
from skfakereal.evaluation._training_curve import TrainingCurveDisplay
from skfakereal.evaluation._unsure_band import UnsureBand, learn_unsure_band
from skfakereal.evaluation._verdict import Verdict, stable_verdicts

__all__ = [
    "EvaluationReport",
    "GeneratorReport",
    "MisclassifiedDisplay",
    "ReportComparison",
    "RobustnessReport",
    "TrainingCurveDisplay",
    "UnsureBand",
    "Verdict",
    "compare_reports",
    "evaluate",
    "learn_unsure_band",
    "leave_one_generator_out",
    "mild_perturbations",
    "robustness_report",
    "stable_verdicts",
    "standard_perturbations",
]
