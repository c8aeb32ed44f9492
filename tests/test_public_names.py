"""Public names: sorted, complete, and each with a complete numpydoc docstring."""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from numpydoc.validate import validate

import skfakereal
from skfakereal.evaluation import perturbations

# What users import from; no other module needs a list.
PUBLIC_MODULES = [
    "skfakereal",
    *(
        f"skfakereal.{n}"
        for n in skfakereal.__all__
        if inspect.ismodule(getattr(skfakereal, n))
    ),
    "skfakereal.cli",
    "skfakereal.evaluation.perturbations",
]


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_every_public_module_lists_names_that_it_has(name: str) -> None:
    module = importlib.import_module(name)  # ruff holds the order
    for public in module.__all__:
        assert getattr(module, public) is not None


def test_public_names_are_sorted() -> None:
    assert skfakereal.__all__ == sorted(skfakereal.__all__)


def test_dir_lists_the_public_names() -> None:
    assert set(skfakereal.__all__) <= set(dir(skfakereal))


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'VGG19ImageClassifier'"):
        _ = skfakereal.VGG19ImageClassifier


# Left out: an extended summary, an example and a See Also section stand where they help;
# GL01 is about where the docstring begins; SS06 and PR06 are matters of taste.
LEFT_OUT = {"ES01", "EX01", "SA01", "SA04", "GL01", "SS06", "PR06"}


def public_names() -> Iterator[str]:
    for name in skfakereal.__all__:
        home = getattr(skfakereal, name)
        if inspect.ismodule(home):
            for inner in home.__all__:
                yield from _with_members(f"skfakereal.{name}.{inner}", getattr(home, inner))
        else:
            yield from _with_members(f"skfakereal.{name}", home)
    for name in perturbations.__all__:
        if name == "Perturbation":  # a protocol: users write such, and never make one
            continue
        yield from _with_members(
            f"{perturbations.__name__}.{name}", getattr(perturbations, name)
        )
    yield "skfakereal.cli.main"


def _with_members(name: str, value: object) -> Iterator[str]:
    yield name
    if inspect.isclass(value):
        for home in _classes_of(value):
            for member, function in vars(home).items():
                ours = inspect.isfunction(function) or isinstance(function, classmethod)
                if ours and not member.startswith("_"):
                    yield f"{name}.{member}"


def _classes_of(value: type) -> list[type]:
    return [c for c in value.__mro__ if c.__module__.startswith("skfakereal")]


def test_private_docstrings_are_short() -> None:
    public = {name.rpartition(".")[2] for name in public_names()}
    folder = Path(skfakereal.__file__).parent
    sections = re.compile(r"\n(Parameters|Returns|Yields|Raises|Notes)\n---")
    long = [
        f"{path.relative_to(folder)}: {node.name}"
        for path in sorted(folder.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name not in public
        if sections.search(ast.get_docstring(node) or "")
    ]
    assert long == []


@pytest.mark.parametrize("name", sorted(set(public_names())))
def test_docstring_is_complete(name: str) -> None:
    importlib.import_module("skfakereal.cli")
    wrong = [error for error in validate(name)["errors"] if error[0] not in LEFT_OUT]
    assert wrong == []
