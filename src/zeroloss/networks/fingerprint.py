"""Which network is this? Hashes of what it computes and of its numbers, and a one-line description."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import equinox as eqx
import jax
import numpy as np

from zeroloss.networks.black_box.box import BlackBox
from zeroloss.networks.feedforward import FeedForward
from zeroloss.networks.mlp import MLP
from zeroloss.networks.pytorch import TorchNetwork
from zeroloss.networks.storage import parts_of
from zeroloss.networks.traced import TracedNetwork
from zeroloss.networks.trainable import trainable_mask
from zeroloss.plumbing import InputError
from zeroloss.plumbing.digest import by_name, network_digest


def network_hash(network: Any) -> str:
    """SHA-256 of the whole network in float64: what it computes and with which numbers.

    Over the header that a file of it has (kind, activations, scales, configuration, or the program and the names of its
    parameters), as JSON with sorted keys, and over the name, dtype, shape and bytes of every array, constants too. Arrays of
    floating numbers are taken as float64, as they are judged.

    Raises:
        InputError: the network is of a kind that cannot be written.
    """
    return network_digest(*parts_of(network))


def fingerprint(network: Any) -> dict[str, str]:
    """`sha256` of the network, and `architecture`, the same of its shape alone: equal before and after training.

    As `network_hash`, but for the order of a converted module's parameters, which JAX sorts: they are taken by name. A network that cannot
    be written as a file (a function of the user's with its parameters, say) is taken by its class and its arrays; of a black
    box nothing can be hashed, and nothing is returned.
    """
    if isinstance(network, BlackBox):
        return {}
    try:
        header, arrays = by_name(*parts_of(network))
    except InputError:
        header = {"class": type(network).__qualname__}
        leaves = [leaf for leaf in jax.tree.leaves(network) if eqx.is_array(leaf)]
        arrays = {f"leaf_{i}": _plain(leaf) for i, leaf in enumerate(leaves)}
    whole = network_digest(header, arrays)
    if isinstance(network, FeedForward):  # a class of its own only records how the weights were drawn
        header = {key: value for key, value in header.items() if key not in ("kind", "config")}
    shapes = {name: list(array.shape) for name, array in arrays.items()}
    text = json.dumps([header, shapes], sort_keys=True)
    return {"sha256": whole, "architecture": hashlib.sha256(text.encode()).hexdigest()}


def _plain(leaf: Any) -> np.ndarray:
    """An array of numbers; of JAX's random keys those that they stand for."""
    return np.asarray(jax.random.key_data(leaf) if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf)


def summary(network: Any) -> dict[str, Any]:
    """What a report states of the network: `description`, one line, and what else is known of its kind."""
    if isinstance(network, BlackBox):
        return {"description": f"{network.name}, by its {network.answer}", "kind": "black box"}
    if isinstance(network, MLP):
        return _mlp(network)
    if isinstance(network, FeedForward):
        parameters = _count(network)
        names = dict.fromkeys(name for layer in network.activations for name, _ in layer)
        shape = "-".join(map(str, (network.in_size, *network.widths, network.out_size)))
        text = f"{shape} {', '.join(names) or 'linear'}, as given, {parameters:,} parameters"
        return {
            "description": text,
            "widths": list(network.widths),
            "activation": ", ".join(names),
            "parameters": parameters,
        }
    if isinstance(network, TorchNetwork):
        parameters = sum(int(p.size) for p in network.parameters.values())
        shape = " x ".join(map(str, network.program.input_shape))
        origin = "a program of JAX" if isinstance(network, TracedNetwork) else "converted from torch"
        text = f"{origin}, input {shape}, {parameters:,} parameters in {len(network.parameters)} arrays"
        return {"description": text, "parameters": parameters, "operators": len(network.program.steps)}
    parameters = _count(network)
    return {"description": f"{type(network).__name__}, {parameters:,} parameters", "parameters": parameters}


def _count(network: Any) -> int:
    """How many numbers training may move; 0 of a function."""
    if not jax.tree.leaves(eqx.filter(network, eqx.is_inexact_array)):
        return 0
    return sum(int(leaf.size) for leaf in jax.tree.leaves(eqx.filter(network, trainable_mask(network))))


def _mlp(network: MLP) -> dict[str, Any]:
    config = network.config
    parameters = sum(int(np.size(w)) for w in (*network.weights, *network.biases))
    shape = "-".join(str(s) for s in (config.in_size, *config.widths, config.out_size))
    return {
        "description": f"{shape} {config.activation}, {config.parametrization} parametrization, {parameters:,} parameters",
        "widths": list(config.widths),
        "activation": config.activation,
        "parametrization": config.parametrization,
        "weight_std": config.weight_std,
        "bias_std": config.bias_std,
        "parameters": parameters,
    }
