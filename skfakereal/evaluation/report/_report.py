"""The report on a classifier: figures, tables and pictures from one set of predictions."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

from numpy.typing import ArrayLike, NDArray

from skfakereal._classifying.predictions import Predictions, check_predictions
from skfakereal._pages.html import Html
from skfakereal._pages.report import Report
from skfakereal._paths import ImagePaths
from skfakereal._validation import RandomState
from skfakereal.evaluation.figures._intervals import Intervals
from skfakereal.evaluation.figures._reliability import ReliabilityBin
from skfakereal.evaluation.figures._results import OperatingPoint, Results
from skfakereal.evaluation.report._page import report_fragment, report_lead, report_sections
from skfakereal.evaluation.report._plots import Plot, draw_plots, plots_of
from skfakereal.evaluation.report._tables import as_json, as_text, results_frame

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class EvaluationReport(Mapping[str, float], Report):
    """How good predictions are: a mapping of figures, with tables and pictures.

    Its keys are ``accuracy``, ``balanced_accuracy``, ``roc_auc``, ``average_precision``,
    ``brier_score``, ``expected_calibration_error``, and precision, recall and F1 averaged
    over the classes (``precision_macro``, ..., ``f1_weighted``). With two classes there are
    also ``precision``, ``recall`` and ``f1`` of the positive one, ``accuracy_at_0.5``, and
    the true positive rates at false positive rates of 1% and 5%, ``tpr_at_fpr_0.01`` and
    ``tpr_at_fpr_0.05``. With more classes, ``roc_auc`` and ``average_precision`` are the
    mean over the classes, each against the rest. Figures go from 0 to 1; the Brier score
    and the calibration error are better when lower; with more classes, the Brier score is half
    of scikit-learn's default (``scale_by_half=True``). An undefined figure is NaN, and averages
    leave out classes of which no image was tested.

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
        With two classes, the positive one. None takes the class that is
        called "fake" (in any case, by `target_names` or by its label), else 1 of the
        classes 0 and 1, or -1 and 1.
    target_names : sequence of str, default=None
        What to call the classes, in the order of `classes`. None: the labels themselves.
    sample_weight : array-like of shape (n_images,), default=None
        Weights of the images. Counts of images ignore them.
    groups : array-like of shape (n_images,), default=None
        What each image belongs to: equal values for images that came about together, such
        as the frames of a video. The bootstrap draws whole groups.
    generators : array-like of shape (n_images,), default=None
        What made each image, or where it comes from. There is a row of figures for each.
        None: a row for each of the `groups`.
    threshold : float, default=None
        With two classes, the probability of the positive one from which on an image is
        called so. It was chosen elsewhere: see `skfakereal.thresholds`.
    n_resamples : int, default=1000
        How many resamples the 95% intervals are made from; 0 for no intervals.
    random_state : int, RandomState instance or None, default=0
        Seed of the resamples: equal predictions give equal intervals.

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
    threshold : float or None
        The decision threshold, where it is known.
    per_group : dict of str to dict
        For each generator (or group) by name: ``accuracy`` of its images, their number
        ``n_images``, and with two classes ``n_positive``, ``roc_auc`` and
        ``tpr_at_fpr_0.05``. The last two are of its own images if it has both classes; a
        generator has fakes only, which are held against all real images.
    row_word : {"generator", "group"}
        What a row of `per_group` is called. "generator" if generators were given and can be
        such: none has images of two classes, and with two classes, at most one row
        ("camera") is of the other than the positive class.
    operating_points : list of OperatingPoint
        With two classes, the figures at the ``"chosen"`` threshold, of ``"0.5"``, and of the
        ``"oracle"``'s, which is the best on these images and not to be used.
    reliability : list of ReliabilityBin
        The points of the reliability curve: predicted probability and observed share.
    intervals : Intervals
        95% bootstrap intervals: ``overall``, ``per_class`` and ``per_group``, each a
        dictionary like the figures, of lower and upper ends, and ``remarks``. Shares with
        few errors have exact ones. Computed when first asked for.
    plots : tuple of str
        What `plot` can draw, one by one.

    Raises
    ------
    ValueError
        If the arrays do not fit together, a label is unknown, the positive class is open,
        `y_pred` does not follow from `threshold`, or no image could be read.

    See Also
    --------
    evaluate : The report on a fitted classifier.
    compare_reports : Several models on the same images.
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
    >>> [round(end, 2) for end in report.intervals.overall["accuracy"]]
    [0.26, 0.99]
    """

    _title = "Evaluation"

    def __init__(
        self,
        paths: ImagePaths,
        y_true: ArrayLike,
        y_proba: ArrayLike,
        *,
        classes: ArrayLike,
        y_pred: ArrayLike | None = None,
        pos_label: Any = None,
        target_names: Sequence[str] | None = None,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        generators: ArrayLike | None = None,
        threshold: float | None = None,
        n_resamples: int = 1000,
        random_state: RandomState = 0,
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
            groups=groups,
            generators=generators,
            threshold=threshold,
        )
        self._fill(checked, n_resamples, random_state)

    @classmethod
    def _from_checked(
        cls,
        predictions: Predictions,
        n_resamples: int = 1000,
        random_state: RandomState = 0,
    ) -> Self:
        report = cls.__new__(cls)
        report._fill(predictions, n_resamples, random_state)
        return report

    def _fill(
        self, predictions: Predictions, n_resamples: int, random_state: RandomState
    ) -> None:
        self._predictions = predictions
        self._results = Results(
            predictions, n_resamples=n_resamples, random_state=random_state
        )
        self._figures = self._results.figures
        self.paths = predictions.paths
        self.classes = predictions.classes
        self.target_names = predictions.names
        self.y_true: NDArray[Any] = predictions.classes[predictions.y_true]
        self.y_pred: NDArray[Any] = predictions.classes[predictions.y_pred]
        self.y_proba = predictions.y_proba
        self.sample_weight = predictions.weights
        self.threshold = predictions.threshold
        self.unreadable = [path for path, _ in predictions.unreadable]
        self.pos_label: Any = None
        if predictions.positive is not None:
            self.pos_label = predictions.classes.tolist()[predictions.positive]
        self.per_class = self._figures.per_class
        self.confusion_matrix = self._figures.confusion
        self.remarks = self._figures.remarks
        self.plots = plots_of(self._results)

    @property
    def per_group(self) -> dict[str, dict[str, float]]:
        """For each generator or group its figures and numbers of images."""
        return {row.name: row.as_dict() for row in self._results.rows}

    @property
    def row_word(self) -> str:
        """What a row of `per_group` is called: "generator" or "group"."""
        return self._results.row_word

    @property
    def operating_points(self) -> list[OperatingPoint]:
        """What comes of the chosen threshold, of 0.5, and of the oracle's."""
        return list(self._results.points)

    @property
    def reliability(self) -> list[ReliabilityBin]:
        """The points of the reliability curve."""
        return list(self._results.bins)

    @property
    def intervals(self) -> Intervals:
        """95% bootstrap intervals of the figures."""
        return self._results.intervals

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
        return as_text(self._results)

    def _repr_html_(self) -> str:
        return report_fragment(self._results)

    def to_frame(
        self,
        kind: Literal[
            "classes", "figures", "groups", "thresholds", "reliability"
        ] = "classes",
    ) -> "pd.DataFrame":
        """Return one of the report's tables.

        Parameters
        ----------
        kind : {"classes", "figures", "groups", "thresholds", "reliability"}, \
                default="classes"
            ``"classes"`` has precision, recall, F1 and number of images, one row for each
            class by name, then ``macro average`` and ``weighted average``; ``"figures"``
            has value and interval of all overall figures; the others are `per_group`,
            `operating_points` and `reliability`.

        Returns
        -------
        pandas.DataFrame
            The table.

        Raises
        ------
        ImportError
            If pandas is not installed.
        ValueError
            If there is no table of that kind.
        """
        return results_frame(self._results, kind)

    def to_dict(self) -> dict[str, Any]:
        """Return everything in a form that `json.dump` takes.

        Returns
        -------
        dict
            The figures by name; ``n_images``, ``classes``, ``positive_class`` (names) and
            ``threshold``; ``per_class``, ``per_group``, ``confusion_matrix``,
            ``operating_points``, ``reliability``, ``intervals``, ``unreadable`` and
            ``remarks``. An undefined figure is None.
        """
        return as_json(self._results)

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

    def plot(
        self, kind: Literal["all"] | Plot = "all", *, ax: "Axes | None" = None
    ) -> "Figure":
        """Draw the predictions with scikit-learn's own Displays.

        Parameters
        ----------
        kind : {"all", "confusion_matrix", "roc", "precision_recall", "calibration", \
                "groups"}, default="all"
            Which picture; ``"all"`` is one figure with the first four. With more than two
            classes, the curves are those of each class against the rest. ``"groups"`` is
            for reports with `per_group`.
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
        return draw_plots(self._results, kind, ax)

    def html_sections(self) -> list[Html]:
        """Return the report as sections for an HTML page.

        Returns
        -------
        list of Html
            Figures, thresholds, classes, groups, curves, and the worst errors.
        """
        return report_sections(self._results)

    def summary(self) -> str:
        """Return the result in a sentence or two, for readers who know no figure's name.

        Returns
        -------
        str
            The share of images that were classified correctly; with two classes, also the
            share of the positive ones that was found, and of the others that was mistaken
            for them.
        """
        return report_lead(self._results)
