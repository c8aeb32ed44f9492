"""``skfakereal cache``: what is kept of images, and how to empty it."""

from argparse import ArgumentParser, Namespace

from skfakereal.cli._output import say

SUMMARY = "show or empty the cache of activations"
DESCRIPTION = """\
Show the size of the cache, or empty it. It holds activations of the frozen part
of VGG16, never images, so that they are computed once. Emptying it costs only
time.
"""

EPILOG = """\
examples:
  skfakereal cache info
  skfakereal cache clear
  SKFAKEREAL_CACHE=/elsewhere skfakereal cache info
"""


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("action", choices=("info", "clear"), help="what to do")
    parser.add_argument(
        "--cache",
        metavar="FOLDER",
        default="auto",
        help="the folder (default: SKFAKEREAL_CACHE, else one in your own cache folder)",
    )


def run(arguments: Namespace) -> int:
    """Print the place and size of the cache; empty it first if asked to."""
    from skfakereal._store.store import open_store

    store = open_store(arguments.cache)
    if store is None:
        say("There is no cache: SKFAKEREAL_CACHE is off.")
        return 0
    if arguments.action == "clear":
        store.clear()
    info = store.info()
    size = f"{info.n_bytes / 2**20:,.1f} MiB of {info.max_bytes / 2**20:,.0f} MiB"
    say(f"{info.path}: {info.n_entries:,} entries, {size}")
    return 0
