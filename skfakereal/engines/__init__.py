"""Engines: a network as data -> a function from a batch to its outputs."""

from functools import lru_cache

from skfakereal._network import Dense, Forward, Network
from skfakereal.engines._auto import auto_engine, has_onnxruntime

__all__ = ["ENGINES", "auto_engine", "choose_engine", "compile_network"]

ENGINES = ("auto", "ncnn", "int8", "tensorflow")


def choose_engine(engine: str, *, n_pixels: int = 0, is_int8: bool = False) -> str:
    """Return the engine that a setting stands for; "auto" depends on the rest.

    Raises ImportError if it needs a package that is not installed.
    """
    if engine == "auto":
        engine, _ = auto_engine(n_pixels=n_pixels, is_int8=is_int8)
    if engine == "int8" and not has_onnxruntime():
        whose = (
            "This model was fitted with engine='int8', which"
            if is_int8
            else "engine='int8'"
        )
        raise ImportError(
            f"{whose} needs ONNX Runtime: pip install onnx onnxruntime. A model that was "
            "fitted with another engine predicts without it."
        )
    return engine


def compile_network(
    network: Network, input_shape: tuple[int, ...], *, engine: str, n_threads: int
) -> Forward:
    """Compile a network to a function of batches; the same one again gives the same function.

    No layers at all give the identity. Dense ones alone are left to NumPy, since no engine
    would earn its start-up time on them. TensorFlow's threads are set once for the process.
    Without a `Quantization`, ncnn stands in for "int8".
    """
    if all(isinstance(layer, Dense) for layer in network.layers):
        from skfakereal.engines._numpy import compile_dense

        return compile_dense(network)
    chosen = choose_engine(engine, is_int8=network.quantization is not None)
    return _compile(network, input_shape, chosen, n_threads)


# Few, since a trunk's transformed weights take 388 MB at 224x224.
@lru_cache(maxsize=2)
def _compile(
    network: Network, input_shape: tuple[int, int, int], engine: str, n_threads: int
) -> Forward:
    if engine == "int8" and network.quantization is not None:
        from skfakereal.engines._int8 import compile_with_int8

        return compile_with_int8(network, input_shape, n_threads=n_threads)
    if engine in ("ncnn", "int8"):
        from skfakereal.engines._ncnn import compile_with_ncnn

        return compile_with_ncnn(network, input_shape, n_threads=n_threads)
    from skfakereal.engines._tensorflow import compile_with_tensorflow

    return compile_with_tensorflow(network)
