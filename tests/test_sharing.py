"""Views of pictures as they are after they were shared."""

import inspect
import io
import pickle
from hashlib import blake2b
from typing import Any

import numpy as np
import PIL
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from sklearn.base import clone
from sklearn.datasets import load_sample_image

from skfakereal import Augmentation, VGG16ImageClassifier
from skfakereal._activations import ActivationReader
from skfakereal._augmentation import view_settings
from skfakereal._resampling import resize_plain, seen_window
from skfakereal._trunk_settings import TrunkSettings
from skfakereal._views import SETTINGS_BEFORE, degrade, render_view, shared_part
from skfakereal._weights import load_trunk

STILL = Augmentation.shared().set_params(horizontal_flip=False, vertical_flip=False)
CENTRE = (0.5, 0.5)


@pytest.fixture(scope="module")
def photograph() -> Image.Image:
    return Image.fromarray(load_sample_image("china.jpg"))


def view(
    image: Image.Image,
    number: int,
    settings: Augmentation = STILL,
    *,
    size: tuple[int, int] = (64, 48),
    resize: str = "crop",
) -> NDArray[np.uint8]:
    how = {"image_size": size, "resize": resize, "augmentation": settings}
    return render_view(image, **how, digest=b"a picture", view=number)


def part_of(
    image: Image.Image,
    steps: list[tuple[str, Any]],
    *,
    size: tuple[int, int] = (64, 48),
    resize: str = "crop",
    place: tuple[float, float] = CENTRE,
    scale: float = 1.0,
    kernel: Image.Resampling = Image.Resampling.BICUBIC,
) -> Any:
    return shared_part(image, size, resize, place, scale=scale, kernel=kernel, steps=steps)


def saved(image: Image.Image, kind: str, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, kind, quality=quality)
    return Image.open(buffer).convert("RGB")


@pytest.mark.parametrize(
    "resize",
    ["crop", *(pytest.param(r, marks=pytest.mark.slow) for r in ("shrink", "stretch"))],
)
def test_view_0_and_a_share_of_the_others_are_clean(
    photograph: Image.Image, resize: str
) -> None:
    plain = view(photograph, 0, resize=resize)
    assert (
        np.array_equal(plain, view(photograph, 1, Augmentation(), resize=resize)) is False
    )
    views = [view(photograph, number, resize=resize) for number in range(1, 101)]
    clean = [np.array_equal(pixels, plain) for pixels in views]
    # 0.3 of them, and the 16th part of the others that nothing was drawn for.
    assert 24 <= sum(clean) <= 46
    assert len({pixels.tobytes() for pixels in views}) > 50
    assert np.array_equal(views[4], view(photograph.copy(), 5, clone(STILL), resize=resize))


def test_flips_of_clean_views_are_exact(photograph: Image.Image) -> None:
    settings = Augmentation.shared().set_params(clean=1)
    plain = view(photograph, 0)
    flips = {pixels.tobytes() for pixels in (plain, plain[::-1], plain[:, ::-1])}
    flips.add(plain[::-1, ::-1].tobytes())
    assert {view(photograph, i, settings).tobytes() for i in range(1, 30)} == flips


@pytest.mark.parametrize("place", [CENTRE, (0.0, 0.0), (1.0, 0.3)])
@pytest.mark.parametrize("scale", [1.0, 0.731, 0.2])
def test_the_part_is_that_of_the_whole_picture(
    photograph: Image.Image, place: tuple[float, float], scale: float
) -> None:
    """Whatever the view needs: JPEG's blocks lie where they do in the whole picture."""
    width, height = (round(side * scale) for side in photograph.size)
    kernel = Image.Resampling.LANCZOS
    whole = photograph.resize((width, height), kernel) if scale < 1 else photograph
    whole = saved(whole.filter(ImageFilter.GaussianBlur(0.8)), "JPEG", 55)
    for resize, size in (("crop", (64, 48)), ("shrink", (40, 50)), ("crop", (300, 40))):
        how: dict[str, Any] = {"resize": resize, "place": place, "scale": scale}
        steps = [("blur", 0.8), ("JPEG", 55)]
        part, window = part_of(photograph, steps, size=size, kernel=kernel, **how)
        seen = seen_window(whole.size, size, resize, place)
        expected = resize_plain(whole, size, seen).astype(int)
        got = resize_plain(part, size, window)
        if scale == 0.731:  # Pillow takes the place of the part in single precision
            assert np.abs(got - expected).mean() < 0.5
        else:
            assert np.array_equal(got, expected)
        if resize == "crop" and scale == 1:
            assert part.width * part.height < photograph.width * photograph.height / 2


def test_the_part_of_a_webp_suffers_as_the_whole_does(photograph: Image.Image) -> None:
    part, window = part_of(photograph, [("WEBP", 60)])
    seen = seen_window(photograph.size, (64, 48), "crop")
    plain = resize_plain(photograph, (64, 48), seen).astype(int)
    whole = resize_plain(saved(photograph, "WEBP", 60), (64, 48), seen).astype(int)
    harm = np.abs(resize_plain(part, (64, 48), window) - plain).mean()
    assert harm == pytest.approx(np.abs(whole - plain).mean(), rel=0.3)


