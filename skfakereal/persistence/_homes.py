"""The names of classes and functions in a file <-> where they are imported from."""

from importlib import import_module
from typing import Any

from skfakereal.persistence._classes import ESTIMATORS, FUNCTIONS, PARTS

# Ours by module: the names in files stay where modules are renamed.
_OURS = {
    "_trunk_settings": ("TrunkSettings",),
    "_classifier": ("VGG16ImageClassifier",),
    "_features": ("VGG16FeatureExtractor",),
    "_network": ("Conv", "Dense", "Flatten", "GlobalPool", "MaxPool", "Network"),
    "_trunk": ("Trunk",),
    "_augmentation": ("Augmentation",),
}
_HOMES = {
    f"skfakereal.{name}": f"skfakereal.{module}"
    for module, names in _OURS.items()
    for name in names
}
# scikit-learn's methods for which metadata can be requested.
REQUEST_METHODS = (
    "fit",
    "partial_fit",
    "predict",
    "predict_proba",
    "predict_log_proba",
    "decision_function",
    "score",
    "split",
    "transform",
    "inverse_transform",
)


def resolve(name: str) -> Any:
    """Import a class or function of the list."""
    if not (name in ESTIMATORS or name in PARTS or name in FUNCTIONS):
        raise ValueError(f"{name[:100]!r} is none that may be in a file")
    home, _, own = name.rpartition(".")
    try:
        return getattr(import_module(_HOMES.get(name, home)), own)
    except (AttributeError, ImportError) as error:
        raise ValueError(f"this version of scikit-learn has no {name}") from error


def name_of(kind: type) -> str | None:
    """Return the name of a class in files."""
    for name in ESTIMATORS | PARTS:
        same_package = name.partition(".")[0] == kind.__module__.partition(".")[0]
        if same_package and name.endswith(f".{kind.__name__}") and resolve(name) is kind:
            return name
    return None
