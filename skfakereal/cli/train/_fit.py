"""What was prepared -> a fitted model, saved before anything else can fail."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from skfakereal import VGG16ImageClassifier, save
from skfakereal._classifying.classes import class_names, positive_class
from skfakereal._images.read import ImageReadError
from skfakereal._judging import MODEL_FILE
from skfakereal._judging.model import Model, describe_for_file
from skfakereal._parameters import settings_of
from skfakereal._store.store import open_store
from skfakereal._wording import counted
from skfakereal.cli._images import Part
from skfakereal.cli._output import complain, say
from skfakereal.cli.run._folder import UnfinishedRunError, describe_run, seal
from skfakereal.cli.train._prepare import (
    Plan,
    Prepared,
    check_decision,
    groups_to_keep,
    with_folds,
)

_UNFINISHED = (
    "The run failed after training: the model was saved as it came from training, and what "
    "else is here is incomplete."
)


@dataclass(frozen=True)
class Fitted:
    """A fitted model, and what it was fitted on."""

    model: Model
    prepared: Prepared  # without what could not be read
    skipped: list[str]  # the images that could not be read
    seconds: float
    cache: Any  # where what was computed for it is kept, to fit on parts of the same images


@contextmanager
def store_for(prepared: Prepared) -> Iterator[Any]:
    """Give the `cache` to fit with: where several fits share one, never nowhere."""
    cache = prepared.classifier.cache
    if not prepared.parts.folds or open_store(cache) is not None:
        yield cache
        return
    with tempfile.TemporaryDirectory(prefix="skfakereal-") as folder:
        yield folder


def fit(folder: Path, plan: Plan, prepared: Prepared, cache: Any) -> Fitted:
    """Fit the classifier and save it at once, in a run folder that says it is unfinished."""
    began = perf_counter()
    prepared, skipped = _fit(plan, prepared, cache)
    seconds = perf_counter() - began
    classifier = prepared.classifier
    if prepared.is_solved:
        kept = f"a linear head, with weight decay {classifier.weight_decay_:.2g}"
    else:
        epochs = counted(classifier.n_iter_, "epoch")
        kept = f"{epochs}, kept the weights of epoch {classifier.best_epoch_ + 1}"
    names = class_names(classifier.classes_, prepared.parts.names)
    model = Model(classifier, names, positive_class(classifier.classes_, names))
    _save_at_once(folder, model)
    fitted = Fitted(model, prepared, skipped, seconds, cache)
    cautions = [*plan.cautions, *prepared.audit_cautions, _UNFINISHED]
    seal(folder, describe_training(plan, fitted, cautions) | {"unfinished": True})
    say(f"Trained in {seconds:.0f} s: {kept}.")
    return fitted


def _fit(plan: Plan, prepared: Prepared, cache: Any) -> tuple[Prepared, list[str]]:
    """Fit the classifier; return what it was fitted on, and what had to be left out."""
    classifier, parts = prepared.classifier, prepared.parts
    own_cache = classifier.cache
    classifier.set_params(cache=cache)
    skipped: list[str] = []
    try:
        fit_once(classifier, plan, parts.train, parts.validation)
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
        if parts.folds:
            parts = with_folds(parts, plan)
        check_decision(plan.decision, parts)
        fit_once(classifier, plan, parts.train, parts.validation)
    # The model that is kept must not draw bars wherever it is used.
    classifier.set_params(verbose=0, cache=own_cache)
    return replace(prepared, parts=parts), skipped


def fit_once(
    classifier: VGG16ImageClassifier, plan: Plan, train: Part, validation: Part | None
) -> None:
    """Fit on a part, validating on another one, or by cross-validation within the first."""
    if validation is None:
        groups = groups_to_keep(train, plan)
        classifier.fit(train.paths, train.labels, groups=groups)
    else:
        classifier.fit(
            train.paths, train.labels, X_val=validation.paths, y_val=validation.labels
        )


def _save_at_once(folder: Path, model: Model) -> None:
    metadata = describe_for_file(model.names, None)
    try:
        save(model.estimator, folder / MODEL_FILE, metadata)
    except OSError as error:  # the disk is full, say: another one may not be
        place = Path(tempfile.mkdtemp(prefix="skfakereal-"), MODEL_FILE)
        save(model.estimator, place, metadata)
        raise UnfinishedRunError(place) from error


def describe_training(plan: Plan, fitted: Fitted, cautions: list[str]) -> dict[str, Any]:
    """Return what ``config.json`` keeps of a training."""
    classifier, parts = fitted.prepared.classifier, fitted.prepared.parts
    counts = {name: part.count(parts.names) for name, part in parts.by_name().items()}
    kept = (
        {"weight_decay": float(classifier.weight_decay_)}
        if fitted.prepared.is_solved
        else {"epochs_run": classifier.n_iter_, "epoch_kept": classifier.best_epoch_ + 1}
    )
    return describe_run(
        plan.command_line,
        data={
            "folder": plan.folder,
            "classes": parts.names,
            **counts,
            "test_images": parts.how,
            **({"cross_validated": len(parts.folds)} if parts.folds else {}),
            "unreadable": fitted.skipped,
        },
        model=settings_of(classifier),
        training={
            **kept,
            "engine": classifier.engine_,
            "seconds": round(fitted.seconds, 1),
        },
        remarks=cautions,
    )
