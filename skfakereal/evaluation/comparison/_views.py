"""A comparison of models -> text, a picture, and sections of a page."""

import math
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from skfakereal._pages.html import (
    Dot,
    Html,
    details,
    dots,
    folds,
    items,
    meaning,
    notes,
    section,
    table,
)
from skfakereal._shown import drawable, legible, printable
from skfakereal._wording import (
    LOWER_IS_BETTER,
    WORDS,
    counted,
    decimal,
    first_of,
    interval_text,
    text_table,
)
from skfakereal.evaluation.comparison._differences import Difference, McNemar
from skfakereal.evaluation.figures._intervals import Interval
from skfakereal.evaluation.figures._metrics import tpr_key
from skfakereal.evaluation.report._tables import unbroken, with_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


COMPARED = (
    "accuracy",
    "balanced_accuracy",
    "precision",
    "recall",
    "f1",
    "roc_auc",
    "average_precision",
    tpr_key(0.01),
    tpr_key(0.05),
    "brier_score",
    "expected_calibration_error",
)


class Comparison(Protocol):
    """What a `ReportComparison` holds."""

    names: list[str]
    n_images: int
    values: dict[str, dict[str, float]]
    intervals: dict[str, dict[str, Interval]]
    differences: list[Difference]
    mcnemar: dict[str, McNemar]
    remarks: list[str]


def figure_word(key: str) -> str:
    """Return what a figure is called, and which way is better."""
    return WORDS[key] + (" (lower is better)" if key in LOWER_IS_BETTER else "")


def draw_comparison(comparison: Comparison) -> "Figure":
    """Draw values on the left, differences on the right."""
    import matplotlib.pyplot as plt

    keys = list(comparison.values[comparison.names[0]])
    height = 1.3 + 0.13 * len(keys) * (1 + len(comparison.names))
    fig, (left, right) = plt.subplots(
        1, 2, figsize=(9.5, height), sharey=True, layout="constrained"
    )
    spread = np.linspace(-0.28, 0.28, len(comparison.names))
    for i, name in enumerate(comparison.names):
        places = np.arange(len(keys)) + spread[i]
        values = [comparison.values[name][key] for key in keys]
        _draw_points(left, places, values, comparison.intervals[name].values(), name, i)
        if i > 0:
            own = [each for each in comparison.differences if each.model == name]
            values = [each.difference for each in own]
            _draw_points(right, places, values, [d.interval for d in own], name, i)
    left.set_yticks(range(len(keys)), [figure_word(key) for key in keys])
    left.invert_yaxis()
    left.set(xlabel="value, with 95% interval", xlim=(-0.02, 1.02))
    right.axvline(0, color="0.45", linestyle="--", linewidth=1)
    right.set(xlabel=f"difference to {drawable(comparison.names[0])}, with 95% interval")
    left.legend(loc="best", frameon=False)
    for ax in (left, right):
        ax.grid(axis="x", alpha=0.3)
        ax.spines[["top", "right"]].set_visible(False)
    return legible(fig)


def _draw_points(
    ax: "Axes", places: Any, values: Any, intervals: Any, name: str, colour: int
) -> None:
    for place, (low, high) in zip(places, intervals, strict=True):
        ax.plot([low, high], [place, place], color=f"C{colour}", alpha=0.45, linewidth=3)
    ax.plot(values, places, "o", color=f"C{colour}", markersize=4.5, label=drawable(name))


def comparison_steps(comparison: Comparison) -> list[str]:
    """Return what the figures ask for."""
    alike = [name for name, test in comparison.mcnemar.items() if test.p_adjusted >= 0.05]
    steps = [
        "Choose by the figure that matters for your use: TPR at 1% FPR where a false alarm is "
        "costly, ROC-AUC where people review the most suspicious images first, accuracy where "
        "both errors cost the same."
    ]
    if alike:
        steps.append(
            f"On {counted(comparison.n_images, 'image')}, the accuracy of {first_of(alike)} does "
            f"not differ clearly from that of {comparison.names[0]!r}: take the simpler or faster "
            "model, or test more images."
        )
    steps.append(
        "The best of several models is partly lucky with these images. Measure the model that "
        "you choose once more, on images that played no part in the choice."
    )
    return steps


_BY_CHANCE = (
    "Better and worse refer to one figure at a time: even where nothing differs, about one in "
    "twenty figures is marked by chance."
)


def _adjusted(n_tests: int) -> str:
    return (
        f"The p-values are adjusted for {n_tests} comparisons (Holm 1979): the more models "
        "are tried, the more likely one of them looks better by luck."
    )


def comparison_lead(comparison: Comparison) -> str:
    """Return which models are more accurate than the reference, and how surely."""
    reference, *others = comparison.names
    share = comparison.values[reference]["accuracy"]
    sentences = [
        f"{reference!r} classified {share:.1%} of {comparison.n_images:,} images correctly."
    ]
    for name in others:
        test, value = comparison.mcnemar[name], comparison.values[name]["accuracy"]
        if test.p_adjusted >= 0.05:
            verdict = "no clear difference"
        else:
            verdict = "clearly more" if value > share else "clearly fewer"
        sentences.append(
            f"{name!r}: {value:.1%}, {verdict} (p {_p_text(test.p_adjusted)})."
        )
    return " ".join(sentences)


