"""The public list is sorted and complete, and the package is light."""

import importlib
import inspect

import pytest

import skfakereal

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
