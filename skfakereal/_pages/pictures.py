"""Image files, pixels and matplotlib figures -> pictures inside an HTML page.

The page itself and its text come from `skfakereal._pages.html`.
"""

import base64
import io
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skfakereal._images.read import ImageReadError, decode_image, read_bytes
from skfakereal._pages.html import Html, escaped, stack
from skfakereal._shown import legible

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FIGURE_DPI = 144  # sharp on screens of twice the usual density
_LARGEST_SIDE = 320  # pixels of a thumbnail: a page with fifty of them can still be mailed
_SMALL_SIDE = 96  # pixels below which a picture is enlarged, and kept lossless


def figure(fig: "Figure", caption: str = "", *, alt: str = "") -> Html:
    """Return a matplotlib figure, which is not closed, as a picture inside the page.

    Where the reader's screen is dark, lines and text turn light; figures that show
    photographs stay as they are, on a light card.
    """
    legible(fig)
    buffer = io.BytesIO()
    # Without the version of matplotlib in it, equal figures are equal bytes.
    fig.savefig(
        buffer,
        format="png",
        dpi=_FIGURE_DPI,
        bbox_inches="tight",
        facecolor="white",
        metadata={"Software": None},
    )
    with Image.open(buffer) as drawn:
        width = round(drawn.width * 96 / _FIGURE_DPI)
    kind = "card" if _shows_photographs(fig) else "plot"
    attributes = f' class="{kind}" width="{width}"'
    image = _image(buffer.getvalue(), "png", alt or _plain(caption), attributes)
    return Html(f"<figure>{image}{_caption(caption)}</figure>")


def _shows_photographs(fig: "Figure") -> bool:
    # Colours of their own have three axes; a map of numbers, such as a confusion matrix, two.
    shown = [image.get_array() for ax in fig.axes for image in ax.images]
    return any(pixels is not None and pixels.ndim == 3 for pixels in shown)


def picture(
    source: str | os.PathLike[str] | NDArray[np.uint8],
    caption: str = "",
    *,
    alt: str = "",
    largest: int = _LARGEST_SIDE,
) -> Html:
    """Return an image file, or RGB pixels, as a thumbnail; small ones are not smoothed.

    A file that cannot be read gives an empty tile with the reason.
    """
    if isinstance(source, np.ndarray):
        image = Image.fromarray(source)
    else:
        path = os.fspath(source)
        try:
            image = decode_image(read_bytes(path), path)
        except ImageReadError as error:
            empty = f'<div class="empty">cannot be read: {escaped(error.reason)}</div>'
            return Html(f'<figure class="picture">{empty}{_caption(caption)}</figure>')
    small = max(image.size) <= _SMALL_SIDE
    image.thumbnail((largest, largest))
    buffer = io.BytesIO()
    image.save(buffer, "png" if small else "jpeg", **({} if small else {"quality": 90}))
    tag = _image(
        buffer.getvalue(),
        "png" if small else "jpeg",
        alt or _plain(caption),
        ' class="pixels"' if small else "",
    )
    return Html(f'<figure class="picture">{tag}{_caption(caption)}</figure>')


def gallery(pictures: Iterable[str], *, wide: bool = False) -> Html:
    """Return pictures in a grid that fits the screen."""
    kind = "gallery wide" if wide else "gallery"
    return Html(f'<div class="{kind}">{stack(pictures)}</div>')


def _image(data: bytes, kind: str, alt: str, attributes: str) -> str:
    encoded = base64.b64encode(data).decode("ascii")
    source = f"data:image/{kind};base64,{encoded}"
    return f'<img{attributes} alt="{escaped(alt)}" src="{source}">'


def _caption(text: str) -> str:
    return f"<figcaption>{escaped(text)}</figcaption>" if text else ""


def _plain(text: str) -> str:
    # Markup cannot stand in an attribute.
    return "" if isinstance(text, Html) else text
