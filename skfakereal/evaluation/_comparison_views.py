"""A comparison of models -> text, and sections of a page."""

import math

from skfakereal._html import Html, items, note, paragraph, section, table
from skfakereal._html_pictures import figure
from skfakereal._shown import printable
from skfakereal.evaluation._comparison_advice import comparison_steps
from skfakereal.evaluation._comparison_figures import Difference
from skfakereal.evaluation._comparison_parts import Comparison, figure_word
from skfakereal.evaluation._comparison_plot import draw_comparison
from skfakereal.evaluation._intervals import Interval
from skfakereal.evaluation._mcnemar import McNemar
from skfakereal.evaluation._page_tables import unbroken, with_interval
from skfakereal.evaluation._text_table import text_table
from skfakereal.evaluation._wording import counted
from skfakereal.evaluation._words import LOWER_IS_BETTER, WORDS, decimal, interval_text

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
