"""Convolutions and poolings -> a loaded ``ncnn.Net``, without a file or a converter."""

import ctypes
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfakereal._network import Conv, Layer, Statistics

# First line of ncnn's text format.
_MAGIC = "7767517"
# Before float32 weights that are not compressed.
_TAG = bytes(4)
# On by default in ncnn, where the processor has them: they round to 16 bits.
_ROUNDING_OPTIONS = (
    "use_bf16_packed",
    "use_bf16_storage",
    "use_fp16_arithmetic",
    "use_fp16_packed",
    "use_fp16_storage",
)


class WorkingMemory:
    """Memory that several nets compute in, one after the other or in threads.

    By itself each net keeps as much as it ever needed: for VGG16 in five nets at 32x32,
    350 MB more. It must outlive the nets, and all outputs that were not copied.
    """

    def __init__(self) -> None:
        import ncnn

        self._blobs, self._workspace = ncnn.PoolAllocator(), ncnn.PoolAllocator()

    def lend_to(self, options: Any) -> None:
        """Let a net with these options compute in it."""
        options.blob_allocator = self._blobs
        options.workspace_allocator = self._workspace


def load_net(
    layers: Sequence[Layer],
    input_shape: tuple[int, ...],
    memory: WorkingMemory,
    *,
    stacked: bool,
    tapped: int | None = None,
    correlated: Collection[int] = (),
) -> tuple[Any, int]:
    """Load layers into ncnn; return the net and the number of masks that it takes.

    The net goes from the blob "input", and masks "mask0", ..., to "output". By the size of
    an input, ncnn chooses between Winograd's algorithm (with smaller or larger tiles) and a
    matrix product. Where inputs are `stacked` images, what a convolution writes between the
    images must be set to zero (by a product with a mask) before the next. For statistics,
    `tapped` is the number of rows of an image: "means0", the mean of each row, and
    "variance0", that of the rows of each image on average, of the first convolution, and so
    on, are to be extracted in this order, and before the output. Of the convolutions in
    `correlated`, there are also the maps, as "maps0c" and so on.
    """
    import ncnn

    net = ncnn.Net()
    memory.lend_to(net.opt)
    _set_options(net.opt, input_shape, stacked)
    text, n_masks = _describe(layers, input_shape, stacked, tapped, correlated)
    if net.load_param_mem(text) != 0 or net.load_model(_reader(_weights(layers))) != 0:
        raise RuntimeError(f"ncnn {ncnn.__version__} cannot load this network:\n{text}")
    return net, n_masks


def to_mat(array: NDArray[np.float32]) -> Any:
    """Return an ``ncnn.Mat`` with a copy of `array`, of shape (channels, height, width)."""
    import ncnn

    # A Mat of an array borrows its memory. The clone owns its own, and is made while
    # `array` is alive: the borrowed memory of a temporary array would hold anything.
    return ncnn.Mat(array).clone()


def _set_options(options: Any, input_shape: tuple[int, ...], stacked: bool) -> None:
    # Threads beside each other instead: ncnn's own spin while they wait, and beside
    # another busy process lose most of their speed. Already while it loads: ncnn computes
    # in as many as it was loaded with, and says so on standard error if they differ.
    options.num_threads = 1
    for name in _ROUNDING_OPTIONS:
        setattr(options, name, False)
    if stacked:
        # ncnn's own choice suits single images; on stacks it is up to 1.4 times slower.
        # Tiles of 2 pay where those of 4 would be half empty; those of 6 do not fit
        # the distance between the images.
        width = input_shape[1]
        narrow = width < 7 and width != 4
        options.use_winograd23_convolution = narrow
        options.use_winograd43_convolution = not narrow
        options.use_winograd63_convolution = False


