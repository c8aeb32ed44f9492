"""``skfakereal recalibrate``: move the threshold of a finished model to other images."""

import dataclasses
import math
import warnings
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skfakereal._judging import MODEL_FILE
from skfakereal._wording import chance, counted
from skfakereal.cli._arguments import add_model, add_run, add_tested, require
from skfakereal.cli._decision import USUAL_PRECISION, add_threshold_options
from skfakereal.cli._output import complain, say, wants_progress
from skfakereal.cli.run._folder import describe_run, new_run, seal

if TYPE_CHECKING:
    from skfakereal._judging.model import Model
    from skfakereal._pages.html import Html
    from skfakereal.cli._images import Part
    from skfakereal.cli.run._decision import Band
    from skfakereal.cli.run._tested import Tested
    from skfakereal.thresholds import Recalibration

SUMMARY = "move the threshold of a model to the images that it meets in use"
DESCRIPTION = """\
Images that were shared, or come from other cameras and generators, get other
probabilities than those that a model's threshold was chosen on. Choose a new one
on images as they arrive where the model is used, and write the model with it to
another place. Nothing is trained, and MODEL stays unchanged.

FOLDER is laid out as for `skfakereal train`, with at least 10 images of each
class. Two alternatives:
  --label real      all images below FOLDER are real: enough for --target-fpr
  --prevalence 0.05 without --costs: the images are unlabelled; this share of
                    them is classified as fake
Images that the run in MODEL was trained on are left out.
"""

EPILOG = """\
examples:
  skfakereal recalibrate detector/ inbox/ --out moved/
  skfakereal recalibrate detector/ inbox/ --out moved/ --target-fpr 0.05
  skfakereal recalibrate detector/ cam/ --out new/ --label real --target-fpr 0.05
  skfakereal recalibrate detector/ unknown/ --out moved.skfr --prevalence 0.05

With a name that ends in .skfr, --out is the model alone. Otherwise it is a run
folder:
  model.skfr    the model with its new threshold
  config.json   what MODEL's own says, and under "recalibration" what changed
  images.csv    MODEL's own, and the images that the threshold was chosen on
  report.html   what the old and the new threshold do on these images

exit codes:
  0 done    3 done, but some images could not be read    1 error    2 wrong usage
"""


def add_arguments(parser: ArgumentParser) -> None:
    add_model(parser)
    add_tested(parser)
    add_run(parser, required=True)
    parser.add_argument(
        "--label",
        metavar="NAME",
        help="the class of all images below FOLDER, which then needs no class folders",
    )
    add_threshold_options(
        parser.add_argument_group(
            "what the threshold is chosen for",
            "By default, the highest balanced accuracy.",
        )
    )


def run(arguments: Namespace) -> int:
    """Choose the threshold, and write the model with it."""
    require(arguments, "confidence", "target_fpr")
    if arguments.prevalence is not None and arguments.target_fpr is not None:
        raise ValueError(
            "--prevalence is for --costs, or for unlabelled images. Leave it out with "
            "--target-fpr."
        )
    _check_other_place(arguments.model, arguments.out, force=arguments.force)
    progress, out = wants_progress(arguments.progress), arguments.out
    alone = out.lower().endswith(".skfr")
    reads = [arguments.model, arguments.folder]
    run = nullcontext() if alone else new_run(out, force=arguments.force, reads=reads)
    with run as folder:
        moved = _move_threshold(arguments, progress=progress)
        say(f"{moved.chosen_on}\n\n{moved.change}")
        for caution in moved.cautions:
            say(f"\nCaution: {caution}")
        if folder is None:
            _write_file(Path(out), moved)
        else:
            _write_run(folder, arguments, moved)
    say(f"\nThe model is {out}. To classify an image:\n  skfakereal predict {out} IMAGE")
    if moved.unreadable:
        complain(f"{len(moved.unreadable):,} of the images could not be read")
    return 3 if moved.unreadable else 0


