"""Choose the form in which the CIFAKE trunk is shipped, and write it.

``python -m benchmarks.embedded_trunk --trunk FILE.safetensors --cifake FOLDER``
prints how well signed integers with one scale per output channel keep the answers of the
full weights on the images that their training held out. The criterion, which was set before
the first trunk was looked at: at least 99.5% of verdicts equal, a mean absolute difference
of the probability of "fake" below 0.005, and loading in less than 0.3 s. (Up to the second
trunk it was applied to training images.) ``--write NAME`` writes
the smallest file that meets it. ``--test`` then prints the accuracy on ``test/``, which has
no part in the choice.
"""

import argparse
import hashlib
import io
from collections.abc import Iterable
from functools import partial
from itertools import product
from pathlib import Path
from timeit import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import load_file
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skfakereal._trunk_settings import TrunkSettings

Floats = NDArray[np.float32]
Arrays = dict[str, NDArray[Any]]
Labels = NDArray[np.int_]

N_FIT = 4_000
TRUNKS = Path(__file__).parents[1] / "skfakereal" / "trunks"
HEADER = """\
| form | MB | load, s | error | cosine | same verdicts | mean diff. | largest | passes |
|---|---|---|---|---|---|---|---|---|"""
ROW = "| {} | {:.2f} | {:.2f} | {:.4f} | {:.6f} | {:.2%} | {:.5f} | {:.3f} | {} |"


def list_layers(arrays: Iterable[str]) -> list[str]:
    """Names of the convolutions, in order."""
    return sorted({key.split("/")[0] for key in arrays})


def find_scale(kernel: Floats, top: int, clip: bool) -> Floats:
    """Scale of each output channel: by its largest weight, or by least squared error.

    Parameters
    ----------
    kernel : ndarray of shape (3, 3, in, out)
        Weights of one convolution.
    top : int
        The largest integer; the smallest is ``-top``.
    clip : bool
        Whether large weights may be cut for a smaller squared error.

    Returns
    -------
    ndarray of shape (out,)
        Positive factors: a weight is its integer times the factor of its channel.
    """
    largest: Floats = np.abs(kernel).max(axis=(0, 1, 2)) / top
    if not clip:
        return largest
    scales = np.linspace(0.3, 1, 36, dtype=np.float32)[:, None] * largest
    guesses = (scale * round_kernel(kernel, scale, top) for scale in scales)
    errors = [np.square(guess - kernel).sum(axis=(0, 1, 2)) for guess in guesses]
    best: Floats = scales[np.argmin(errors, axis=0), np.arange(largest.size)]
    return best


def round_kernel(kernel: Floats, scale: Floats, top: int) -> Floats:
    """Whole numbers from ``-top`` to `top` that stand for the kernel over its scale."""
    rounded: Floats = np.clip(np.rint(kernel / scale), -top, top)
    return rounded


def quantise(trunk: Arrays, bits: int, clip: bool) -> Arrays:
    """Give kernels as int8 that use `bits` bits, with float32 scales and biases."""
    top = 2 ** (bits - 1) - 1
    arrays: Arrays = {}
    for layer in list_layers(trunk):
        kernel = trunk[f"{layer}/kernel"].astype(np.float32)
        scale = find_scale(kernel, top, clip)
        arrays[f"{layer}/kernel"] = round_kernel(kernel, scale, top).astype(np.int8)
        arrays[f"{layer}/scale"] = scale
        arrays[f"{layer}/bias"] = trunk[f"{layer}/bias"].astype(np.float32)
    return arrays


