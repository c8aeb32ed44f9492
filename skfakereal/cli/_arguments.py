"""What the verbs' parsers share: options that several have, and text -> values."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace

_ABOUT_TRUST = """
A .skfr file is safe to load. WARNING: loading a joblib file runs any code in it.
Its name must end in .joblib or .pkl, and it needs --trust: use that only for
files that you made or whose maker you trust.
"""


def add_classes(parser: ArgumentParser) -> None:
    """Add the option that names the class folders."""
    parser.add_argument(
        "--classes",
        type=name_list,
        default=("real", "fake"),
        metavar="A,B,...",
        help="the class folders (default: real,fake); of two, the second is the positive "
        "one, unless one is called fake",
    )


def add_folder(parser: ArgumentParser) -> None:
    """Add the argument that names the labelled images."""
    parser.add_argument("folder", metavar="FOLDER", help="the labelled images")


def add_null(parser: ArgumentParser, list_name: str = "-") -> None:
    """Add the option that says how a list of paths is cut."""
    parser.add_argument(
        "-0",
        "--null",
        action="store_true",
        help=f"the paths of {list_name} end with null bytes, not with newlines",
    )


def add_n_jobs(parser: ArgumentParser) -> None:
    """Add the option that says how many processes read images."""
    parser.add_argument(
        "--n-jobs",
        type=int,
        metavar="N",
        help="processes that read images; -1 for one per core (default: 1)",
    )


def add_model(parser: ArgumentParser) -> None:
    """Add the argument that names a model, the option that lets it run code, and a warning."""
    parser.epilog = f"{parser.epilog}{_ABOUT_TRUST}"
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="folder that `skfakereal train` made, or a .skfr file; with --trust, a .joblib or "
        ".pkl file",
    )
    parser.add_argument(
        "--trust",
        action="store_true",
        help="load a .joblib or .pkl MODEL, which runs any code in it: only if you made it or "
        "trust its maker",
    )


def add_images(parser: ArgumentParser, *, nargs: str = "+") -> None:
    """Add the argument that names images to classify."""
    parser.add_argument(
        "images",
        metavar="IMAGE",
        nargs=nargs,
        help="image files, and folders, which are searched recursively; - reads paths from "
        "standard input, one per line",
    )


def add_pos_label(parser: ArgumentParser) -> None:
    """Add the option that names the class whose probability is told."""
    parser.add_argument(
        "--pos-label",
        metavar="NAME",
        help='the class whose probability is given (default: "fake")',
    )


def add_card(parser: ArgumentParser) -> None:
    """Add the option that names a model card to be extended."""
    parser.add_argument(
        "--card",
        metavar="FILE",
        help="add the figures to this model card, such as MODEL/card.md",
    )


def add_run(parser: ArgumentParser, *, required: bool = False) -> None:
    """Add the options that name a run folder to be written."""
    parser.add_argument(
        "--out", metavar="RUN", required=required, help="the run folder to be written"
    )
    parser.add_argument("--force", action="store_true", help="replace an earlier run")


def require(arguments: Namespace, option: str, other: str) -> None:
    """Refuse an option that was given without the one that it belongs to."""
    given = vars(arguments)
    if given[option] not in (None, False) and given[other] is None:
        name, owner = option.replace("_", "-"), other.replace("_", "-")
        raise ValueError(f"--{name} needs --{owner}. Add it, or leave --{name} out.")


def count(text: str) -> int:
    """Read a number of two or more."""
    if not text.isdecimal() or int(text) < 2:
        raise ArgumentTypeError(f"must be a number of 2 or more, got {text!r}")
    return int(text)


def add_tested(parser: ArgumentParser) -> None:
    """Add the arguments that say which images a model is tested on, and as what."""
    parser.add_argument(
        "folder",
        metavar="FOLDER",
        help="the labelled images; - reads their paths from standard input, one per line, each "
        "with a class folder in it",
    )
    add_null(parser)
    parser.add_argument(
        "--max-images",
        type=count,
        metavar="N",
        help="test a random sample of N images, stratified by class (default: all)",
    )
    parser.add_argument(
        "--random-state",
        type=int,
        default=0,
        metavar="SEED",
        help="seed of the sample (default: 0)",
    )
    parser.add_argument(
        "--split",
        choices=("auto", "all", "train", "validation", "test"),
        default="auto",
        help="which split folder (default: test if there is one, else all images except those "
        "that the run in MODEL was trained on; all tests those, too)",
    )
    parser.add_argument(
        "--classes",
        type=name_list,
        metavar="A,B,...",
        help="the class folders, in the order of the model's classes_ (default: from the run "
        "folder, else real,fake)",
    )
    parser.add_argument(
        "--pos-label",
        metavar="NAME",
        help='the positive class of the figures (default: "fake")',
    )


def image_size(text: str) -> tuple[int, int]:
    """Read ``224`` or ``224x320`` (height, width)."""
    sides = [int(side) for side in text.lower().split("x") if side.isdecimal()]
    if len(sides) not in (1, 2) or "x".join(map(str, sides)) != text.lower():
        raise ArgumentTypeError(f"must be SIDE or HEIGHTxWIDTH in pixels, got {text!r}")
    return sides[0], sides[-1]


def units(text: str) -> tuple[int, ...]:
    """Read ``256,128``; nothing at all is no layer."""
    try:
        return tuple(int(number) for number in text.split(",") if number)
    except ValueError as error:
        raise ArgumentTypeError(f"must be like 256,128, got {text!r}") from error


def none_or_text(text: str) -> str | None:
    """Read ``none``, a name or a path."""
    return None if text.lower() == "none" else text


def fraction(text: str) -> float:
    """Read a number between 0 and 1, both excluded."""
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 < number < 1:
        raise ArgumentTypeError(f"must be a number between 0 and 1, got {text!r}")
    return number


def name_list(text: str) -> tuple[str, ...]:
    """Read names that are separated by commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())