def _disagreement(test: McNemar) -> str:
    return (
        f"right alone on {test.only_model_right:,}, wrong alone on "
        f"{test.only_reference_right:,}, p {_p_text(test.p_adjusted)}"
    )


def _p_text(p_value: float) -> str:
    return "< 0.001" if p_value < 0.001 else f"= {p_value:.3f}"


def comparison_text(comparison: Comparison) -> str:
    """Return the comparison as lines of text."""
    reference, *others = comparison.names
    rows = [
        [
            figure_word(key),
            *(decimal(comparison.values[name][key]) for name in comparison.names),
        ]
        for key in comparison.values[reference]
    ]
    blocks = [
        f"ReportComparison: {len(comparison.names)} models on the same "
        f"{counted(comparison.n_images, 'image')}",
        text_table([["", *comparison.names], *rows]),
    ]
    for name in others:
        header = [f"{name} - {reference}", "difference", "95% interval", ""]
        blocks.append(text_table([header, *_difference_rows(comparison, name)]))
        blocks.append(
            f"McNemar, {printable(name)} and {printable(reference)}: "
            f"{_disagreement(comparison.mcnemar[name])}"
        )
    if len(others) > 1:
        blocks.append(_adjusted(len(others)))
    return "\n\n".join([*blocks, _BY_CHANCE, *comparison.remarks])


def _difference_rows(comparison: Comparison, name: str) -> list[list[str]]:
    return [
        [
            WORDS[each.figure],
            "nan" if math.isnan(each.difference) else f"{each.difference:+.3f}",
            _signed(each.interval),
            _verdict(each),
        ]
        for each in comparison.differences
        if each.model == name
    ]


def _signed(interval: Interval) -> str:
    if not interval_text(interval):
        return ""
    return f"{interval[0]:+.3f} to {interval[1]:+.3f}"


def _verdict(each: Difference) -> str:
    if not each.is_clear:
        return ""
    better = (each.difference > 0) != (each.figure in LOWER_IS_BETTER)
    return "better" if better else "worse"


def comparison_sections(comparison: Comparison) -> list[Html]:
    """Return what a page shows."""
    reference, *others = comparison.names
    rows = [
        [
            figure_word(key),
            *(
                with_interval(comparison.values[name][key], comparison.intervals[name][key])
                for name in comparison.names
            ),
        ]
        for key in comparison.values[reference]
    ]
    return [
        section(
            "Which is better?",
            _values(comparison),
            "Each dot is a figure of a model, each bar its 95% interval.",
            *notes(comparison.remarks, "warning"),
        ),
        section(
            "Differences",
            _differences(comparison),
            f"How far each model is from {reference!r} on the same images: clear where the "
            "bar does not touch the dashed line.",
            meaning(
                "Where the interval of a difference excludes 0, the table says better or "
                "worse. The intervals of two models may overlap although their difference "
                f"is clear. {_BY_CHANCE}",
                *([_adjusted(len(others))] if len(others) > 1 else []),
            ),
        ),
        section("What to do next", items(comparison_steps(comparison))),
        section(
            "In numbers",
            folds(
                details(
                    "All figures, with 95% intervals",
                    table(rows, ["figure", *comparison.names]),
                ),
                *(
                    details(f"{name} against {reference}", *_held_against(comparison, name))
                    for name in others
                ),
            ),
        ),
    ]


def _values(comparison: Comparison) -> Html:
    rows = [
        (
            figure_word(key),
            [
                Dot(
                    comparison.values[name][key], *comparison.intervals[name][key], series=i
                )
                for i, name in enumerate(comparison.names)
            ],
            "",
        )
        for key in comparison.values[comparison.names[0]]
    ]
    return dots(rows, series=comparison.names)


def _differences(comparison: Comparison) -> Html:
    others = {name: i for i, name in enumerate(comparison.names)}
    found = comparison.differences
    farthest = max((abs(end) for d in found for end in d.interval if end == end), default=0)
    end = max(0.02, math.ceil(50 * farthest) / 50)
    rows = [
        (
            figure_word(key),
            [
                Dot(each.difference, *each.interval, series=others[each.model])
                for each in found
                if each.figure == key
            ],
            "",
        )
        for key in comparison.values[comparison.names[0]]
    ]
    return dots(rows, ends=(-end, end), mark=0)


def _held_against(comparison: Comparison, name: str) -> list[str]:
    reference, test = comparison.names[0], comparison.mcnemar[name]
    header = [f"{name} against {reference}", "difference", "95% interval", ""]
    both = test.only_model_right + test.only_reference_right
    rows = [[unbroken(cell) for cell in row] for row in _difference_rows(comparison, name)]
    return [
        table(rows, header),
        f"Only one of the two is right on {both:,} of {comparison.n_images:,} images: {name} "
        f"on {test.only_model_right:,}, {reference} on {test.only_reference_right:,}. If both "
        "were equally accurate, a split as uneven as this would have the probability "
        f"p {_p_text(test.p_value)} (McNemar's exact test"
        + (f"; adjusted, p {_p_text(test.p_adjusted)}" if len(comparison.names) > 2 else "")
        + ").",
    ]
