"""A report and what is known of the training -> a model card."""

import math
import re
from collections.abc import Mapping
from typing import Any

from skfakereal import __version__
from skfakereal._settings import settings_of
from skfakereal._wording import WORDS
from skfakereal.cards._card import ModelCard
from skfakereal.cards._elsewhere import generators_section, robustness_section
from skfakereal.cards._figures import (
    evaluation_section,
    generator_rows_section,
)
from skfakereal.cards._limits import limits_section
from skfakereal.cards._made import data_section, training_section
from skfakereal.cards._origin import citation_section, licence_section
from skfakereal.cards._purpose import details_section, use_section, uses_section
from skfakereal.cards._threshold import threshold_section
from skfakereal.evaluation import EvaluationReport, GeneratorReport, RobustnessReport

# Those that the hub knows by these names.
_KNOWN_METRICS = ("accuracy", "precision", "recall", "f1", "roc_auc", "brier_score")
_TITLE = "Detector of fake images"


def model_card(
    report: EvaluationReport,
    *,
    estimator: Any = None,
    config: Mapping[str, Any] | None = None,
    robustness: RobustnessReport | None = None,
    generators: GeneratorReport | None = None,
    title: str = _TITLE,
    license: str = "unknown",  # noqa: A002 (the hub's own word)
) -> ModelCard:
    """Describe a detector for those who are to use it, or to judge it.

    The card has the form of Hugging Face's: metadata in YAML, then Markdown with the
    sections that Mitchell et al. (2019) ask for. It is made to be published: it holds no
    absolute path, no folder of images and no command; it does name the classes, and the
    groups (generators) of the positive one.

    Parameters
    ----------
    report : EvaluationReport
        The figures on images that the detector was not trained on.
    estimator : estimator, default=None
        The detector, for its settings. None takes them from `config`.
    config : mapping, default=None
        What is known of the training, as ``config.json`` of a run folder holds it. All
        keys may be missing: ``skfakereal``, ``date``, ``versions``, ``model``,
        ``training``, ``decision``, ``remarks``, and ``data`` with ``train``,
        ``validation``, ``test``, ``groups``, ``audit`` and ``manifest_sha256``.
    robustness : RobustnessReport, default=None
        What common changes of an image cost. None: the card says that it was not measured.
    generators : GeneratorReport, default=None
        What unseen generators cost, likewise.
    title : str, default="Detector of fake images"
        The title, and the model's name in the metadata.
    license : str, default="unknown"
        The licence of the detector, by the hub's names, for instance ``"mit"``.

    Returns
    -------
    ModelCard
        The card.

    Raises
    ------
    TypeError
        If `report` is no EvaluationReport.

    See Also
    --------
    extend_card : Adds later measurements to the file of a card.

    References
    ----------
    M. Mitchell et al. (2019). "Model cards for model reporting". Proceedings of the
    Conference on Fairness, Accountability, and Transparency.

    Examples
    --------
    >>> from skfakereal.cards import model_card
    >>> from skfakereal.evaluation import EvaluationReport
    >>> report = EvaluationReport(
    ...     ["a.jpg", "b.jpg", "c.jpg", "d.jpg"],
    ...     y_true=[0, 0, 1, 1],
    ...     y_proba=[[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.2, 0.8]],
    ...     classes=[0, 1],
    ...     target_names=["real", "fake"],
    ... )
    >>> card = model_card(report, license="mit")
    >>> print(card.to_markdown())
    ---
    license: "mit"
    library_name: "skfakereal"
    ...
    # Detector of fake images
    ...
    """
    if not isinstance(report, EvaluationReport):
        raise TypeError(
            f"report must be an EvaluationReport, got {type(report).__name__}. Make one with "
            "skfakereal.evaluation.evaluate."
        )
    known = {"skfakereal": __version__, **(config or {})}
    if estimator is not None:
        known["model"] = settings_of(estimator)
    sections = [
        details_section(report, known),
        uses_section(report),
        limits_section(report, known),
        data_section(report, known),
        training_section(known),
        evaluation_section(report),
        threshold_section(report, known),
        generator_rows_section(report),
        robustness_section(robustness),
        generators_section(generators),
        use_section(report, known),
        licence_section(known, license),
        citation_section(known),
    ]
    return ModelCard(
        title,
        _metadata(report, title, license),
        [section for section in sections if section is not None],
    )


def _metadata(report: EvaluationReport, title: str, license_name: str) -> dict[str, Any]:
    double = "f1_macro" if "f1" in report else "f1"
    figures = [
        {"type": key, "value": round(report[key], 4), "name": word}
        for key, word in WORDS.items()
        if key in report and key != double and not math.isnan(report[key])
    ]
    task = {"type": "image-classification", "name": "Fake image detection"}
    # What the images are called is for the maker to say; a folder's name may be private.
    dataset = {"type": "imagefolder", "name": "held-out test images", "split": "test"}
    result = {"task": task, "dataset": dataset, "metrics": figures}
    name = re.sub(r"[^\w.-]+", "-", title.lower()).strip("-") or "detector"
    return {
        "license": license_name,
        "library_name": "skfakereal",
        "pipeline_tag": "image-classification",
        "tags": ["skfakereal", "sklearn", "image-forensics", "deepfake-detection"],
        "metrics": [key for key in _KNOWN_METRICS if key in report],
        "model-index": [{"name": name, "results": [result]}],
    }
