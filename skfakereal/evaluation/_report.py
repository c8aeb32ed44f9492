"""The report on a classifier: figures, tables and pictures from one set of predictions."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from numpy.typing import ArrayLike, NDArray

from skfakereal._html import Html, page
from skfakereal.evaluation._metrics import PER_CLASS, compute_figures
from skfakereal.evaluation._page import report_fragment, report_lead, report_sections
from skfakereal.evaluation._plots import PLOTS, draw_plots
from skfakereal.evaluation._predictions import Predictions, check_predictions
from skfakereal.evaluation._text import as_text

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["EvaluationReport"]


class EvaluationReport(Mapping[str, float]):
    """How good predictions are: a mapping of figures, with tables and pictures.

    With two classes its keys are ``accuracy``, ``precision``, ``recall``, ``f1``,
    ``roc_auc`` and ``average_precision``, of the positive class, and ``precision_macro``,
    ..., ``f1_weighted``, averaged over both. With more classes, precision, recall and F1
    exist as averages only; ``roc_auc`` and ``average_precision`` are the mean over the
    classes, each against the rest. Figures go from 0 to 1. They are NaN where they are
    undefined, and averages leave out classes of which no image was tested.

    Parameters
    ----------
    paths : array-like of shape (n_images,)
        The images.
    y_true : array-like of shape (n_images,)
        Their labels.
    y_proba : array-like of shape (n_images, n_classes)
        Their probabilities, from 0 to 1. A row with NaN is an image that could not be
        read: it is named, and left out of the figures.
    classes : array-like of shape (n_classes,)
        The labels that the columns of `y_proba` stand for.
    y_pred : array-like of shape (n_images,), default=None
        Predicted labels. None takes the most probable class.
    pos_label : label, default=None
        With two classes, the one that the figures speak of. None takes the class that is
        called "fake" (in any case, by `target_names` or by its label), else 1 of the
        classes 0 and 1, or -1 and 1.
    target_names : sequence of str, default=None
        What to call the classes, in the order of `classes`. None: the labels themselves.
    sample_weight : array-like of shape (n_images,), default=None
        Weights of the images. Counts of images ignore them.

    Attributes
    ----------
    paths : list of str
        The images that could be read. The next four are about them.
    y_true, y_pred : ndarray of shape (n_read,)
        Their labels, true and predicted.
    y_proba : ndarray of shape (n_read, n_classes)
        Their probabilities.
    sample_weight : ndarray of shape (n_read,)
        Their weights.
    unreadable : list of str
        Paths of the images that could not be read.
    classes : ndarray of shape (n_classes,)
        The labels.
    target_names : tuple of str
        What they are called.
    pos_label : label or None
        The positive class; None with more than two classes.
    per_class : dict of str to dict
        For each class by name its ``precision``, ``recall``, ``f1`` and ``n_images``.
    confusion_matrix : ndarray of shape (n_classes, n_classes)
        Images (or sums of weights) by true class in rows and predicted class in columns.
    remarks : list of str
        Sentences that say what was left out and why figures are undefined.
    plots : tuple of str
        What `plot` can draw, one by one.

    Raises
    ------
    ValueError
        If the arrays do not fit together, a label is unknown, the positive class is open,
        or no image could be read.

    See Also
    --------
    evaluate : The report on a fitted classifier.
    MisclassifiedDisplay : The worst errors as images.

    Examples
    --------
    >>> from skfakereal.evaluation import EvaluationReport
    >>> report = EvaluationReport(
    ...     ["a.jpg", "b.jpg", "c.jpg", "d.jpg"],
    ...     y_true=[0, 0, 1, 1],
    ...     y_proba=[[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.2, 0.8]],
    ...     classes=[0, 1],
    ...     target_names=["real", "fake"],
    ... )
    >>> report["recall"], report["accuracy"]
    (1.0, 0.75)
    >>> report
    EvaluationReport: 4 images, positive class 'fake'
    <BLANKLINE>
                        precision    recall       f1    n_images
                real        1.000     0.500    0.667           2
                fake        0.667     1.000    0.800           2
       macro average        0.833     0.750    0.733           4
    weighted average        0.833     0.750    0.733           4
    <BLANKLINE>
    accuracy 0.750    ROC-AUC 1.000    average precision 1.000
    <BLANKLINE>
            called real    called fake
    real              1              1
    fake              0              2
    """

    plots: ClassVar[tuple[str, ...]] = PLOTS

    def __init__(
        self,
        paths: ArrayLike,
        y_true: ArrayLike,
        y_proba: ArrayLike,
        *,
        classes: ArrayLike,
        y_pred: ArrayLike | None = None,
        pos_label: Any = None,
        target_names: Sequence[str] | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> None:
        checked = check_predictions(
            paths,
            y_true,
            y_proba,
            classes=classes,
            y_pred=y_pred,
            pos_label=pos_label,
            target_names=target_names,
            sample_weight=sample_weight,
        )
        self._fill(checked)

    @classmethod
    def _from_checked(cls, predictions: Predictions) -> Self:
        report = cls.__new__(cls)
        report._fill(predictions)
        return report

    def _fill(self, known: Predictions) -> None:
        self._predictions = known
        self._figures = compute_figures(known)
        self.paths = known.paths
        self.classes = known.classes
        self.target_names = known.names
        self.y_true: NDArray[Any] = known.classes[known.y_true]
        self.y_pred: NDArray[Any] = known.classes[known.y_pred]
        self.y_proba = known.y_proba
        self.sample_weight = known.weights
        self.unreadable = [path for path, _ in known.unreadable]
        self.pos_label: Any = None
        if known.positive is not None:
            self.pos_label = known.classes.tolist()[known.positive]
        self.per_class = self._figures.per_class
        self.confusion_matrix = self._figures.confusion
        self.remarks = self._figures.remarks

    def __getitem__(self, key: str) -> float:
        try:
            return self._figures.overall[key]
        except KeyError:
            raise KeyError(
                f"There is no figure {key!r} here, only {', '.join(self)}. Those of a single "
                "class are in per_class."
            ) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._figures.overall)

    def __len__(self) -> int:
        return len(self._figures.overall)

    def __repr__(self) -> str:
        return as_text(self._predictions, self._figures)

    def _repr_html_(self) -> str:
        return report_fragment(self._predictions, self._figures)

    def to_frame(self) -> "pd.DataFrame":
        """Return precision, recall, F1 and number of images as a table.

        Returns
        -------
        pandas.DataFrame
            One row for each class by name, then ``macro average`` and ``weighted
            average``.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError(
                "to_frame needs pandas: pip install pandas. Without it, per_class and "
                "to_dict() hold the same figures."
            ) from error
        rows = self._figures.rows()
        return pd.DataFrame(
            [row[1:] for row in rows],
            index=[row[0] for row in rows],
            columns=[*PER_CLASS, "n_images"],
        )

    def to_dict(self) -> dict[str, Any]:
        """Return all figures in a form that `json.dump` takes.

        Returns
        -------
        dict
            The figures by name; ``n_images``, ``classes`` and ``positive_class`` (names);
            ``per_class``, ``confusion_matrix``, ``unreadable`` and ``remarks``. An
            undefined figure is None.
        """
        positive = self._predictions.positive
        return self._figures.as_json() | {
            "n_images": len(self.paths),
            "classes": list(self.target_names),
            "positive_class": None if positive is None else self.target_names[positive],
            "unreadable": list(self.unreadable),
        }

    def predictions_table(self) -> dict[str, list[Any]]:
        """Return every image with its prediction, as columns of a table.

        Returns
        -------
        dict of str to list
            ``path``, ``label``, ``predicted`` (names of classes), and for each class
            ``probability_NAME``. Images that could not be read come last; nothing is
            predicted for them (None). ``pandas.DataFrame`` takes it as it is.
        """
        return self._predictions.columns()

    def plot(self, kind: str = "all", *, ax: "Axes | None" = None) -> "Figure":
        """Draw the predictions with scikit-learn's own Displays.

        Parameters
        ----------
        kind : {"all", "confusion_matrix", "roc", "precision_recall", "calibration"}, \
                default="all"
            Which picture; ``"all"`` is one figure with the four. With more than two
            classes, the curves are those of each class against the rest.
        ax : matplotlib.axes.Axes, default=None
            Where to draw a single picture. None makes a new figure.

        Returns
        -------
        matplotlib.figure.Figure
            The figure.

        Raises
        ------
        ValueError
            If there is no such picture, or four are to be drawn on one `ax`.
        """
        return draw_plots(self._predictions, kind, ax)

    def html_sections(self) -> list[Html]:
        """Return the report as sections for an HTML page.

        Returns
        -------
        list of Html
            Figures, tables, curves, the worst errors, and what the figures mean.
        """
        return report_sections(self._predictions, self._figures)

    def summary(self) -> str:
        """Return the result in a sentence or two, for readers who know no figure's name.

        Returns
        -------
        str
            The share of images that were classified correctly; with two classes, also the
            share of the positive ones that was found, and of the others that was mistaken
            for them.
        """
        return report_lead(self._predictions, self._figures)

    def to_html(self, title: str = "Evaluation") -> str:
        """Return the report as one HTML page that needs no other file.

        Parameters
        ----------
        title : str, default="Evaluation"
            Its heading.

        Returns
        -------
        str
            The page.
        """
        sections = self.html_sections()
        return page(title, *sections, lead=self.summary(), footer="Made by skfakereal.")

    def save_html(self, path: "str | PathLike[str]", title: str = "Evaluation") -> None:
        """Write the page of `to_html` to a file.

        Parameters
        ----------
        path : path
            The file; it is replaced if it exists.
        title : str, default="Evaluation"
            The heading of the page.
        """
        Path(path).write_text(self.to_html(title), encoding="utf-8")
