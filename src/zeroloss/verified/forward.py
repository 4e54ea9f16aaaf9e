"""A feed-forward network in float64 with a bound on the error of every number, on which every proof rests.

The network is the real-arithmetic function at the float64 weights, scales and inputs given. A product `W h` of length m
computed in any order (with or without fused operations) is within `gamma_m |W| |h|` of the exact one (Higham, Accuracy
and Stability, 2nd ed., section 3.1); `gamma_{m+8}` here also covers scaling, the bias and their rounding. Bounds are
themselves computed in float64, entries all positive, and multiplied by `SLOP` to stay above their own rounding.

`gamma` does not cover underflow: each product may be off by `2^-1075` more, and a scale `a` multiplies what a product `W h` has
lost. So `TINY`, far above what any sum of such losses comes to, is added to the error of the input before it meets the weights,
again before it meets the scale, and once more at the end.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from zeroloss.networks.activations import LEAKY_SLOPE, activation, negative_slope
from zeroloss.plumbing import InputError
from zeroloss.verified import libm
from zeroloss.verified.bound import Upper
from zeroloss.verified.directed import LOST, SLOP, TINY, ULP, gamma, ldexp_up, norm_upper, norms_upper, scaled_to_one
from zeroloss.verified.eigenvalues import largest_eigenvalue
from zeroloss.verified.layers import Layers, LayersLike, Segments
from zeroloss.verified.proved import proved_upper

KINKED = {"relu": (0.0, 1.0), "leaky_relu": (LEAKY_SLOPE, 1.0), "abs": (-1.0, 1.0)}
"""Activations that are linear but for a kink at 0: their slopes to its left and right; `prelu(a)` is another (`kink`)."""


def kink(name: str) -> tuple[float, float] | None:
    """The slopes of an activation to the left and right of its kink at 0; None for one without."""
    leak = negative_slope(name)
    return KINKED.get(name) if leak is None else (leak, 1.0)


@dataclasses.dataclass(frozen=True)
class Layer:
    """One layer at `n` inputs: input `h` `(n, m_in)`, pre-activation `z` `(n, m)`, each with entrywise error bounds."""

    h: np.ndarray
    h_error: np.ndarray
    z: np.ndarray
    z_error: np.ndarray


def forward(network: LayersLike, x: np.ndarray) -> list[Layer]:
    """Every layer at the rows of `x` `(n, d)` (exact float64 numbers); the last layer's `z` are the outputs.

    Raises:
        InputError: numbers too large for float64 appear on the way.
    """
    network = Layers.of(network)
    h, h_error = np.asarray(x, np.float64), np.zeros(np.shape(x))
    layers = []
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused below
        for index in range(network.depth + 1):
            z, z_error = affine(network, index, h, h_error)
            layers.append(Layer(h, h_error, z, z_error))
            if index < network.depth and np.isfinite(z).all():
                h, h_error = _activate(network.activations[index], z, z_error)
            elif index < network.depth:
                break
    if not all(np.isfinite(layer.z).all() and np.isfinite(layer.z_error).all() for layer in layers):
        raise InputError("the network's values overflow float64 on these inputs; rescale its weights or the inputs.")
    return layers


def affine(network: LayersLike, index: int, h: np.ndarray, h_error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`z` of layer `index` at inputs known within `h_error`, and the bound on its error, `(n, m)` each."""
    network = Layers.of(network)
    a, c = network.weight_scales[index], network.bias_scales[index]
    w = network.weights[index]
    b = network.biases[index]
    z = a * (h @ w.T)
    step = gamma(w.shape[1] + 8)
    error = _through(step * np.abs(h) + h_error, np.abs(w).T, a)
    if b is not None:
        offset = c * b
        z = z + offset
        error = error + step * np.abs(offset)
    return z, error * SLOP + TINY


def _through(error: np.ndarray, weights: np.ndarray, scale: float) -> np.ndarray:
    """`|scale| (error @ weights)` for entries of at least 0, with `TINY` where products may underflow."""
    return abs(scale) * ((error + TINY) @ weights + TINY)


