"""What a run keeps of itself in ``config.json``: settings, versions, counts."""

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from skfakereal._settings import settings_of
from skfakereal._version import __version__

__all__ = ["describe_run", "settings_of"]

_PACKAGES = (
    *("scikit-learn", "scikeras", "tensorflow", "keras", "numpy", "pillow", "joblib"),
)


def describe_run(command_line: Sequence[str], **facts: Any) -> dict[str, Any]:
    """Return what is to be known of a run.

    Parameters
    ----------
    command_line : sequence of str
        The words that started it.
    **facts : object
        What else there is to say, in a form that JSON knows.

    Returns
    -------
    dict
        The version of this package, the date (UTC), the command, the facts and the
        versions of everything that may change a result.
    """
    return {
        "skfakereal": __version__,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": list(command_line),
        **facts,
        "versions": {
            "python": platform.python_version(),
            "platform": platform.platform(),
            **{name: _version(name) for name in _PACKAGES},
        },
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
