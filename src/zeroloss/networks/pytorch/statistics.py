"""The statistics of batch normalisation: which of them training never saw, and what they are on given examples."""

from __future__ import annotations

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from zeroloss.networks.precision import precision
from zeroloss.networks.predict import as_input, held_of_one
from zeroloss.networks.pytorch.network import TorchNetwork
from zeroloss.networks.pytorch.program import Ref, _resolved, as_batch_of_one

ROWS, ROOM = 512, 2**29
"""Examples, and bytes of what is held of them, from which statistics are taken at most."""
NORMS = ("aten._native_batch_norm_legit_no_training.default", "aten.batch_norm.default")


def untouched(network: TorchNetwork) -> list[str]:
    """The batch normalisations whose running mean is 0 and whose variance is 1, as they are made, by the name of the mean."""
    found = []
    for mean, variance in _statistics(network):
        values = network.constants[mean], network.constants[variance]
        if not np.asarray(values[0]).any() and bool((np.asarray(values[1]) == 1).all()):
            found.append(mean)
    return found


def _statistics(network: TorchNetwork) -> list[tuple[str, str]]:
    """The names of mean and variance of each batch normalisation, in the order of the computation."""
    names = {k: name for k, (kind, name) in enumerate(network.program.inputs) if kind == "constant"}
    found = []
    for step in network.program.steps:
        if step.operator in NORMS:
            pair = [names.get(a.index) if isinstance(a, Ref) else None for a in step.args[3:5]]
            if pair[0] is not None and pair[1] is not None:
                found.append((pair[0], pair[1]))
    return found


def on_examples(network: TorchNetwork, x: np.ndarray, key: int) -> tuple[TorchNetwork, int] | None:
    """`network` with each batch normalisation's mean and variance over the examples `x` `(n, d)`, and how many were taken.

    As torch does in training: each layer is normalised by its own statistics before the next ones are taken; the variance
    that is kept has the divisor `m - 1`. All examples at once, at most 512 of them (a sample by `key`), or as fit in memory.
    None where one statistic serves two layers.
    """
    names = _statistics(network)
    if len(set(names)) < len(names):
        return None
    rows = int(max(2, min(len(x), ROWS, ROOM // max(1.0, held_of_one(network, as_input(network, x[:1]))))))
    if len(x) > rows:
        x = x[np.random.default_rng([key, 9]).permutation(len(x))[:rows]]
    if len(x) < 2:
        return None
    with precision(network):
        found = _collected(network, jnp.asarray(as_input(network, x)))
        constants = dict(network.constants)
        for name, value in found.items():
            constants[name] = jnp.asarray(value, constants[name].dtype).reshape(constants[name].shape)
    return dataclasses.replace(network, constants=constants), len(x)


@eqx.filter_jit
def _collected(network: TorchNetwork, x: Any) -> dict[str, Any]:
    """Mean and variance of each normalisation by their names, in one pass over all examples."""
    program, dtype = network.program, network.dtype
    names = {k: name for k, (kind, name) in enumerate(program.inputs) if kind == "constant"}

    def of_one(row):
        values = {("parameter", name): value for name, value in network.parameters.items()}
        values |= {("constant", name): value for name, value in network.constants.items()}
        values["input", ""] = as_batch_of_one(row, program.input_shape, program.whole, dtype)
        results = {number: values[name] for number, name in enumerate(program.inputs)}
        kept = {}
        for step in program.steps:
            args = [_resolved(a, results, dtype) for a in step.args]
            kwargs = {name: _resolved(a, results, dtype) for name, a in step.kwargs}
            if step.operator in NORMS and isinstance(step.args[3], Ref) and step.args[3].index in names:
                h = args[0]
                axes = (0, *range(2, h.ndim))
                shape = (1, -1, *(1,) * (h.ndim - 2))
                mean = jax.lax.pmean(jnp.mean(h, axis=axes), "examples")
                variance = jax.lax.pmean(jnp.mean((h - mean.reshape(shape)) ** 2, axis=axes), "examples")
                count = len(x) * h.size // h.shape[1]
                kept[names[step.args[3].index]] = mean
                kept[names[step.args[4].index]] = variance * (count / max(1, count - 1))
                args[3:5] = mean, variance
            results[step.out] = program._functions[step.operator](*args, **kwargs)
        return kept

    return jax.vmap(of_one, axis_name="examples", out_axes=None)(x)
