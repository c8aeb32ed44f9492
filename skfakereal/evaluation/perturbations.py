"""What happens to images on their way: compression, scaling, blur, noise, cropping.

Each perturbation is a pure function of an image's pixels: the same pixels give the same
copy, in every run and in any order, whatever class the image is of. They are small frozen
objects that print as they are written, so that a list of them says what was done:

>>> [Jpeg(85), Scale(0.5), Chain("web", (Fit(768), Jpeg(60)))]
[Jpeg(quality=85), Scale(factor=0.5), Chain(name='web', steps=(Fit(side=768), Jpeg(quality=60)))]

Anything with `family`, `level` and ``__call__`` is one too.
"""

from skfakereal._perturbations import (
    Blur,
    Chain,
    Copy,
    Crop,
    Fit,
    Jpeg,
    Noise,
    Perturbation,
    Scale,
    Trim,
    WebP,
)
from skfakereal._trunk_settings import height_and_width

__all__ = [
    "Blur",
    "Chain",
    "Copy",
    "Crop",
    "Fit",
    "Jpeg",
    "Noise",
    "Perturbation",
    "Scale",
    "Trim",
    "WebP",
]

_SMALL = 250  # 0.9 of it are VGG16's 224 pixels


def standard_perturbations() -> list[Perturbation]:
    """Return what `robustness_report` does to images by default.

    Returns
    -------
    list of Perturbation
        A lossless copy, which shows whether anything but pixels counts; JPEG and WebP at
        falling quality; shrinking and enlarging; blur; noise; cropping; and three chains,
        as images go through when they are shared: ``clean`` (JPEG 97), ``web`` (at most
        768 pixels a side, JPEG 60) and ``hard`` (at most 512 pixels, JPEG 40). Chains
        never enlarge. In each family the mildest comes first.

    Examples
    --------
    >>> from skfakereal.evaluation import standard_perturbations
    >>> len(standard_perturbations())
    28
    """
    return [
        Copy(),
        *[Jpeg(quality) for quality in (95, 85, 70, 50, 30)],
        *[WebP(quality) for quality in (90, 75, 50, 30)],
        *[Scale(factor) for factor in (0.75, 0.5, 0.25)],
        *[Scale(factor) for factor in (1.5, 2.0)],
        *[Blur(radius) for radius in (0.5, 1.0, 2.0)],
        *[Noise(deviation) for deviation in (2, 5, 10, 20)],
        *[Crop(share) for share in (0.9, 0.75, 0.5)],
        Chain("clean", (Jpeg(97),)),
        Chain("web", (Fit(768), Jpeg(60))),
        Chain("hard", (Fit(512), Jpeg(40))),
    ]


def mild_perturbations(
    size: int | tuple[int, int] | None = None,
) -> list[Perturbation]:
    """Return what `stable_verdicts` does to images by default.

    Parameters
    ----------
    size : int or (int, int), default=None
        Width and height of the image in pixels; one number is both. None: a photograph's.

    Returns
    -------
    list of Perturbation
        Changes that are invisible and common in messengers: JPEG 95 and 85, WebP 90; and
        where the shorter side has 250 pixels or more, resizing to 90% and cutting two
        pixels off each edge. Smaller images are only saved again: 90% of them are fewer
        pixels than a network looks at (224), and two pixels are no longer a hundredth of a
        side.

    Examples
    --------
    >>> from skfakereal.evaluation import mild_perturbations
    >>> len(mild_perturbations((1600, 1200)))
    5
    >>> mild_perturbations((32, 32))
    [Jpeg(quality=95), Jpeg(quality=85), WebP(quality=90)]
    """
    saved: list[Perturbation] = [Jpeg(95), Jpeg(85), WebP(90)]
    if size is not None and min(height_and_width(size)) < _SMALL:
        return saved
    return [*saved, Scale(0.9), Trim(2)]


def name_of(perturbation: Perturbation) -> str:
    """Return what a perturbation is called in tables."""
    return f"{perturbation.family} {perturbation.level}"
