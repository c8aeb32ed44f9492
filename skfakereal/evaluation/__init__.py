"""How good a classifier of images is, in figures and in pictures.

`evaluate` scores any fitted scikit-learn classifier over image paths and gives an
`EvaluationReport`; `compare_reports` puts several side by side. `TrainingCurveDisplay`
shows how a fit went, `MisclassifiedDisplay` the images that were taken for another class.
`robustness_report` measures what is left after compression, scaling, blur and noise
(`skfakereal.evaluation.perturbations`), `leave_one_generator_out` on fakes of a generator
that was not trained on. `stable_verdicts` judges images of unknown origin, and says
"unsure" where it should. `find_label_issues` finds labels that are probably wrong.

Each is imported when it is first touched: `skfakereal predict` needs next to none of it.
"""

from typing import TYPE_CHECKING

from skfakereal._lazy import lazily

if TYPE_CHECKING:
    from skfakereal.evaluation.comparison._comparison import (
        ReportComparison as ReportComparison,
    )
    from skfakereal.evaluation.comparison._comparison import (
        compare_reports as compare_reports,
    )
    from skfakereal.evaluation.figures._results import worst_errors as worst_errors
    from skfakereal.evaluation.generators._leave_out import (
        leave_one_generator_out as leave_one_generator_out,
    )
    from skfakereal.evaluation.generators._report import GeneratorReport as GeneratorReport
    from skfakereal.evaluation.perturbations import mild_perturbations as mild_perturbations
    from skfakereal.evaluation.perturbations import (
        standard_perturbations as standard_perturbations,
    )
    from skfakereal.evaluation.report._evaluate import evaluate as evaluate
    from skfakereal.evaluation.report._misclassified import (
        MisclassifiedDisplay as MisclassifiedDisplay,
    )
    from skfakereal.evaluation.report._page import report_sections as report_sections
    from skfakereal.evaluation.report._report import EvaluationReport as EvaluationReport
    from skfakereal.evaluation.report._training_curve import (
        TrainingCurveDisplay as TrainingCurveDisplay,
    )
    from skfakereal.evaluation.robustness._report import (
        RobustnessReport as RobustnessReport,
    )
    from skfakereal.evaluation.robustness._report import (
        robustness_report as robustness_report,
    )
    from skfakereal.evaluation.verdicts._label_issues import (
        find_label_issues as find_label_issues,
    )
    from skfakereal.evaluation.verdicts._verdict import UnsureBand as UnsureBand
    from skfakereal.evaluation.verdicts._verdict import Verdict as Verdict
    from skfakereal.evaluation.verdicts._verdict import images_needed as images_needed
    from skfakereal.evaluation.verdicts._verdict import (
        learn_unsure_band as learn_unsure_band,
    )
    from skfakereal.evaluation.verdicts._verdict import stable_verdicts as stable_verdicts

__getattr__, __dir__, __all__ = lazily(
    __name__,
    inner={
        "figures._results": "worst_errors",
        "report._page": "report_sections",
        "verdicts._verdict": "images_needed",
    },
    **{
        "comparison._comparison": "ReportComparison compare_reports",
        "generators._leave_out": "leave_one_generator_out",
        "generators._report": "GeneratorReport",
        "perturbations": "mild_perturbations standard_perturbations",
        "report._evaluate": "evaluate",
        "report._misclassified": "MisclassifiedDisplay",
        "report._report": "EvaluationReport",
        "report._training_curve": "TrainingCurveDisplay",
        "robustness._report": "RobustnessReport robustness_report",
        "verdicts._label_issues": "find_label_issues",
        "verdicts._verdict": "UnsureBand Verdict learn_unsure_band stable_verdicts",
    },
)
