"""Engines: a network as data -> a function from a batch to its outputs."""

from functools import lru_cache

from skfakereal._network import Dense, Forward, Network

__all__ = ["compile_network"]


@lru_cache(maxsize=8)
def compile_network(network: Network) -> Forward:
    """Compile a network; a second call with an equal one returns the same function.

    Parameters
    ----------
    network : Network
        The layers. None at all give the identity; dense ones alone are left to NumPy,
        since no engine would earn its start-up time on them.

    Returns
    -------
    callable
        From a float32 array of shape (n, *input_shape) to one of shape
        (n, *output_shape).
    """
    if all(isinstance(layer, Dense) for layer in network.layers):
        from skfakereal.engines._numpy import compile_dense

        return compile_dense(network)
    from skfakereal.engines._tensorflow import compile_with_tensorflow

    return compile_with_tensorflow(network)
