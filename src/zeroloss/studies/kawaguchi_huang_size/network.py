"""The networks of the study: `h_l = m_l^(-1/2) sigma(W_l h_{l-1} + b_l)`, read-out `W h + b`; their sizes; padded batches of them.

`m_l` is the width of layer `l`. At the start `W_1 ~ N(0, s^2/d)` for inputs of norm about `sqrt d`, all other weights and
biases `N(0, s^2)`: the features `h_l` have norm O(1) by the factor `m_l^(-1/2)`. Standing: layers recalled, start ours.

Two shapes. `theory_widths`: hidden widths about `log^2 n`, the last one n, as the paper's count has it. `counted_widths`: all widths
alike but the last, which is 0 to `EXTRA` units wider, so that the number of parameters comes close to any wanted one.

A compiled program serves many counts: a network of `counted_widths` is laid into one of `padded_widths`, whose other units
are multiplied by 0 and so have no effect and no gradient. They are not parameters, and are not counted.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zeroloss.networks import FeedForward
from zeroloss.networks.activations import activation
from zeroloss.plumbing import InputError, double

EXTRA = 7
"""Units by which the last hidden layer may be wider than the others."""


def count(d: int, widths: Sequence[int], out: int = 1) -> int:
    """Weights and biases of a network `d -> widths -> out`."""
    return sum((a + 1) * b for a, b in itertools.pairwise((d, *widths, out)))


def theory_widths(n: int, depth: int) -> tuple[int, ...]:
    """`ceil(log(n)^2)` units in each hidden layer but the last, `n` in the last."""
    return (math.ceil(math.log(n) ** 2),) * (depth - 1) + (n,)


@functools.lru_cache
def counted_widths(parameters: float, depth: int, d: int) -> tuple[int, ...]:
    """The widths whose number of parameters is nearest to the wanted one (one output; ties: the narrower)."""
    best: tuple[float, tuple[int, ...]] = (math.inf, ())
    for w in itertools.count(1):
        for extra in range(EXTRA + 1) if depth > 1 else (0,):
            widths = (w,) * (depth - 1) + (w + extra,)
            best = min(best, (abs(count(d, widths) - parameters), widths))
        if count(d, (w,) * depth) > parameters:
            return best[1]
    raise AssertionError


def padded_widths(parameters: float, depth: int, d: int) -> tuple[int, ...]:
    """Widths into which `counted_widths` of this and of every smaller number of parameters fit."""
    found = counted_widths(parameters, depth, d)
    most = found[0] + 1
    return (most,) * (depth - 1) + (most + EXTRA,) if depth > 1 else (most,)


@functools.lru_cache
def padded_network(
    d: int, widths: tuple[int, ...], name: str
) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
    """`(residual, jacobian, loss)` of padded networks, for one problem with flat weights.

    `residual(w, x, y, rows, masks)`: `rows * (f(x) - y)`, with `rows` `(n,)` 1 for an example and 0 for padding; `masks`: for each
    hidden layer `m_l^(-1/2)` at its units and 0 at padding. `loss`: half the mean square over the examples.
    The same three functions are returned for the same arguments, so that what is compiled for them is compiled once.
    """
    phi = activation(name)
    sizes = (d, *widths, 1)

    def output(w: Any, x: Any, masks: Any) -> Any:
        h, start = x, 0
        for layer, (a, b) in enumerate(itertools.pairwise(sizes)):
            z = w[start : start + a * b].reshape(b, a) @ h + w[start + a * b : start + (a + 1) * b]
            start += (a + 1) * b
            h = masks[layer] * phi(z) if layer < len(masks) else z
        return h[0]

    def residual(w: Any, x: Any, y: Any, rows: Any, masks: Any) -> Any:
        return rows * (jax.vmap(lambda one: output(w, one, masks))(x) - y)

    def jacobian(w: Any, x: Any, y: Any, rows: Any, masks: Any) -> Any:
        return rows[:, None] * jax.vmap(lambda one: jax.grad(output)(w, one, masks))(x)

    def loss(w: Any, x: Any, y: Any, rows: Any, masks: Any) -> Any:
        return 0.5 * jnp.sum(residual(w, x, y, rows, masks) ** 2) / jnp.sum(rows)

    return residual, jacobian, loss


def padded_masks(widths: Sequence[int], padded: Sequence[int], dtype: Any = np.float64) -> tuple[np.ndarray, ...]:
    """For each hidden layer `m_l^(-1/2)` at its `m_l` units, 0 at the others."""
    return tuple((np.arange(most) < m).astype(dtype) / math.sqrt(m) for m, most in zip(widths, padded, strict=True))


def padded_start(rng: np.random.Generator, d: int, widths: Sequence[int], padded: Sequence[int]) -> np.ndarray:
    """A start `(p,)` of the network of `widths`, laid into one of `padded`; the same weights whatever the padding."""
    small, large = (d, *widths, 1), (d, *padded, 1)
    parts = []
    for layer in range(len(small) - 1):
        weights, biases = np.zeros((large[layer + 1], large[layer])), np.zeros(large[layer + 1])
        scale = 1 / math.sqrt(d) if layer == 0 else 1.0
        weights[: small[layer + 1], : small[layer]] = scale * rng.standard_normal((small[layer + 1], small[layer]))
        biases[: small[layer + 1]] = rng.standard_normal(small[layer + 1])
        parts += [weights.ravel(), biases]
    return np.concatenate(parts)


def whole_network(
    rng: np.random.Generator,
    d: int,
    widths: Sequence[int],
    out: int,
    name: str,
    std: float = 1.0,
    dtype: Any = "float64",
) -> FeedForward:
    """The network as a `FeedForward`, whose layer `l + 1` carries the factor `m_l^(-1/2)`: the same function.

    Raises:
        InputError: no hidden layer.
    """
    if not widths:
        raise InputError("a network of this study has at least one hidden layer; give its width.")
    sizes = (d, *widths, out)
    scales = (1.0, *(m**-0.5 for m in widths))
    with double():
        weights = [
            jnp.asarray((std / math.sqrt(d) if layer == 0 else std) * rng.standard_normal((b, a)), dtype)
            for layer, (a, b) in enumerate(itertools.pairwise(sizes))
        ]
        biases = [jnp.asarray(std * rng.standard_normal(b), dtype) for b in sizes[1:]]
    return FeedForward(weights, biases, (name,) * len(widths), scales)


def sphere(rng: np.random.Generator, n: int, d: int) -> np.ndarray:
    """`n` inputs, uniform on the sphere of radius `sqrt d`."""
    x = rng.standard_normal((n, d))
    return x * (math.sqrt(d) / np.linalg.norm(x, axis=1, keepdims=True))