def test_the_chain_is_in_either_order(photograph: Image.Image) -> None:
    always = clone(STILL).set_params(clean=0, degrade_probability=1, blur=None, shrink=None)
    always.set_params(jpeg_quality=(50, 50), webp_quality=(50, 50))
    both = {view(photograph, number, always).tobytes() for number in range(1, 20)}
    expected = set()
    for steps in ([("JPEG", 50), ("WEBP", 50)], [("WEBP", 50), ("JPEG", 50)]):
        part, window = part_of(photograph, steps)
        expected.add(resize_plain(part, (64, 48), window).tobytes())
    assert both == expected
    assert len(both) == 2


def test_of_the_view_what_the_view_is_saved_as(photograph: Image.Image) -> None:
    webp = clone(STILL).set_params(
        blur=None, jpeg_quality=None, shrink=None, clean=0, degrade_probability=1
    )
    webp.set_params(degrade_on="view", webp_quality=(30, 30))
    plain = Image.fromarray(view(photograph, 0))
    expected = degrade(plain, [("WEBP", 30)])
    assert np.array_equal(view(photograph, 1, webp), np.asarray(expected))


def test_half_the_scale_shows_more_in_a_crop(photograph: Image.Image) -> None:
    half = clone(STILL).set_params(
        blur=None, jpeg_quality=None, webp_quality=None, shrink=(0.5, 0.5)
    )
    half.set_params(clean=0, degrade_probability=1)
    expected = np.asarray(photograph.reduce(2).crop((136, 75, 184, 139))).astype(int)
    got, plain = (view(photograph, number, half) for number in (1, 0))
    assert 3 * np.abs(got - expected).mean() < np.abs(plain - expected).mean()


def test_what_is_turned_as_well_reaches_further(photograph: Image.Image) -> None:
    """The part holds whatever a rotated view sees, without a border that reflects."""
    turned = Augmentation.shared().set_params(rotation=180, zoom=0.5, clean=0)
    gentle = clone(turned).set_params(
        jpeg_quality=(100, 100), webp_quality=None, blur=None, shrink=None
    )
    alone = clone(gentle).set_params(jpeg_quality=None)
    for number in range(1, 9):
        one, other = (view(photograph, number, each) for each in (gentle, alone))
        assert np.abs(one.astype(int) - other).mean() < 3


@pytest.mark.parametrize("size", [(1, 1), (3, 70), (20000, 9), (9, 20000)])
def test_odd_pictures_have_views(size: tuple[int, int]) -> None:
    image = Image.new("RGB", size, (90, 120, 80))
    always = Augmentation.shared().set_params(degrade_probability=1, clean=0)
    for resize in ("crop", "shrink", "stretch"):
        for turn in (0, 30):
            seen = view(image, 1, clone(always).set_params(rotation=turn), resize=resize)
            assert np.abs(seen.astype(int) - [90, 120, 80]).max() < 8


def test_large_pictures_are_shrunk_before_they_are_saved(photograph: Image.Image) -> None:
    large = photograph.resize((3200, 2136))
    for size, most in (((64, 64), 2**20), ((1400, 1400), 1400 * 1400)):
        part, _ = part_of(large, [("WEBP", 80)], size=size, resize="stretch")
        assert 0.95 * most < part.width * part.height < 1.05 * most


# As a parameter


def test_shared_is_its_settings(fit: Any, dark_and_bright: Any) -> None:
    named = view_settings("shared")
    assert named.get_params() == Augmentation.shared().get_params()
    assert view_settings(named) is named
    named.check()
    assert view_settings(None) is None
    # As a parameter, too.
    settings, (X, y) = {"epochs": 3, "n_views": 2}, dark_and_bright
    by_name, given = (
        fit(augmentation=augmentation, **settings).predict_proba(X)
        for augmentation in ("shared", Augmentation.shared())
    )
    assert np.array_equal(by_name, given)
    with pytest.raises(ValueError, match="'default', 'shared', an Augmentation, or None"):
        VGG16ImageClassifier(augmentation="sharing").fit(X, y)


# What was before


def test_new_settings_do_what_was_done_before_unless_they_are_set() -> None:
    defaults = inspect.signature(Augmentation).parameters
    for name, before in SETTINGS_BEFORE.items():
        assert defaults[name].default == before


def test_a_pickle_from_before_has_the_new_settings(photograph: Image.Image) -> None:
    old = Augmentation(zoom=0.3, blur=(0, 1))
    for name in SETTINGS_BEFORE:
        delattr(old, name)
    again = pickle.loads(pickle.dumps(old))
    assert again.get_params() == Augmentation(zoom=0.3, blur=(0, 1)).get_params()
    assert view(photograph, 1, again).shape == (64, 48, 3)


def test_keys_of_views_are_as_they_were() -> None:
    trunk = load_trunk("cifake")
    settings = TrunkSettings((32, 32), "crop", "unit", "avg", None)

    def prefix(augmentation: Augmentation) -> bytes:
        return ActivationReader(trunk, settings, augmentation=augmentation)._key_prefix(3)

    old = Augmentation(seed=2).get_params()
    known = sorted((k, v) for k, v in old.items() if k not in SETTINGS_BEFORE)
    parts: list[object] = ["2", trunk.digest.hex(), "ncnn", settings, PIL.__version__]
    expected = blake2b(repr([*parts, known, 3]).encode(), digest_size=32).digest()
    assert prefix(Augmentation(seed=2)) == expected
    for changed in ({"clean": 0.1}, {"shrink": (0.5, 1)}, {"degrade_on": "picture"}):
        assert prefix(Augmentation(seed=2, **changed)) != expected
