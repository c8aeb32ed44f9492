"""A comparison of models -> text, a picture, and sections of a page."""

import math
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from skfakereal._pages.html import Html, items, note, paragraph, section, table
from skfakereal._pages.pictures import figure
from skfakereal._shown import drawable, printable
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
from skfakereal.evaluation.report._page import unbroken, with_interval

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


def draw_comparison(known: Comparison) -> "Figure":
    """Draw values on the left, differences on the right."""
    import matplotlib.pyplot as plt

    keys = list(known.values[known.names[0]])
    height = 1.3 + 0.13 * len(keys) * (1 + len(known.names))
    fig, (left, right) = plt.subplots(
        1, 2, figsize=(9.5, height), sharey=True, layout="constrained"
    )
    spread = np.linspace(-0.28, 0.28, len(known.names))
    for i, name in enumerate(known.names):
        places = np.arange(len(keys)) + spread[i]
        values = [known.values[name][key] for key in keys]
        _draw_points(left, places, values, known.intervals[name].values(), name, i)
        if i > 0:
            own = [each for each in known.differences if each.model == name]
            values = [each.difference for each in own]
            _draw_points(right, places, values, [d.interval for d in own], name, i)
    left.set_yticks(range(len(keys)), [figure_word(key) for key in keys])
    left.invert_yaxis()
    left.set(xlabel="value, with 95 % interval", xlim=(-0.02, 1.02))
    right.axvline(0, color="0.45", linestyle="--", linewidth=1)
    right.set(xlabel=f"difference to {drawable(known.names[0])}, with 95 % interval")
    left.legend(loc="best", frameon=False)
    for ax in (left, right):
        ax.grid(axis="x", alpha=0.3)
        ax.spines[["top", "right"]].set_visible(False)
    return fig


def _draw_points(
    ax: "Axes", places: Any, values: Any, intervals: Any, name: str, colour: int
) -> None:
    for place, (low, high) in zip(places, intervals, strict=True):
        ax.plot([low, high], [place, place], color=f"C{colour}", alpha=0.45, linewidth=3)
    ax.plot(values, places, "o", color=f"C{colour}", markersize=4.5, label=drawable(name))


def comparison_steps(known: Comparison) -> list[str]:
    """Return what the figures ask for."""
    alike = [name for name, test in known.mcnemar.items() if test.p_adjusted >= 0.05]
    steps = [
        "Go by the figure that your use calls for: TPR at 1 % FPR where a false accusation "
        "is grave, ROC-AUC where people look at the most suspicious images first, accuracy "
        "where both errors cost the same."
    ]
    if alike:
        steps.append(
            f"On {counted(known.n_images, 'image')}, the accuracy of {first_of(alike)} cannot "
            f"be told from that of {known.names[0]!r}: take the simpler or faster model, or "
            "test more images."
        )
    steps.append(
        "Whoever comes out best owes a part of that to luck with these images. Measure the "
        "model that you choose once more, on images that played no part in choosing it."
    )
    return steps


_BY_CHANCE = (
    "Better and worse are said of one figure at a time: where nothing differs, about one in "
    "twenty figures is called so by chance."
)


def _adjusted(n_tests: int) -> str:
    return (
        f"The p-values are adjusted for {n_tests} comparisons (Holm 1979): the more models "
        "are tried, the more likely it is that one of them looks better by luck."
    )


def comparison_lead(known: Comparison) -> str:
    """Return which models are more accurate than the reference, and how surely."""
    reference, *others = known.names
    share = known.values[reference]["accuracy"]
    said = [f"{reference!r} classified {share:.1%} of {known.n_images:,} images correctly."]
    for name in others:
        test, value = known.mcnemar[name], known.values[name]["accuracy"]
        if test.p_adjusted >= 0.05:
            verdict = "no clear difference"
        else:
            verdict = "clearly more" if value > share else "clearly fewer"
        said.append(f"{name!r}: {value:.1%}, {verdict} (p {_p_text(test.p_adjusted)}).")
    return " ".join(said)


def _disagreement(test: McNemar) -> str:
    return (
        f"right alone on {test.only_model_right:,}, wrong alone on "
        f"{test.only_reference_right:,}, p {_p_text(test.p_adjusted)}"
    )


def _p_text(p_value: float) -> str:
    return "< 0.001" if p_value < 0.001 else f"= {p_value:.3f}"


def comparison_text(known: Comparison) -> str:
    """Return the comparison as lines of text."""
    reference, *others = known.names
    rows = [
        [figure_word(key), *(decimal(known.values[name][key]) for name in known.names)]
        for key in known.values[reference]
    ]
    blocks = [
        f"ReportComparison: {len(known.names)} models on the same "
        f"{counted(known.n_images, 'image')}",
        text_table([["", *known.names], *rows]),
    ]
    for name in others:
        header = [f"{name} - {reference}", "difference", "95 % interval", ""]
        blocks.append(text_table([header, *_difference_rows(known, name)]))
        blocks.append(
            f"McNemar, {printable(name)} and {printable(reference)}: "
            f"{_disagreement(known.mcnemar[name])}"
        )
    if len(others) > 1:
        blocks.append(_adjusted(len(others)))
    return "\n\n".join([*blocks, _BY_CHANCE, *known.remarks])


def _difference_rows(known: Comparison, name: str) -> list[list[str]]:
    return [
        [
            WORDS[each.figure],
            "nan" if math.isnan(each.difference) else f"{each.difference:+.3f}",
            _signed(each.interval),
            _verdict(each),
        ]
        for each in known.differences
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


def comparison_sections(known: Comparison) -> list[Html]:
    """Return what a page shows."""
    reference, *others = known.names
    rows = [
        [
            figure_word(key),
            *(
                with_interval(known.values[name][key], known.intervals[name][key])
                for name in known.names
            ),
        ]
        for key in known.values[reference]
    ]
    return [
        section(
            "Side by side",
            *(note(remark, "warning") for remark in known.remarks),
            table(rows, ["figure, with 95 % interval", *known.names]),
        ),
        section(
            "Can they be told apart?",
            paragraph(
                "All models saw the same images, so what counts is where they differ. The "
                "interval of a difference says how far chance reaches: where it leaves out "
                "0, the table says better or worse. The intervals of two models may overlap "
                f"although their difference is clear. {_BY_CHANCE}"
            ),
            *(part for name in others for part in _held_against(known, name)),
            *([note(_adjusted(len(others)))] if len(others) > 1 else []),
        ),
        section("What to do next", items(comparison_steps(known))),
        section("Pictures", _drawn(known)),
    ]


def _held_against(known: Comparison, name: str) -> list[Html]:
    reference, test = known.names[0], known.mcnemar[name]
    header = [f"{name} against {reference}", "difference", "95 % interval", ""]
    both = test.only_model_right + test.only_reference_right
    rows = [[unbroken(cell) for cell in row] for row in _difference_rows(known, name)]
    return [
        table(rows, header),
        paragraph(
            f"Of {known.n_images:,} images, {both:,} are classified correctly by only one of "
            f"the two: {test.only_model_right:,} by {name}, {test.only_reference_right:,} by "
            f"{reference}. Were both equally accurate, chance would divide them as unevenly "
            f"with a probability of p {_p_text(test.p_value)} (McNemar's exact test"
            + (f"; adjusted, p {_p_text(test.p_adjusted)}" if len(known.names) > 2 else "")
            + ")."
        ),
    ]


def _drawn(known: Comparison) -> Html:
    import matplotlib.pyplot as plt

    fig = draw_comparison(known)
    drawn = figure(fig, alt="figures of the models and their differences")
    plt.close(fig)
    return drawn
