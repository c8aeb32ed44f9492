"""Model files that are safe to load: ``.skfr`` (docs/model_file.md has the format).

Reading a file needs neither scikit-learn nor Keras; only `load`, which makes estimators of
what was read, and `save` import scikit-learn.
"""

from skfakereal.persistence._describe import ModelDescription, read_description
from skfakereal.persistence._load import load, load_with_metadata
from skfakereal.persistence._save import save

__all__ = ["ModelDescription", "load", "load_with_metadata", "read_description", "save"]
