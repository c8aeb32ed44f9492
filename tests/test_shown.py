"""Names that a stranger chose are shown letter by letter, wherever they are shown."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from conftest import write_image
from matplotlib import pyplot as plt
from matplotlib.text import Text
from predicted import report_on

from skfakereal._pages.html import escaped
from skfakereal._shown import drawable, legible, printable
from skfakereal.cards._blocks import escaped as escaped_in_markdown
from skfakereal.evaluation import EvaluationReport, MisclassifiedDisplay, compare_reports
from skfakereal.explain import Explanation, GradCAMDisplay

HOSTILE = (
    "was $$20 now $$1",
    "a$x^{$b",
    "$\\frac{1}$",
    "caf\udce9",
    "\x1b[2J\x07\r\x9b31m",
    "photo\u202egnp.exe",
    "\u2066\u200f\u061c",
    "two\nlines\u2028three",
    "<img src=x onerror=alert(1)>",
    "_hidden",
    "日本語",
)
UNSEEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_terminal_gets_one_line_that_cannot_steer_it(name: str) -> None:
    assert not UNSEEN.search(printable(name))
    assert "\n" not in printable(name)
    printable(name).encode()  # it holds no half of a character
    assert printable(printable(name)) == printable(name)


def test_what_can_be_seen_stays() -> None:
    family = "\U0001f468\u200d\U0001f469 na\u00efve \u00a0 日本 \u0645\u06cc\u200c\u062e"
    assert printable(family) == family


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", HOSTILE)
def test_a_picture_shows_the_letters_of_a_name(name: str) -> None:
    figure, ax = plt.subplots()
    title = ax.set_title(drawable(name))
    ax.set_yticks([0, 1], [drawable(name)] * 2)
    shown, is_formula = title._preprocess_math(title.get_text())  # what is drawn in the end
    legible(figure).savefig(io.BytesIO())
    plt.close(figure)
    assert not is_formula
    # Each letter, or, if no font of this computer has it, what Python writes for it.
    letters = {c: {c, c if c.isascii() else ascii(c)[1:-1]} for c in printable(name)}
    shown = shown.strip()
    for c in printable(name):
        known = next(form for form in letters[c] if shown.startswith(form))
        shown = shown.removeprefix(known)
    assert not shown


@pytest.mark.filterwarnings("error")
def test_a_letter_that_no_font_has_is_written_as_python_does() -> None:
    """Even the bundled font of last resort, which draws a box for anything, is none."""
    unknown = "\U000323af"  # of an extension for Chinese that hardly a font has
    figure, ax = plt.subplots()
    ax.set_title(drawable(f"a {unknown}"))
    legible(figure).savefig(io.BytesIO())
    plt.close(figure)
    assert ax.get_title() in (f"a {unknown}", "a \\U000323af")
    assert drawable("caf\u00e9 \u03b1") == "caf\u00e9 \u03b1"


def test_tex_takes_a_name_for_letters() -> None:
    with plt.rc_context({"text.usetex": True}):
        assert drawable("50%_$x$\\input{a}") == r"50\%\_\$x\$\textbackslash{}input\{a\}"


@pytest.mark.parametrize("name", HOSTILE)
def test_a_page_and_a_card_show_the_letters_of_a_name(name: str) -> None:
    for shown in (escaped(name), escaped_in_markdown(name)):
        assert not UNSEEN.search(shown)
        shown.encode()
        assert not re.search(r"(?<!\\)<", shown)


@pytest.mark.parametrize(
    "address", ["http://evil.test/x", "www.evil.test", "WWW.Evil.test"]
)
def test_a_card_makes_no_link_of_a_name(address: str) -> None:
    shown = escaped_in_markdown(f"of {address}")
    assert not re.search(r"(?<!\\)://", shown)
    assert not re.search(r"www\.", shown, re.IGNORECASE)
    assert shown.replace("\\", "") == f"of {address}"


@pytest.fixture
def reports(tmp_path: Path) -> list[EvaluationReport]:
    """Two reports on images, classes and groups with hostile names, with errors."""
    rng = np.random.default_rng(0)
    paths = []
    for i in range(24):
        place = tmp_path / f"{i} {HOSTILE[i % len(HOSTILE)].replace('/', '')}.png"
        paths.append(write_image(place, rng.integers(0, 256, (8, 8, 3), np.uint8)))
    y = np.arange(24) % 2
    wrong = np.where(np.arange(24) % 3 == 0, 1 - y, y)
    names = {"paths": paths, "target_names": ["_$$real\udce9\x1b", "fake\u202e$a$\n"]}
    names["generators"] = [HOSTILE[i % 5] for i in range(24)]
    return [
        report_on(y, p, **names, pos_label=1) for p in (0.2 + 0.6 * wrong, 0.3 + 0.4 * y)
    ]


@pytest.mark.filterwarnings("ignore:Glyph")
def test_reports_bear_any_name(reports: list[EvaluationReport], tmp_path: Path) -> None:
    report = reports[0]
    compared = compare_reports({"_$a$\udce9": report, "b\x1b\n": reports[1]})
    for kind in report.plots:
        figure = report.plot(kind)
        assert not any(t._preprocess_math(t.get_text())[1] for t in figure.findobj(Text))
        figure.savefig(io.BytesIO())
        plt.close(figure)
    MisclassifiedDisplay.from_report(report).figure_.savefig(io.BytesIO())
    legend = compared.plot().axes[0].get_legend()
    assert len(legend.get_texts()) == 2
    plt.close("all")
    for each in (report, compared):
        each.save_html(tmp_path / "page.html")
        assert not UNSEEN.search((tmp_path / "page.html").read_text(encoding="utf-8"))
        assert not UNSEEN.search(repr(each))
        repr(each).encode()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Glyph")
def test_explanations_bear_any_name() -> None:
    n = len(HOSTILE)
    ones, zeros = np.ones(n, int), np.zeros((8, 8, 3))
    facts = {"method": "Grad-CAM", "unit": "", "paths": HOSTILE, "cells": (1, 1)}
    facts |= {"images": [zeros.astype(np.uint8)] * n, "maps": [zeros[..., 0]] * n}
    facts |= {"areas": np.array([(0.0, 0.0, 8.0, 8.0)] * n), "classes": np.array([0, 1])}
    facts |= {"explained": ones, "predicted": ones, "probabilities": ones / 2}
    explanation = Explanation(**facts)
    names = ["_$$real\udce9", "fake\u202e$a$"]
    GradCAMDisplay.from_maps(explanation, target_names=names).figure_.savefig(io.BytesIO())
    plt.close("all")
