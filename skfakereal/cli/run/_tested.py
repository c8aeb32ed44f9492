"""What is tested on what: a model, and those of a folder's images that it is tested on."""

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from sklearn.utils import resample

from skfakereal._images.read import ImageReadError, decode_image, read_bytes
from skfakereal._judging.model import Model, load_model
from skfakereal._parameters import settings_of
from skfakereal._wording import counted
from skfakereal.cli._images import STDIN, Part, find_images, iterate_list, load_labelled
from skfakereal.cli._output import complain, say, watched
from skfakereal.cli.run._folder import describe_run
from skfakereal.cli.run._seen import NOT_KNOWN, Seen, look_up

_DRAW = 2  # tells this draw from others with the same seed


@dataclass(frozen=True)
class Tested:
    """A model and the images that it is tested on."""

    model: Model
    part: Part
    how: str  # how they were chosen
    seen: Seen | None  # which of them the model has seen; None if that is not known

    def readable(self, *, progress: bool) -> tuple["Tested", list[str]]:
        """Set aside the images that cannot be read; return their paths too."""
        broken, paths = [], self.part.paths
        for path in watched(paths, total=len(paths), label="read", progress=progress):
            try:
                decode_image(read_bytes(path), path)
            except ImageReadError:
                broken.append(path)
        return replace(self, part=self.part.without(broken)), broken

    def said(self) -> str:
        """Say how the images were chosen, and how many the model has seen."""
        paths = self.part.paths
        return f"{self.how} {NOT_KNOWN if self.seen is None else self.seen.sentence(paths)}"

    def cautions(self) -> list[str]:
        """Return what the reader must know of the images before any figure."""
        return [] if self.seen is None else self.seen.cautions(self.part.paths)


def load_tested(
    arguments: Namespace,
    *,
    progress: bool,
    unlabelled: bool = False,
    only_new: bool = False,
) -> Tested:
    """Load a model and list the images that it is to be tested on.

    From a folder that holds a run's test part, what its model was trained on is left out; so
    it is from any folder if the run held no images out for a test, or with `only_new`. The
    labels of `unlabelled` images mean nothing.
    """
    try:
        model = load_model(
            arguments.model,
            pos_label=arguments.pos_label,
            names=arguments.classes,
            trust=arguments.trust,
        )
    except ValueError as error:
        raise ValueError(str(error).replace("target_names", "--classes")) from error
    if arguments.pos_label is not None and len(model.names) != 2:
        raise ValueError(
            f"--pos-label is for two classes, but MODEL has {list(model.names)}. Leave it out."
        )
    listed = arguments.folder == STDIN
    label = vars(arguments).get("label")
    if unlabelled or label is not None:
        (part, how), left_out = _part_of_one(arguments, model, label), ""
    elif listed:
        paths = list(iterate_list(STDIN, null=arguments.null))
        (part, how), left_out = listed_part(paths, arguments.split, model.names), ""
    else:
        part, how, left_out = tested_part(arguments.folder, arguments.split, model)
    seen = look_up(model.run, part.paths, progress=progress)
    if seen is not None and arguments.split == "auto":
        if only_new or not seen.held_out:
            seen = replace(seen, held_out=False)
            _refuse_if_all_seen(seen, model, listed)
        if not listed or only_new:
            whole = "standard input" if listed else repr(arguments.folder)
            part, how = _not_seen(part, how, seen, whole)
    n_all = len(part.paths)
    if arguments.max_images is not None:
        part = draw_some(part, arguments.max_images, arguments.random_state)
    if len(part.paths) < n_all:
        how += f" {len(part.paths):,} of {n_all:,} were sampled, stratified by class."
    return Tested(model, part, f"{how} {left_out}".strip(), seen)


def _not_seen(part: Part, how: str, seen: Seen, whole: str) -> tuple[Part, str]:
    trained_on = seen.all_but_tested()
    if not trained_on or (seen.held_out and seen.tested.isdisjoint(part.paths)):
        return part, how
    left = part.without(trained_on)
    if not seen.held_out:
        whose = "those that the model was not trained on"
    elif seen.tested.issuperset(left.paths):
        whose = "the run's own test part"
    else:
        whose = "the run's own test part and those that are new to it"
    how = (
        f"The tested images are {whose}: {len(left.paths):,} of the {len(part.paths):,} of "
    )
    return left, f"{how}{whole}. --split all tests all of them."


