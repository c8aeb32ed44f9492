"""A plan -> what is trained, validated and tested on; what cannot be done is refused."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from skfakereal import VGG16ImageClassifier
from skfakereal._classifying.classes import positive_class
from skfakereal._parameters import check_parameters
from skfakereal._training.holdout import draw_folds, draw_held, draw_seeds
from skfakereal._training.settings import held_fraction, is_solved
from skfakereal._weights import load_trunk, require_weights
from skfakereal._wording import counted
from skfakereal.cli._decision import DecisionPlan
from skfakereal.cli._images import (
    Folds,
    Part,
    Parts,
    has_groups,
    is_numbered,
    load_labelled,
    parts_by_split,
    read_groups,
)
from skfakereal.cli._output import say
from skfakereal.cli.run._audit import Audited, audit_run
from skfakereal.evaluation import images_needed
from skfakereal.thresholds import check_negatives, negatives_needed

_WAYS_OUT = (
    "name it or another one with --weights PATH, or use --weights cifake (inside this "
    "package, for 32x32 images) or --weights none (random)"
)
Rows = tuple[NDArray[np.intp], NDArray[np.intp]]  # those to train on, and the others
Drawn = TypeVar("Drawn")
_FOLDS = 5  # scikit-learn's calibration divides even images that nothing is fitted on
_TEST_FRACTION = 0.2
# A fifth of fewer is less than 40: where 32 of 40 are right, the accuracy may be 0.64 or 0.91.
_FEWEST_TO_HOLD_OUT = 200
# By whether groups stay together; None: there are none.
_TEST_DRAWN = {
    None: "The tested images were drawn one by one, with the same share of each class.",
    True: "The tested images were drawn so that no group (a folder below a class, or "
    "what a file of groups tells) is on both sides.",
    False: "The tested images were drawn image by image, since no drawing by groups "
    "leaves every class on both sides. So images of one group may be on both "
    "sides, and the figures are too good.",
}
_FOLDS_DRAWN = {
    None: "",
    True: " No group (a folder below a class, or what a file of groups tells) was on both "
    "sides.",
    False: " The images were divided one by one, since no division by groups leaves every "
    "class on both sides. So images of one group may be on both sides, which "
    "makes the figures too good.",
}
_DIVIDED = (
    "The training images were cross-validated image by image, since no division by groups "
    "leaves every class on both sides, so what is chosen by it is too confident."
)


@dataclass(frozen=True)
class Plan:
    """What is to be trained on what, and where it goes."""

    folder: str  # the labelled images, as `load_image_folder` takes them
    out: str  # the run folder
    parameters: dict[str, Any]  # those of the estimator that differ from its defaults
    command_line: Sequence[str]  # the words that asked for it, for the record
    classes: Sequence[str] = ("real", "fake")
    # Share of the images that is held out for the test, where the folder has no test part;
    # None holds out a fifth, or cross-validates where that would tell too little.
    test_fraction: float | None = None
    use_groups: bool = True  # whether to keep groups together
    # A file that tells the groups; None for the folders below the classes.
    groups_file: str | None = None
    random_state: int = 0  # seed of the test part's draw, and the estimator's own
    # How threshold, calibration and unsure band are to be chosen.
    decision: DecisionPlan = field(default_factory=DecisionPlan)
    # Whether to leave out training images that cannot be read.
    skip_unreadable: bool = False
    force: bool = False  # whether an earlier run may be replaced
    progress: bool = False  # whether to show bars
    audit: bool = True  # whether to audit the images first
    title: str = "Fake or real?"  # heading of the page
    cautions: Sequence[str] = ()  # what a reader must know before any figure


@dataclass(frozen=True)
class Prepared:
    """A classifier that is not fitted yet, and its images."""

    classifier: VGG16ImageClassifier
    is_solved: bool  # whether its head is, or else trained by Keras
    parts: Parts
    audit: Audited | None  # None where none was wanted

    @property
    def audit_cautions(self) -> list[str]:
        """What the reader of any figure must know of the images."""
        return self.audit.cautions if self.audit else []


def prepare(folder: Path, plan: Plan) -> Prepared:
    """List, divide and audit the images; refuse by then whatever no training can give."""
    classifier = VGG16ImageClassifier(
        **plan.parameters, random_state=plan.random_state, verbose=int(plan.progress)
    )
    check_parameters(classifier.get_params(deep=False))
    # What Keras trains would be trained six times.
    solved = is_solved(classifier)
    by_itself = solved and classifier.validation_fraction == "auto"
    test_fraction = plan.test_fraction or (None if by_itself else _TEST_FRACTION)
    parts = split_folder(plan, test_fraction)
    n_images = len(parts.train.paths)
    by_itself = by_itself and held_fraction(classifier, n_images, solved=True) is None
    if not by_itself and (classifier.early_stopping or plan.decision.asked):
        fraction = classifier.validation_fraction
        parts = with_validation(parts, 0.1 if fraction == "auto" else fraction, plan)
    if by_itself and parts.validation is None and not parts.folds:
        _check_enough(parts.train, parts.names, 2, "each of which is held out once")
        divided = groups_to_keep(parts.train, plan) is None
        if divided and _groups(parts.train, plan) is not None:
            parts = replace(parts, how=f"{parts.how} {_DIVIDED}")
    check_decision(plan.decision, parts)
    # What is wrong with the images is said before a download, and what is wrong with the
    # weights before the long work.
    require_weights(classifier.weights, ways_out=_WAYS_OUT)
    load_trunk(classifier.weights)
    _say_what_is_trained_on(parts, by_itself=by_itself)
    audit = None
    if plan.audit:
        audit = audit_run(parts.by_name(), parts.names, folder, progress=plan.progress)
        say(f"\n{audit.said}\n")
    return Prepared(classifier, solved, parts, audit)


def _say_what_is_trained_on(parts: Parts, *, by_itself: bool) -> None:
    said = f"Training on {counted(len(parts.train.paths), 'image')}"
    if parts.validation is not None:
        said += f", validating on {len(parts.validation.paths):,}"
    elif by_itself:
        said += ", cross-validating among them"
    if parts.test is None:
        say(
            f"{said}. They are too few to hold some out for a test, so {len(parts.folds)} "
            f"more models, each fitted on about {_share_of_fold(parts.folds)} of them, will "
            f"be tested on the rest (--test-fraction {_TEST_FRACTION} holds out a fifth)."
        )
        return
    say(f"{said}; {len(parts.test.paths):,} are kept for the test.")


def split_folder(plan: Plan, test_fraction: float | None) -> Parts:
    """List a folder's images and divide them, as its split folders do or by drawing."""
    folder, groups_file = plan.folder, plan.groups_file
    bunch = load_labelled(folder, plan.classes)
    everything = Part.of(bunch)
    if groups_file is not None:
        groups = read_groups(groups_file, everything.paths, folder)
        origins = bunch.groups if is_numbered(groups_file) else None
        everything = replace(everything, groups=groups, origins=origins)
    own = parts_by_split(everything, bunch)
    if "split" in bunch and "train" not in own:
        raise ValueError(
            f"{folder!r} has split folders ({', '.join(own)}), but none to train on: "
            "add one named train."
        )
    train, validation = own.get("train", everything), own.get("validation")
    names, left_out = bunch.target_names, bunch.left_out
    if "test" in own:
        test, how = own["test"], "The tested images are the folder's own test part."
    else:
        _check_enough(train, names, 3, "to train, to validate and to test on")
        if test_fraction is None and len(train.paths) < _FEWEST_TO_HOLD_OUT:
            parts = Parts(train, validation, None, names, "", left_out=left_out)
            return with_folds(parts, plan)
        rows, together = _draw(train, test_fraction or _TEST_FRACTION, plan)
        train, test = (train.take(part) for part in rows)
        how = _TEST_DRAWN[together]
    return Parts(train, validation, test, names, how, left_out=left_out)


