"""Results -> parts of an HTML page, in words that need no prior knowledge."""

import math

from skfakereal._classifying.predictions import Predictions
from skfakereal._pages.html import (
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
from skfakereal._pages.pictures import figure, gallery, picture
from skfakereal._wording import MEANINGS, WORDS, counted, decimal, interval_text, shortened
from skfakereal.evaluation.figures._intervals import Interval
from skfakereal.evaluation.figures._metrics import CLASS_FIGURES
from skfakereal.evaluation.figures._results import Results, worst_errors
from skfakereal.evaluation.report._advice import next_steps
from skfakereal.evaluation.report._as_data import headline, spoken_keys
from skfakereal.evaluation.report._plots import PLOTS, draw_plots

_N_WORST = 12


def report_lead(results: Results) -> str:
    """Return the result in a sentence or two."""
    predictions, figures = results.predictions, results.figures
    accuracy = figures.overall["accuracy"]
    sentences = [
        f"{accuracy:.1%} of {len(predictions.paths):,} images were classified correctly."
    ]
    if predictions.positive is not None:
        name = predictions.names[predictions.positive]
        other = predictions.names[1 - predictions.positive]
        tpr, tnr = (figures.per_class[each]["recall"] for each in (name, other))
        if not math.isnan(tpr):
            sentences.append(f"Of the images of class {name!r}, {tpr:.1%} were detected.")
        if not math.isnan(tnr):
            sentences.append(
                f"Of those of class {other!r}, {1 - tnr:.1%} were falsely classified as "
                f"{name!r}."
            )
    return " ".join(sentences)


def report_fragment(results: Results) -> Html:
    """Return what a notebook shows."""
    return fragment(
        paragraph(report_lead(results)),
        headlines(headline(results.figures)),
        class_table(results),
        confusion_table(results),
        *(note(remark, "warning") for remark in results.figures.remarks),
    )


def report_sections(results: Results) -> list[Html]:
    """Return what a page shows."""
    sections = [
        _figures(results),
        section("What to do next", items(next_steps(results))),
        section("By class", class_table(results), confusion_table(results)),
    ]
    if results.points:
        sections.append(_thresholds(results))
    if results.rows:
        sections.append(_groups(results))
    return [
        *sections,
        section("Plots", _plots(results)),
        _calibration(results),
        section("Worst errors", *_worst(results.predictions)),
    ]


def _figures(results: Results) -> Html:
    p = results.predictions
    spoken_of = (
        "means over the classes"
        if p.positive is None
        else f"those of the class {p.names[p.positive]!r}"
    )
    intervals = results.intervals
    return section(
        "Figures",
        headlines(headline(results.figures)),
        f"All figures except the accuracy are {spoken_of}.",
        *(note(remark, "warning") for remark in results.figures.remarks),
        figure_table(results),
        *([_about_intervals(intervals.n_resamples)] if intervals.n_resamples else []),
        *(note(remark) for remark in intervals.remarks),
        note(
            "These figures apply to images like the ones tested. On fakes from another "
            "generator, or on images that were saved again, they may be far lower."
        ),
    )


def _about_intervals(n_resamples: int) -> Html:
    return details(
        "What does this mean?",
        paragraph(
            "A 95% interval shows how much a figure depends on which images were tested: "
            "with other images of the same kind, it would probably still lie in the interval. "
            f"It comes from {n_resamples:,} bootstrap samples. To compare two models, test both "
            "on the same images (skfakereal.evaluation.compare_reports)."
        ),
    )


def _thresholds(results: Results) -> Html:
    p = results.predictions
    assert p.positive is not None
    name, rest = p.names[p.positive], p.names[1 - p.positive]
    return section(
        "Decision threshold",
        paragraph(
            f"An image is classified as {name} if its probability reaches the threshold."
        ),
        threshold_table(results),
        details(
            "What does this mean?",
            paragraph(
                f"A higher threshold gives fewer false alarms among {rest} images, and misses "
                f"more {name} images. The oracle's threshold is the best one for these very "
                "images: it shows how much another threshold could have gained at most. Do not "
                "use it; choose a threshold on validation images (skfakereal.thresholds)."
            ),
        ),
    )


def _groups(results: Results) -> Html:
    p = results.predictions
    word = results.row_word
    explained = []
    if p.positive is not None:
        explained.append(
            details(
                "What does this mean?",
                paragraph(
                    f"Where a {word} has images of one class only, ROC-AUC and TPR compare it "
                    "with all images of the other class."
                ),
            )
        )
    return section(
        f"By {word}",
        paragraph(f"The weakest {word} comes first."),
        group_table(results),
        gallery([_drawn(results, "groups")], wide=True),
        *explained,
    )


def _calibration(results: Results) -> Html:
    p = results.predictions
    of = "the most probable class" if p.positive is None else p.names[p.positive]
    return section(
        "Calibration",
        paragraph("If the probabilities are right, the last two columns agree."),
        reliability_table(results),
        details(
            "What does this mean?",
            paragraph(
                f"Images are sorted into ten bins by their predicted probability of {of}. In a "
                "bin with a mean probability of 0.8, 80% of the images should be of that class."
            ),
        ),
    )


def _plots(results: Results) -> Html:
    # One by one, so that they stand below each other on a phone.
    return gallery([_drawn(results, kind) for kind in PLOTS], wide=True)


def _drawn(results: Results, kind: str) -> Html:
    import matplotlib.pyplot as plt

    fig = draw_plots(results, kind)
    drawn = figure(fig, alt=kind.replace("_", " "))
    plt.close(fig)
    return drawn


def _worst(predictions: Predictions) -> list[Html]:
    errors = worst_errors(predictions)
    if not errors:
        return [note("No image was misclassified.", "good")]
    shown = errors[:_N_WORST]
    return [
        paragraph(
            f"{counted(len(errors), 'image')} {'was' if len(errors) == 1 else 'were'} "
            "misclassified"
            + (f"; the {len(shown)} worst are shown" if len(shown) < len(errors) else "")
            + ". The number is the probability of the predicted class."
        ),
        gallery(
            picture(
                e.path,
                f"{e.label}, predicted {e.predicted}: {e.probability:.2f}\n"
                f"{shortened(e.path, 26)}",
            )
            for e in shown
        ),
    ]


_POINTS = {
    "chosen": "in use by the classifier",
    "0.5": "0.5: the more probable class",
    "oracle": "oracle: the best on these images",
}


def figure_table(results: Results) -> Html:
    """Return all overall figures, with intervals and meanings."""
    p, overall = results.predictions, results.figures.overall
    name, rest = "of the class", "other"
    if p.positive is not None:
        name, rest = p.names[p.positive], p.names[1 - p.positive]
    rows = [
        [
            WORDS[key],
            overall[key],
            unbroken(interval_text(results.intervals.overall.get(key))),
            MEANINGS[key].format(name=name, rest=rest),
        ]
        for key in spoken_keys(results.figures)
    ]
    return table(rows, ["figure", "value", "95% interval", "what it means"])


def class_table(results: Results) -> Html:
    """Return precision, recall and F1 of each class."""
    intervals = results.intervals.per_class
    rows = [
        [
            name,
            *(
                with_interval(value, intervals.get(name, {}).get(key))
                for key, value in zip(CLASS_FIGURES, values, strict=True)
            ),
            count,
        ]
        for name, *values, count in results.figures.rows()
    ]
    return table(rows, ["class", "precision", "recall", "F1", "images"])


def confusion_table(results: Results) -> Html:
    """Return the confusion matrix."""
    names = results.predictions.names
    rows = [
        [name, *row]
        for name, row in zip(names, results.figures.confusion.tolist(), strict=True)
    ]
    return table(rows, ["true label", *(f"predicted {name}" for name in names)])


def threshold_table(results: Results) -> Html:
    """Return the figures at each threshold."""
    p = results.predictions
    assert p.positive is not None
    name, rest = p.names[p.positive], p.names[1 - p.positive]
    rows = [
        [
            _POINTS[point.name],
            point.threshold,
            point.accuracy,
            point.balanced_accuracy,
            point.true_positive_rate,
            point.false_positive_rate,
        ]
        for point in results.points
        # Most classifiers decide by 0.5: once is enough.
        if point.name != "0.5" or results.points[0].threshold != 0.5
    ]
    header = ["threshold", "value", "accuracy", "balanced accuracy"]
    return table(rows, [*header, f"{name} detected (TPR)", f"{rest} misclassified (FPR)"])


def group_table(results: Results) -> Html:
    """Return the figures of each group, the weakest first."""
    p, intervals = results.predictions, results.intervals.per_group
    keys = list(results.rows[0].figures)
    counts = (
        ["images"] if p.positive is None else ["images", f"{p.names[p.positive]} images"]
    )
    rows = [
        [
            row.name,
            row.n_images,
            *([] if p.positive is None else [row.n_positive]),
            *(
                with_interval(row.figures[key], intervals.get(row.name, {}).get(key))
                for key in keys
            ),
        ]
        for row in sorted(results.rows, key=lambda row: row.figures["accuracy"])
    ]
    return table(rows, [results.row_word, *counts, *(WORDS[key] for key in keys)])


def reliability_table(results: Results) -> Html:
    """Return predicted probabilities and observed shares, bin by bin."""
    rows = [
        [f"{b.low:.1f} to {b.high:.1f}", b.n_images, b.mean_probability, b.share]
        for b in results.bins
    ]
    return table(
        rows, ["probability", "images", "mean predicted probability", "observed share"]
    )


def with_interval(value: float, interval: Interval | None) -> str | float:
    """Return the cell of a figure."""
    ends = interval_text(interval)
    return f"{decimal(value)} ({unbroken(ends)})" if ends else value


def unbroken(text: str) -> str:
    """Return text that is not broken into lines."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")
