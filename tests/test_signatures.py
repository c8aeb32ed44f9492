"""What the first bytes of a file say, whatever its name."""

import base64
import importlib.util
import io
from pathlib import Path

import numpy as np
import pytest
from conftest import MakeImage, noise
from PIL import Image
from reading import read_image

from skfakereal import ImageReadError
from skfakereal._images.read import decode_image
from skfakereal._images.signatures import HEAD, is_read, missing_reader, signature_format

FORMATS = {
    "JPEG": "jpg mpo",
    "PNG": "png apng",
    "GIF": "gif",
    "WEBP": "webp",
    "TIFF": "tif",
}
FORMATS |= {"BMP": "bmp", "DIB": "dib", "PPM": "ppm pgm pbm", "JPEG2000": "jp2 j2k"}
NAMES = {f"a.{end}": name for name, ends in FORMATS.items() for end in ends.split()}
if ".avif" in Image.registered_extensions():  # since Pillow 11.3
    NAMES["a.avif"] = "AVIF"


@pytest.mark.parametrize(("name", "expected"), NAMES.items())
def test_formats_that_are_read(make_image: MakeImage, name: str, expected: str) -> None:
    mode = {"a.pgm": "L", "a.pbm": "1"}.get(name, "RGB")
    path = Path(make_image(name, Image.fromarray(noise(32)).convert(mode)))
    renamed = path.rename(path.with_name("photo.jpg_large"))
    head = renamed.read_bytes()[:HEAD]
    assert signature_format(head) == expected
    assert is_read(expected)
    assert read_image(str(renamed)).shape == noise(32).shape


def test_big_tiff_is_read() -> None:
    buffer = io.BytesIO()
    pixels = Image.fromarray(noise(32))
    pixels.save(buffer, "TIFF", big_tiff=True)
    assert signature_format(buffer.getvalue()) == "TIFF"
    np.testing.assert_array_equal(decode_image(buffer.getvalue(), "a"), pixels)


@pytest.mark.parametrize(
    "content",
    [
        *[b"", b"B", b"Page 1", b"P1 holds no number", b"{}", b"\0" * 99, b"RIFF1234WAVE"],
        *[b"\0\0\0\x18ftypisom\0\0\0\0isommp41", b"%PDF-1.7", b"PK\3\4", b"\x1f\x8b\x08"],
    ],
)
def test_what_announces_no_image(content: bytes) -> None:
    assert signature_format(content) is None


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIF"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIF"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "AVIF"),
        (b"\xff\x0a\xfa\x1f", "JXL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14", "JXL"),
        (b"8BPS\0\1", "PSD"),
    ],
)
def test_other_images_are_named(head: bytes, expected: str) -> None:
    assert signature_format(head) == expected


def test_what_is_not_read_says_the_way_out() -> None:
    assert missing_reader("PSD") == (
        "in the format PSD, which is not read: save it as PNG or JPEG"
    )
    assert "install pi-heif (pip install 'skfakereal[heif]') or" in missing_reader("HEIF")
    with pytest.raises(ImageReadError, match="in the format PSD") as caught:
        decode_image(b"8BPS" + bytes(99), "a.jpg")
    assert caught.value.reason == "unsupported"


# 64 x 64 pixels, the left half white.
HEIC = (
    "0000SW^{RQXk}?*00000ZE0pPXk}?*ZE0a<00042ZDn*}000000000XXk=`10000000000aA{+700000"
    "000000000000000B57=IV*mgE07O6l0RRC200001dH?|c000000018V001LtX>Mi!000000RR916=`l}"
    "WdZ;I000310BCk&F#rGn01j|zbZr0t000010002iX>f9I0002DX>en20001ZXm(>m0RwOV0058x00000"
    "9`FGC{rLC*01pFT0096PKmiN^|NjGU00093kN^M!000939=ZZRVE_RDD?$MQ18@KU0|1Z!00RI30{|YN"
    "Ab|yz>PacCZUPz%2mk;B0LTCU0{{p>VgLaE2SfqEa<C#m0000JV{dG7ZewhC0096E00w{n000zeb8uw<"
    "00000002M$002M$000nhX?SS>000032nYxO000+haBX1#00000000310R({p0|Wp704Hr^VRQfh02?R)"
    "uL<BGg*2t!Kg7K9tAGE&+f$fUfB)nU{{"
)
JXL = "{|Zk)BnSWj0C)gPIBA&5gZC>a2!I-KV=(>#ApiuD@D~75`S+&?0R"


@pytest.mark.parametrize(
    ("modules", "data"),
    [(("pi_heif", "pillow_heif"), HEIC), (("pillow_jxl",), JXL)],
    ids=["HEIC", "JPEG XL"],
)
def test_plug_ins_are_registered_where_they_are_installed(
    modules: tuple[str, ...], data: str
) -> None:
    content = base64.b85decode(data)
    if any(importlib.util.find_spec(module) for module in modules):
        grey = np.asarray(decode_image(content, "a"))[:, :, 0]
        assert grey.shape == (64, 64)
        np.testing.assert_allclose(grey[:, :24], 255, atol=8)
        np.testing.assert_allclose(grey[:, 40:], 0, atol=8)
    else:
        with pytest.raises(ImageReadError, match="which is not read: install") as caught:
            decode_image(content, "a")
        assert caught.value.reason == "unsupported"
