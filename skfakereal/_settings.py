"""An estimator -> its parameters in a form that JSON knows."""

import os
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator


def settings_of(estimator: Any) -> dict[str, Any]:
    """Return the parameters of an estimator in a form that JSON knows.

    Those that are estimators themselves become dicts, with ``class``.
    """
    parameters = estimator.get_params(deep=False)
    return {
        "class": type(estimator).__name__,
        **{name: _plain(value) for name, value in parameters.items()},
    }


def _plain(value: Any) -> Any:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case list() | tuple():
            return [_plain(item) for item in value]
        case np.generic() | np.ndarray():
            plain = value.tolist()
            # The one type for which Python has no number.
            return float(plain) if isinstance(plain, np.generic) else _plain(plain)
        case os.PathLike():
            return os.fspath(value)
        case BaseEstimator():
            return settings_of(value)
        case _:
            return str(value)
