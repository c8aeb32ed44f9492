"""JSON without its traps: no key twice, no NaN, no depth that ends the process."""

import json
import math
from typing import Any

__all__ = ["parse_json"]


def parse_json(text: bytes) -> dict[str, Any]:
    """Parse a JSON object.

    Parameters
    ----------
    text : bytes
        UTF-8.

    Returns
    -------
    dict
        The object.

    Raises
    ------
    ValueError
        If it is not UTF-8 or not JSON, is no object, has a key twice, is nested too deeply
        or holds a number that is not finite.
    """
    try:
        value = json.loads(
            text.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_float=_finite,
            parse_constant=_finite,
        )
    except RecursionError:
        raise ValueError("its description is nested too deeply") from None
    except ValueError as error:
        # The library's own message may quote the whole text.
        raise ValueError(f"its description is no JSON: {str(error)[:80]}") from None
    if not isinstance(value, dict):
        raise ValueError("its description is no JSON object")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("the same key twice")
    return result


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number that is not finite")
    return value
