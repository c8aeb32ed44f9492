"""A folder of labelled images -> its split folders, and the class folders in them."""

from collections.abc import Collection, Sequence
from pathlib import Path

from skfakereal.datasets._listing import LeftOut, images_in, is_system_folder

_SPLIT_NAMES = {
    "train": "train",
    "validation": "validation",
    "val": "validation",
    "valid": "validation",
    "test": "test",
}


def check_classes(classes: Sequence[str]) -> list[str]:
    """Return the names of the class folders as a list."""
    names = [] if isinstance(classes, str) else list(classes)
    different = {name.lower() for name in names if isinstance(name, str)}
    if len(names) < 2 or len(different) < len(names):
        raise ValueError(
            "classes must be at least two different folder names, such as "
            f"('real', 'fake'), got {classes!r}."
        )
    return names


def find_splits(top: Path, names: list[str], split: str) -> dict[str, Path]:
    """Find the folders that hold class folders."""
    if split != "all" and split not in _SPLIT_NAMES.values():
        raise ValueError(
            f'split must be "all", "train", "validation" or "test", got {split!r}.'
        )
    folders = _folders_in(top)
    splits: dict[str, Path] = {}
    for folder in folders:
        name = _SPLIT_NAMES.get(folder.name.lower())
        if name in splits:
            raise ValueError(
                f"Every split must be one folder, but {str(top)!r} has both "
                f"{splits[name].name!r} and {folder.name!r}. Merge them."
            )
        if name:
            splits[name] = folder
    if splits and {folder.name.lower() for folder in folders} & {n.lower() for n in names}:
        raise ValueError(
            f"{str(top)!r} must hold either class folders or split folders, but it holds "
            f"both: {_quote(folders)}. Move the one into the other."
        )
    if split == "all":
        return splits or {"": top}
    if split not in splits:
        raise ValueError(
            f"{str(top)!r} has no folder for the split {split!r}. It was looked for "
            f"beside these folders: {_quote(folders)}."
        )
    return {split: splits[split]}


def find_classes(folder: Path, names: list[str]) -> list[Path]:
    """Find the folder of each class."""
    folders = _folders_in(folder)
    class_folders = []
    for name in names:
        matches = [path for path in folders if path.name.lower() == name.lower()]
        if len(matches) > 1:
            raise ValueError(
                f"Every class must be one folder, but {str(folder)!r} has "
                f"{_quote(matches)}. Merge them."
            )
        if not matches:
            raise ValueError(
                f"{str(folder)!r} must have a folder for each class ({', '.join(names)}; "
                f"upper or lower case), but none is called {name!r}. It has these "
                f"folders: {_quote(folders)}. Rename them, or name yours: classes=(...), on the "
                "command line --classes A,B."
            )
        class_folders += matches
    return class_folders


def count_others(folder: Path, used: Collection[Path], left_out: LeftOut) -> None:
    """Count the folders, and the images beside them, that are left out."""
    for path in _folders_in(folder):
        if path not in used:
            left_out.add(f"folder {path.name!r}", path.name)
    for name in images_in(folder):
        left_out.add(f"images right in {folder.name!r}", name)


def _folders_in(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_dir() and not is_system_folder(path.name)
    )


def _quote(paths: Sequence[Path]) -> str:
    shown = [repr(path.name) for path in paths[:10]]
    if len(paths) > len(shown):
        shown.append(f"and {len(paths) - len(shown)} more")
    return ", ".join(shown) or "none"
