"""A TOML file -> the options that it stands for, before those of the command line."""

import tomllib
from argparse import Action, ArgumentParser
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

_OPTION = "--config"
_MOST_BYTES = 2**20


def add_config(parser: ArgumentParser) -> None:
    """Add the option that names a file with options."""
    parser.add_argument(
        _OPTION,
        metavar="FILE",
        help="options from a TOML file, by their names: image-size = 64, hidden-units = "
        "[256, 128], no-audit = true; what is given here as well takes precedence",
    )


def with_config(words: Sequence[str], parser: ArgumentParser) -> list[str]:
    """Return the words of a verb with those of its file put before them."""
    scout = ArgumentParser(add_help=False, allow_abbrev=False)
    scout.add_argument(_OPTION, action="append", nargs="?")
    places = scout.parse_known_args(words)[0].config
    if _OPTION not in parser._option_string_actions or not places or not all(places):
        return list(words)
    added: list[str] = []
    for place in places:
        added += _words_of(_read(place, parser), place, parser)
    return [*added, *words]


def _read(place: str, parser: ArgumentParser) -> dict[str, Any]:
    try:
        with Path(place).open("rb") as file:
            text = file.read(_MOST_BYTES).decode("utf-8-sig")
        return tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        what = getattr(error, "strerror", None) or error
        parser.error(f"argument {_OPTION}: {place!r} cannot be read as TOML: {what}")


def _words_of(values: Mapping[str, Any], place: str, parser: ArgumentParser) -> list[str]:
    words: list[str] = []
    for key, value in values.items():
        name = key.replace("_", "-")
        try:
            words += _option(name, value, parser._option_string_actions)
        except ValueError as error:
            parser.error(f"argument {_OPTION}: in {place!r}, {key} {error}")
    return words


def _option(name: str, value: Any, known: Mapping[str, Action]) -> list[str]:
    on, off = f"--{name}", f"--no-{name}"
    if name in ("config", "help") or (on not in known and off not in known):
        names = [option[2:] for option in known if option.startswith("--")]
        near = get_close_matches(name, names, n=1)
        raise ValueError(f"is no option{f'. Did you mean {near[0]}?' if near else ''}")
    is_switch = on not in known or known[on].nargs == 0
    if isinstance(value, bool):
        if value and is_switch:
            return [on] if on in known else []
        if not value and (off in known or is_switch):
            return [off] if off in known else []
        raise ValueError("must be a value, not true or false")
    if is_switch:
        raise ValueError(f"must be true or false, got {value!r}")
    if isinstance(value, list):
        value = ("x" if name == "image-size" else ",").join(map(str, value))
    if not isinstance(value, str | int | float):
        raise ValueError(f"must be a text, a number, or a list of them, got {value!r}")
    return [f"{on}={value}"]
