"""A model and labelled images -> a report on robustness, and its run folder."""

import json
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from skfakereal._csv_file import write_csv
from skfakereal._pages.html import note, notes, page
from skfakereal._paths import as_fitted
from skfakereal._shown import write_page
from skfakereal.cli._output import say, wants_progress
from skfakereal.cli.run._card import add_to_card, check_card
from skfakereal.cli.run._folder import new_run, seal
from skfakereal.cli.run._page import how_it_was_made, made_by
from skfakereal.cli.run._tested import describe_test, end_test, load_tested
from skfakereal.evaluation import (
    RobustnessReport,
    robustness_report,
    standard_perturbations,
)
from skfakereal.evaluation.perturbations import (
    Blur,
    Chain,
    Copy,
    Crop,
    Fit,
    Jpeg,
    Noise,
    Perturbation,
    Scale,
    Trim,
    WebP,
    name_of,
)

_KINDS: dict[str, type] = {
    **{"copy": Copy, "jpeg": Jpeg, "webp": WebP, "scale": Scale, "blur": Blur},
    **{"noise": Noise, "crop": Crop, "fit": Fit, "trim": Trim, "chain": Chain},
}
_NUMBERS: dict[str, Callable[[str], float]] = {
    **{"jpeg": int, "webp": int, "fit": int, "trim": int},
    **{"scale": float, "blur": float, "noise": float, "crop": float},
}


def measure_robustness(arguments: Namespace) -> int:
    """Change and classify the images, and write a run folder if one is asked for."""
    progress, out = wants_progress(arguments.progress), arguments.out
    # First of all, so that a place that is taken comes to light before the work.
    with new_run(out, force=arguments.force) if out else nullcontext() as folder:
        check_card(arguments.card)
        changes = None if arguments.changes is None else read_changes(arguments.changes)
        tested = load_tested(arguments, progress=progress)
        tested, unreadable = tested.readable(progress=progress)
        model, part = tested.model, tested.part
        if not part.paths:
            raise ValueError("None of the images can be read.")
        report = robustness_report(
            model.estimator,
            as_fitted(model.estimator, part.paths),
            model.classes[part.labels],
            perturbations=changes,
            pos_label=model.pos_label,
            target_names=model.names,
            verbose=int(progress),
        )
        cautions = tested.cautions()
        say(f"{report!r}\n\n{tested.said()}")
        for caution in cautions:
            say(f"\nCaution: {caution}")
        if folder is not None:
            config = describe_test(arguments, tested, unreadable, cautions)
            _write(folder, report, config)
    add_to_card(arguments.card, report, arguments.folder)
    return end_test(out, unreadable)


def _write(folder: Path, report: RobustnessReport, config: dict[str, Any]) -> None:
    """Write figures, verdicts, the picture and the page, and seal the run."""
    facts = report.to_dict()
    text = json.dumps(facts, indent=2)
    (folder / "metrics.json").write_text(f"{text}\n", encoding="utf-8")
    columns = {key: [row[key] for row in facts["rows"]] for key in facts["rows"][0]}
    _write_csv(folder / "robustness.csv", columns)
    _write_csv(folder / "predictions.csv", report.predictions_table())
    _draw(folder / "robustness.png", report)
    answer, *evidence = report.html_sections()
    html = page(
        "Robustness",
        answer,
        *notes(config["remarks"], "warning"),
        note(config["data"]["test_images"]),
        *evidence,
        how_it_was_made(config),
        lead=report.summary(),
        footer=made_by(config),
    )
    write_page(folder / "report.html", html)
    seal(folder, config)


def _write_csv(place: Path, columns: Mapping[str, Sequence[Any]]) -> None:
    write_csv(place, [columns, *zip(*columns.values(), strict=True)])


def _draw(place: Path, report: RobustnessReport) -> None:
    import matplotlib.pyplot as plt

    figures = ["accuracy", "flip_rate"]
    if report.pos_label is not None:
        figures.insert(1, "roc_auc")
    figure = report.plot(figures)
    figure.savefig(place, dpi=144, metadata={"Software": None})
    plt.close(figure)


def read_changes(words: Sequence[str]) -> list[Perturbation]:
    """Read ``jpeg`` (all the usual ones of a kind), ``jpeg:85`` or ``chain:web``."""
    changes = [change for word in words for change in _read(word)]
    return list({name_of(change): change for change in changes}.values())


def _read(word: str) -> list[Perturbation]:
    name, colon, level = word.lower().partition(":")
    if name in _NUMBERS and colon:
        try:
            return [_KINDS[name](_NUMBERS[name](level))]
        except ValueError as error:
            raise ValueError(f"--changes: {word!r} is not a change. {error}") from error
    usual = [
        change
        for change in standard_perturbations()
        if type(change) is _KINDS.get(name) and (not colon or change.level == level)
    ]
    if not usual:
        raise ValueError(
            f"--changes must be some of {', '.join(_KINDS)} (fit and trim with a number, "
            f"as in fit:768), a single one such as jpeg:85 or chain:web, got {word!r}."
        )
    return usual
