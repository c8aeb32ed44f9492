"""``skfakereal robustness``: what is left of a model after JPEG, scaling, blur, noise?"""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skfakereal.cli._arguments import add_card, add_model, add_run, add_tested, name_list
from skfakereal.cli._output import say, wants_progress
from skfakereal.cli.run._folder import asked_run, save_figure, seal, write_json

if TYPE_CHECKING:
    from skfakereal.evaluation import RobustnessReport
    from skfakereal.evaluation.perturbations import Perturbation


SUMMARY = "measure what compression, scaling, blur and noise cost"
DESCRIPTION = """\
Change labelled images as they are changed on their way through the world, and
classify the copies: after JPEG and WebP at several qualities, shrinking and
enlarging, blur, noise, cropping, and what messengers do. Both classes go through
the same changes. FOLDER is laid out as for `skfakereal train`. If MODEL is a run
folder, the output says how many of the images it was trained on; and from a
folder that holds the run's own test part, these images are left out, unless
--split says otherwise. They always are if the run held no test part out (train
on fewer than 200 images); if nothing is left, that is an error.

The copies are made in a temporary folder, a few hundred at a time. Every image is
classified 29 times; --changes and --max-images reduce that.
"""

EPILOG = """\
examples:
  skfakereal robustness detector/ more-photos/ --out robustness/
  skfakereal robustness detector/ photos/ --max-images 500 --card detector/card.md
  skfakereal robustness detector/ photos/ --changes jpeg,blur:1,chain:web

changes, all of a kind or a single one:
  jpeg, jpeg:85      quality, from 1 to 100; webp alike
  scale, scale:0.5   factor of both sides
  blur, blur:1       radius in pixels
  noise, noise:5     deviation in levels of 255
  crop, crop:0.9     share of each side that is kept
  chain, chain:web   clean (JPEG 97), web (at most 768 px, JPEG 60), or hard
                     (at most 512 px, JPEG 40)
  copy               no pixel changes, only the file: a verdict that this flips
                     did not come from the picture
  fit:768, trim:2    longest side; pixels off each edge

With --out, report.html, metrics.json, robustness.csv, predictions.csv (the
predicted label after each change), robustness.png and config.json are written.
With --card, the section "Robustness" of a model card is replaced; a run folder
whose card was changed is not replaced by `train --force`.

exit codes:
  0 done    3 done, but some images could not be read    1 error    2 wrong usage
"""

_NUMBERS: dict[str, Callable[[str], float]] = {
    **{"jpeg": int, "webp": int, "fit": int, "trim": int},
    **{"scale": float, "blur": float, "noise": float, "crop": float},
}


def add_arguments(parser: ArgumentParser) -> None:
    add_model(parser)
    add_tested(parser)
    add_run(parser)
    add_card(parser)
    parser.add_argument(
        "--changes",
        type=name_list,
        metavar="A,B,...",
        help="which changes, see below (default: 28 of all kinds)",
    )


def run(arguments: Namespace) -> int:
    """Change and classify the images, and write a run folder if one is asked for."""
    from skfakereal._paths import as_fitted
    from skfakereal.cli.run._page import add_to_card, check_card
    from skfakereal.cli.run._tested import describe_test, end_test, load_tested
    from skfakereal.evaluation import robustness_report

    progress, out = wants_progress(arguments.progress), arguments.out
    with asked_run(arguments, arguments.model, arguments.folder) as folder:
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


def _write(folder: Path, report: "RobustnessReport", config: dict[str, Any]) -> None:
    """Write figures, verdicts, the picture and the page, and seal the run."""
    from skfakereal._pages.html import note, notes
    from skfakereal.cli.run._page import write_report

    facts = report.to_dict()
    write_json(folder / "metrics.json", facts)
    columns = {key: [row[key] for row in facts["rows"]] for key in facts["rows"][0]}
    _write_csv(folder / "robustness.csv", columns)
    _write_csv(folder / "predictions.csv", report.predictions_table())
    _draw(folder / "robustness.png", report)
    answer, *evidence = report.html_sections()
    write_report(
        folder,
        "Robustness",
        answer,
        *notes(config["remarks"], "warning"),
        note(config["data"]["test_images"]),
        *evidence,
        config=config,
        lead=report.summary(),
    )
    seal(folder, config)


def _write_csv(place: Path, columns: Mapping[str, Sequence[Any]]) -> None:
    from skfakereal._files import write_csv

    write_csv(place, [columns, *zip(*columns.values(), strict=True)])


def _draw(place: Path, report: "RobustnessReport") -> None:
    import matplotlib.pyplot as plt

    figures = ["accuracy", "flip_rate"]
    if report.pos_label is not None:
        figures.insert(1, "roc_auc")
    figure = report.plot(figures)
    save_figure(place, figure)
    plt.close(figure)


def read_changes(words: Sequence[str]) -> "list[Perturbation]":
    """Read ``jpeg`` (all the usual ones of a kind), ``jpeg:85`` or ``chain:web``."""
    from skfakereal.evaluation.perturbations import name_of

    changes = [change for word in words for change in _read(word)]
    return list({name_of(change): change for change in changes}.values())


def _read(word: str) -> "list[Perturbation]":
    from skfakereal.evaluation import perturbations as of
    from skfakereal.evaluation import standard_perturbations

    kinds: dict[str, type] = {
        **{"copy": of.Copy, "jpeg": of.Jpeg, "webp": of.WebP, "scale": of.Scale},
        **{"blur": of.Blur, "noise": of.Noise, "crop": of.Crop, "fit": of.Fit},
        **{"trim": of.Trim, "chain": of.Chain},
    }
    name, colon, level = word.lower().partition(":")
    if name in _NUMBERS and colon:
        try:
            return [kinds[name](_NUMBERS[name](level))]
        except ValueError as error:
            raise ValueError(f"--changes: {word!r} is not a change. {error}") from error
    usual = [
        change
        for change in standard_perturbations()
        if type(change) is kinds.get(name) and (not colon or change.level == level)
    ]
    if not usual:
        raise ValueError(
            f"--changes must be some of {', '.join(kinds)} (fit and trim with a number, "
            f"as in fit:768), a single one such as jpeg:85 or chain:web, got {word!r}."
        )
    return usual
