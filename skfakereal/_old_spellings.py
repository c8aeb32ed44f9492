"""Calls as an older release spelled them: they work for one more release, and warn."""

import functools
import warnings
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def renamed(**names: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a function take keywords by their old names."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            given: dict[str, Any] = dict(kwargs)
            for old, new in names.items():
                if old in given:
                    _warn(f"{old}={given[old]!r}", f"{new}={given[old]!r}", function)
                    given[new] = given.pop(old)
            return function(*args, **given)

        return call

    return decorate


def by_keyword(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a method take its only argument by position."""

    def decorate(method: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(method)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            given: Any = args
            if len(given) == 2:
                _warn(f"{name} by position", f"{name}=...", method)
                return method(given[0], **{name: given[1]}, **kwargs)
            return method(*args, **kwargs)

        return call

    return decorate


def _warn(old: str, new: str, function: Callable[..., Any]) -> None:
    warnings.warn(
        f"{function.__qualname__} takes {old} in this release only. Pass {new}.",
        FutureWarning,
        stacklevel=3,
    )