def _check_enough(part: Part, names: Sequence[str], needed: int, why: str) -> None:
    for name, number in part.count(names).items():
        if number < needed:
            raise ValueError(
                f"Every class needs at least {needed} images, {why}, but {name!r} has "
                f"{number}. Add more."
            )


def _groups(part: Part, plan: Plan) -> NDArray[np.object_] | None:
    """Return the groups that are to stay together, if there are any."""
    return part.groups if plan.use_groups and has_groups(part) else None


def _divide(
    part: Part, plan: Plan, draw: Callable[[NDArray[np.object_] | None], Drawn]
) -> tuple[Drawn, bool | None]:
    """Draw, image by image if need be; tell whether groups stay together, None without any."""
    groups = _groups(part, plan)
    if groups is None:
        return draw(None), None
    try:
        return draw(groups), True
    except ValueError:
        return draw(None), False


def _draw(part: Part, fraction: float, plan: Plan) -> tuple[Rows, bool | None]:
    def draw(groups: NDArray[np.object_] | None) -> Rows:
        seed = plan.random_state
        return draw_held(part.labels, groups, fraction=fraction, random_state=seed)

    return _divide(part, plan, draw)


def with_folds(parts: Parts, plan: Plan) -> Parts:
    """Divide the training part into folds, each of which is tested on once."""
    train = parts.train

    def draw(groups: NDArray[np.object_] | None) -> Folds:
        folds = draw_folds(train.labels, groups, random_state=plan.random_state)
        fewest = [min(train.take(rows).count(parts.names).values()) for rows, _ in folds]
        if groups is not None and min(fewest) < 2:
            raise ValueError  # each model divides its own images again
        return folds

    folds, together = _divide(train, plan, draw)
    how = (
        f"The figures are cross-validated, since {len(train.paths):,} images are too few to "
        "hold some out: each image was classified by a model of the same kind as the saved one, "
        f"fitted on about {_share_of_fold(folds)} of the images, without that one."
        f"{_FOLDS_DRAWN[together]} The model that is saved was fitted on all of them."
    )
    return replace(parts, folds=folds, how=how)


