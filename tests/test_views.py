from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from sklearn.base import clone
from sklearn.datasets import load_sample_image

from skfakereal import Augmentation, ImageReadError
from skfakereal._views import content_digest, render_view

STILL = Augmentation(
    rotation=0, zoom=0, brightness=0, horizontal_flip=False, vertical_flip=False
)


@pytest.fixture(scope="module")
def photograph() -> Image.Image:
    return Image.fromarray(load_sample_image("china.jpg"))


def view(
    image: Image.Image,
    augmentation: Augmentation | None,
    number: int = 1,
    *,
    digest: bytes = b"a picture",
    size: tuple[int, int] = (64, 48),
    resize: str = "stretch",
) -> NDArray[np.uint8]:
    how = {"image_size": size, "resize": resize, "augmentation": augmentation}
    return render_view(image, **how, digest=digest, view=number)


def settings(**changed: object) -> Augmentation:
    return clone(STILL).set_params(**changed)


def test_view_0_is_the_plain_image(photograph: Image.Image) -> None:
    plain = np.asarray(photograph.resize((48, 64), Image.Resampling.BICUBIC))
    assert np.array_equal(view(photograph, Augmentation(), 0), plain)
    assert np.array_equal(view(photograph, None, 3), plain)


def test_an_image_of_the_right_size_is_not_resampled(rng: np.random.Generator) -> None:
    pixels = rng.integers(0, 256, (64, 48, 3), dtype=np.uint8)
    assert np.array_equal(view(Image.fromarray(pixels), None), pixels)
    assert np.array_equal(view(Image.fromarray(pixels), STILL), pixels)


def test_a_view_is_a_function_of_content_settings_and_number(
    photograph: Image.Image,
) -> None:
    first = view(photograph, Augmentation())
    assert np.array_equal(first, view(photograph.copy(), Augmentation()))
    others = [
        view(photograph, Augmentation(), 2),
        view(photograph, Augmentation(), digest=b"another picture"),
        view(photograph, Augmentation(seed=1)),
        view(photograph, Augmentation(rotation=5)),
    ]
    assert all(not np.array_equal(first, other) for other in others)


def test_one_setting_does_not_shift_the_draws_of_another(photograph: Image.Image) -> None:
    flips = settings(horizontal_flip=True, vertical_flip=True)
    dimmed = settings(horizontal_flip=True, vertical_flip=True, brightness=0.5)
    for number in range(1, 9):
        one, other = view(photograph, flips, number), view(photograph, dimmed, number)
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.9


@pytest.mark.parametrize(("name", "axis"), [("horizontal_flip", 1), ("vertical_flip", 0)])
def test_flips_are_exact_and_come_in_half_of_the_views(
    photograph: Image.Image, name: str, axis: int
) -> None:
    plain = view(photograph, None)
    views = [view(photograph, settings(**{name: True}), i) for i in range(1, 101)]
    flipped = [np.array_equal(pixels, np.flip(plain, axis)) for pixels in views]
    kept = [np.array_equal(pixels, plain) for pixels in views]
    assert all(a != b for a, b in zip(flipped, kept, strict=True))
    assert 35 <= sum(flipped) <= 65


def test_brightness_multiplies_within_its_range(make_grey: Image.Image) -> None:
    factors = [
        view(make_grey, settings(brightness=0.2), i).mean() / 100 for i in range(1, 200)
    ]
    assert 0.795 < min(factors) < 0.83
    assert 1.17 < max(factors) < 1.205


@pytest.fixture
def make_grey() -> Image.Image:
    return Image.new("RGB", (48, 64), (100, 100, 100))


def _angle(pixels: NDArray[np.uint8]) -> float:
    """Return the direction, in degrees, of a bright bar through the centre."""
    rows, columns = np.nonzero(pixels[..., 0] > 128)
    spread = np.cov(columns, rows)
    return float(
        np.degrees(0.5 * np.arctan2(2 * spread[0, 1], spread[0, 0] - spread[1, 1]))
    )


def test_rotation_turns_within_its_range() -> None:
    bar = np.zeros((101, 101, 3), np.uint8)
    bar[48:53, 20:81] = 255
    angles = [
        _angle(view(Image.fromarray(bar), settings(rotation=30), i, size=(101, 101)))
        for i in range(1, 60)
    ]
    assert -31 < min(angles) < -25
    assert 25 < max(angles) < 31


