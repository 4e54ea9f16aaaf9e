"""Any fully connected network: the shape every construction, proof and file of this project understands.

    h_0 = x,   z_l = a_l W_l h_{l-1} + c_l b_l,   h_l = phi_l(z_l)  (l = 1..D),
    f(x) = a_{D+1} W_{D+1} h_D + c_{D+1} b_{D+1}

`a_l`, `c_l` are fixed numbers (the parametrization), `W_l` (fan_out, fan_in) and `b_l` (fan_out,) are trained, and
`phi_l` is one activation for the whole layer, or one for each of several consecutive groups of units: a network and the
bumps that spoil it are one network even if one is tanh and the others are relu.
"""

from __future__ import annotations

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from zeroloss.networks.activations import activation
from zeroloss.plumbing import InputError

Segments = tuple[tuple[str, int], ...]


class FeedForward(eqx.Module):
    """A fully connected network, called on one example: `(in_size,) -> (out_size,)`; `jax.vmap` for a batch.

    Each layer's weight and bias are parameters of their own, also where two of them start as one array: descent moves them
    apart, and proofs and bounds speak of them so. Layers that are to stay tied are a module (`from_torch`) or a function
    (`wrap`).

    Attributes:
        weights: `D + 1` arrays `(fan_out, fan_in)`.
        biases: `D + 1` arrays `(fan_out,)`, or None for a layer without.
        weight_scales, bias_scales: `a_l` and `c_l` above.
        activations: for each hidden layer its groups of units, `((name, units), ...)` in order.
    """

    weights: tuple
    biases: tuple
    weight_scales: tuple[float, ...] = eqx.field(static=True)
    bias_scales: tuple[float, ...] = eqx.field(static=True)
    activations: tuple[Segments, ...] = eqx.field(static=True)

    def __init__(
        self, weights: Any, biases: Any, activations: Any, weight_scales: Any = None, bias_scales: Any = None
    ) -> None:
        weights, biases = tuple(weights), tuple(biases)
        depth = len(weights) - 1
        if depth < 0 or len(biases) != len(weights) or len(activations) != depth:
            raise InputError(
                f"{len(weights)} weights, {len(biases)} biases and {len(activations)} activations "
                "do not make a network: "
                "one weight and one bias (or None) per layer, one activation per hidden layer."
            )
        self.weights, self.biases = weights, biases
        self._check_arrays()
        self.weight_scales = _scales("weight_scales", weight_scales, depth + 1)
        self.bias_scales = _scales("bias_scales", bias_scales, depth + 1)
        self.activations = tuple(
            ((a, int(weights[layer].shape[0])),) if isinstance(a, str) else tuple((str(n), int(k)) for n, k in a)
            for layer, a in enumerate(activations)
        )
        self._check()

    def _check_arrays(self):
        for layer, (w, b) in enumerate(zip(self.weights, self.biases, strict=True)):
            for what, array, dims in (("weight", w, 2), ("bias", b, 1)):
                if array is None and what == "bias":
                    continue
                if not hasattr(array, "dtype") or not jnp.issubdtype(array.dtype, jnp.floating):
                    kind = getattr(array, "dtype", type(array).__name__)
                    raise InputError(f"layer {layer + 1}: a {what} of {kind}; give an array of float32 or float64.")
                if what == "weight" and (array.ndim != dims or min(array.shape) < 1):
                    raise InputError(
                        f"layer {layer + 1}: a weight of shape {array.shape}; it must be (fan_out, fan_in)."
                    )

    def _check(self):
        kinds = {str(a.dtype) for a in (*self.weights, *self.biases) if a is not None}
        if len(kinds) > 1:
            raise InputError(
                f"weights and biases of {' and '.join(sorted(kinds))}; a network computes in one precision."
            )
        for layer, (w, b) in enumerate(zip(self.weights, self.biases, strict=True)):
            if b is not None and b.shape != (w.shape[0],):
                raise InputError(f"layer {layer + 1}: a bias of shape {b.shape} for {w.shape[0]} units.")
            if layer and w.shape[1] != self.weights[layer - 1].shape[0]:
                raise InputError(
                    f"layer {layer + 1} takes {w.shape[1]} numbers and layer {layer} gives "
                    f"{self.weights[layer - 1].shape[0]}."
                )
        for layer, segments in enumerate(self.activations):
            for name, _ in segments:
                activation(name)
            if any(units < 0 for _, units in segments) or sum(u for _, u in segments) != self.weights[layer].shape[0]:
                raise InputError(
                    f"layer {layer + 1}: activations for {segments} of {self.weights[layer].shape[0]} units."
                )

    @property
    def in_size(self) -> int:
        return self.weights[0].shape[1]

    @property
    def out_size(self) -> int:
        return self.weights[-1].shape[0]

    @property
    def depth(self) -> int:
        """How many hidden layers."""
        return len(self.weights) - 1

    @property
    def widths(self) -> tuple[int, ...]:
        """Units of each hidden layer."""
        return tuple(w.shape[0] for w in self.weights[:-1])

    @property
    def dtype(self):
        return self.weights[0].dtype

    def layer(self, index, h):
        """`z = a W h + c b` of layer `index` (0-based) for one example."""
        z = self.weight_scales[index] * (h @ self.weights[index].T)  # over a batch: rows of examples, as gradients come
        if self.biases[index] is not None:
            z = z + self.bias_scales[index] * self.biases[index]
        return z

    def features(self, x):
        """The last hidden layer `h_D` of one example, `(widths[-1],)`; the input itself if there is no hidden layer."""
        h = x
        for index, segments in enumerate(self.activations):
            h = apply_segments(segments, self.layer(index, h))
        return h

    def __call__(self, x):
        _check_scope(self.dtype)
        return self.layer(self.depth, self.features(x))


def _scales(name: str, scales: Any, count: int) -> tuple[float, ...]:
    """One finite number per layer; 1 if they are left out."""
    if scales is None:
        return (1.0,) * count
    try:
        found = tuple(float(s) for s in scales)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}={str(scales)[:60]}: give one real number per layer.") from error
    if len(found) != count or not all(map(math.isfinite, found)):
        raise InputError(f"{name}={str(scales)[:60]}: give one finite number for each of the {count} layers.")
    return found


def _check_scope(dtype):
    if dtype == jnp.dtype("float64") and not jax.config.jax_enable_x64:
        raise InputError(
            "this network is float64: call `zeroloss.predict(network, x)`, or work inside `with zeroloss.double():`."
        )


def apply_segments(segments: Segments, z):
    """The activations of one layer applied to its pre-activations `(units,)`."""
    if len(segments) == 1:
        return activation(segments[0][0])(z)
    parts, start = [], 0
    for name, units in segments:
        parts.append(activation(name)(z[start : start + units]))
        start += units
    return jnp.concatenate(parts)
