"""Results -> parts of an HTML page, in words that need no prior knowledge."""

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from skfakereal._classifying.predictions import Predictions
from skfakereal._pages.html import (
    Dot,
    Html,
    details,
    dots,
    folds,
    fragment,
    headlines,
    items,
    key,
    matrix,
    meaning,
    note,
    notes,
    panel,
    panels,
    section,
    stack,
)
from skfakereal._pages.pictures import figure, gallery, picture
from skfakereal._shown import drawable
from skfakereal._wording import (
    MEANINGS,
    WORDS,
    counted,
    decimal,
    interval_text,
    shortened,
    spoken_keys,
)
from skfakereal.evaluation.figures._metrics import few_negatives
from skfakereal.evaluation.figures._results import Results, worst_errors
from skfakereal.evaluation.report._advice import next_steps
from skfakereal.evaluation.report._plots import draw_plots
from skfakereal.evaluation.report._tables import (
    class_table,
    figure_table,
    group_table,
    headline,
    reliability_table,
    threshold_table,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


_ONLY_THESE = (
    "These figures apply to images like the ones tested. On fakes from another generator, or "
    "on images that were saved again, they may be far lower."
)
_N_WORST = 12
_N_FIRST = 6  # of them, side by side with the other pictures
_MOST_GROUPS = 30


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
        report_lead(results),
        headlines((name, value) for _, name, value in headline(results.figures)),
        class_table(results),
        matrix(results.figures.confusion.tolist(), results.predictions.names),
        *(note(remark, "warning") for remark in results.figures.remarks),
    )


def report_sections(
    results: Results,
    *,
    cautions: Sequence[str] = (),
    basis: str = "",
    pictures: Sequence[Html] = (),
    findings: Sequence[Html] = (),
) -> list[Html]:
    """Return what a page shows: the answer and what it is worth, pictures, steps, numbers.

    A run adds what it knows besides: what the reader must know of the figures and what they
    are based on, panels beside the pictures, and sections after them.
    """
    return [
        _answer(results, cautions, basis),
        section("In pictures", panels([*_panels(results), *pictures])),
        *_groups(results),
        *findings,
        section("What to do next", items(next_steps(results))),
        section("In numbers", folds(*_numbers(results))),
    ]


def _answer(results: Results, cautions: Sequence[str], basis: str) -> Html:
    p = results.predictions
    intervals, aside = results.intervals, few_negatives(p)
    figures = [
        (name, value, interval_text(intervals.overall.get(key)))
        for key, name, value in headline(results.figures)
    ]
    of = (
        "means over the classes"
        if p.positive is None
        else f"those of the class {p.names[p.positive]!r}"
    )
    return section(
        "How good is it?",
        headlines(figures),
        meaning(
            f"All figures except the accuracy are {of}. Small: the 95% interval.",
            _meanings(results, [key for key, _, _ in headline(results.figures)]),
            *_about_intervals(intervals.n_resamples),
        ),
        # What is undefined and not shown here is explained where it is shown.
        *notes(
            [*cautions, *(r for r in results.figures.remarks if r not in aside)], "warning"
        ),
        note(f"{basis} {_ONLY_THESE}".lstrip()),
    )


def _about_intervals(n_resamples: int) -> list[str]:
    if not n_resamples:
        return []
    return [
        "A 95% interval shows how much a figure depends on which images were tested: "
        "with other images of the same kind, it would probably still lie in the interval. "
        f"It comes from {n_resamples:,} bootstrap samples. To compare two models, test both "
        "on the same images (skfakereal.evaluation.compare_reports)."
    ]


def _panels(results: Results) -> list[Html]:
    p = results.predictions
    of, rest = "the class", "images of other classes"
    if p.positive is not None:
        of, rest = p.names[p.positive], f"{p.names[1 - p.positive]} images"
    return [
        panel(
            "Confusion matrix",
            matrix(results.figures.confusion.tolist(), p.names),
            "Each row is one true label; the diagonal is right.",
        ),
        panel("Worst errors", *_worst(p)),
        panel(
            "ROC",
            _drawn(results, "roc", "false positive rate", "true positive rate"),
            f"Up: {of} detected. Right: {rest} falsely called {of}. Dashed: chance.",
        ),
    ]


def _groups(results: Results) -> list[Html]:
    """Return the share of each group that is classified correctly, the weakest first."""
    if not results.rows:
        return []
    word, intervals = results.row_word, results.intervals.per_group
    rows = results.weakest_first
    none = (math.nan, math.nan)
    drawn = [
        (
            f"{row.name} ({row.n_images:,})",
            [
                Dot(
                    row.figures["accuracy"],
                    *intervals.get(row.name, {}).get("accuracy", none),
                )
            ],
            decimal(row.figures["accuracy"]),
        )
        for row in rows[:_MOST_GROUPS]
    ]
    more = len(rows) - len(drawn)
    return [
        section(
            f"By {word}",
            f"The share classified correctly, with its 95% interval; the weakest {word} "
            "first, and all images as the dashed line."
            + (f" {more:,} with a higher share are left out." if more else ""),
            dots(drawn, mark=results.figures.overall["accuracy"]),
        )
    ]


