"""The documentation names all that is public, and its pages are not too long."""

import importlib
import inspect
import re
from pathlib import Path

import pytest
import yaml
from conftest import Patch

import skfakereal
from skfakereal import Augmentation, VGG16FeatureExtractor, VGG16ImageClassifier
from skfakereal import _documentation as documentation

ROOT = Path(skfakereal.__file__).parent.parent
DOCS = ROOT / "docs"
if not DOCS.is_dir():
    pytest.skip("the documentation is not installed", allow_module_level=True)
PAGES = [
    path for path in DOCS.rglob("*.md") if path.relative_to(DOCS).parts[0] != "commands"
]


def test_the_reference_has_every_public_name() -> None:
    modules = [
        name for name in skfakereal.__all__ if inspect.ismodule(getattr(skfakereal, name))
    ]
    homes = [f"skfakereal.{name}" for name in (*modules, "evaluation.perturbations", "cli")]
    public = {f"skfakereal.{name}" for name in skfakereal.__all__ if name not in modules}
    for home in homes:
        public |= {f"{home}.{name}" for name in importlib.import_module(home).__all__}
    # They stand once, where they are shorter.
    public -= {f"skfakereal.persistence.{name}" for name in ("export_onnx", "load", "save")}
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^   (skfakereal\.\S+)$", text, re.M)) == sorted(public)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_page_is_long(page: Path) -> None:
    assert len(page.read_text(encoding="utf-8").splitlines()) <= 250


@pytest.mark.parametrize(
    "make", [Augmentation, VGG16FeatureExtractor, VGG16ImageClassifier]
)
def test_an_estimator_is_linked_to_its_page_once_there_is_a_site(
    make: type, monkeypatch: Patch
) -> None:
    estimator = make()
    assert estimator._get_doc_link() == ""
    assert "<a " not in estimator._repr_html_().partition("<table")[0]
    monkeypatch.setattr(documentation, "SITE", "https://example.org/skfakereal/")
    address = f"https://example.org/skfakereal/generated/skfakereal.{make.__name__}.html"
    assert estimator._get_doc_link() == address
    assert f'href="{address}"' in estimator._repr_html_()


def test_the_citation_is_of_this_version() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert cited["version"] == skfakereal.__version__
    assert cited["cff-version"] == "1.2.0"
    assert {"authors", "message", "title"} <= cited.keys()
