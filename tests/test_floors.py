"""Imports never go up and never form a ring (CONTRIBUTING.md)."""

import ast
import graphlib
from functools import cache
from pathlib import Path

import skfakereal

ROOT = Path(skfakereal.__file__).parent
# Whatever is not named here is a foundation.
BY_FLOOR = {
    6: "__init__ __main__",
    5: "cli web",
    4: "_judging audit cards cases evaluation explain persistence provenance scoring thresholds",
    3: "_classifier _classifying _features",
    2: "_activations _probabilities _training",
}
FLOORS = {name: floor for floor, names in BY_FLOOR.items() for name in names.split()}


def _module(path: Path) -> str:
    return ".".join(["skfakereal", *path.relative_to(ROOT).with_suffix("").parts])


MODULES = {_module(p).removesuffix(".__init__") for p in ROOT.rglob("*.py")}


@cache
def _imports(path: Path) -> set[str]:
    """Return the modules of this package that a module imports, wherever it does so."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
        if module.startswith("skfakereal"):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in MODULES else str(node.module))
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name in MODULES}
    return found


def _floor(module: str) -> int:
    parts = module.split(".")[1:] or ["__init__"]
    return FLOORS.get(parts[0], 1)


def test_every_named_floor_exists() -> None:
    here = {p.stem for p in ROOT.iterdir()}
    assert set(FLOORS) <= here


def test_imports_never_go_up() -> None:
    up = [
        f"{_module(path)} imports {imported}"
        for path in ROOT.rglob("*.py")
        for imported in _imports(path)
        # Everybody may ask the package for its version.
        if imported != "skfakereal" and _floor(imported) > _floor(_module(path))
    ]
    assert up == []


# An engine that is imported only where it computes.
SIDE_DOORS = {"skfakereal.engines._int8", "skfakereal.engines._tensorflow"}


def test_packages_are_entered_by_their_door() -> None:
    entered = {
        imported
        for path in ROOT.rglob("*.py")
        for imported in _imports(path) - SIDE_DOORS
        for room, *inner in [imported.split(".")[1:] or [""]]
        if any(part.startswith("_") for part in inner) and not room.startswith("_")
        if room != path.relative_to(ROOT).parts[0]
    }
    assert entered == set()


def test_imports_form_no_ring() -> None:
    graph = {
        _module(path): _imports(path) - {"skfakereal"}
        for path in ROOT.rglob("*.py")
        if path != ROOT / "__init__.py"
    }
    # A package and its __init__ are one node; within a package, modules import siblings.
    graph = {name: needs - {name.rpartition(".")[0]} for name, needs in graph.items()}
    tuple(graphlib.TopologicalSorter(graph).static_order())


def test_rooms_of_evaluation_form_no_ring_and_figures_know_no_page() -> None:
    needs: dict[str, set[str]] = {}
    for path in (ROOT / "evaluation").glob("*/*.py"):
        needs.setdefault(path.parent.name, set()).update(_imports(path))
    assert not {"skfakereal._pages.html", "skfakereal._pages.pictures"} & needs["figures"]
    graph: dict[str, set[str]] = {}
    for room, names in needs.items():
        below = [name for name in names if name.startswith("skfakereal.evaluation.")]
        graph[room] = {name.split(".")[2] for name in below} - {room}
    assert {room for room, below in graph.items() if below} >= {"report", "comparison"}
    assert graph["figures"] == set()
    tuple(graphlib.TopologicalSorter(graph).static_order())