def pack_npz(arrays: Arrays) -> bytes:
    """Write a compressed ``.npz``; NumPy dates every entry 1980, so bytes repeat."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def unpack_npz(content: bytes) -> Arrays:
    """Read a ``.npz`` back to float32 kernels and biases."""
    with np.load(io.BytesIO(content), allow_pickle=False) as npz:
        layers = list_layers(npz)
        kernels = {f"{k}/kernel": npz[f"{k}/kernel"] * npz[f"{k}/scale"] for k in layers}
        return kernels | {f"{k}/bias": npz[f"{k}/bias"] for k in layers}


def is_held_out(content: bytes) -> bool:
    """Tell whether an image file has no part in the training: 2.3% of them have none."""
    return hashlib.sha256(content).digest()[0] < 6


def draw(paths: Iterable[Path], n_images: int | None = None) -> list[Path]:
    """Return paths in random order, the first ones if a number is given."""
    ordered = sorted(paths)
    chosen = np.random.default_rng(0).permutation(len(ordered))[:n_images]
    return [ordered[i] for i in chosen]


def read_images(paths: Iterable[Path], trained_on: str) -> tuple[Floats, Labels]:
    """Images as the trunk takes them, and labels (1: fake)."""
    paths = list(paths)
    pixels = [np.asarray(Image.open(path).convert("RGB")) for path in paths]
    labels = np.array([path.parent.name == "FAKE" for path in paths], dtype=int)
    settings = TrunkSettings((32, 32), "stretch", trained_on, "avg", None)
    return settings.preprocess(np.stack(pixels)), labels


def compute_features(trunk: Arrays, pixels: Floats) -> Floats:
    """Average-pooled output of the convolutions, of shape (n, 512)."""
    import keras

    size = pixels.shape[1:]
    vgg = keras.applications.VGG16(False, weights=None, input_shape=size, pooling="avg")
    for layer in list_layers(trunk):
        vgg.get_layer(layer).set_weights([trunk[f"{layer}/kernel"], trunk[f"{layer}/bias"]])
    return np.asarray(vgg.predict(pixels, batch_size=256, verbose=0), dtype=np.float32)


def fit_head(features: Floats, labels: Labels) -> Pipeline:
    """Fit a logistic head on standardised features."""
    head = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2_000))
    return head.fit(features, labels)


def measure_agreement(head: Pipeline, expected: Floats, got: Floats) -> list[float]:
    """Relative error and cosine of features, share of equal verdicts, change of p."""
    length = np.linalg.norm(expected, axis=1)
    error = np.linalg.norm(got - expected, axis=1) / length
    cosine = (got * expected).sum(axis=1) / (length * np.linalg.norm(got, axis=1))
    p_expected, p_got = (head.predict_proba(f)[:, 1] for f in (expected, got))
    same = (p_got >= 0.5) == (p_expected >= 0.5)
    difference = np.abs(p_got - p_expected)
    return [error.mean(), cosine.mean(), same.mean(), difference.mean(), difference.max()]


def choose_form(trunk: Arrays, fit: tuple[Floats, Labels], pixels: Floats) -> bytes:
    """Print the table of forms and return the smallest that meets the criterion.

    A head is fitted on the first images, and asked about the others.
    """
    head = fit_head(compute_features(trunk, fit[0]), fit[1])
    features = compute_features(trunk, pixels)
    print(HEADER)
    passing = []
    for bits, clip in product((8, 7, 6, 5, 4), (False, True)):
        content = pack_npz(quantise(trunk, bits, clip))
        seconds = min(repeat(partial(unpack_npz, content), number=1))
        got = compute_features(unpack_npz(content), pixels)
        agreement = measure_agreement(head, features, got)
        passes = agreement[2] >= 0.995 and agreement[3] < 0.005 and seconds < 0.3
        name = f"{bits} bits, {'least error' if clip else 'largest'}"
        cells = [name, len(content) / 1e6, seconds, *agreement, "yes" if passes else "no"]
        print(ROW.format(*cells), flush=True)
        passing += [content] if passes else []
    return min(passing, key=len)


def measure_accuracy(
    trunk: Arrays, train: tuple[Floats, Labels], test: tuple[Floats, Labels]
) -> float:
    """Accuracy on test images, by a head fitted on training images."""
    (pixels, labels), (test_pixels, test_labels) = train, test
    head = fit_head(compute_features(trunk, pixels), labels)
    return float(head.score(compute_features(trunk, test_pixels), test_labels))


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description="Choose the shipped form of the trunk.")
    parser.add_argument("--trunk", type=Path, required=True, help="its full weights")
    parser.add_argument("--cifake", type=Path, required=True, help="folder of train/REAL")
    parser.add_argument("--write", metavar="NAME", help="write the chosen form as NAME.npz")
    parser.add_argument("--test", action="store_true", help="print accuracy on test/")
    args = parser.parse_args()
    trunk = load_file(args.trunk)
    with safe_open(args.trunk, framework="np") as file:
        trained_on = (file.metadata() or {}).get("input", "unit")
    held = {path: is_held_out(path.read_bytes()) for path in args.cifake.glob("train/*/*")}
    fit = read_images(
        draw((p for p, is_held in held.items() if not is_held), N_FIT), trained_on
    )
    others, _ = read_images((p for p, is_held in held.items() if is_held), trained_on)
    content = choose_form(trunk, fit, others)
    print(f"\nchosen: {len(content)} bytes")
    if args.write:
        (TRUNKS / f"{args.write}.npz").write_bytes(content)
    if args.test:
        test = read_images(sorted(args.cifake.glob("test/*/*")), trained_on)
        for name, form in (("full weights", trunk), ("chosen", unpack_npz(content))):
            accuracy = measure_accuracy(form, fit, test)
            print(f"accuracy on test, {name}: {accuracy:.4f}")


if __name__ == "__main__":
    main()