def _numbers(results: Results) -> list[Html]:
    """Return the tables, each folded away."""
    parts = [
        details(
            "All figures, with 95% intervals",
            figure_table(results),
            meaning(_meanings(results, spoken_keys(results.figures.overall))),
            *notes([*few_negatives(results.predictions), *results.intervals.remarks]),
        ),
        details("By class", class_table(results)),
    ]
    if results.points:
        parts.append(details("Decision threshold", *_thresholds(results)))
    if results.rows:
        parts.append(
            details(f"By {results.row_word}: all figures", *_group_details(results))
        )
    return [
        *parts,
        details("Precision and recall", *_precision_recall(results)),
        details("Calibration", *_calibration(results)),
    ]


def _thresholds(results: Results) -> list[str]:
    p = results.predictions
    assert p.positive is not None
    name, rest = p.names[p.positive], p.names[1 - p.positive]
    return [
        f"An image is classified as {name} if its probability reaches the threshold.",
        threshold_table(results),
        meaning(
            f"A higher threshold gives fewer false alarms among {rest} images, and misses "
            f"more {name} images. The oracle's threshold is the best one for these very "
            "images: it shows how much another threshold could have gained at most. Do not "
            "use it; choose a threshold on other images (skfakereal.thresholds)."
        ),
    ]


def _group_details(results: Results) -> list[Html]:
    word = results.row_word
    parts = [group_table(results)]
    if results.predictions.positive is not None:
        parts.append(
            meaning(
                f"Where a {word} has images of one class only, ROC-AUC and TPR compare it "
                "with all images of the other class."
            )
        )
    return parts


def _precision_recall(results: Results) -> list[str]:
    return [
        _drawn(results, "precision_recall", "recall", "precision"),
        "Precision over recall at every threshold: the closer to the upper right corner, "
        "the better.",
    ]


def _calibration(results: Results) -> list[str]:
    p = results.predictions
    of = "the most probable class" if p.positive is None else p.names[p.positive]
    return [
        "If the probabilities are right, the last two columns agree.",
        _drawn(results, "calibration", "predicted probability", "observed share"),
        reliability_table(results),
        meaning(
            f"Images are sorted into ten bins by their predicted probability of {of}. In a "
            "bin with a mean probability of 0.8, 80% of the images should be of that class."
        ),
    ]


def _drawn(results: Results, kind: str, across: str, up: str) -> Html:
    """Draw a curve without any name of a class, which the page writes beside it."""
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots(figsize=(4.8, 4.2), layout="constrained")
    draw_plots(results, kind, ax)
    ax.set_title("")
    if ax.get_xlabel():  # a sentence stands where there is nothing to draw
        ax.set(xlabel=across, ylabel=up)
    names = _legend(results.predictions, ax)
    drawn = figure(fig, alt=f"{up} over {across}")
    plt.close(fig)
    return stack([drawn, *([key(names)] if names else [])])


def _legend(predictions: Predictions, ax: "Axes") -> list[tuple[str, str]]:
    """Take the legend that names classes from a picture; return it with the curves' colours."""
    from matplotlib.colors import to_hex

    legend = ax.get_legend()
    if predictions.positive is not None or legend is None:
        return []
    names = {drawable(name): name for name in predictions.names}
    found = []
    for line in ax.get_lines():
        label, bracket, area = str(line.get_label()).partition(" (")
        if label in names:
            found.append((f"{names[label]}{bracket}{area}", to_hex(line.get_color())))
    if found:
        legend.remove()
    return found


def _worst(predictions: Predictions) -> list[str]:
    errors = worst_errors(predictions)
    if not errors:
        return [note("No image was misclassified.", "good")]
    tiles = [
        picture(
            e.path,
            f"{e.label}, predicted {e.predicted}: {e.probability:.2f}\n"
            f"{shortened(e.path, 18)}",
        )
        for e in errors[:_N_WORST]
    ]
    first, more = tiles[:_N_FIRST], tiles[_N_FIRST:]
    return [
        gallery(first),
        f"{counted(len(errors), 'image')} {'was' if len(errors) == 1 else 'were'} "
        "misclassified. The number is the probability of the predicted class.",
        *([details(f"The next {len(more)}", gallery(more))] if more else []),
    ]


def _meanings(results: Results, keys: Iterable[str]) -> Html:
    p = results.predictions
    names = {"name": "of the class", "rest": "other"}
    if p.positive is not None:
        names = {"name": p.names[p.positive], "rest": p.names[1 - p.positive]}
    return items(f"{WORDS[key]}: {MEANINGS[key].format(**names)}" for key in keys)
