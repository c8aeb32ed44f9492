"""What the user wrote after an option -> its value."""

from argparse import ArgumentTypeError

__all__ = ["fraction", "image_size", "name_list", "none_or_text", "units"]


def image_size(text: str) -> tuple[int, int]:
    """Read ``224`` or ``224x320`` (height, width).

    Parameters
    ----------
    text : str
        What the user wrote.

    Returns
    -------
    tuple of (int, int)
        Height and width.

    Raises
    ------
    ArgumentTypeError
        If it is neither.

    Examples
    --------
    >>> image_size("64"), image_size("64x96")
    ((64, 64), (64, 96))
    """
    sides = [int(side) for side in text.lower().split("x") if side.isdecimal()]
    if len(sides) not in (1, 2) or "x".join(map(str, sides)) != text.lower():
        raise ArgumentTypeError(f"must be SIDE or HEIGHTxWIDTH in pixels, got {text!r}")
    return sides[0], sides[-1]


def units(text: str) -> tuple[int, ...]:
    """Read ``256,128``; nothing at all is no layer.

    Parameters
    ----------
    text : str
        What the user wrote.

    Returns
    -------
    tuple of int
        The numbers.

    Raises
    ------
    ArgumentTypeError
        If they are no numbers.
    """
    try:
        return tuple(int(number) for number in text.split(",") if number)
    except ValueError as error:
        raise ArgumentTypeError(f"must be like 256,128, got {text!r}") from error


def none_or_text(text: str) -> str | None:
    """Read ``none``, a name or a path.

    Parameters
    ----------
    text : str
        What the user wrote.

    Returns
    -------
    str or None
        None for ``none``.

    Examples
    --------
    >>> none_or_text("imagenet"), none_or_text("none")
    ('imagenet', None)
    """
    return None if text.lower() == "none" else text


def fraction(text: str) -> float:
    """Read a number between 0 and 1, both excluded.

    Parameters
    ----------
    text : str
        What the user wrote.

    Returns
    -------
    float
        The number.

    Raises
    ------
    ArgumentTypeError
        If it is none.
    """
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 < number < 1:
        raise ArgumentTypeError(f"must be a number between 0 and 1, got {text!r}")
    return number


def name_list(text: str) -> tuple[str, ...]:
    """Read names that are separated by commas.

    Parameters
    ----------
    text : str
        What the user wrote.

    Returns
    -------
    tuple of str
        The names.
    """
    return tuple(name.strip() for name in text.split(",") if name.strip())