def test_zoom_scales_within_its_range() -> None:
    square = np.zeros((100, 100, 3), np.uint8)
    square[30:70, 30:70] = 255
    image, zoomed = Image.fromarray(square), settings(zoom=0.2)
    seen = [view(image, zoomed, i, size=(100, 100)) for i in range(1, 60)]
    sides = [np.sqrt(pixels.mean() / 255) for pixels in seen]
    assert 0.31 < min(sides) < 0.34
    assert 0.46 < max(sides) < 0.49


def test_borders_reflect(photograph: Image.Image) -> None:
    """No view has the black corners of a rotation that fills with nothing."""
    bright = Image.new("RGB", photograph.size, (200, 150, 100))
    for resize in ("stretch", "crop"):
        for number in range(1, 6):
            turned = view(bright, settings(rotation=180, zoom=0.5), number, resize=resize)
            assert np.array_equal(
                np.unique(turned.reshape(-1, 3), axis=0), [[200, 150, 100]]
            )


@pytest.mark.parametrize("shrinkage", [1.5, 2.5, 6, 9])
def test_a_view_does_not_alias(shrinkage: float) -> None:
    """Stripes that the smaller grid cannot hold become grey, as in the plain resize."""
    stripes = np.zeros((360, 360, 3), np.uint8)
    stripes[:, ::2] = 255
    small = round(360 / shrinkage)
    # A quarter of a degree at most: the stripes stay stripes.
    size = (small, small)
    turned = view(Image.fromarray(stripes), settings(rotation=0.25), 1, size=size)
    inner = turned[5:-5, 5:-5].astype(float)
    assert abs(inner.mean() - 127.5) < 4
    plain = view(Image.fromarray(stripes), None, size=size)[5:-5, 5:-5]
    assert inner.std() < plain.std() + 8


@pytest.mark.parametrize("size", [(64, 48), (300, 200), (427, 640), (900, 1000)])
def test_a_view_is_as_sharp_as_the_plain_image(
    photograph: Image.Image, size: tuple[int, int]
) -> None:
    def sharpness(pixels: NDArray[np.uint8]) -> float:
        grey = pixels.mean(axis=2)
        return float(np.abs(np.diff(grey, axis=0)).mean())

    plain = sharpness(view(photograph, None, size=size))
    turned = [
        sharpness(view(photograph, settings(rotation=1), i, size=size)) for i in range(1, 4)
    ]
    assert np.mean(turned) == pytest.approx(plain, rel=0.15)


@pytest.mark.parametrize("shrinkage", [1.05, 1.25, 1.5])
def test_a_view_keeps_the_finest_detail_of_the_plain_image(shrinkage: float) -> None:
    """Else a detector could tell views from plain images by their spectrum."""

    def finest(pixels: NDArray[np.uint8]) -> float:
        inner = pixels[8:-8, 8:-8].mean(axis=2)
        power = np.abs(np.fft.fft2(inner - inner.mean())) ** 2
        frequency = np.fft.fftfreq(len(inner))
        radius = np.hypot(*np.meshgrid(frequency, frequency))
        return float(power[(radius > 0.45) & (radius < 0.5)].mean())

    side, size = round(96 * shrinkage), (96, 96)
    rng, kept = np.random.default_rng(0), []
    for number in range(1, 13):
        noise = Image.fromarray(rng.integers(0, 256, (side, side, 3), dtype=np.uint8))
        turned = finest(view(noise, settings(rotation=15), number, size=size))
        kept.append(turned / finest(view(noise, None, size=size)))
    # Two decibels below; with a whole number of samples a pixel it was three at 1.05.
    assert 0.63 < np.mean(kept) < 1.3


def test_crop_takes_the_centre_and_reflects_what_lacks() -> None:
    pixels = np.arange(10 * 8 * 3, dtype=np.uint8).reshape(10, 8, 3)
    image = Image.fromarray(pixels)
    assert np.array_equal(view(image, None, size=(6, 4), resize="crop"), pixels[2:8, 2:6])
    wide = view(image, None, size=(10, 12), resize="crop")
    assert np.array_equal(wide[:, 2:10], pixels)
    assert np.array_equal(wide[:, 1], pixels[:, 0])
    assert np.array_equal(wide[:, 10], pixels[:, 7])


