"""Results -> parts of an HTML page, in words that need no prior knowledge."""

import math

from skfakereal._classifying.predictions import Predictions
from skfakereal._pages.html import (
    Html,
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
        section("The worst errors", *_worst(results.predictions)),
    ]


def _figures(results: Results) -> Html:
    p = results.predictions
    spoken_of = (
        "the mean over the classes"
        if p.positive is None
        else f"of the class {p.names[p.positive]!r}"
    )
    intervals = results.intervals
    return section(
        "Figures",
        headlines(headline(results.figures)),
        f"All but the accuracy are {spoken_of}.",
        *(note(remark, "warning") for remark in results.figures.remarks),
        figure_table(results),
        *([_about_intervals(intervals.n_resamples)] if intervals.n_resamples else []),
        *(note(remark) for remark in intervals.remarks),
        note(
            "These figures hold for images like the ones tested. On fakes from a generator "
            "that was not among them, or on images that were saved again since, they may be "
            "far lower."
        ),
    )


def _about_intervals(n_resamples: int) -> Html:
    return paragraph(
        "A 95 % interval says how far chance reaches: had other images of the same kind "
        "been tested, the figure would probably lie in it. It was found by drawing the "
        f"tested images anew, with replacement, {n_resamples:,} times (bootstrap). Whether "
        "one model is better than another, only a comparison on the same images tells."
    )


def _thresholds(results: Results) -> Html:
    p = results.predictions
    assert p.positive is not None
    name, rest = p.names[p.positive], p.names[1 - p.positive]
    return section(
        "Where the line is drawn",
        paragraph(
            f"A classifier gives a probability; a threshold turns it into a verdict. Above "
            f"it, an image is called {name}. A higher one accuses fewer {rest} images, and "
            f"misses more that are {name}."
        ),
        threshold_table(results),
        paragraph(
            "The oracle's threshold was found by looking at the answers of these very "
            "images. It shows how much a better threshold could have gained at most; do not "
            "use it, choose one on validation images (skfakereal.thresholds)."
        ),
    )


def _groups(results: Results) -> Html:
    p = results.predictions
    word = results.row_word
    said = f"The weakest {word} comes first."
    if p.positive is not None:
        said += (
            f" ROC-AUC and TPR hold a {word} that has images of one class only against all "
            "images of the other class."
        )
    return section(
        f"By {word}",
        paragraph(said),
        group_table(results),
        gallery([_drawn(results, "groups")], wide=True),
    )


def _calibration(results: Results) -> Html:
    p = results.predictions
    of = "the most probable class" if p.positive is None else p.names[p.positive]
    return section(
        "Can the probabilities be taken at their word?",
        paragraph(
            f"Images are sorted into ten bins by their probability of {of}. In each, the "
            "share that is so should be close to what was said."
        ),
        reliability_table(results),
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


_POINTS = {
    "chosen": "in use: what the classifier decides by",
    "0.5": "0.5: the more probable class",
    "oracle": "oracle: the best on these very images",
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
    return table(rows, ["figure", "value", "95 % interval", "what it means"])


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
    """Return how many images of each class were called what."""
    names = results.predictions.names
    rows = [
        [name, *row]
        for name, row in zip(names, results.figures.confusion.tolist(), strict=True)
    ]
    return table(rows, ["in truth", *(f"called {name}" for name in names)])


def threshold_table(results: Results) -> Html:
    """Return what comes of each threshold."""
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
    return table(rows, [*header, f"{name} found", f"{rest} called {name}"])


def group_table(results: Results) -> Html:
    """Return the figures of each group, the weakest first."""
    p, intervals = results.predictions, results.intervals.per_group
    keys = list(results.rows[0].figures)
    counts = (
        ["images"] if p.positive is None else ["images", f"of them {p.names[p.positive]}"]
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
    """Return what was said and what was so, bin by bin."""
    rows = [
        [f"{b.low:.1f} to {b.high:.1f}", b.n_images, b.mean_probability, b.share]
        for b in results.bins
    ]
    return table(rows, ["probability", "images", "said, on average", "share that is so"])


def with_interval(value: float, interval: Interval | None) -> str | float:
    """Return the cell of a figure."""
    ends = interval_text(interval)
    return f"{decimal(value)} ({unbroken(ends)})" if ends else value


def unbroken(text: str) -> str:
    """Return text that is not broken into lines."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")
