"""What the verbs' parsers share: common options, and text -> values."""

from argparse import (
    ArgumentParser,
    ArgumentTypeError,
    BooleanOptionalAction,
    Namespace,
    RawDescriptionHelpFormatter,
    _SubParsersAction,
)
from collections.abc import Callable

__all__ = [
    "Verbs",
    "add_classes",
    "add_verb",
    "finish_verb",
    "fraction",
    "image_size",
    "name_list",
    "none_or_text",
    "units",
]

Verbs = _SubParsersAction  # [ArgumentParser]; argparse has no public name for it


def add_verb(
    verbs: "Verbs[ArgumentParser]",
    name: str,
    *,
    summary: str,
    description: str,
    epilog: str,
) -> ArgumentParser:
    """Add the parser of a verb.

    Parameters
    ----------
    verbs : argparse action
        What ``add_subparsers`` returned.
    name : str
        The verb.
    summary : str
        Its line in the list of verbs.
    description, epilog : str
        What stands before and after the options in its help.

    Returns
    -------
    ArgumentParser
        The parser.
    """
    return verbs.add_parser(
        name,
        help=summary,
        description=description,
        epilog=epilog,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def add_classes(parser: ArgumentParser) -> None:
    """Add the option that names the class folders.

    Parameters
    ----------
    parser : ArgumentParser
        The parser of the verb.
    """
    parser.add_argument(
        "--classes",
        type=name_list,
        default=("real", "fake"),
        metavar="A,B,...",
        help="the class folders (default: real,fake); of two, the second is the positive "
        "one, unless one is called fake",
    )


def finish_verb(parser: ArgumentParser, run: Callable[[Namespace], int]) -> None:
    """Add the options that every verb has, after its own, and what the verb does.

    Parameters
    ----------
    parser : ArgumentParser
        The parser of the verb.
    run : callable
        From what was parsed to the exit code.
    """
    parser.add_argument(
        "--progress",
        action=BooleanOptionalAction,
        default=None,
        help="progress bars on standard error (default: if that is a terminal)",
    )
    parser.add_argument(
        "--debug", action="store_true", help="show where an error happened (a traceback)"
    )
    parser.set_defaults(run=run)


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
