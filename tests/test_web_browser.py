"""The page in a real browser: dropping, keyboard, phone, dark, and what a screen reader gets."""

import csv
import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from conftest import Folders, noise
from image_attacks import ATTACKS, png, png_chunk
from PIL import Image
from sklearn.dummy import DummyClassifier

playwright = pytest.importorskip("playwright.sync_api")
pytest.importorskip("starlette")
CHROMIUM = os.environ.get("SKFAKEREAL_CHROMIUM") or shutil.which("chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
]
# What a browser hands to a page when files are dropped, from bytes.
DROP = """
(files) => {
  const data = new DataTransfer();
  for (const [name, text] of files) {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    data.items.add(new File([bytes], name));
  }
  const zone = document.getElementById("drop");
  for (const kind of ["dragenter", "dragover", "drop"]) {
    const how = { dataTransfer: data, bubbles: true, cancelable: true };
    zone.dispatchEvent(new DragEvent(kind, how));
  }
}
"""
PASTE = DROP.split("const zone")[0] + (
    'const event = new ClipboardEvent("paste", { clipboardData: data, bubbles: true });'
    "document.body.dispatchEvent(event); }"
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: Folders) -> Iterator[str]:
    model = DummyClassifier(strategy="prior").fit([["a"], ["b"], ["c"]], [0, 1, 1])
    place = tmp_path_factory.mktemp("model") / "quick.joblib"
    joblib.dump(model, place)
    words = [sys.executable, "-m", "skfakereal", "serve", "--trust", str(place)]
    process = subprocess.Popen(
        [*words, "--port", "0", "--no-browser"], stdout=subprocess.PIPE, text=True
    )
    yield process.stdout.readline().strip()
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser: Any, address: str) -> Iterator[Any]:
    """Open the page; nothing may go wrong in it, nor go elsewhere."""
    contexts, wrong = [], list[str]()

    def visit(**settings: Any) -> Any:
        context = browser.new_context(**settings)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text))
        own = (address, "data:", "blob:")
        context.on(
            "request", lambda r: None if r.url.startswith(own) else wrong.append(r.url)
        )
        page.goto(address)
        page.locator("#which").filter(has_text="model").wait_for()
        return page

    yield visit
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture
def images(tmp_path: Path) -> dict[str, bytes]:
    """Return fifty images, five of which are broken, and two hostile."""
    found = {}
    for i in range(43):
        Image.fromarray(noise(20 + i)).save(tmp_path / "one.png")
        found[f"image {i:02}.png"] = (tmp_path / "one.png").read_bytes()
    good = found["image 00.png"]
    found |= {f"broken {i}.png": good[: 50 + i] for i in range(5)}
    found["<img src=x onerror=alert(1)>.png"] = ATTACKS["png pixels"]()
    text = png_chunk(b"tEXt", b"parameters\0<script>alert(2)</script>\nSteps: 2, Seed: 1")
    found["scans.jpg"] = png((30, 30), before=[text])
    return found


def done(page: Any) -> str:
    status = page.get_by_role("status").filter(has_text="Done")
    status.wait_for(timeout=120_000)
    return str(status.inner_text())


def drop(page: Any, files: dict[str, bytes], how: str = DROP) -> None:
    import base64

    page.evaluate(how, [[n, base64.b64encode(d).decode()] for n, d in files.items()])


def test_fifty_images_are_dropped(
    visit: Any, images: dict[str, bytes], tmp_path: Path
) -> None:
    page = visit()
    drop(page, images)
    assert done(page) == "Done: 50 images: 44 fake, 6 not judged."
    cards = page.locator("#list button.card")
    assert cards.count() == 50
    assert page.locator("#list script, #list img[src='x']").count() == 0
    page.get_by_text("not judged (6)").click()
    assert cards.count() == 6
    page.get_by_text("all (50)").click()
    page.get_by_label("Sort by").select_option("name")
    names = [card.locator(".name").inner_text() for card in cards.all()]
    assert sorted(names, key=str.lower)[-1] in names
    assert names.index("image 00.png") < names.index("image 42.png")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    download.value.save_as(tmp_path / "verdicts.csv")
    rows = list(csv.DictReader((tmp_path / "verdicts.csv").open(newline="")))
    assert len(rows) == 50
    assert {row["verdict"] for row in rows} == {"fake", ""}
    page.get_by_role("button", name="Clear").click()
    assert cards.count() == 0


