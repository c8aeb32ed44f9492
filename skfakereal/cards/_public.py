"""What is known of a run -> what may be read by strangers: no paths, no command.

A card is made to be published. Absolute paths hold the names of users, machines and
clients, so only their last part is kept.
"""

import re
from typing import Any

# In quotes a path may hold spaces; elsewhere it ends at one. Neither is a URL's slash nor
# that of "and/or" the beginning of a path.
_QUOTED = re.compile(r"(['\"])(?:~?[/\\]|[A-Za-z]:[/\\])[^'\"\n]*\1")
_BARE = re.compile(r"(?<![\w:/\\.~])(?:~?/|[A-Za-z]:[/\\]|\\\\)[^\s'\",;:()]+")
# They say how fast it went and where things lay, not what came out.
_LOCAL = ("cache", "n_jobs", "on_error", "verbose")


def without_paths(text: str) -> str:
    """Return text with the last parts of absolute paths in their place."""
    text = _QUOTED.sub(lambda m: f"{m[1]}{_last(m[0][1:-1])}{m[1]}", text)
    return _BARE.sub(lambda m: _last(m[0]), text)


def public_settings(model: dict[str, Any]) -> dict[str, Any]:
    """Return an estimator's settings without what is nobody's business."""
    return {name: _public(value) for name, value in model.items() if name not in _LOCAL}


def network_settings(settings: Any) -> dict[str, Any]:
    """Return the settings of the `VGG16ImageClassifier` or extractor within others."""
    if isinstance(settings, dict):
        if str(settings.get("class", "")).startswith("VGG16"):
            return settings
        settings = list(settings.values())
    if isinstance(settings, list | tuple):
        return next(filter(None, map(network_settings, settings)), {})
    return {}


def _public(value: Any) -> Any:
    if isinstance(value, dict):
        return public_settings(value)
    if isinstance(value, list | tuple):
        return [_public(each) for each in value]
    if isinstance(value, str) and re.search(r"[/\\]", value):
        return _last(value)
    return value


def _last(path: str) -> str:
    return re.split(r"[/\\]", path.rstrip("/\\"))[-1]
