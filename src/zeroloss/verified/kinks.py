"""How far may the weights move before a pre-activation crosses a kink (relu, abs)? Inside, the network is smooth.

For relu, leaky_relu, prelu and abs the second derivative is 0 off the kinks, so on `B(w, rho)` the network is smooth if for
every distinct input, layer l and kinked unit k

    |z_lk(w)| - rounding > rho A_lk,
    A_lk = sqrt(t_l a_l^2 H_{l-1}^2 + u_l c_l^2 + (a_l (|W_lk| + t_l rho) c1_{l-1} A_{l-1})^2),

`A`, `H` the bounds of `zeroloss.verified.lipschitz` on that ball, `|W_lk|` the norm of the unit's row. They hold across
kinks, for these activations are Lipschitz everywhere, so the argument is not circular. (Ours.)
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from zeroloss.networks.activations import activation
from zeroloss.verified.directed import FLOOR, LEAST, SLOP, norms_upper
from zeroloss.verified.forward import Layer, kink
from zeroloss.verified.jacobian import Trained
from zeroloss.verified.layers import Layers, LayersLike
from zeroloss.verified.lipschitz import speeds


def has_kinks(network: LayersLike) -> bool:
    """Whether any unit is relu, leaky_relu, prelu or abs."""
    return any(kink(name) is not None for segments in network.activations for name, _ in segments)


def undecided(network: LayersLike, layers: list[Layer]) -> int:
    """How many pre-activations of kinked units are at a kink, or closer to it than their rounding."""
    network = Layers.of(network)
    return sum(int(np.sum(~(np.abs(z) > error))) for _, _, z, error in _kinked(network, layers))


def kink_margin(
    network: LayersLike, layers: list[Layer], sizes: list[np.ndarray], trained: Trained, radius: float
) -> float:
    """The smallest `(|z| - rounding)/(rho A)`, rounded down: above 1, no kink is crossed within `radius`.

    `layers` are the network's at the distinct inputs, `sizes` upper bounds on `|h_l|`; infinite without kinks.
    """
    network = Layers.of(network)
    if not has_kinks(network):
        return math.inf
    speed, lengths = speeds(network, sizes, trained)(radius)
    smallest = math.inf
    for index, units, z, error in _kinked(network, layers):
        a, c = max(abs(network.weight_scales[index]), FLOOR), abs(network.bias_scales[index])
        t = float(trained.weights[index])
        u = float(trained.biases[index] and network.biases[index] is not None)
        row = np.maximum(norms_upper(network.weights[index][units]), FLOOR)
        before = np.zeros(len(z))
        if index:
            before = max(activation(name).slope for name, _ in network.activations[index - 1]) * speed[index - 1]
        own = np.sqrt(
            (t * (a * lengths[index]) ** 2 + u * c**2)[:, None]
            + (a * (row + t * radius)[None, :] * before[:, None]) ** 2
        )
        reach = radius * np.maximum(own * SLOP, FLOOR) + LEAST
        if not np.isfinite(reach).all():
            return 0.0
        smallest = min(smallest, float(np.min((np.abs(z) - error) / reach)) / SLOP)
    return smallest


def _kinked(network: LayersLike, layers: list[Layer]) -> Iterator[tuple[int, slice, np.ndarray, np.ndarray]]:
    """`(layer, units, z, z_error)` of each group of kinked units."""
    for index, segments in enumerate(network.activations):
        start = 0
        for name, count in segments:
            units = slice(start, start + count)
            if kink(name) is not None and count:
                yield index, units, layers[index].z[:, units], layers[index].z_error[:, units]
            start += count
