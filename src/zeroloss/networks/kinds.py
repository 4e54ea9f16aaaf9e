"""Files of this library's networks that are no chain of layers: a configuration and arrays."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import numpy as np

from zeroloss.networks.residual import ResidualConfig, ResidualMLP
from zeroloss.networks.small_cnn import SmallCNN
from zeroloss.networks.squasher import SquasherConfig, SquasherNetwork
from zeroloss.networks.xor import XorNetwork
from zeroloss.plumbing import InputError


@dataclasses.dataclass(frozen=True)
class Kind:
    """How one class is described and made again.

    Attributes:
        config: of a network, what its constructor needs beside precision and seed, as JSON holds it.
        make: a network of a configuration and a dtype; it is only evaluated abstractly.
        count: how many arrays one of this configuration has, so that a claim of many layers is seen before any is made.
    """

    config: Callable[[Any], list[Any]]
    make: Callable[[list[Any], Any], Any]
    count: Callable[[list[Any]], int]


def _residual(config: list[Any], dtype: Any) -> ResidualMLP:
    return ResidualMLP.of(ResidualConfig(*config), dtype)


def _squasher(config: list[Any], dtype: Any) -> SquasherNetwork:
    return SquasherNetwork.of(SquasherConfig(*config), dtype)


def _cnn(config: list[Any], dtype: Any) -> SmallCNN:
    image_shape, out_size, filters, size, pool = config
    return SmallCNN(tuple(image_shape), out_size, filters, size, pool)


def _xor(config: list[Any], dtype: Any) -> XorNetwork:
    k, weight_std = config
    return XorNetwork(k, weight_std)


KINDS: dict[str, Kind] = {
    "ResidualMLP": Kind(lambda n: list(n.config), _residual, lambda c: 2 * (ResidualConfig(*c).blocks + 2)),
    "SquasherNetwork": Kind(lambda n: list(n.config), _squasher, lambda c: 2 * SquasherConfig(*c).depth + 1),
    "SmallCNN": Kind(
        lambda n: [list(n.image_shape), len(n.readout_biases), len(n.filters), n.size, n.pool], _cnn, lambda c: 4
    ),
    "XorNetwork": Kind(lambda n: [len(n.w), n.weight_std], _xor, lambda c: 2),
}


def described(network: Any) -> tuple[list[Any], dict[str, np.ndarray]] | None:
    """Configuration and arrays of a network of one of `KINDS`; None of another."""
    kind = KINDS.get(type(network).__name__)
    if kind is None or not type(network).__module__.startswith("zeroloss."):
        return None
    leaves = [leaf for leaf in jax.tree.leaves(network) if eqx.is_inexact_array(leaf)]
    return kind.config(network), {f"array_{i}": np.asarray(leaf) for i, leaf in enumerate(leaves)}


def rebuilt(kind: str, config: Any, arrays: dict[str, np.ndarray], name: str) -> Any:
    """The network of this configuration with these arrays, if they fit; no weights are drawn. Call it inside `double()`.

    Raises:
        InputError: arrays of another number, shape or precision than the configuration's.
    """
    import jax.numpy as jnp

    known = KINDS[kind]
    if not isinstance(config, list) or known.count(config) != len(arrays):
        raise InputError(f"{name} is described as a {kind} {str(config)[:80]}, and holds {len(arrays)} arrays.")
    given = [arrays[f"array_{i}"] for i in range(len(arrays))]
    shell = eqx.filter_eval_shape(known.make, config, given[0].dtype)
    leaves, tree = jax.tree.flatten(shell)
    wanted = [leaf.shape for leaf in leaves]
    if wanted != [a.shape for a in given] or len({a.dtype for a in given}) > 1:
        raise InputError(
            f"{name} is described as a {kind} {str(config)[:80]}, and its arrays are not of the shapes of one, in one precision."
        )
    return jax.tree.unflatten(tree, [jnp.asarray(a) for a in given])
