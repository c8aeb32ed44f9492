"""Model files that are safe to load: ``.skfr`` (docs/model_file.md has the format).

Reading a file needs neither scikit-learn nor Keras; only `load`, which makes estimators of
what was read, and `save` import scikit-learn.
"""

from typing import TYPE_CHECKING

from skfakereal._lazy import lazily

if TYPE_CHECKING:
    from skfakereal.persistence._export_onnx import export_onnx as export_onnx
    from skfakereal.persistence._files import Detector as Detector
    from skfakereal.persistence._files import load as load
    from skfakereal.persistence._files import load_with_metadata as load_with_metadata
    from skfakereal.persistence._files import save as save
    from skfakereal.persistence._read import ModelDescription as ModelDescription
    from skfakereal.persistence._read import read_description as read_description


__getattr__, __dir__, __all__ = lazily(
    __name__,
    inner={"_files": "Detector"},
    _export_onnx="export_onnx",
    _files="load load_with_metadata save",
    _read="ModelDescription read_description",
)