def _refuse_if_all_seen(seen: Seen, model: Model, listed: bool) -> None:
    if not seen.all_but_tested().issuperset(seen.given):
        return
    which = "listed images" if listed else "images of this folder"
    raise ValueError(
        f"The model was trained or validated on all {len(seen.given):,} {which}: what it says "
        "of them tells nothing about others. Take new images. The figures of its own run "
        f"are in {model.run}/report.html. --split all takes these images all the same."
    )


def describe_test(
    arguments: Namespace, tested: Tested, unreadable: Sequence[str], cautions: Sequence[str]
) -> dict[str, Any]:
    """Return what ``config.json`` keeps of a test."""
    model, part = tested.model, tested.part
    return describe_run(
        arguments.command_line,
        data={
            "folder": arguments.folder,
            "classes": list(model.names),
            "test": part.count(model.names),
            "test_images": tested.said(),
            "seen": None if tested.seen is None else tested.seen.facts(part.paths),
            "unreadable": list(unreadable),
        },
        model={"file": arguments.model, **settings_of(model.estimator)},
        remarks=list(cautions),
        decision=model.config.get("decision"),
    )


def end_test(out: str | None, unreadable: Sequence[str]) -> int:
    """Say where the report is and what could not be read."""
    if out:
        say(f"\nThe report is {out}/report.html.")
    if unreadable:
        complain(f"{counted(len(unreadable), 'image')} could not be read")
    return 3 if unreadable else 0


def tested_part(
    folder: str, split: Literal["auto", "all", "train", "validation", "test"], model: Model
) -> tuple[Part, str, str]:
    """List the images of a folder, or of one of its split folders."""
    wanted = "all" if split == "auto" else split
    bunch = load_labelled(folder, model.names, split=wanted)
    part = Part.of(bunch)
    if split == "auto" and "split" in bunch and "test" in bunch.split:
        wanted = "test"
        part = part.take((bunch.split == "test").nonzero()[0])
    of_it = "all images" if wanted == "all" else f"the {wanted} part"
    return part, f"The tested images are {of_it} of {folder!r}.", bunch.left_out


def _part_of_one(arguments: Namespace, model: Model, label: str | None) -> tuple[Part, str]:
    """List images, folders searched to all depths, of one class or of any."""
    if label is not None and label not in model.names:
        raise ValueError(
            f"--label must be one of the classes {list(model.names)}, got {label!r}."
        )
    if arguments.split not in ("auto", "all"):
        raise ValueError(
            f"--split {arguments.split} needs split folders with class folders in them. "
            "Leave it out."
        )
    paths = find_images([arguments.folder], null=arguments.null)
    labels = np.full(len(paths), 0 if label is None else model.names.index(label), np.int64)
    of_class = "" if label is None else f", as those of class {label}"
    how = f"The tested images are all images below {arguments.folder!r}{of_class}."
    return Part(paths, labels, np.array(paths, dtype=object)), how


def listed_part(paths: Sequence[str], split: str, names: Sequence[str]) -> tuple[Part, str]:
    """Label listed images by the class folder in their paths."""
    if split not in ("auto", "all"):
        raise ValueError("--split needs a folder, not a list of paths. Leave it out.")
    if not paths:
        raise ValueError("Standard input lists no images.")
    label_of = {name.lower(): label for label, name in enumerate(names)}
    labels, groups = [], []
    for i, path in enumerate(paths):
        *folders, _ = Path(path).parts or ("",)
        place = next(
            (k for k, f in reversed([*enumerate(folders)]) if f.lower() in label_of), None
        )
        if place is None:
            raise ValueError(
                f"Every listed image must lie in a class folder ({', '.join(names)}), but "
                f"{path!r} (image {i}) does not. Name the classes with --classes A,B."
            )
        labels.append(label_of[folders[place].lower()])
        groups.append(folders[place + 1] if place + 1 < len(folders) else path)
    part = Part([*paths], np.array(labels, np.int64), np.array(groups, object))
    return part, "The tested images are those that standard input lists."


def draw_some(part: Part, n_images: int, random_state: int) -> Part:
    """Draw some images, with the shares of the classes kept."""
    if n_images >= len(part.paths):
        return part
    # Not the plain seed: `train` draws its parts with it, in the same way, and all images
    # that are drawn here would be some of the training part.
    rows = resample(
        np.arange(len(part.paths)),
        replace=False,
        n_samples=n_images,
        stratify=part.labels,
        random_state=np.random.RandomState([abs(random_state), _DRAW]),
    )
    return part.take(np.sort(rows))
