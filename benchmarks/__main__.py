"""``python -m benchmarks``: this package against its rivals, side by side.

Writes ``rounds.jsonl`` (a line for each round, as soon as it is measured), ``table.md`` and
``ratios.png``. A run that is interrupted keeps what it has; what is measured again later,
with ``--only``, replaces what was measured before.
"""

import argparse
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import _cold_start, _fit, _forward, _imports, _memory, _pickle, _search
from benchmarks._machine import describe_machine
from benchmarks._output import OutputFolder
from benchmarks._rounds import Round
from benchmarks._setting import FULL, QUICK, Setting

__all__ = ["CASES", "main", "run"]

CASES: dict[str, Callable[[Setting, Path], Iterator[Round]]] = {
    "import": _imports.measure,
    "cold": _cold_start.measure,
    "pickle": _pickle.measure,
    "forward": _forward.measure,
    "fit": _fit.measure,
    "photographs": _fit.measure_photographs,
    "search": _search.measure,
    "memory": _memory.measure,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmarks.

    Parameters
    ----------
    argv : sequence of str, default=None
        The arguments; None for those of the process.

    Returns
    -------
    int
        0 if every case was measured, 1 if one failed, 130 if it was interrupted. Targets
        that are not met are no failure.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("skfakereal-benchmarks"),
        metavar="FOLDER",
        help="where the results go (default: %(default)s)",
    )
    parser.add_argument(
        "--quick", action="store_true", help="small work, few rounds: to see that it runs"
    )
    parser.add_argument(
        "--only", nargs="+", choices=tuple(CASES), metavar="CASE", help=", ".join(CASES)
    )
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds of each case")
    arguments = parser.parse_args(argv)
    setting = QUICK if arguments.quick else FULL
    if arguments.rounds is not None:
        if arguments.rounds < 1:
            parser.error(f"--rounds must be at least 1, got {arguments.rounds}")
        setting = replace(setting, rounds=arguments.rounds)
    return run(arguments.only or list(CASES), setting, arguments.out)


def run(cases: Sequence[str], setting: Setting, out: Path) -> int:
    """Measure cases and write the results.

    Parameters
    ----------
    cases : sequence of str
        Names of cases.
    setting : Setting
        How much work they do.
    out : Path
        Where the results go.

    Returns
    -------
    int
        As `main` does.

    Raises
    ------
    ValueError
        If `out` holds the results of another setting.
    """
    # The workers inherit it: no message of TensorFlow's, and never the user's own store.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["SKFAKEREAL_CACHE"] = "off"
    settings = {name: str(value) for name, value in asdict(setting).items()}
    output = OutputFolder(out, settings, describe_machine())
    code = 0
    for case in cases:
        try:
            with TemporaryDirectory(prefix="skfakereal-benchmark-") as folder:
                for measured in CASES[case](setting, Path(folder)):
                    output.add(measured)
        except KeyboardInterrupt:
            code = 130
            break
        except Exception:  # the other cases are worth an hour of their own
            print(f"{case}: failed\n{traceback.format_exc()}", file=sys.stderr, flush=True)
            code = 1
        finally:
            output.write()
    print(f"\n{output.table.read_text(encoding='utf-8')}\n{output.table}\n{output.plot}")
    return code


if __name__ == "__main__":
    sys.exit(main())
