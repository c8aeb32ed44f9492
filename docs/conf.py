"""The documentation site: ``sphinx-build -W docs docs/_build/html``, without a network."""

import os
import shutil
from pathlib import Path
from typing import Any

os.environ.setdefault("SKFAKEREAL_CACHE", "off")
os.environ.setdefault("MPLBACKEND", "Agg")

import skfakereal
from skfakereal._documentation import SITE
from skfakereal._quiet import silence_tensorflow
from skfakereal.cli import _verbs, build_parser

silence_tensorflow()
HERE = Path(__file__).parent

project = "skfakereal"
project_copyright = "2026, the skfakereal developers"
version = release = skfakereal.__version__
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "auto_examples/*.ipynb", "auto_examples/*.py*"]
templates_path = ["_templates"]
default_role = "py:obj"

myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence"]
myst_heading_anchors = 3

autosummary_generate = True
autodoc_typehints = "none"  # numpydoc's sections say them in words
autodoc_member_order = "bysource"
# scikit-learn makes these, and documents them with references to its own site.
autodoc_default_options = {
    "exclude-members": ",".join(
        f"set_{method}_request"
        for method in ("fit", "predict", "predict_proba", "score", "transform")
    )
}
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"\.py$",
    "abort_on_example_error": True,
    "show_memory": False,
    "show_signature": False,
    "download_all_examples": False,
    "write_computation_times": False,
    "remove_config_comments": True,
    "min_reported_time": 10_000,
}
suppress_warnings = ["config.cache"]  # functions in settings are never the same twice

html_theme = "pydata_sphinx_theme"
html_title = "skfakereal"
html_baseurl = SITE or ""
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_favicon = "_static/icon.svg"
html_context = {"default_mode": "auto"}
html_copy_source = False
html_show_sourcelink = False
html_sidebars = {"index": []}
html_theme_options = {
    "show_prev_next": True,
    "navbar_align": "left",
    "navigation_with_keys": False,
    "secondary_sidebar_items": {"**": ["page-toc"], "index": []},
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_toc_level": 2,
}


def write_commands(app: Any) -> None:
    """Write a page for each verb of the command line, from its own help."""
    os.environ["COLUMNS"] = "80"
    folder = HERE / "commands"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, parser in _verbs(build_parser()).items():
        page = f"# {name}\n\n```text\n{parser.format_help()}```\n"
        (folder / f"{name}.md").write_text(page, encoding="utf-8")


def setup(app: Any) -> None:
    """Write what is generated before Sphinx looks for pages."""
    app.connect("config-inited", lambda app, config: write_commands(app), priority=100)
