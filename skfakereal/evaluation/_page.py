"""Figures -> parts of an HTML page, in words that need no prior knowledge."""

import math

from skfakereal._html import (
    Html,
    details,
    fragment,
    headlines,
    items,
    note,
    paragraph,
    section,
    table,
)
from skfakereal._html_pictures import figure, gallery, picture
from skfakereal.evaluation._errors import worst_errors
from skfakereal.evaluation._metrics import Figures
from skfakereal.evaluation._plots import PLOTS, draw_plots
from skfakereal.evaluation._predictions import Predictions
from skfakereal.evaluation._text import headline
from skfakereal.evaluation._wording import counted, shortened

__all__ = ["report_fragment", "report_lead", "report_sections"]

_N_WORST = 12

_MEANINGS = (
    "Accuracy: the share of images whose class was predicted correctly. With classes of "
    "unequal size it flatters whoever always names the larger one.",
    "Precision of a class: of the images that were called so, the share that is so.",
    "Recall of a class: of the images that are so, the share that was found.",
    "F1: the harmonic mean of precision and recall.",
    "ROC-AUC: how often a randomly drawn image of the positive class gets a higher "
    "probability than one of the other class. 0.5 is chance, 1 is perfect; no threshold is "
    "involved.",
    "Average precision: the mean precision over all thresholds, weighted by the recall "
    "gained at each. Chance is the share of the positive class.",
    "Calibration: where the curve follows the diagonal, of the images with probability 0.8 "
    "some 80 % are of the class.",
)


def report_lead(predictions: Predictions, figures: Figures) -> str:
    """Return the result in a sentence or two.

    Parameters
    ----------
    predictions : Predictions
        The predictions.
    figures : Figures
        Their figures.

    Returns
    -------
    str
        The sentences.
    """
    accuracy = figures.overall["accuracy"]
    said = [
        f"{accuracy:.1%} of {len(predictions.paths):,} images were classified correctly."
    ]
    if predictions.positive is not None:
        name = predictions.names[predictions.positive]
        other = predictions.names[1 - predictions.positive]
        found, spared = (figures.per_class[each]["recall"] for each in (name, other))
        if not math.isnan(found):
            said.append(f"Of the images of class {name!r}, {found:.1%} were found.")
        if not math.isnan(spared):
            said.append(
                f"Of those of class {other!r}, {1 - spared:.1%} were called {name!r} by mistake."
            )
    return " ".join(said)


def report_fragment(predictions: Predictions, figures: Figures) -> Html:
    """Return what a notebook shows.

    Parameters
    ----------
    predictions : Predictions
        The predictions.
    figures : Figures
        Their figures.

    Returns
    -------
    Html
        The result in words, the figures and the tables, without pictures.
    """
    return fragment(
        paragraph(report_lead(predictions, figures)),
        headlines(headline(figures)),
        *_tables(predictions, figures),
        *(note(remark, "warning") for remark in figures.remarks),
    )


def report_sections(predictions: Predictions, figures: Figures) -> list[Html]:
    """Return what a page shows.

    Parameters
    ----------
    predictions : Predictions
        The predictions.
    figures : Figures
        Their figures.

    Returns
    -------
    list of Html
        Sections: figures, classes, curves, the worst errors.
    """
    p = predictions
    spoken_of = (
        "the mean over the classes"
        if p.positive is None
        else f"of the class {p.names[p.positive]!r}"
    )
    return [
        section(
            "Figures",
            headlines(headline(figures)),
            f"All but the accuracy are {spoken_of}.",
            *(note(remark, "warning") for remark in figures.remarks),
            details("What the figures mean", items(_MEANINGS)),
            note(
                "These figures hold for images like the ones tested. On fakes from a generator "
                "that was not among them, or on images that were saved again since, they may be "
                "far lower."
            ),
        ),
        section("By class", *_tables(p, figures)),
        section("Plots", _plots(p)),
        section("The worst errors", *_worst(p)),
    ]


def _tables(predictions: Predictions, figures: Figures) -> list[Html]:
    called = [f"called {name}" for name in predictions.names]
    confusion = [
        [name, *row]
        for name, row in zip(predictions.names, figures.confusion.tolist(), strict=True)
    ]
    header = ["class", "precision", "recall", "F1", "images"]
    return [
        table(figures.rows(), header),
        table(confusion, ["in truth", *called]),
    ]


def _plots(predictions: Predictions) -> Html:
    import matplotlib.pyplot as plt

    pictures = []
    # One by one, so that they stand below each other on a phone.
    for kind in PLOTS:
        fig = draw_plots(predictions, kind)
        pictures.append(figure(fig, alt=kind.replace("_", " ")))
        plt.close(fig)
    return gallery(pictures, wide=True)


def _worst(predictions: Predictions) -> list[Html]:
    errors = worst_errors(predictions)
    if not errors:
        return [note("No image was taken for another class.", "good")]
    shown = errors[:_N_WORST]
    return [
        paragraph(
            f"{counted(len(errors), 'image')} {'was' if len(errors) == 1 else 'were'} taken "
            "for another class"
            + (f"; the {len(shown)} worst are shown" if len(shown) < len(errors) else "")
            + ". The number is the probability of the class that was predicted."
        ),
        gallery(
            picture(
                e.path,
                f"{e.label}, called {e.predicted}: {e.probability:.2f}\n"
                f"{shortened(e.path, 26)}",
            )
            for e in shown
        ),
    ]
