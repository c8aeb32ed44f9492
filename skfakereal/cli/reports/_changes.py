"""What the user calls changes of an image -> perturbations."""

from collections.abc import Callable, Sequence

from skfakereal.evaluation import standard_perturbations
from skfakereal.evaluation.perturbations import (
    Blur,
    Chain,
    Copy,
    Crop,
    Fit,
    Jpeg,
    Noise,
    Perturbation,
    Scale,
    Trim,
    WebP,
    name_of,
)

__all__ = ["read_changes"]

_KINDS: dict[str, type] = {
    **{"copy": Copy, "jpeg": Jpeg, "webp": WebP, "scale": Scale, "blur": Blur},
    **{"noise": Noise, "crop": Crop, "fit": Fit, "trim": Trim, "chain": Chain},
}
_NUMBERS: dict[str, Callable[[str], float]] = {
    **{"jpeg": int, "webp": int, "fit": int, "trim": int},
    **{"scale": float, "blur": float, "noise": float, "crop": float},
}


def read_changes(words: Sequence[str]) -> list[Perturbation]:
    """Read ``jpeg`` (all the usual ones of a kind), ``jpeg:85`` or ``chain:web``.

    Parameters
    ----------
    words : sequence of str
        What the user wrote.

    Returns
    -------
    list of Perturbation
        The changes, each once, in this order.

    Raises
    ------
    ValueError
        If there is no such change.

    Examples
    --------
    >>> read_changes(["blur", "jpeg:85"])
    [Blur(radius=0.5), Blur(radius=1.0), Blur(radius=2.0), Jpeg(quality=85)]
    """
    found = [change for word in words for change in _read(word)]
    return list({name_of(change): change for change in found}.values())


def _read(word: str) -> list[Perturbation]:
    name, colon, level = word.lower().partition(":")
    if name in _NUMBERS and colon:
        try:
            return [_KINDS[name](_NUMBERS[name](level))]
        except ValueError as error:
            raise ValueError(f"--changes: {word!r} is no change. {error}") from error
    usual = [
        change
        for change in standard_perturbations()
        if type(change) is _KINDS.get(name) and (not colon or change.level == level)
    ]
    if not usual:
        raise ValueError(
            f"--changes must be some of {', '.join(_KINDS)} (fit and trim with a number, "
            f"as in fit:768), a single one such as jpeg:85 or chain:web, got {word!r}."
        )
    return usual
