"""Memory and time that decoding takes a pixel, for each format: python -m benchmarks.image_costs.

The figures of `skfakereal._images.costs` come from here. Each file is made and decoded in a process
of its own; the size is small enough for a busy machine, and memory grows in proportion.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

KINDS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "jpeg": ("RGB", "JPEG", {}),
    "jpeg 4:4:4 progressive": ("RGB", "JPEG", {"progressive": True, "subsampling": 0}),
    "jpeg cmyk progressive": ("CMYK", "JPEG", {"progressive": True}),
    "jpeg turned": ("RGB", "JPEG", {"exif": "turned"}),
    "png": ("RGB", "PNG", {"compress_level": 1}),
    "png with alpha": ("RGBA", "PNG", {"compress_level": 1}),
    "png palette, transparency": ("P", "PNG", {"transparency": 3}),
    "png 16 bits": ("I;16", "PNG", {"compress_level": 1}),
    "gif": ("P", "GIF", {"transparency": 3}),
    "webp": ("RGB", "WEBP", {"method": 0}),
    "webp with alpha": ("RGBA", "WEBP", {"method": 0}),
    "webp lossless": ("RGBA", "WEBP", {"method": 0, "lossless": True}),
    "avif": ("RGB", "AVIF", {"speed": 10}),
    "avif 4:4:4 with alpha": ("RGBA", "AVIF", {"speed": 10, "subsampling": "4:4:4"}),
    "jpeg2000": ("RGB", "JPEG2000", {}),
    "jpeg2000 with alpha": ("RGBA", "JPEG2000", {}),
    "tiff": ("RGB", "TIFF", {}),
    "tiff with alpha, one strip": ("RGBA", "TIFF", {"compression": "tiff_lzw"}),
    "tiff turned": ("RGB", "TIFF", {"compression": "tiff_lzw", "exif": "turned"}),
    "tiff lzma": ("RGB", "TIFF", {"compression": "lzma"}),
    "tiff zstd": ("RGB", "TIFF", {"compression": "zstd"}),
    "bmp": ("RGB", "BMP", {}),
    "ppm": ("RGB", "PPM", {}),
    "heif": ("RGB", "HEIF", {"quality": 50}),
    "heif with alpha": ("RGBA", "HEIF", {"quality": 50}),
    "jxl": ("RGB", "JXL", {"effort": 1}),
    "jxl with alpha": ("RGBA", "JXL", {"effort": 1}),
}
DECODE = """
import re, sys, time
from skfakereal._images.read import decode_image, read_bytes
from skfakereal._images.signatures import is_read
import numpy, PIL.ImageCms
is_read("HEIF"), is_read("JXL")

def peak():  # of Linux; getrusage's own would begin at that of the parent
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])

open("/proc/self/clear_refs", "w").write("5")
before = peak()
data = read_bytes(sys.argv[1])
began = time.process_time()
image = decode_image(data, sys.argv[1])
took = time.process_time() - began
print(image.width * image.height, len(data), (peak() - before) * 1024, took)
"""


def write(kind: str, side: int, file: Path) -> None:
    """Write a picture of noise that has some smooth parts."""
    mode, name, settings = KINDS[kind]
    picture = Image.effect_noise((side, side), 40)
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(picture).astype(np.uint16) * 257)
    elif mode == "RGBA":
        picture = Image.merge("RGBA", [picture] * 4)
    elif mode == "P":
        picture = picture.copy()
        picture = Image.frombytes("P", picture.size, picture.tobytes())
        picture.putpalette([i % 251 for i in range(768)])
    else:
        picture = picture.convert(mode)
    if settings.get("exif") == "turned":
        settings = dict(settings, exif=Image.Exif())
        settings["exif"][0x0112] = 6
    picture.save(file, name, **settings)


def main() -> None:
    """Print a row for each kind of file."""
    side = int(sys.argv[1]) if len(sys.argv) > 1 else 2800
    print(f"{'':28}   file MB  bytes/pixel  ns/pixel")
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            file = Path(folder) / "picture"
            try:
                write(kind, side, file)
            except (KeyError, OSError, ValueError) as error:
                print(f"{kind:28} cannot be written here: {error}")
                continue
            answer = subprocess.run(
                [sys.executable, "-W", "ignore", "-c", DECODE, str(file)],
                capture_output=True,
                text=True,
            )
            if answer.returncode:
                print(f"{kind:28} {answer.stderr.strip().splitlines()[-1]}")
                continue
            n_pixels, n_bytes, peak, took = map(float, answer.stdout.split())
            print(
                f"{kind:28} {n_bytes / 1e6:9.1f} {(peak - n_bytes) / n_pixels:12.1f} "
                f"{1e9 * took / n_pixels:9.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