def _check_other_place(model: str, out: str, *, force: bool) -> None:
    place, given = Path(out).resolve(), Path(model).resolve()
    if place in (given, given.parent) or given in place.parents:
        raise FileExistsError(
            f"--out must be another place than MODEL, which stays unchanged, got {out!r}."
        )
    if place.suffix.lower() != ".skfr":
        return
    if place.is_dir():
        raise IsADirectoryError(
            f"--out must be a file, since it ends with .skfr, but {out!r} is a folder. "
            "Choose another name."
        )
    if place.exists() and not force:
        raise FileExistsError(
            f"--out must be a new file, but {out!r} exists. Pass --force to replace it."
        )


@dataclass(frozen=True)
class Moved:
    """A model with a new threshold, and what is to be known of it."""

    model: "Model"
    tested: "Tested"
    change: "Recalibration"  # its classes by name
    facts: dict[str, Any]  # what ``config.json`` keeps as ``decision``
    cautions: list[str]
    unreadable: list[str]

    @property
    def chosen_on(self) -> str:
        """A sentence on the images that the threshold was chosen on."""
        rest = self.tested.said().removeprefix("The tested images are")
        return f"The threshold was chosen on{rest}"


def _move_threshold(arguments: Namespace, *, progress: bool) -> Moved:
    """Choose the threshold on the images that can be read."""
    from skfakereal._paths import as_fitted
    from skfakereal.cli.run._tested import load_tested
    from skfakereal.thresholds import check_counts, check_share, recalibrate

    unlabelled = arguments.prevalence is not None and arguments.costs is None
    if unlabelled and arguments.label is not None:
        raise ValueError(
            "--prevalence without --costs is for images that nobody has labelled. Leave "
            "--label out, or --prevalence."
        )
    tested = load_tested(arguments, progress=progress, unlabelled=unlabelled, only_new=True)
    tested, unreadable = tested.readable(progress=progress)
    model, part = tested.model, tested.part
    if model.pos_name is None or model.positive is None:
        raise ValueError(
            f"A threshold needs two classes, but MODEL has {list(model.names)}."
        )
    if unlabelled:
        check_share(len(part.paths), arguments.prevalence, model.pos_name)
    else:
        names = model.pos_name, model.names[1 - model.positive]
        is_positive = part.labels == model.positive
        check_counts(is_positive, arguments.target_fpr, arguments.confidence, *names)
    with warnings.catch_warnings():
        # It is said below, in the words of the command line.
        warnings.filterwarnings("ignore", "The threshold was set to", UserWarning)
        detector, change = recalibrate(
            model.estimator,
            as_fitted(model.estimator, part.paths),
            None if unlabelled else model.classes[part.labels],
            target_fpr=arguments.target_fpr,
            confidence=arguments.confidence,
            costs=arguments.costs,
            prevalence=arguments.prevalence,
            pos_label=model.pos_label,
        )
    change = dataclasses.replace(change, pos_label=model.pos_name)
    moved = dataclasses.replace(model, estimator=detector)
    facts = _facts(moved, change, None if unlabelled else part)
    cautions = [*_cautions(change, arguments.prevalence, unlabelled), *tested.cautions()]
    return Moved(moved, tested, change, facts, cautions, unreadable)


def _facts(
    model: "Model", change: "Recalibration", labelled: "Part | None"
) -> dict[str, Any]:
    """Return the record of the decision, with a band of its own: the model's is of others."""
    from skfakereal._paths import as_fitted
    from skfakereal.cli.run._decision import decision_facts, learn_band

    earlier = model.config.get("decision") or {}
    precision = earlier.get("unsure_precision") or USUAL_PRECISION
    band: Band = "Without labels, it is unknown which verdicts are right."
    if labelled is not None:
        X = as_fitted(model.estimator, labelled.paths)
        score = model.estimator.predict_proba(X)[:, model.positive]
        band = learn_band(model, labelled.labels, score, precision)
    facts = decision_facts(
        model,
        change.after,
        band,
        precision=precision,
        calibration=earlier.get("calibration"),
        recalibrated=True,
    )
    if change.after is not None and not change.after.n_positive:
        # The rates of a page need both classes.
        facts |= {"true_positive_rate": None, "balanced_accuracy": None}
    chosen = ("threshold", "pos_label", "reason")
    return facts | {name: getattr(change, name) for name in chosen}