def test_a_click_opens_the_page_of_an_image(visit: Any, images: dict[str, bytes]) -> None:
    page = visit()
    drop(page, {"cat.png": images["scans.jpg"]})
    done(page)
    with page.context.expect_page() as opened:
        page.get_by_role("button", name=re.compile("cat.png: fake")).click()
    case = opened.value
    case.wait_for_load_state()
    assert case.get_by_role("heading", level=1).inner_text() == "cat.png"
    assert "made by AI" in case.locator("body").inner_text()
    assert case.locator("script").count() == 0
    with case.expect_download() as saved:
        case.get_by_role("link", name="Download this page").click()
    assert saved.value.suggested_filename == "cat.html"
    page = saved.value.path().read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "Download this page" not in page
    assert "made by AI" in page


def test_zips_and_pasted_pictures(
    visit: Any, images: dict[str, bytes], tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for name in ("image 01.png", "image 02.png"):
            archive.writestr(f"in/{name}", images[name])
    page = visit()
    page.locator("#files").set_input_files(tmp_path / "all.zip")
    done(page)
    assert page.locator("#list .name").all_inner_texts() == [
        "all.zip/in/image 01.png",
        "all.zip/in/image 02.png",
    ]
    with page.context.expect_page() as opened:
        page.locator("#list button").nth(1).click()
    opened.value.wait_for_load_state()
    assert "26 x 22" in opened.value.locator("body").inner_text()
    drop(page, {"image.png": images["image 03.png"]}, PASTE)
    page.get_by_text("all (3)").wait_for()


def test_a_folder_is_walked(visit: Any, images: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "trip" / "more").mkdir(parents=True)
    (tmp_path / "trip" / "a.png").write_bytes(images["image 01.png"])
    (tmp_path / "trip" / "more" / "b.png").write_bytes(images["image 02.png"])
    (tmp_path / "trip" / "notes.txt").write_text("no image")
    page = visit()
    page.locator("#folder").set_input_files(tmp_path / "trip")
    assert "Left out: 1 file" in done(page)
    names = sorted(page.locator("#list .name").all_inner_texts())
    assert names == ["trip/a.png", "trip/more/b.png"]


def test_a_file_that_is_too_large_is_not_sent(visit: Any, images: dict[str, bytes]) -> None:
    page = visit()
    sent = []
    page.on("request", lambda request: sent.append(request.url))
    page.evaluate(
        """() => { const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(101e6)], "huge.png"));
        document.getElementById("drop").dispatchEvent(new DragEvent("drop",
          { dataTransfer: data, bubbles: true, cancelable: true })); }"""
    )
    assert "1 not judged" in done(page)
    assert "over 100 MB" in page.locator("#list").inner_text()
    assert not [url for url in sent if "predict" in url]


def test_the_keyboard_does_it_all(
    visit: Any, images: dict[str, bytes], tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes(images["image 01.png"])
    (tmp_path / "b.png").write_bytes(images["broken 1.png"])
    page = visit()

    def focused() -> str:
        return str(page.evaluate("document.activeElement.textContent.trim().slice(0, 30)"))

    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Tab")
        assert focused() == "Choose images or a zip"
        page.keyboard.press("Enter")
    chooser.value.set_files([tmp_path / "a.png", tmp_path / "b.png"])
    done(page)
    for _ in range(4):  # the folder, two boxes, the filter
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.value") == "all"
    page.keyboard.press("ArrowRight")
    assert page.locator("#list button").count() == 1
    page.keyboard.press("ArrowLeft")
    for _ in range(4):  # the order, two buttons, the first card
        page.keyboard.press("Tab")
    assert "a.png" in str(
        page.evaluate("document.activeElement.getAttribute('aria-label')")
    )
    with page.context.expect_page() as opened:
        page.keyboard.press("Enter")
    opened.value.wait_for_load_state()
    assert opened.value.title() == "a.png"


def test_names_and_roles(visit: Any, images: dict[str, bytes]) -> None:
    page = visit()
    drop(page, {"a.png": images["scans.jpg"], "b.png": b"nothing"})
    done(page)
    told = page.locator("body").aria_snapshot()
    for words in (
        *('heading "Fake or real?" [level=1]', 'region "Choose images"', "status: "),
        *('progressbar "Images judged"', 'group "Show"', 'radio "all (2)" [checked]'),
        *('combobox "Sort by"', 'button "Download CSV"', "listitem", "contentinfo"),
        'button "a.png: fake, probability of fake 0.667. The file says: made by AI. Opens',
        'button "b.png: not judged. This file is not an image',
    ):
        assert words in told, told


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_phones_and_dark_rooms(visit: Any, images: dict[str, bytes], scheme: str) -> None:
    size = {"width": 360, "height": 740}
    page = visit(viewport=size, color_scheme=scheme, is_mobile=True, has_touch=True)
    drop(page, dict(list(images.items())[-8:]))
    done(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for button in page.get_by_role("button").all():
        box = button.bounding_box()
        assert box is None or box["height"] >= 40
    colours = page.evaluate(
        """() => [document.body, ...document.querySelectorAll(".card b, .why, .name, button")]
        .map((each) => { let back = each;
          const behind = () => getComputedStyle(back).backgroundColor;
          while (behind() === "rgba(0, 0, 0, 0)" && back.parentElement) back = back.parentElement;
          return [getComputedStyle(each).color, behind()]; })"""
    )
    for text, back in colours:
        assert contrast(text, back) >= 4.5, (text, back)


def contrast(first: str, second: str) -> float:
    """Return the contrast of two colours (WCAG 2.2, 1.4.3)."""
    light = []
    for colour in (first, second):
        numbers = np.array([float(n) for n in re.findall(r"[\d.]+", colour)[:3]]) / 255
        linear = np.where(
            numbers <= 0.04045, numbers / 12.92, ((numbers + 0.055) / 1.055) ** 2.4
        )
        light.append(float(linear @ [0.2126, 0.7152, 0.0722]) + 0.05)
    return max(light) / min(light)


def test_two_pages_at_once(visit: Any, images: dict[str, bytes]) -> None:
    pages = [visit(), visit()]
    some = dict(list(images.items())[:20])
    for page in pages:
        drop(page, some)
    for page in pages:
        assert done(page) == "Done: 20 images: 20 fake."


def test_a_run_can_be_stopped(visit: Any, images: dict[str, bytes]) -> None:
    page = visit()
    drop(page, images)
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("status").filter(has_text="Stopped").wait_for()
    drop(page, {"again.png": images["image 01.png"]})
    done(page)


def test_other_sites_get_nothing(browser: Any, address: str) -> None:
    page = browser.new_page()
    page.route("http://evil.example/", lambda route: route.fulfill(body="<p>evil</p>"))
    page.goto("http://evil.example/")
    asked = f"""async () => {{
      const answers = [];
      for (const mode of ["cors", "no-cors"]) for (const path of ["api/model", "api/predict"]) {{
        try {{
          const body = path.endsWith("predict") ? new FormData() : undefined;
          const answer = await fetch("{address}" + path,
            {{ mode, body, method: body ? "POST" : "GET" }});
          answers.push(answer.type);
        }} catch (error) {{ answers.push("refused"); }}
      }}
      return answers;
    }}"""
    assert set(page.evaluate(asked)) <= {"refused"}
    page.close()
