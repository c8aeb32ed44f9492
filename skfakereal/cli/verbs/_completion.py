"""``skfakereal completion``: the script by which a shell completes our words."""

from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Iterator

from skfakereal.cli._output import say

_SHELLS = ("bash", "zsh", "fish", "tcsh")
SUMMARY = "print the script for completion in your shell"
DESCRIPTION = """\
Print the script by which your shell completes verbs, options and file names.
"""

EPILOG = """\
examples:
  skfakereal completion bash   the script for bash

to install it:
  bash  skfakereal completion bash > ~/.skfakereal.bash
        and in ~/.bashrc: source ~/.skfakereal.bash
  zsh   skfakereal completion zsh > ~/.zfunc/_skfakereal
        and in ~/.zshrc, before compinit: fpath+=~/.zfunc
  fish  skfakereal completion fish > ~/.config/fish/completions/skfakereal.fish

Start a new shell then, and do it again after an update of skfakereal.
"""
_FOLDERS = ("FOLDER", "RUN")
_FILES = ("FILE", "IMAGE", "LIST", "MODEL", "OUT", "PLACE", "SOURCE", "auto|none|FILE")


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("shell", choices=_SHELLS, help="which shell")


def run(arguments: Namespace) -> int:
    """Print the script."""
    import shtab

    for each in _with_verbs(arguments.program):
        for action in each._actions:
            if action.metavar in _FOLDERS:
                action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
            elif action.metavar in _FILES:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
    say(shtab.complete(arguments.program, arguments.shell).rstrip())
    return 0


def _with_verbs(parser: ArgumentParser) -> Iterator[ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, _SubParsersAction):
            yield from action.choices.values()
