"""Case "search": GridSearchCV over the head and its learning rate."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from sklearn.model_selection import GridSearchCV, StratifiedKFold

from benchmarks._fit import classifier, forget_tails
from benchmarks._material import Images, write_images, write_weights
from benchmarks._rounds import Contest, Round, interleave
from benchmarks._setting import Setting
from benchmarks._workers import Worker, seconds_of
from benchmarks.rivals import scikeras_search

__all__ = ["measure"]

_GRID: dict[str, list[Any]] = {
    "learning_rate": [1e-2, 3e-3, 1e-3, 3e-4],
    "hidden_units": [(256, 128), (64, 32)],
}
_FOLDS = 3
_FITS = 8 * _FOLDS


def measure(setting: Setting, folder: Path) -> Iterator[Round]:
    """Measure our whole search, and one of the rival's fits with its scoring.

    Parameters
    ----------
    setting : Setting
        How many images, epochs, views.
    folder : Path
        An empty folder.

    Yields
    ------
    Round
        As it is measured; the rival's seconds are those of one fit times the fits.
    """
    side, epochs = setting.side, setting.epochs
    weights = str(write_weights(folder / "vgg16.safetensors"))
    images = write_images(folder / "images", setting.search_images, side + side // 4)
    work = f"8 x {_FOLDS} x {epochs}"
    note = (
        f"{setting.search_images} images of {side}x{side}, no refit; the rival has {_FITS} "
        "fits, one measured"
    )
    rows = {
        True: Contest(
            "search",
            f"grid search {work}, {setting.n_views} views",
            "scikeras",
            "s",
            at_least=35.0,
            note=note,
        ),
        False: Contest(
            "search",
            f"grid search {work}, no augmentation",
            "scikeras",
            "s",
            at_least=200.0,
            note=note,
        ),
    }
    shared = weights, side, epochs, images
    with Worker(_make_ours, *shared) as ours, Worker(_make_rival, *shared) as rival:
        turns: dict[tuple[bool, str], Callable[[], float]] = {}
        for augment in rows:
            turns[augment, "rival"] = partial(rival, augment)
            turns[augment, "ours"] = partial(ours, setting.n_views if augment else 0)
        for number, seconds in interleave(turns, setting.rounds):
            for augment, contest in rows.items():
                theirs = _FITS * seconds[augment, "rival"]
                yield Round(contest, number, seconds[augment, "ours"], theirs)


def _folds() -> StratifiedKFold:
    return StratifiedKFold(_FOLDS, shuffle=True, random_state=0)


def _make_ours(
    weights: str, side: int, epochs: int, images: Images
) -> Callable[[int], float]:
    """Return, in a worker, what searches with an empty store."""
    from tempfile import TemporaryDirectory

    def search(n_views: int) -> float:
        augmentation = {"n_views": n_views} if n_views else {"augmentation": None}
        with TemporaryDirectory() as store:
            found = GridSearchCV(
                classifier(weights, side, epochs, cache=store, **augmentation),
                _GRID,
                scoring="accuracy",
                cv=_folds(),
                refit=False,
                error_score="raise",
            )
            forget_tails()
            return seconds_of(lambda: found.fit(*images))

    paths, labels = images
    classifier(weights, side, 1, cache=None, n_views=1).fit(paths[:20], labels[:20])
    return search


def _make_rival(
    weights: str, side: int, epochs: int, images: Images
) -> Callable[[bool], float]:
    """Return, in a worker, what searches over one candidate and one fold."""
    paths, labels = images

    def search(augment: bool, n_images: int = len(paths), epochs: int = epochs) -> float:
        few = paths[:n_images], labels[:n_images]
        fold = next(_folds().split(*few))
        grid = {name: values[:1] for name, values in _GRID.items()}
        return seconds_of(
            lambda: scikeras_search.search(
                *few, weights, side, grid, [fold], augment=augment, epochs=epochs
            )
        )

    search(True, 20, 1)
    return search
