"""A folder of labelled images -> a trained detector with its report, in a run folder."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from skfakereal import VGG16ImageClassifier, save
from skfakereal._classifying.classes import positive_class
from skfakereal._images import ImageReadError
from skfakereal._parameters import check_parameters
from skfakereal._weights import load_trunk, require_weights
from skfakereal.cli._output import complain, counted, say
from skfakereal.cli.audits._audit_of_run import Audited, audit_run
from skfakereal.cli.decisions._decision import decide_by
from skfakereal.cli.decisions._decision_check import check_decision
from skfakereal.cli.decisions._decision_page import decision_line
from skfakereal.cli.images._parts import Part, Parts
from skfakereal.cli.images._split import split_folder, with_validation
from skfakereal.cli.reports._chance import missed_target, no_better_than_chance
from skfakereal.cli.reports._evaluation import (
    evaluate_part,
    write_evaluation,
    write_predictions,
)
from skfakereal.cli.reports._pictures import draw_training, draw_views
from skfakereal.cli.runs._card import card_facts, card_sections, write_card
from skfakereal.cli.runs._manifest import digests_of, seen_remark, write_manifest
from skfakereal.cli.runs._model import MODEL_FILE, Model, describe_for_file, name_classes
from skfakereal.cli.runs._record import describe_run, settings_of
from skfakereal.cli.runs._run_folder import UnfinishedRunError, new_run, seal
from skfakereal.cli.training._plan import Plan
from skfakereal.datasets._folder import require_folder
from skfakereal.evaluation import EvaluationReport

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Trained", "train_run"]

_WAYS_OUT = (
    "name it or another one with --weights PATH, or take --weights cifake (inside this "
    "package, for 32x32 images) or --weights none (random)"
)
_UNFINISHED = (
    "The run failed after training: the model was saved as it came from training, and what "
    "else is here is incomplete."
)


@dataclass(frozen=True)
class Trained:
    """What came of it.

    Parameters
    ----------
    model : Model
        The trained detector.
    parts : Parts
        The images of each part.
    report : EvaluationReport
        The figures on the test part.
    remarks : list of str
        What the reader of the figures must know.
    n_unreadable : int
        How many images could not be read.
    refused : bool, default=False
        Whether the model cannot decide as it was asked to.
    """

    model: Model
    parts: Parts
    report: EvaluationReport
    remarks: list[str]
    n_unreadable: int
    refused: bool = False


def train_run(plan: Plan) -> Trained:
    """Train, test, and write the run folder.

    Parameters
    ----------
    plan : Plan
        What is wanted.

    Returns
    -------
    Trained
        What came of it.

    Raises
    ------
    OSError, ValueError
        If the folder, a parameter or an image is not as it must be. Nothing is left then.
    UnfinishedRunError
        If something fails after training. The model is kept then.
    """
    with new_run(plan.out, force=plan.force, kept=MODEL_FILE) as folder:
        classifier = VGG16ImageClassifier(
            **plan.parameters,
            random_state=plan.random_state,
            verbose=int(plan.progress),
        )
        check_parameters(classifier.get_params(deep=False))
        _require_inputs(plan)
        require_weights(classifier.weights, ways_out=_WAYS_OUT)
        parts = split_folder(
            plan.folder,
            classes=plan.classes,
            test_fraction=plan.test_fraction,
            use_groups=plan.use_groups,
            groups_file=plan.groups_file,
            random_state=plan.random_state,
        )
        fraction = classifier.validation_fraction
        if classifier.early_stopping or plan.decision.asked:
            parts = with_validation(
                parts,
                0.1 if fraction == "auto" else fraction,
                use_groups=plan.use_groups,
                random_state=plan.random_state,
            )
        check_decision(plan.decision, parts)
        load_trunk(classifier.weights)  # an error in them is said before the long work
        _say_what_is_trained_on(parts)
        audit = _audit(folder, plan, parts) if plan.audit else None
        began = perf_counter()
        parts, skipped = _fit(classifier, plan, parts)
        seconds = perf_counter() - began
        say(
            f"Trained in {seconds:.0f} s: {counted(classifier.n_iter_, 'epoch')}, kept the "
            f"weights of epoch {classifier.best_epoch_ + 1}."
        )
        names = name_classes(classifier.classes_, parts.names)
        model = Model(classifier, names, positive_class(classifier.classes_, names))
        _save_at_once(folder, model)
        cautions = [*plan.cautions, *(audit.cautions if audit else []), _UNFINISHED]
        config = _describe(plan, parts, classifier, seconds, skipped, cautions)
        seal(folder, config | {"unfinished": True})
        decided = decide_by(plan.decision, model, parts.validation, progress=plan.progress)
        model = decided.model
        if decided.facts is not None:
            say(decision_line(decided.facts))
        if parts.validation is not None:
            labels = parts.validation.labels
            write_predictions(folder / "validation.csv", decided.verdicts, model, labels)
        report, verdicts = evaluate_part(model, parts.test, progress=plan.progress)
        save(model.estimator, folder / MODEL_FILE, describe_for_file(names, decided.facts))
        remarks = (audit.cautions if audit else []) + decided.cautions
        remarks += _remarks(folder, plan, parts, skipped) + no_better_than_chance(report)
        if plan.decision.target_fpr is not None and not decided.refused:
            remarks += missed_target(report, plan.decision.target_fpr)
        cautions = [*plan.cautions, *remarks]
        config = _describe(plan, parts, classifier, seconds, skipped, cautions)
        config["decision"] = decided.facts
        if audit:
            config["data"]["audit"] = audit.record
        config["data"] |= card_facts(folder, parts.train, parts.names)
        sections = [audit.section] if audit else []
        write_evaluation(
            folder,
            plan.title,
            report,
            verdicts,
            model,
            parts.test.labels,
            config,
            cautions=cautions,
            how=parts.how,
            figures=_figures(classifier, parts.train),
            sections=[*sections, *card_sections(write_card(folder, report, config))],
        )
        seal(folder, config)
    n_unreadable = len(skipped) + len(report.unreadable)
    return Trained(model, parts, report, remarks, n_unreadable, decided.refused)


def _require_inputs(plan: Plan) -> None:
    """Say what is mistyped before weights are downloaded."""
    require_folder(Path(plan.folder))
    if plan.groups_file is not None:
        Path(plan.groups_file).stat()


def _say_what_is_trained_on(parts: Parts) -> None:
    said = f"Training on {counted(len(parts.train.paths), 'image')}"
    if parts.validation is not None:
        said += f", validating on {len(parts.validation.paths):,}"
    say(f"{said}; {len(parts.test.paths):,} are kept for the test.")


def _audit(folder: Path, plan: Plan, parts: Parts) -> Audited:
    """Audit what is to be trained and tested on, and say what comes of it."""
    audited = audit_run(parts.by_name(), parts.names, folder, progress=plan.progress)
    say(f"\n{audited.said}\n")
    return audited


def _fit(
    classifier: VGG16ImageClassifier, plan: Plan, parts: Parts
) -> tuple[Parts, list[str]]:
    """Fit the estimator; return what it was fitted on, and what had to be left out."""
    try:
        _fit_once(classifier, plan, parts)
        skipped: list[str] = []
    except ImageReadError as error:
        if not plan.skip_unreadable:
            error.add_note("Or leave out what cannot be read with --skip-unreadable.")
            raise
        skipped = [failure.path for failure in error.failures]
        complain(f"{counted(len(skipped), 'image')} cannot be read and will be left out")
        parts = replace(
            parts,
            train=parts.train.without(skipped),
            validation=parts.validation and parts.validation.without(skipped),
        )
        _fit_once(classifier, plan, parts)
    # The model that is kept must not draw bars wherever it is used.
    classifier.set_params(verbose=0)
    return parts, skipped


def _fit_once(classifier: VGG16ImageClassifier, plan: Plan, parts: Parts) -> None:
    check_decision(plan.decision, parts)
    train, validation = parts.train, parts.validation
    if validation is None:
        classifier.fit(train.paths, train.labels)
    else:
        classifier.fit(
            train.paths, train.labels, X_val=validation.paths, y_val=validation.labels
        )


def _save_at_once(folder: Path, model: Model) -> None:
    """Save what hours of training gave, before anything else can fail."""
    metadata = describe_for_file(model.names, None)
    try:
        save(model.estimator, folder / MODEL_FILE, metadata)
    except OSError as error:  # the disk is full, say: another one may not be
        place = Path(tempfile.mkdtemp(prefix="skfakereal-"), MODEL_FILE)
        save(model.estimator, place, metadata)
        raise UnfinishedRunError(place) from error


def _remarks(folder: Path, plan: Plan, parts: Parts, skipped: list[str]) -> list[str]:
    """Write the manifest; return what it and the unreadable files have to say."""
    known = parts.by_name()
    paths = [path for part in known.values() for path in part.paths]
    digests = digests_of(paths, progress=plan.progress)
    write_manifest(folder, known, parts.names, digests)
    seen = {digests[path] for path in paths[: -len(parts.test.paths)]}  # the test is last
    remark = seen_remark(seen, [digests[path] for path in parts.test.paths])
    remarks = [said for said in (parts.left_out, remark) if said]
    if skipped:
        remarks.append(
            f"{counted(len(skipped), 'image')} of the training part could not be read and "
            "had to be left out; config.json names them."
        )
    return remarks


def _describe(
    plan: Plan,
    parts: Parts,
    classifier: VGG16ImageClassifier,
    seconds: float,
    skipped: list[str],
    cautions: list[str],
) -> dict[str, Any]:
    counts = {name: part.count(parts.names) for name, part in parts.by_name().items()}
    return describe_run(
        plan.command_line,
        data={
            "folder": plan.folder,
            "classes": parts.names,
            **counts,
            "test_images": parts.how,
            "unreadable": skipped,
        },
        model=settings_of(classifier),
        training={
            "epochs_run": classifier.n_iter_,
            "epoch_kept": classifier.best_epoch_ + 1,
            "seconds": round(seconds, 1),
        },
        remarks=cautions,
    )


def _figures(
    classifier: VGG16ImageClassifier, train: Part
) -> "dict[str, tuple[str, Figure, str]]":
    figures = {
        "training_curves": (
            "Training",
            draw_training(classifier),
            "Where the validation loss rises while the training loss falls, the model "
            "learns its training images by heart. The weights of the marked epoch are kept.",
        )
    }
    views = draw_views(classifier, train.paths)
    if views is not None:
        figures["views"] = (
            "What training saw",
            views,
            "One training image, and copies of it as augmentation alters them.",
        )
    return figures
