"""A page on this machine to drop images on, and the same answers as JSON.

Needs the extra ``web``. Nothing is kept: each request has its files in a temporary folder of
its own, and the browser holds what it shows.
"""

from typing import TYPE_CHECKING

from skfakereal._lazy import lazily

if TYPE_CHECKING:
    from skfakereal.web._serve import serve as serve

__getattr__, __dir__, __all__ = lazily(__name__, _serve="serve")
