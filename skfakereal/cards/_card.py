"""Model cards: made of a report, written to a file, extended by later measurements."""

import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from skfakereal._pages.html import Html
from skfakereal._parameters import settings_of
from skfakereal._shown import printable, write_page
from skfakereal._version import __version__
from skfakereal._wording import WORDS, spoken_keys
from skfakereal.cards._blocks import (
    Section,
    escaped,
    front_matter,
    html_blocks,
    section_markdown,
)
from skfakereal.cards._description import (
    citation_section,
    data_section,
    details_section,
    licence_section,
    training_section,
    use_section,
    uses_section,
)
from skfakereal.cards._figures import (
    evaluation_section,
    generator_rows_section,
    generators_section,
    robustness_section,
    threshold_section,
)
from skfakereal.cards._limits import limits_section
from skfakereal.evaluation import EvaluationReport, GeneratorReport, RobustnessReport


class ModelCard:
    """What a detector was made of, what it can do, and what it cannot; see `model_card`.

    Parameters
    ----------
    title : str
        Its title.
    metadata : mapping of str to object
        What stands before it for a hub to read.
    sections : sequence of Section
        Its sections.

    Attributes
    ----------
    title : str
        Its title.
    metadata : dict of str to object
        What stands before it, in the form of Hugging Face's model cards.
    sections : list of Section
        Its sections, whose text is plain.
    headings : list of str
        What they are called.

    See Also
    --------
    model_card : Makes the card.
    """

    def __init__(
        self, title: str, metadata: Mapping[str, Any], sections: Sequence[Section]
    ) -> None:
        self.title = title
        self.metadata = dict(metadata)
        self.sections = list(sections)

    @property
    def headings(self) -> list[str]:
        """What the sections are called."""
        return [section.heading for section in self.sections]

    def __repr__(self) -> str:
        return f"ModelCard({self.title!r}: {', '.join(map(printable, self.headings))})"

    def _repr_markdown_(self) -> str:
        return self._body()

    def to_markdown(self) -> str:
        """Return the card as Markdown, with YAML before it.

        Returns
        -------
        str
            What belongs into ``card.md``, or ``README.md`` on Hugging Face's hub.
        """
        return f"{front_matter(self.metadata)}\n\n{self._body()}"

    def _body(self) -> str:
        parts = [f"# {escaped(self.title)}", *map(section_markdown, self.sections)]
        return "\n\n".join(parts) + "\n"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the Markdown to a file.

        Parameters
        ----------
        path : path-like
            The file; it is replaced if it exists.
        """
        write_page(path, self.to_markdown())

    def html_blocks(self, heading: str) -> list[Html]:
        """Return what a section holds for an HTML page.

        Parameters
        ----------
        heading : str
            What the section is called.

        Returns
        -------
        list of Html
            Its paragraphs, lists, tables and code.

        Raises
        ------
        KeyError
            If there is no section of that name.
        """
        for section in self.sections:
            if section.heading == heading:
                return html_blocks(section)
        raise KeyError(f"{heading!r}: there are only {self.headings}.")


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
    """Describe a detector for those who use it or assess it.

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
        The record of the training, as ``config.json`` of a run folder holds it. All
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
        If `report` is not an EvaluationReport.
    ValueError
        If something in `config` has another form than in ``config.json``.

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
    license: mit
    library_name: skfakereal
    ...
    # Detector of fake images
    ...
    """
    if not isinstance(report, EvaluationReport):
        raise TypeError(
            f"report must be an EvaluationReport, got {type(report).__name__}. Make one with "
            "skfakereal.evaluation.evaluate."
        )
    record = {"skfakereal": __version__, **(config or {})}
    if estimator is not None:
        record["model"] = settings_of(estimator)
    try:
        cross_validated = "cross_validated" in record.get("data", {})
        sections = [
            details_section(report, record),
            uses_section(report),
            limits_section(report, record),
            data_section(report, record),
            training_section(record),
            evaluation_section(report, cross_validated=cross_validated),
            threshold_section(report, record),
            generator_rows_section(report),
            robustness_section(robustness),
            generators_section(generators),
            use_section(report, record),
            licence_section(record, license),
            citation_section(record),
        ]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        if config is None:
            raise
        raise ValueError(
            "config must be the record of a run, in the form of its config.json, but something "
            f"in it has another ({error!r}). Restore it, or leave that out."
        ) from error
    return ModelCard(
        title,
        _metadata(report, title, license, cross_validated=cross_validated),
        [section for section in sections if section is not None],
    )


def _metadata(
    report: EvaluationReport, title: str, license_name: str, *, cross_validated: bool
) -> dict[str, Any]:
    figures = [
        {"type": key, "value": round(report[key], 4), "name": WORDS[key]}
        for key in spoken_keys(report)
        if not math.isnan(report[key])
    ]
    task = {"type": "image-classification", "name": "Fake image detection"}
    # What the images are called is for the maker to say; a folder's name may be private.
    dataset = {"type": "imagefolder", "name": "held-out test images", "split": "test"}
    if cross_validated:
        dataset |= {"name": "training images, cross-validated", "split": "train"}
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


_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")


def extend_card(
    path: str | os.PathLike[str],
    *,
    robustness: RobustnessReport | None = None,
    generators: GeneratorReport | None = None,
    evaluations: Mapping[str, EvaluationReport] | None = None,
) -> None:
    """Add later measurements to a card's file; everything else in it stays unchanged.

    Parameters
    ----------
    path : path-like
        The file, such as ``card.md`` of a run folder or a ``README.md`` made from it.
    robustness : RobustnessReport, default=None
        Replaces the section on robustness.
    generators : GeneratorReport, default=None
        Replaces the section on unseen generators.
    evaluations : mapping of str to EvaluationReport, default=None
        More evaluations, by the name of their images: each has a section of its own.

    Raises
    ------
    OSError
        If the file cannot be read or written.
    ValueError
        If it is not a card.

    See Also
    --------
    model_card : Makes a card.

    Notes
    -----
    A section that is not there yet comes before "How to use it", or last. A run folder
    whose card was changed is not replaced by ``skfakereal train --force`` any more.
    """
    file = Path(path)
    try:
        text = file.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"A card must be a text file in UTF-8, but {str(path)!r} is not."
        ) from error
    end = "\r\n" if "\r\n" in text else "\n"
    lines = text.replace("\r\n", "\n").split("\n")
    if not any(line.startswith("# ") for line in lines):
        raise ValueError(
            f"A card must have a title (a line that begins with '# '), but {str(path)!r} has none."
        )
    sections = [
        *([robustness_section(robustness)] if robustness is not None else []),
        *([generators_section(generators)] if generators is not None else []),
        *(
            evaluation_section(report, f"Evaluation: {name}")
            for name, report in (evaluations or {}).items()
        ),
    ]
    for section in sections:
        lines = _placed(lines, section)
    write_page(file, end.join(lines))


def _placed(lines: list[str], section: Section) -> list[str]:
    """Return the lines with a section in its place."""
    new = [*section_markdown(section).split("\n"), ""]
    starts = _headings(lines)
    places = [i for i in starts if lines[i] == new[0]]
    if places:
        end = next((i for i in starts if i > places[0]), len(lines))
        return [*lines[: places[0]], *new, *lines[end:]]
    before = next((i for i in starts if lines[i] == "## How to use it"), None)
    if before is None:
        before = len(lines)
        new = ["", *new] if lines and lines[-1] else new
    return [*lines[:before], *new, *lines[before:]]


def _headings(lines: list[str]) -> list[int]:
    """Return where sections begin; a comment in a block of code is none."""
    headings, fence = [], ""
    for i, line in enumerate(lines):
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence):
                fence = ""
        elif mark:
            fence = mark[1]
        elif line.startswith(("# ", "## ")):
            headings.append(i)
    return headings
