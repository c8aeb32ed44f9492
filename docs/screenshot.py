"""Make the picture of the page of ``skfakereal serve``: ``python docs/screenshot.py``.

Needs the extras ``web`` and ``browser``, and a Chromium of the system. The detector is a toy.
"""

import shutil
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import sync_playwright

from skfakereal.cli import main as skfakereal
from skfakereal.datasets import make_fake_real_images

PLACE = Path(__file__).parent / "images" / "serve.png"
SIDE, SHOWN = 96, 8


def make_model(folder: Path) -> list[str]:
    """Train a detector on toy pictures; return some that it has not seen."""
    images = make_fake_real_images(folder / "images", 600, image_size=SIDE)
    words = f"--weights cifake --image-size {SIDE} --no-augmentation --target-fpr 0.05"
    skfakereal(["train", f"{folder}/images", "--out", f"{folder}/detector", *words.split()])
    test = images.data[images.split == "test"]
    some = [str(path) for path in test[:: len(test) // SHOWN][:SHOWN]]
    half = SHOWN // 2  # fake ones come first
    return [path for pair in zip(some[:half], some[half:], strict=True) for path in pair]


def main() -> None:
    """Serve the page, hand it the pictures as somebody does who chooses them, and look."""
    with TemporaryDirectory() as name, sync_playwright() as driver:
        suspects = make_model(Path(name))
        words = [sys.executable, "-m", "skfakereal", "serve", f"{name}/detector"]
        server = subprocess.Popen(
            [*words, "--port", "0", "--no-browser"], stdout=subprocess.PIPE, text=True
        )
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        chromium = shutil.which("chromium")
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1100, "height": 960})
        page.goto(address)
        page.uncheck("#stable")
        page.set_input_files("#files", suspects)
        page.wait_for_selector("#csv:visible", timeout=300_000)
        page.wait_for_function(
            "n => document.querySelectorAll('#list > li').length >= n",
            arg=len(suspects),
            timeout=300_000,
        )
        page.wait_for_selector("#stop", state="hidden", timeout=300_000)
        page.screenshot(path=PLACE)
        browser.close()
        server.send_signal(signal.SIGINT)
        server.wait(30)
    # A page has few colours beside its pictures.
    Image.open(PLACE).convert("RGB").quantize(192).save(PLACE, optimize=True)


if __name__ == "__main__":
    main()
