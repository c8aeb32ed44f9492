"""How good a classifier of images is, in figures and in pictures.

`evaluate` scores any fitted scikit-learn classifier over image paths and gives an
`EvaluationReport`; `compare_reports` puts several side by side. `TrainingCurveDisplay`
shows how a fit went, `MisclassifiedDisplay` the images that were taken for another class.
`robustness_report` measures what is left after compression, scaling, blur and noise
(`skfakereal.evaluation.perturbations`), `leave_one_generator_out` on fakes of a generator
that was not trained on. `stable_verdicts` judges images of unknown origin, and says
"unsure" where it should.

Each is imported when it is first touched: `skfakereal predict` needs next to none of it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

_HOME = {
    "EvaluationReport": "skfakereal.evaluation._report",
    "GeneratorReport": "skfakereal.evaluation._generator_report",
    "MisclassifiedDisplay": "skfakereal.evaluation._misclassified",
    "ReportComparison": "skfakereal.evaluation._comparison",
    "RobustnessReport": "skfakereal.evaluation._robustness_report",
    "TrainingCurveDisplay": "skfakereal.evaluation._training_curve",
    "UnsureBand": "skfakereal.evaluation._unsure_band",
    "Verdict": "skfakereal.evaluation._verdict",
    "compare_reports": "skfakereal.evaluation._compare",
    "evaluate": "skfakereal.evaluation._evaluate",
    "learn_unsure_band": "skfakereal.evaluation._unsure_band",
    "leave_one_generator_out": "skfakereal.evaluation._generators",
    "mild_perturbations": "skfakereal.evaluation._standard",
    "robustness_report": "skfakereal.evaluation._robustness",
    "stable_verdicts": "skfakereal.evaluation._verdict",
    "standard_perturbations": "skfakereal.evaluation._standard",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
