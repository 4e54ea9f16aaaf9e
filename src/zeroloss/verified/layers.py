"""A feed-forward network as the core sees it: plain float64 arrays, checked once.

    h_0 = x,   z_l = a_l W_l h_{l-1} + c_l b_l,   h_l = phi_l(z_l)  (l = 1..D),   f(x) = z_{D+1}

The numbers are the exact values of the network's weights: a float32 is a float64, and NumPy's cast keeps subnormal ones
(XLA's flushes them to 0). Every function of `zeroloss.verified` that takes a network takes it through `Layers.of`.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Protocol, runtime_checkable

import numpy as np

from zeroloss.networks.activations import activation
from zeroloss.plumbing.errors import InputError
from zeroloss.plumbing.float64 import exact_float64

Segments = tuple[tuple[str, int], ...]
"""The activations of one hidden layer: groups of units in order, `((name, units), ...)`."""


@runtime_checkable
class LayersLike(Protocol):
    """What `Layers.of` reads: `zeroloss.networks.FeedForward` has these, and so has `Layers`."""

    @property
    def weights(self) -> tuple[Any, ...]: ...

    @property
    def biases(self) -> tuple[Any, ...]: ...

    @property
    def weight_scales(self) -> tuple[float, ...]: ...

    @property
    def bias_scales(self) -> tuple[float, ...]: ...

    @property
    def activations(self) -> tuple[Segments, ...]: ...


@dataclasses.dataclass(frozen=True, eq=False)
class Layers:
    """A fully connected network in float64.

    Attributes:
        weights: `D + 1` arrays `(fan_out, fan_in)`; biases: `D + 1` arrays `(fan_out,)`, or None.
        weight_scales, bias_scales: `a_l` and `c_l` above, finite.
        activations: for each hidden layer its groups of units, `((name, units), ...)` in order.
    """

    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray | None, ...]
    weight_scales: tuple[float, ...]
    bias_scales: tuple[float, ...]
    activations: tuple[Segments, ...]

    def __post_init__(self) -> None:
        count = len(self.weights)
        lengths = {len(self.biases), len(self.weight_scales), len(self.bias_scales), len(self.activations) + 1}
        if count == 0 or lengths != {count}:
            raise InputError("weights, biases, scales and activations of different numbers make no network of layers.")
        if not all(math.isfinite(s) for s in (*self.weight_scales, *self.bias_scales)):
            raise InputError("a scale of the network is not finite; nothing can be proved of it.")
        for index, (w, b) in enumerate(zip(self.weights, self.biases, strict=True)):
            before = w.shape[1] if index == 0 and w.ndim == 2 else len(self.weights[index - 1])
            if w.ndim != 2 or w.size == 0 or w.shape[1] != before or (b is not None and b.shape != w.shape[:1]):
                raise InputError(
                    f"layer {index + 1}: weight and bias have shapes that do not fit; nothing can be proved."
                )
        for index, segments in enumerate(self.activations):
            if sum(units for _, units in segments) != len(self.weights[index]) or any(k < 0 for _, k in segments):
                raise InputError(f"layer {index + 1}: the activations are not of as many units as the layer has.")
            for name, _ in segments:
                activation(name)  # InputError for an unknown one

    @classmethod
    def of(cls, network: LayersLike) -> Layers:
        """The layers of `network`, exactly; itself if it is one.

        Raises:
            InputError: shapes that do not fit, an unknown activation, numbers that no float64 equals.
        """
        if isinstance(network, Layers):
            return network
        return cls(
            tuple(exact_float64(np.asarray(w), "weights") for w in network.weights),
            tuple(None if b is None else exact_float64(np.asarray(b), "biases") for b in network.biases),
            tuple(float(a) for a in network.weight_scales),
            tuple(float(c) for c in network.bias_scales),
            tuple(tuple((str(name), int(units)) for name, units in layer) for layer in network.activations),
        )

    @property
    def depth(self) -> int:
        """`D`, the number of hidden layers."""
        return len(self.weights) - 1

    @property
    def widths(self) -> tuple[int, ...]:
        """Units of the hidden layers."""
        return tuple(len(w) for w in self.weights[:-1])

    @property
    def in_size(self) -> int:
        """Numbers of one input."""
        return int(self.weights[0].shape[1])

    @property
    def out_size(self) -> int:
        """Numbers of one output."""
        return len(self.weights[-1])

    def with_readout(self, weight: np.ndarray, bias: np.ndarray | None) -> Layers:
        """The same network with another last layer."""
        return dataclasses.replace(self, weights=(*self.weights[:-1], weight), biases=(*self.biases[:-1], bias))
