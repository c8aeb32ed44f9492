"""A folder of labelled images -> the parts to train on, to validate on and to test on."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from skfakereal._holdout import LabelledPaths, hold_out
from skfakereal.cli._groups_file import read_groups
from skfakereal.datasets import load_image_folder

__all__ = ["Part", "Parts", "groups_to_validate", "has_groups", "split_folder"]


@dataclass(frozen=True)
class Part:
    """Labelled images.

    Parameters
    ----------
    paths : list of str
        The images.
    labels : ndarray of shape (n_images,)
        Positions of their classes.
    groups : ndarray of shape (n_images,)
        Their groups.
    """

    paths: list[str]
    labels: NDArray[np.int64]
    groups: NDArray[np.object_]

    def take(self, rows: NDArray[np.intp]) -> "Part":
        """Return some of them.

        Parameters
        ----------
        rows : ndarray of shape (n,)
            Which, by position.

        Returns
        -------
        Part
            These.
        """
        return Part([self.paths[i] for i in rows], self.labels[rows], self.groups[rows])

    def without(self, paths: Iterable[str]) -> "Part":
        """Return those that are not among some paths.

        Parameters
        ----------
        paths : iterable of str
            What to leave out.

        Returns
        -------
        Part
            The others.
        """
        out = set(paths)
        return self.take(
            np.array([i for i, p in enumerate(self.paths) if p not in out], np.intp)
        )

    def count(self, names: Sequence[str]) -> dict[str, int]:
        """Return how many images each class has.

        Parameters
        ----------
        names : sequence of str
            What the classes are called.

        Returns
        -------
        dict of str to int
            The number of images by name.
        """
        counts = Counter(self.labels.tolist())
        return {name: counts[i] for i, name in enumerate(names)}


@dataclass(frozen=True)
class Parts:
    """What a model is trained on, and what it is not shown before the end.

    Parameters
    ----------
    train, test : Part
        Both always there.
    validation : Part or None
        None where the folder has none; the estimator then draws one from `train`.
    names : list of str
        What the classes are called.
    how : str
        A sentence on how the test part came about.
    """

    train: Part
    validation: Part | None
    test: Part
    names: list[str]
    how: str

    def by_name(self) -> dict[str, Part]:
        """Return the parts that there are.

        Returns
        -------
        dict of str to Part
            ``"train"``, perhaps ``"validation"``, and ``"test"`` as the last.
        """
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: part for name, part in parts.items() if part is not None}


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
    bunch = load_image_folder(folder, classes=classes)
    everything = Part(bunch.data.tolist(), bunch.target, bunch.groups)
    if groups_file is not None:
        groups = read_groups(groups_file, everything.paths, folder)
        everything = replace(everything, groups=groups)
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
    return Parts(train, own.get("validation"), test, bunch.target_names, how)


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
    if use_groups and has_groups(part.groups):
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


def has_groups(groups: NDArray[np.object_]) -> bool:
    """Return whether any two images are of one group.

    Parameters
    ----------
    groups : ndarray of shape (n_images,)
        The group of each image.

    Returns
    -------
    bool
        False where every image is a group of its own.
    """
    return len(set(groups.tolist())) < len(groups)


def groups_to_validate(part: Part, fraction: float) -> NDArray[np.object_] | None:
    """Return the groups for the estimator's own validation part, if they can be kept apart.

    Parameters
    ----------
    part : Part
        What it trains on.
    fraction : float
        Share of the validation part.

    Returns
    -------
    ndarray of shape (n_images,) or None
        The groups, or None where there are none or too few.
    """
    if not has_groups(part.groups):
        return None
    try:
        _draw(part, part.groups, fraction, random_state=0)
    except ValueError:
        return None
    return part.groups