def _describe(
    layers: Sequence[Layer],
    shape: tuple[int, ...],
    stacked: bool,
    tapped: int | None,
    correlated: Collection[int],
) -> tuple[str, int]:
    """Write ncnn's text format: type, name, counts of blobs in and out, blobs, settings."""
    lines = [f"Input input 0 1 input {_size(shape)}"]
    blob, n_masks, n_taps = "input", 0, 0
    for i, layer in enumerate(layers):
        following = layers[i + 1] if i + 1 < len(layers) else None
        output = f"blob{i}" if following else "output"
        if isinstance(layer, Conv):
            shape = (*shape[:2], layer.kernel.shape[3])
            # 3x3, a border of 1, with bias, then ReLU.
            settings = f"0={shape[2]} 1=3 4=1 5=1 6={layer.kernel.size} 9=1"
            maps = f"maps{n_taps}" if tapped else output
            lines.append(
                f"Convolution layer{i} 1 1 {blob} {maps} {settings} {_size(shape)}"
            )
            if tapped:
                rows = tapped if stacked else shape[0]
                with_maps = n_taps in correlated
                lines += _tap(n_taps, output, rows, shape[0], shape[1], with_maps)
                n_taps += 1
        else:
            shape = (shape[0] // 2, shape[1] // 2, shape[2])
            # Maximum of 2x2, stride 2; 5=1 drops an odd last row, the default pads it.
            settings = "0=0 1=2 2=2 5=1"
            lines.append(f"Pooling layer{i} 1 1 {blob} {output} {settings} {_size(shape)}")
        blob = output
        if stacked and isinstance(layer, Conv) and isinstance(following, Conv):
            lines.insert(0, f"Input mask{n_masks} 0 1 mask{n_masks}")
            lines.append(f"BinaryOp product{i} 2 1 {blob} mask{n_masks} masked{i} 0=2")
            blob, n_masks = f"masked{i}", n_masks + 1
    n_blobs = sum(int(line.split()[3]) for line in lines)  # as many as outputs
    return "\n".join([_MAGIC, f"{len(lines)} {n_blobs}", *lines, ""]), n_masks


def _tap(
    i: int, output: str, rows: int, pitch: int, width: int, with_maps: bool
) -> list[str]:
    """Describe how maps go on to `output`, and what their statistics are made of.

    By row, so that what lies between the images of a stack stays out of account, and since
    a sum of 50,000 values in float32 is not exact. A variance is made of differences from
    the mean: as a mean square less a squared mean it has no digits left where an image is
    flat.
    """
    ways = [f"maps{i}a", f"maps{i}b", *([f"maps{i}c"] if with_maps else [])]
    split = [f"Split split{i} 1 {len(ways) + 1} maps{i} {output} {' '.join(ways)}"]
    if rows > Statistics.MANY_ROWS:  # of a single image: none so large is stacked
        split = [
            f"Split whole{i} 1 2 maps{i} {output} whole{i}",
            f"Pooling some{i} 1 1 whole{i} some{i} 0=0 1=1 11=1 2=1 12={Statistics.STEP} 5=1",
            f"Split split{i} 1 {len(ways)} some{i} {' '.join(ways)}",
        ]
        rows = pitch = len(range(0, rows, Statistics.STEP))
    mean_of_row = f"0=1 1={width} 11=1 2=1 12=1 5=1"
    mean_of_image = f"0=1 1=1 11={rows} 2=1 12={pitch} 5=1"
    return [
        *split,
        f"Pooling rows{i} 1 1 maps{i}a rows{i} {mean_of_row}",
        f"Split again{i} 1 2 rows{i} means{i} rows{i}a",
        f"BinaryOp centre{i} 2 1 maps{i}b rows{i}a centred{i} 0=1",
        f"UnaryOp square{i} 1 1 centred{i} squares{i} 0=4",
        f"Pooling variances{i} 1 1 squares{i} variances{i} {mean_of_row}",
        f"Pooling variance{i} 1 1 variances{i} variance{i} {mean_of_image}",
    ]


def _size(shape: tuple[int, ...]) -> str:
    """Tell ncnn the shape of a blob, from which it chooses the algorithm."""
    height, width, channels = shape
    return f"-23330=4,3,{width},{height},{channels}"


def _weights(layers: Sequence[Layer]) -> Iterator[bytes]:
    """Yield the arrays as ncnn's binary format has them: out, in, height, width."""
    for layer in layers:
        if isinstance(layer, Conv):
            yield from (_TAG, layer.kernel.transpose(3, 2, 0, 1).tobytes())
            yield layer.bias.tobytes()


def _reader(parts: Iterator[bytes]) -> Any:
    """Return an ``ncnn.DataReader`` over parts, for which ncnn asks one by one.

    ``Net.load_model_mem`` will not do: it reports no failure, and ncnn may keep pointers
    into a buffer that it loads from (its issue 4410), which is gone after the call.
    """
    import ncnn

    address = ctypes.pythonapi.PyCapsule_GetPointer
    address.restype, address.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]

    class Reader(ncnn.DataReader):
        def read(self, buffer: Any, size: int) -> int:
            part = next(parts, b"")
            if len(part) != size:
                return 0  # which ncnn takes for a failure
            ctypes.memmove(address(buffer, None), part, size)
            return size

    return Reader()
