"""Robustness: predictions on perturbed copies, and the report on them."""

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import _safe_indexing
from tqdm import tqdm

from skfakereal._classifying.classes import class_codes
from skfakereal._classifying.copies import predict_perturbed
from skfakereal._classifying.predictions import Predictions, predict_checked
from skfakereal._pages.html import Html, fragment, note, table
from skfakereal._pages.report import ReportOfRows, records_frame, without_nan
from skfakereal._paths import ImagePaths, check_paths
from skfakereal._wording import counted, text_table
from skfakereal.evaluation.perturbations import (
    Copy,
    Perturbation,
    name_of,
    standard_perturbations,
)
from skfakereal.evaluation.robustness._page import (
    draw_robustness,
    robustness_headlines,
    robustness_lead,
    robustness_sections,
    row_cells,
)
from skfakereal.evaluation.robustness._rows import (
    FIGURES,
    TABLE_HEADER,
    RobustnessRow,
    Verdicts,
    make_row,
    robustness_remarks,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


class RobustnessReport(ReportOfRows[RobustnessRow]):
    """How a classifier bears what happens to images: a mapping of names to figures.

    `robustness_report` makes it. Its first key is ``"untouched"``, the others are the
    names of the perturbations, such as ``"JPEG quality 85"`` or ``"chain web"``; each
    value has `accuracy`, `roc_auc`, `tpr`, `fpr`, `flip_rate` and the counts `n_images`,
    `n_unchanged` and `n_too_small`.

    Parameters
    ----------
    predictions : Predictions
        The predictions on the unchanged images.
    perturbations : sequence of Perturbation
        What was done to them.
    verdicts : sequence of Verdicts
        The predictions on the copies, for each perturbation.

    Attributes
    ----------
    untouched : RobustnessRow
        The figures of the images as they are.
    rows : list of RobustnessRow
        The figures of each perturbation, in order.
    perturbations : list of Perturbation
        What was done.
    target_names : tuple of str
        What the classes are called.
    pos_label : label or None
        The positive class; None with more than two classes.
    unreadable : list of str
        Paths of the images that could not be read.
    remarks : list of str
        Sentences that say what to keep in mind when reading the figures.

    See Also
    --------
    robustness_report : Makes the report.
    """

    _title = "Robustness"

    def __init__(
        self,
        predictions: Predictions,
        perturbations: Sequence[Perturbation],
        verdicts: Sequence[Verdicts],
    ) -> None:
        p = self._predictions = predictions
        self._verdicts = list(verdicts)
        self.perturbations = list(perturbations)
        n_images = len(p.paths)
        as_is = Verdicts(p.y_pred, p.y_proba, n_images, 0)
        self.untouched = make_row("untouched", "", p, as_is)
        self.rows = [
            make_row(done.family, done.level, p, each)
            for done, each in zip(perturbations, verdicts, strict=True)
        ]
        self._by_name = {row.name: row for row in [self.untouched, *self.rows]}
        self.target_names = p.names
        self.pos_label: Any = None if p.positive is None else p.classes[p.positive].item()
        self.unreadable = [path for path, _ in p.unreadable]
        rewritten = [
            row
            for row, done in zip(self.rows, perturbations, strict=True)
            if isinstance(done, Copy)
        ]
        self.remarks = robustness_remarks(p, self.rows, rewritten[0] if rewritten else None)

    def __repr__(self) -> str:
        title = f"RobustnessReport: {counted(self.untouched.n_images, 'image')}"
        positive = self._predictions.positive
        if positive is not None:
            title += f", positive class {self.target_names[positive]!r}"
        lines: list[Sequence[str]] = [TABLE_HEADER]
        for row in self.values():
            values = (getattr(row, key) for key in FIGURES)
            cells = ("nan" if math.isnan(value) else f"{value:.3f}" for value in values)
            lines.append([row.name, *cells, f"{row.n_images:,}"])
        return "\n\n".join([title, text_table(lines), self.summary(), *self.remarks])

    def _repr_html_(self) -> str:
        return fragment(
            self.summary(),
            robustness_headlines(self.untouched, self.rows),
            table(map(row_cells, self.values()), TABLE_HEADER),
            *(note(remark, "warning") for remark in self.remarks),
        )

    def summary(self) -> str:
        """Return the result in a sentence or two.

        Returns
        -------
        str
            The share of correct verdicts untouched and after the worst perturbation, and
            how many single verdicts flip at most.
        """
        return robustness_lead(self.untouched, self.rows)

    def to_frame(self) -> "pd.DataFrame":
        """Return all figures as a table.

        Returns
        -------
        pandas.DataFrame
            One row for each perturbation by name, the untouched images first.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        return records_frame([row.flat() for row in self.values()], index="name")

    def to_dict(self) -> dict[str, Any]:
        """Return all figures in a form that `json.dump` takes.

        Returns
        -------
        dict
            ``rows`` (the untouched images first; an undefined figure is None),
            ``perturbations`` (as they print), ``n_images``, ``classes``,
            ``positive_class`` (names), ``unreadable`` and ``remarks``.
        """
        positive = self._predictions.positive
        return {
            "rows": [without_nan(row.flat()) for row in self.values()],
            "perturbations": [repr(done) for done in self.perturbations],
            "n_images": self.untouched.n_images,
            "classes": list(self.target_names),
            "positive_class": None if positive is None else self.target_names[positive],
            "unreadable": list(self.unreadable),
            "remarks": list(self.remarks),
        }

    def predictions_table(self) -> dict[str, list[Any]]:
        """Return every image with all its verdicts, as columns of a table.

        Returns
        -------
        dict of str to list
            ``path``, ``label``, and for ``untouched`` and each perturbation by name what
            the image was called; None where the copy could not be read.
            ``pandas.DataFrame`` takes it as it is.
        """
        p, names = self._predictions, [*self.target_names, None]
        return {
            "path": list(p.paths),
            "label": [names[i] for i in p.y_true],
            "untouched": [names[i] for i in p.y_pred],
            **{
                row.name: [names[i] for i in verdicts.y_pred]
                for row, verdicts in zip(self.rows, self._verdicts, strict=True)
            },
        }

    def plot(
        self,
        figures: Sequence[str] = ("accuracy", "roc_auc", "flip_rate"),
        *,
        families: Sequence[str] | None = None,
    ) -> "Figure":
        """Draw figures over the strength of the perturbations, a panel for each family.

        Parameters
        ----------
        figures : sequence of str, default=("accuracy", "roc_auc", "flip_rate")
            Any of ``"accuracy"``, ``"roc_auc"``, ``"tpr"``, ``"fpr"``, ``"flip_rate"``.
        families : sequence of str, default=None
            Which panels, for instance ``["JPEG quality"]``. None: all.

        Returns
        -------
        matplotlib.figure.Figure
            The figure.

        Raises
        ------
        ValueError
            If there is no such figure or family.
        """
        return draw_robustness(self.untouched, self.rows, figures, families)

    def html_sections(self) -> list[Html]:
        """Return the report as sections for an HTML page.

        Returns
        -------
        list of Html
            Figures, curves, the table, and the images whose verdict is most fragile.
        """
        readable = [verdicts.y_pred >= 0 for verdicts in self._verdicts]
        flips = np.array(
            [
                seen & (verdicts.y_pred != self._predictions.y_pred)
                for seen, verdicts in zip(readable, self._verdicts, strict=True)
            ]
        )
        return robustness_sections(
            self.untouched,
            self.rows,
            self.remarks,
            self.perturbations,
            self._predictions,
            flips,
        )


def robustness_report(
    estimator: Any,
    X: ImagePaths,
    y: ArrayLike,
    *,
    perturbations: Iterable[Perturbation] | None = None,
    pos_label: Any = None,
    target_names: Sequence[str] | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> RobustnessReport:
    """Measure how a fitted classifier bears compression, scaling, blur, noise and cropping.

    Every image, of both classes alike, goes through each perturbation alone, and the
    classifier judges the copies at its own threshold. Detectors of fakes are known to
    fail here: they learn traces of how the files were made, which the next messenger
    wipes out (Grommelt et al. 2024, "Fake or JPEG?"; Wang et al. 2020, "CNN-generated
    images are surprisingly easy to spot... for now", section 4.2).

    Parameters
    ----------
    estimator : estimator
        Any fitted classifier over image paths that has ``predict_proba``, as `evaluate`
        takes it.
    X : array-like of shape (n_images,) or (n_images, 1)
        Paths of images that it was not trained on. They are only read.
    y : array-like of shape (n_images,)
        Their labels, among the classifier's ``classes_``.
    perturbations : iterable of Perturbation, default=None
        What to do to the images, from `skfakereal.evaluation.perturbations`; in each
        family the mildest first. None takes `standard_perturbations`, 28 of them.
    pos_label : label, default=None
        With two classes, the positive one; chosen as in
        `evaluate`.
    target_names : sequence of str, default=None
        What to call the classes, in the order of ``classes_``.
    n_jobs : int, default=None
        Threads that make copies; None for this process's share of the cores. The
        classifier has its own `n_jobs`.
    verbose : int, default=0
        Whether to show a progress bar.

    Returns
    -------
    RobustnessReport
        A row of figures for each perturbation, with tables and pictures.

    Raises
    ------
    ValueError
        As `evaluate` does, and if there is no perturbation or two have the same name.
    TypeError
        If the estimator gives no probabilities.
    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.
    ImageReadError
        If an image cannot be read, unless the classifier gives NaN for it.

    Notes
    -----
    Since classifiers take paths, the copies are written as PNG files, without metadata,
    into a temporary folder: at most 512, or 256 MiB and a few more, at a time. They are
    removed again whatever happens. The classifier runs once for each perturbation and
    once for the untouched images. A `VGG16ImageClassifier` keeps the activations of the
    copies in its cache like any others, which makes a second report quick.

    Examples
    --------
    >>> from skfakereal.evaluation import robustness_report
    >>> report = robustness_report(clf, X_test, y_test)  # doctest: +SKIP
    >>> report["JPEG quality 50"].flip_rate  # doctest: +SKIP
    0.12
    >>> report.save_html("robustness.html")  # doctest: +SKIP
    """
    asked = standard_perturbations() if perturbations is None else list(perturbations)
    _check_names([name_of(perturbation) for perturbation in asked])
    untouched = predict_checked(
        estimator, X, y, pos_label=pos_label, target_names=target_names
    )
    images = _readable(X, untouched)
    verdicts = []
    for perturbation in tqdm(asked, desc="Perturbing", disable=not verbose):
        verdicts.append(_judge(estimator, images, untouched, perturbation, n_jobs))
    return RobustnessReport(untouched, asked, verdicts)


def _check_names(names: list[str]) -> None:
    if not names:
        raise ValueError("perturbations must hold at least one, got none.")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise ValueError(
            f"Perturbations must have names of their own, but two are {twice!r}. Give "
            "chains different names."
        )


def _readable(X: ImagePaths, untouched: Predictions) -> Any:
    """Return X without the images for which the classifier gave no probability."""
    lost = {path for path, _ in untouched.unreadable}
    if not lost:
        return X
    rows = [i for i, path in enumerate(check_paths(X)) if path not in lost]
    return _safe_indexing(X, rows)


def _judge(
    estimator: Any,
    X: Any,
    untouched: Predictions,
    perturbation: Perturbation,
    n_jobs: int | None,
) -> Verdicts:
    pairs = [(i, perturbation) for i in range(len(untouched.paths))]
    predictions = predict_perturbed(estimator, X, untouched.paths, pairs, n_jobs=n_jobs)
    codes = class_codes(predictions.y_pred, untouched.classes, untouched.paths)
    missing = np.isnan(predictions.y_proba).any(axis=1)
    return Verdicts(
        np.where(missing, -1, codes),
        predictions.y_proba,
        n_unchanged=int(np.sum(predictions.unchanged)),
        n_too_small=int(np.sum(predictions.too_small)),
    )
