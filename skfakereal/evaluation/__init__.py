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
    from skfakereal.evaluation.comparison._comparison import (
        ReportComparison,
        compare_reports,
    )
    from skfakereal.evaluation.generators._leave_out import leave_one_generator_out
    from skfakereal.evaluation.generators._report import GeneratorReport
    from skfakereal.evaluation.perturbations import (
        mild_perturbations,
        standard_perturbations,
    )
    from skfakereal.evaluation.report._evaluate import evaluate
    from skfakereal.evaluation.report._misclassified import MisclassifiedDisplay
    from skfakereal.evaluation.report._report import EvaluationReport
    from skfakereal.evaluation.report._training_curve import TrainingCurveDisplay
    from skfakereal.evaluation.robustness._report import RobustnessReport
    from skfakereal.evaluation.robustness._robustness import robustness_report
    from skfakereal.evaluation.verdicts._unsure_band import UnsureBand, learn_unsure_band
    from skfakereal.evaluation.verdicts._verdict import Verdict, stable_verdicts

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
    "EvaluationReport": "skfakereal.evaluation.report._report",
    "GeneratorReport": "skfakereal.evaluation.generators._report",
    "MisclassifiedDisplay": "skfakereal.evaluation.report._misclassified",
    "ReportComparison": "skfakereal.evaluation.comparison._comparison",
    "RobustnessReport": "skfakereal.evaluation.robustness._report",
    "TrainingCurveDisplay": "skfakereal.evaluation.report._training_curve",
    "UnsureBand": "skfakereal.evaluation.verdicts._unsure_band",
    "Verdict": "skfakereal.evaluation.verdicts._verdict",
    "compare_reports": "skfakereal.evaluation.comparison._comparison",
    "evaluate": "skfakereal.evaluation.report._evaluate",
    "learn_unsure_band": "skfakereal.evaluation.verdicts._unsure_band",
    "leave_one_generator_out": "skfakereal.evaluation.generators._leave_out",
    "mild_perturbations": "skfakereal.evaluation.perturbations",
    "robustness_report": "skfakereal.evaluation.robustness._robustness",
    "stable_verdicts": "skfakereal.evaluation.verdicts._verdict",
    "standard_perturbations": "skfakereal.evaluation.perturbations",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