def _share_of_fold(folds: Folds) -> str:
    shares = {2: "half", 3: "two thirds", 4: "three quarters"}
    return shares.get(len(folds), "four fifths")


def groups_to_keep(train: Part, plan: Plan) -> NDArray[np.object_] | None:
    """Return the groups that a fit with this seed can keep together among its folds."""
    groups = _groups(train, plan)
    if groups is None:
        return None
    try:
        draw_folds(train.labels, groups, random_state=draw_seeds(plan.random_state)[0])
    except ValueError:
        return None
    return groups


def with_validation(parts: Parts, fraction: float, plan: Plan) -> Parts:
    """Draw a validation part from the training part, where the folder has none."""
    if parts.validation is not None:
        return parts
    train, how = parts.train, parts.how
    rows, together = _draw(train, fraction, plan)
    if together is False:
        how += (
            " The validation images were drawn image by image, since no drawing by groups "
            "leaves every class on both sides, so what is chosen on them is too confident."
        )
    drawn, kept = train.take(rows[1]), train.take(rows[0])
    return replace(parts, train=kept, validation=drawn, validation_drawn=True, how=how)


def check_decision(plan: DecisionPlan, parts: Parts) -> None:
    """Check that the validation images suffice for what is to be learned from them."""
    if not plan.asked:
        return
    if len(parts.names) != 2:
        raise ValueError(
            f"{', '.join(plan.asked)} can be used with two classes only, but there are "
            f"{len(parts.names)}. Leave {'it' if len(plan.asked) == 1 else 'them'} out."
        )
    if plan.calibration == "temperature":
        _check_temperature(version("scikit-learn"))
    counts = _validation_counts(parts)
    least = {option: _needed_of_each(option, plan) for option in plan.asked}
    positive = positive_class(np.arange(2), parts.names)
    assert positive is not None
    others = parts.names[1 - positive]
    if plan.target_fpr is not None:
        try:
            check_negatives(counts[others], plan.target_fpr, plan.confidence, repr(others))
        except ValueError as error:
            needed = negatives_needed(plan.target_fpr, plan.confidence)
            raise ValueError(f"{error}{_way_out(parts, others, needed)}") from error
    for option, needed in least.items():
        for name, number in counts.items():
            if number < needed:
                raise ValueError(
                    f"{option} needs at least {needed} images of each class to choose on, but "
                    f"{name!r} has {number}.{_way_out(parts, name, needed)}"
                )


def _validation_counts(parts: Parts) -> dict[str, int]:
    """Return how many images of each class a threshold is chosen on, at the least."""
    if parts.validation is not None:
        return parts.validation.count(parts.names)
    folds = [parts.train.take(rows).count(parts.names) for rows, _ in parts.folds]
    counts = folds or [parts.train.count(parts.names)]
    return {name: min(each[name] for each in counts) for name in parts.names}


def _needed_of_each(option: str, plan: DecisionPlan) -> int:
    if option == "--calibration":
        return _FOLDS
    return images_needed(plan.precision) if option == "--unsure-precision" else 1


def _check_temperature(installed: str) -> None:
    if tuple(map(int, installed.split(".")[:2])) < (1, 8):
        raise ValueError(
            f"--calibration temperature needs scikit-learn 1.8, but {installed} is "
            "installed. Update it, or use sigmoid."
        )


def _way_out(parts: Parts, name: str, needed: int) -> str:
    """Return how many images there are, and which share of them would be enough."""
    if parts.folds and parts.validation is None:
        available = parts.train.count(parts.names)[name]
        share = 1 - 1 / len(parts.folds)
        return (
            f" That is what each of the {len(parts.folds)} models of the cross-validation "
            f"has of the {available:,} there are; {math.ceil(needed / share):,} would do."
        )
    if parts.validation is None:
        return " Those are all of the training part, each classified out of fold."
    if not parts.validation_drawn:
        return ""
    of_it = parts.validation.count(parts.names)[name]
    available = of_it + parts.train.count(parts.names)[name]
    share = 1.05 * needed / available  # no draw is exact
    if share > 0.5:
        return f" The training part has {available:,} in all."
    return f" --validation-fraction {share:.2g} would hold out about as many."