def _cautions(
    change: "Recalibration", prevalence: float | None, unlabelled: bool
) -> list[str]:
    if unlabelled:
        return [
            f"The threshold was set to {change.threshold:.4f} without labels. That is right "
            f"only if {100 * (prevalence or 0):.4g}% of these {change.n_images:,} images are "
            f"{change.pos_label} and the model gives them higher probabilities than the rest. "
            "To check both, sort some of the images into class folders."
        ]
    if change.after is not None and not change.after.n_positive:
        return [
            f"These images show how many are falsely classified as {change.pos_label}, not how "
            f"many {change.pos_label} images are detected: there are none among them."
        ]
    return []


def _write_file(place: Path, moved: Moved) -> None:
    """Write the model alone."""
    from skfakereal import save
    from skfakereal._judging.model import describe_for_file

    place.parent.mkdir(parents=True, exist_ok=True)
    save(moved.model.estimator, place, describe_for_file(moved.model.names, moved.facts))


def _write_run(folder: Path, arguments: Namespace, moved: Moved) -> None:
    """Write the run folder of a model with a new threshold."""
    from skfakereal._pages.html import note, notes
    from skfakereal._parameters import settings_of
    from skfakereal.cli.run._decision import decision_sections
    from skfakereal.cli.run._page import write_report
    from skfakereal.cli.run._seen import add_to_manifest

    _write_file(folder / MODEL_FILE, moved)
    model, tested, change = moved.model, moved.tested, moved.change
    earlier = {key: value for key, value in model.config.items() if key != "files"}
    if model.run is not None:
        labelled = change.after is not None
        add_to_manifest(model.run, folder, tested.part, model.names, labelled=labelled)
    config = {
        **earlier,
        **describe_run(
            arguments.command_line,
            data={
                **earlier.get("data", {}),
                "folder": arguments.folder,
                "classes": list(model.names),
                "recalibrated_on": moved.chosen_on,
                "unreadable": moved.unreadable,
            },
            model=settings_of(model.estimator),
            remarks=[*earlier.get("remarks", []), *moved.cautions],
            decision=moved.facts,
            recalibration={"model": arguments.model, **_changed(change)},
        ),
    }
    write_report(
        folder,
        "Another threshold",
        *notes(config["remarks"], "warning"),
        note(moved.chosen_on),
        str(change),
        _before_and_after(change),
        *decision_sections(config),
        config=config,
        lead=f"An image is classified as {change.pos_label} from a probability of "
        f"{chance(change.threshold)} on.",
    )
    seal(folder, config)


def _changed(change: "Recalibration") -> dict[str, Any]:
    """Return what changed, in a form that JSON takes."""
    facts = dataclasses.asdict(change)
    for name in ("before", "after"):
        if facts[name] is not None:
            facts[name] = {
                key: None if isinstance(value, float) and math.isnan(value) else value
                for key, value in facts[name].items()
                if key not in ("reason", "pos_label", "expected_cost")
            }
    return facts


def _before_and_after(change: "Recalibration") -> "Html":
    from skfakereal._pages.html import section, table

    name = change.pos_label
    rows: list[Sequence[Any]] = [
        ["threshold", change.previous, change.threshold],
        [f"share predicted {name}", change.previous_share_called, change.share_called],
    ]
    if change.before is not None and change.after is not None:
        found = change.before.true_positive_rate, change.after.true_positive_rate
        false_alarms = change.before.false_positive_rate, change.after.false_positive_rate
        rows += [[f"{name} images detected", *found], ["false positives", *false_alarms]]
    return section(
        "Before and after",
        table(rows, ["", "before", "now"]),
        f"On {counted(change.n_images, 'image')}. The new threshold was chosen on them, "
        "so test it on others. The figures in the report of the model "
        "before are those of the threshold before.",
    )
