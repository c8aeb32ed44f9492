"""Questions about arrays, and one way to say no."""

from typing import Any

import numpy as np


def require(holds: Any, rule: str) -> None:
    if not holds:
        raise ValueError(rule)


def is_within(array: Any, low: int, high: int) -> bool:
    """Return whether all of an array is from `low` to below `high`; without a copy."""
    return array.size == 0 or bool(array.min() >= low and array.max() < high)


def is_array(value: Any, kinds: str, *shape: int | None) -> bool:
    """Return whether a value is an array of such types and such a shape; None: any."""
    return (
        isinstance(value, np.ndarray)
        and value.dtype.kind in kinds
        and value.ndim == len(shape)
        and all(n in (None, m) for n, m in zip(shape, value.shape, strict=True))
    )