def test_a_cropped_view_keeps_the_scale(photograph: Image.Image) -> None:
    plain = view(photograph, None, resize="crop")
    still = view(photograph, settings(rotation=1e-9), resize="crop")
    assert np.abs(still.astype(int) - plain).max() <= 1


def test_an_image_of_one_pixel_has_views() -> None:
    dot = Image.new("RGB", (1, 1), (7, 8, 9))
    for resize in ("stretch", "crop"):
        seen = view(dot, settings(rotation=90, zoom=0.9), resize=resize)
        assert np.array_equal(np.unique(seen.reshape(-1, 3), axis=0), [[7, 8, 9]])


def test_blur_lowers_the_detail_of_its_share(photograph: Image.Image) -> None:
    plain = view(photograph, None)
    blurred = settings(blur=(2, 2), degrade_probability=0.3)
    views = [view(photograph, blurred, i) for i in range(1, 101)]
    changed = [not np.array_equal(pixels, plain) for pixels in views]
    assert 15 <= sum(changed) <= 45
    detail = np.abs(np.diff(plain.astype(int), axis=0)).mean()
    for pixels, is_changed in zip(views, changed, strict=True):
        if is_changed:
            assert np.abs(np.diff(pixels.astype(int), axis=0)).mean() < detail / 2


def test_jpeg_reencodes_with_a_quality_of_its_range(photograph: Image.Image) -> None:
    plain = view(photograph, None).astype(int)

    def harm(low: int, high: int) -> float:
        jpeg = settings(jpeg_quality=(low, high), degrade_probability=1)
        return float(
            np.mean([np.abs(view(photograph, jpeg, i) - plain).mean() for i in range(1, 9)])
        )

    assert 0 < harm(95, 95) < harm(30, 95) < harm(30, 30)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("rotation", value) for value in (-1, "15")],
        *[("blur", value) for value in (3, (3, 0))],
        *[("jpeg_quality", value) for value in ((0, 100), (30, 101), (30.5, 99))],
        *[("webp_quality", value) for value in ((0, 50), (30.5, 50))],
        *[("shrink", value) for value in ((0, 1), (0.5, 2), 0.5)],
        *[("zoom", 1), ("brightness", 1.5), ("degrade_probability", float("nan"))],
        *[("seed", 0.5), ("horizontal_flip", "no"), ("vertical_flip", None)],
        *[("clean", 1.5), ("degrade_on", "file")],
    ],
)
def test_settings_out_of_range_are_named(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"Augmentation's {name} must"):
        settings(**{name: value}).check()


def test_settings_are_parameters() -> None:
    augmentation = Augmentation(rotation=3, blur=(0, 1))
    copy = clone(augmentation)
    assert copy.get_params() == augmentation.get_params()
    assert repr(copy) == "Augmentation(blur=(0, 1), rotation=3)"


def test_originals_are_not_touched(tmp_path: Path, photograph: Image.Image) -> None:
    before = photograph.tobytes()
    view(
        photograph, Augmentation(blur=(1, 2), jpeg_quality=(30, 50), degrade_probability=1)
    )
    assert photograph.tobytes() == before


def test_render_shows_a_file_as_training_sees_it(
    tmp_path: Path, photograph: Image.Image
) -> None:
    path = tmp_path / "photograph.png"
    photograph.save(path)
    seen = Augmentation().render(path, 3, image_size=(64, 48))
    digest = content_digest(path.read_bytes())
    assert np.array_equal(seen, view(photograph, Augmentation(), 3, digest=digest))
    with pytest.raises(ImageReadError, match="does not exist"):
        Augmentation().render(tmp_path / "none.png", 0)
    with pytest.raises(ValueError, match="zoom must"):
        Augmentation(zoom=2).render(path, 1)


def test_a_seed_of_any_size_leaves_views_different(photograph: Image.Image) -> None:
    one, other = (view(photograph, Augmentation(seed=10**60), i) for i in (1, 2))
    assert not np.array_equal(one, other)