def _activate(segments: Segments, z: np.ndarray, z_error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    h, error, start = np.empty_like(z), np.empty_like(z), 0
    for name, units in segments:
        part = slice(start, start + units)
        h[:, part], own = libm.value(name, z[:, part])
        error[:, part] = (activation(name).slope * z_error[:, part] + own) * SLOP
        start += units
    return h, error


def output_error(network: LayersLike, layers: list[Layer]) -> np.ndarray:
    """A bound `(n,)` on the length of each row of (computed - exact) outputs, often far below that of `z_error`.

    With `e_l` for `z_l`: `e_l <= a_l |W_l|_2 c1 e_{l-1} + |own rounding of layer l|_2`; entry by entry errors pass
    through `|W|` instead, whose norm is larger by up to the root of the width. The smaller of both is kept at each layer.
    """
    network = Layers.of(network)
    error = np.zeros(len(layers[0].h))
    for index, layer in enumerate(layers):
        w, a = network.weights[index], abs(network.weight_scales[index])
        own = _through(np.abs(layer.h) * gamma(w.shape[1] + 8), np.abs(w).T, a)
        b = network.biases[index]
        if b is not None:
            offset = network.bias_scales[index] * b
            own = own + gamma(w.shape[1] + 8) * np.abs(offset)
        error = (a * (spectral_norm_upper(w) * (error + TINY) + TINY) + norms_upper(own)) * SLOP + TINY
        error = np.minimum(error, norms_upper(layer.z_error) * SLOP)
        if index < network.depth:
            segments = network.activations[index]
            _, rounding = _activate(segments, layer.z, np.zeros_like(layer.z))
            slope = max(activation(name).slope for name, _ in segments)
            error = (slope * error + norms_upper(rounding)) * SLOP + TINY
    return error


@dataclasses.dataclass(frozen=True)
class Cotangents:
    """`g_l = d f_a/d z_l` `(n, c, m_l)` of every layer, with entrywise error bounds `(n, c, m_l)`.

    `peak[l]` `(n, c)` bounds the largest entry of `d f_a/d h_l`, `l = 1..D` (index `l - 1`).
    """

    g: list[np.ndarray]
    error: list[np.ndarray]
    peak: list[np.ndarray]


def backward(network: LayersLike, layers: list[Layer], *, kinks: bool = False) -> Cotangents:
    """Cotangents of every layer for every output; smooth activations only (KeyError otherwise).

    With `kinks` also those of `KINKED`: the slope on the side of the pre-activation, its error the jump where rounding
    leaves the side open.
    """
    network = Layers.of(network)
    n, c = layers[-1].z.shape
    g, error = np.broadcast_to(np.eye(c), (n, c, c)).copy(), np.zeros((n, c, c))
    gs, errors, peaks = [g], [error], []
    for index in range(network.depth, 0, -1):
        a = network.weight_scales[index]
        w = network.weights[index]
        step = gamma(w.shape[0] + 8)
        up = a * (g @ w)
        up_error = _through(step * np.abs(g) + error, np.abs(w), a) * SLOP + TINY
        peaks.append(np.max(np.abs(up) + up_error, axis=-1) * SLOP)
        slope, slope_error = _slopes(network.activations[index - 1], layers[index - 1], kinks)
        g = up * slope[:, None, :]
        error = (up_error * (np.abs(slope) + slope_error)[:, None, :] + np.abs(up) * slope_error[:, None, :]) * SLOP
        error = error + ULP * np.abs(g) + TINY
        gs.append(g)
        errors.append(error)
    return Cotangents(gs[::-1], errors[::-1], peaks[::-1])


def _slopes(segments: Segments, layer: Layer, kinks: bool) -> tuple[np.ndarray, np.ndarray]:
    value, error, start = np.empty_like(layer.z), np.empty_like(layer.z), 0
    for name, units in segments:
        part = slice(start, start + units)
        jump = kink(name) if kinks else None
        if jump is not None:
            left, right = jump
            z = layer.z[:, part]
            value[:, part] = np.where(z > 0, right, left)
            error[:, part] = np.where(np.abs(z) > layer.z_error[:, part], 0.0, abs(right - left) * SLOP)
            start += units
            continue
        value[:, part], own = libm.slope(name, layer.z[:, part])
        error[:, part] = (activation(name).curvature * layer.z_error[:, part] + own) * SLOP
        start += units
    return value, error


def spectral_norm_upper(matrix: np.ndarray) -> Upper:
    """A proved upper bound on the largest singular value of a float64 matrix, close to it; infinite beyond float64.

    The matrix is scaled by a power of two so that its squares neither under- nor overflow. The largest eigenvalue of the smaller
    Gram matrix is enclosed; forming it is off by at most `gamma_k |A|_F^2`, and by `2^-1074` per product that underflows.

    Raises:
        InputError: NaN or infinity among the entries.
    """
    matrix = np.asarray(matrix, np.float64)
    if not np.any(matrix):
        return proved_upper(0.0)
    scaled, power = scaled_to_one(matrix)
    tall = scaled if matrix.shape[0] >= matrix.shape[1] else scaled.T
    gram = tall.T @ tall
    gram = 0.5 * (gram + gram.T)
    error = gamma(tall.shape[0] + 2) * norm_upper(tall) ** 2 * SLOP + LOST * tall.shape[0] * tall.shape[1]
    upper = largest_eigenvalue(gram, entry_error=error).upper
    # What scaling lost by underflow: `2^-1074` per entry beside a largest one of at least `2^-100`.
    root = np.nextafter(np.sqrt(max(upper, 0.0)), np.inf) + LOST * np.sqrt(tall.size)
    return proved_upper(ldexp_up(float(np.nextafter(root, np.inf)), power))
