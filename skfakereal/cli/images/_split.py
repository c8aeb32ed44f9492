"""A folder of labelled images -> the parts to train on, to validate on and to test on."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from skfakereal._holdout import LabelledPaths, hold_out
from skfakereal.cli.images._groups_file import is_numbered, read_groups
from skfakereal.cli.images._inputs import load_labelled
from skfakereal.cli.images._parts import Part, Parts, has_groups

__all__ = ["split_folder", "with_validation"]


def split_folder(
    folder: str,
    *,
    classes: Sequence[str],
    test_fraction: float,
    use_groups: bool,
    groups_file: str | None = None,
    random_state: int,
) -> Parts:
    """List a folder's images and divide them, as its split folders do or by drawing.

    Parameters
    ----------
    folder : str
        As `load_image_folder` takes it.
    classes : sequence of str
        Its class folders.
    test_fraction : float
        Share of the test part, where it is drawn.
    use_groups : bool
        Whether images of one group must be on the same side, where that is possible.
    groups_file : str or None, default=None
        The file that tells the groups; None for the folders below the classes.
    random_state : int
        Seed of the draw.

    Returns
    -------
    Parts
        The parts.

    Raises
    ------
    OSError, ValueError
        If the folder is no such folder, or has too few images.
    """
    bunch = load_labelled(folder, classes)
    everything = Part(bunch.data.tolist(), bunch.target, bunch.groups)
    if groups_file is not None:
        groups = read_groups(groups_file, everything.paths, folder)
        origins = bunch.groups if is_numbered(groups_file) else None
        everything = replace(everything, groups=groups, origins=origins)
    own: dict[str, Part] = {}
    if "split" in bunch:
        for name in np.unique(bunch.split):
            own[str(name)] = everything.take(np.flatnonzero(bunch.split == name))
        if "train" not in own:
            raise ValueError(
                f"{folder!r} has split folders ({', '.join(own)}), but none to train on: "
                "add one that is called train."
            )
    train = own.get("train", everything)
    if "test" in own:
        test, how = own["test"], "The tested images are the folder's own test part."
    else:
        _check_enough(train, bunch.target_names)
        rows, how = _draw_test(train, test_fraction, use_groups, random_state)
        train, test = (train.take(part) for part in rows)
    validation = own.get("validation")
    return Parts(train, validation, test, bunch.target_names, how, left_out=bunch.left_out)


def _check_enough(part: Part, names: Sequence[str]) -> None:
    for name, number in part.count(names).items():
        if number < 3:
            raise ValueError(
                "Every class needs at least 3 images, to train, to validate and to test on, "
                f"but {name!r} has {number}. Add more."
            )


Rows = tuple[NDArray[np.intp], NDArray[np.intp]]


def _draw_test(
    part: Part, fraction: float, use_groups: bool, random_state: int
) -> tuple[Rows, str]:
    if use_groups and has_groups(part):
        try:
            rows = _draw(part, part.groups, fraction, random_state)
        except ValueError:
            how = (
                "The tested images were drawn image by image, since no drawing by groups "
                "leaves every class on both sides. So images of one group may be on both "
                "sides, which flatters the figures."
            )
            return _draw(part, None, fraction, random_state), how
        how = (
            "The tested images were drawn so that no group (a folder below a class, or "
            "what a file of groups tells) is on both sides."
        )
        return rows, how
    how = "The tested images were drawn one by one, with the same share of each class."
    return _draw(part, None, fraction, random_state), how


def _draw(
    part: Part, groups: NDArray[np.object_] | None, fraction: float, random_state: int
) -> Rows:
    images = LabelledPaths.check(part.paths, part.labels, groups=groups)
    train, test = hold_out(images, fraction=fraction, random_state=random_state)
    return train.positions, test.positions


def with_validation(
    parts: Parts, fraction: float, *, use_groups: bool, random_state: int
) -> Parts:
    """Draw a validation part from the training part, where the folder has none.

    Parameters
    ----------
    parts : Parts
        The parts.
    fraction : float
        Share of the validation part.
    use_groups : bool
        Whether images of one group must be on the same side, where that is possible.
    random_state : int
        Seed of the draw.

    Returns
    -------
    Parts
        The parts, with one to validate on.

    Raises
    ------
    ValueError
        If a class has a single image.
    """
    if parts.validation is not None:
        return parts
    train = parts.train
    groups = train.groups if use_groups and has_groups(train) else None
    how = parts.how
    try:
        rows = _draw(train, groups, fraction, random_state)
    except ValueError:
        if groups is None:
            raise
        rows = _draw(train, None, fraction, random_state)
        how += (
            " The validation images were drawn image by image, since no drawing by groups "
            "leaves every class on both sides, so what is chosen on them is too confident."
        )
    drawn, kept = train.take(rows[1]), train.take(rows[0])
    return replace(parts, train=kept, validation=drawn, validation_drawn=True, how=how)
