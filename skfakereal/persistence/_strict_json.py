"""JSON without its traps: no key twice, no NaN, no depth or size that ends the process."""

import json
import math
import re
from itertools import accumulate
from typing import Any

# Counted in the text, before anything is built of it: a list of two bytes becomes one of 56.
_MAX_MARKS = 2**19
_MAX_DEPTH = 150
_MAX_DIGITS = 64
_TEXTS = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_OTHER_THAN_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def parse_json(text: bytes) -> dict[str, Any]:
    """Parse a JSON object."""
    if sum(map(text.count, (b",", b"[", b"]", b"{", b"}"))) > _MAX_MARKS:
        raise ValueError("its description has too many parts")
    if _depth(text) > _MAX_DEPTH:
        raise ValueError("its description is nested too deeply")
    try:
        value = json.loads(
            text.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_int=_integer,
            parse_float=_finite,
            parse_constant=_finite,
        )
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


def _depth(text: bytes) -> int:
    """Return how deep the brackets outside of texts are nested."""
    brackets = _TEXTS.sub(b"", text).translate(None, _OTHER_THAN_BRACKETS)
    steps = (1 if bracket in b"[{" else -1 for bracket in brackets)
    return max(accumulate(steps), default=0)


def _integer(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError("a number of too many digits")
    return int(text)


def _finite(text: str) -> float:
    if len(text) > _MAX_DIGITS:
        raise ValueError("a number of too many digits")
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number that is not finite")
    return value
