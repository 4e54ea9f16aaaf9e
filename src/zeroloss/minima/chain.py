"""Layers of sigmoid or tanh units that are almost the identity, and the read-out that makes up for the rest.

    sigmoid   z -> 4 s(z) - 2 = 2 tanh(z/2),     |change| <= |z|^3/12          z = e f at the first layer
    tanh      z -> tanh(z),                      |change| <= |z|^3/3

Both are increasing, so that `chain^-1(y)` exists: it is `k`-fold `2 atanh(z/2)`, and `atanh(z)`. Sigmoid layers round
absolutely (their values are near 1/2), which makes a best `e`; tanh layers relatively, so that `e` is as small as one
likes. `e` is a power of two, so that it rounds nothing itself.

Standing: ours.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from zeroloss.minima.constructions.combine import Stack, from_network, inserted, to_network
from zeroloss.networks import FeedForward, predict
from zeroloss.plumbing import InputError, double

ULPS = 8
"""Rounding of one layer, in units of the last place of its values (tests compare)."""


@dataclasses.dataclass(frozen=True)
class Chain:
    """`layers` layers of `name` for outputs bounded by `limits` `(c,)`, `e` `(c,)` one factor per output."""

    name: str
    layers: int
    limits: np.ndarray
    e: np.ndarray
    tolerance: float

    @classmethod
    def fitting(cls, name: str, layers: int, limits: np.ndarray, dtype: Any, sharpness: float | None) -> Chain:
        """The chain for `|f| <= limits`; `sharpness`, about `e * limits`, by default that of least error."""
        u = float(np.finfo(dtype).eps) / 2
        if sharpness is None:  # sigmoid: the minimum of t^2/12 + ULPS u/t
            sharpness = (6 * ULPS * u) ** (1 / 3) if name == "sigmoid" else np.sqrt(u) / 2
        if not 0 < sharpness < 1:
            raise InputError(f"sharpness={sharpness}: give a number between 0 and 1, or leave it out.")
        e = 2.0 ** np.floor(np.log2(sharpness / limits))
        t = e * limits
        curve = t**2 / (12 if name == "sigmoid" else 3)
        rounding = ULPS * u * (1 + (1 / t if name == "sigmoid" else 0))
        return cls(name, int(layers), limits, e, float((layers * (curve + rounding)).max()))

    def inverse(self, y: np.ndarray) -> np.ndarray:
        """`chain^-1(y)` for `y` `(n, c)`: what the read-out before the chain must give. NaN where there is none."""
        half = 2.0 if self.name == "sigmoid" else 1.0
        z = self.e * np.asarray(y, np.float64) / half
        with np.errstate(invalid="ignore", divide="ignore"):
            for _ in range(self.layers):
                z = np.arctanh(z)
        return half * z / self.e

    def network(self, network: FeedForward, units: int) -> FeedForward:
        """`network` with the chain between its read-out and its outputs, `units` wide."""
        w, b, c = np.asarray(network.weights[-1], np.float64), network.biases[-1], network.out_size
        sigmoid = self.name == "sigmoid"
        first = np.zeros((units, w.shape[1]))
        first[:c] = self.e[:, None] * w  # powers of two: nothing is rounded
        bias = np.zeros(units)
        if b is not None:
            bias[:c] = self.e * np.asarray(b, np.float64)
        between = (4.0 if sigmoid else 1.0) * np.diag(np.arange(units) < c).astype(float)
        between_bias = np.where((np.arange(units) < c) & sigmoid, -2.0, 0.0)
        last = (4.0 if sigmoid else 1.0) * np.eye(c, units) / self.e[:, None]
        return inserted(
            network,
            [first, *[between] * (self.layers - 1), last],
            [network.weight_scales[-1]] + [1.0] * self.layers,
            [bias, *[between_bias] * (self.layers - 1), -2.0 / self.e if sigmoid else np.zeros(c)],
            [network.bias_scales[-1]] + [1.0] * self.layers,
            self.name,
        )


def refitted(
    deeper: FeedForward, network: FeedForward, chain: Chain, x: np.ndarray, wanted: np.ndarray
) -> tuple[FeedForward, str]:
    """`deeper` with the read-out before the chain solved again for `chain^-1(wanted)` on `x`, and a clause about it.

    The change of the read-out is the shortest one. Where the system has no solution the read-out stays.
    """
    import equinox as eqx
    import jax.numpy as jnp

    targets = chain.inverse(wanted)
    if not np.isfinite(targets).all():
        return deeper, "it is not fitted again, as some values are beyond what the chain reaches"
    h, now = _features(network, x)
    a, c = network.weight_scales[-1], network.bias_scales[-1]
    index = network.depth
    has_bias = network.biases[-1] is not None
    design = np.hstack([a * h, np.full((len(h), 1), c)]) if has_bias else a * h
    change = np.linalg.lstsq(design, targets - now, rcond=None)[0]
    missed = float(np.abs(design @ change - (targets - now)).max() / np.abs(chain.limits).max())
    if missed > 1e-3 * chain.tolerance:
        return (
            deeper,
            f"it is not fitted again: the read-out has {design.shape[1]} weights per output for {len(x)} rows",
        )
    m = h.shape[1]
    outputs = network.out_size
    with double():
        w = np.asarray(network.weights[-1], np.float64) + change[:m].T
        first = np.asarray(deeper.weights[index], np.float64).copy()
        first[:outputs] = chain.e[:, None] * w
        deeper = eqx.tree_at(lambda n: n.weights[index], deeper, jnp.asarray(first, network.dtype))
        if has_bias:
            b = np.asarray(network.biases[-1], np.float64) + change[m]
            bias = np.asarray(deeper.biases[index], np.float64).copy()
            bias[:outputs] = chain.e * b
            deeper = eqx.tree_at(lambda n: n.biases[index], deeper, jnp.asarray(bias, network.dtype))
    scaled = change * np.concatenate([np.full(m, abs(a)), np.full(len(change) - m, abs(c))])[:, None]
    moved = float(np.linalg.norm(scaled, axis=0).max())
    return deeper, (
        "the values are fitted again to rounding, by the read-out before the chain, whose change adds elsewhere at most "
        f"{moved:.2g} |(h, 1)|, h the last hidden layer there"
    )


def _features(network: FeedForward, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The last hidden layer and the outputs on the rows of `x`, computed in float64."""
    stack = from_network(network)
    if not network.depth:
        return x, x @ stack.weights[-1].T + stack.biases[-1]
    m = network.widths[-1]
    body = Stack((*stack.weights[:-1], np.eye(m)), (*stack.biases[:-1], np.zeros(m)), stack.activations)
    h = predict(to_network(body), x)
    return h, h @ stack.weights[-1].T + stack.biases[-1]
