"""Packages whose public names are imported when they are first touched."""

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any


def lazily(
    package: str, /, *subpackages: str, inner: Any = None, **homes: str
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return a package's ``__getattr__``, ``__dir__`` and ``__all__``.

    `homes` has, by module of the package, the names that it holds, with spaces between them;
    the dict `inner` has those that stand in no list, for other packages of this project. The
    same imports stand in the package under ``TYPE_CHECKING``, where editors read them.
    """
    home = {name: module for module, names in homes.items() for name in names.split()}
    public = sorted([*home, *subpackages])
    home |= {n: module for module, names in (inner or {}).items() for n in names.split()}

    def get(name: str) -> Any:
        if name in home:
            return getattr(import_module(f"{package}.{home[name]}"), name)
        if name in subpackages:
            return import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *public})

    return get, names, public
