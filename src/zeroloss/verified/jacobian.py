"""The rows of `DF(w)` of a feed-forward network, factored layer by layer, with a bound on all rounding; and `DF DF^T`.

Row `(g, a)` of `DF` is `sqrt(n_g) df_a(x_g)/dw` over the trained weights; its part of layer l is the outer product of
`sqrt(n_g) g_l` (the cotangent of `z_l`) and `(a_l h_{l-1}, c_l)`. The kernel is formed from Gram matrices of both, in
tiles, so that beside it hardly any memory is needed, and comes out bitwise symmetric. (Ours.)
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from zeroloss.verified.directed import LEAST, SLOP, TINY, UP, gamma, norm_upper, norms_upper, square_upper
from zeroloss.verified.forward import Cotangents, Layer
from zeroloss.verified.layers import Layers, LayersLike

TILE = 1024
"""Rows of the kernel formed at a time."""


@dataclasses.dataclass(frozen=True)
class Trained:
    """Which weights and biases move, layer by layer."""

    weights: tuple[bool, ...]
    biases: tuple[bool, ...]

    def count(self, network: LayersLike) -> int:
        """How many numbers move."""
        moved = [w.size for w, yes in zip(network.weights, self.weights, strict=True) if yes]
        moved += [b.size for b, yes in zip(network.biases, self.biases, strict=True) if yes and b is not None]
        return int(sum(moved))


def trained_layers(network: LayersLike, mask: Any) -> Trained:
    """Which layers' weights and biases `mask` (of `zeroloss.networks.trainable_mask`) trains."""
    weights = tuple(bool(yes) for yes in mask.weights)
    pairs = zip(network.biases, mask.biases, strict=True)
    return Trained(weights, tuple(b is not None and bool(yes) for b, yes in pairs))


@dataclasses.dataclass(frozen=True)
class Rows:
    """The factors of `DF` in float64.

    Attributes:
        parts: for every layer with trained parameters `(h, bias, g)`: `a h` `(n, m_in)` or None (weights fixed), the
            bias scale (0: fixed or none), and the cotangents with their weights, `(n, c, m)`.
        layers: to which layer each part belongs.
        error: a bound on `|DF_float - DF|_F`.
    """

    parts: list[tuple[np.ndarray | None, float, np.ndarray]]
    layers: list[int]
    error: float

    @property
    def trace(self) -> float:
        """`|DF_float|_F^2`, rounded up (but for less than `1e-300`)."""
        length = 0.0
        for h, bias, g in self.parts:
            inputs = np.full(len(g), abs(bias)) if h is None else np.hypot(bias, norms_upper(h))
            length = math.hypot(length, norm_upper(inputs * norms_upper(g.reshape(len(g), -1))))
        return square_upper(length * UP)

    @property
    def rounding(self) -> float:
        """A bound on `|formed - DF_float DF_float^T|_2`.

        Inner products of length m are within `gamma_m` of the roots of the diagonal entries; underflow, which flushes less
        than 1e-304 per sum, is multiplied by the other Gram matrix.
        """
        longest, lost = 0, 0.0
        for h, bias, g in self.parts:
            inputs = bias**2 + (0.0 if h is None else square_upper(float(np.max(norms_upper(h)))))
            lost += LEAST * g.shape[0] * g.shape[1] * (1.0 + inputs + square_upper(float(np.max(norms_upper(g)))))
            longest = max(longest, g.shape[2] + (0 if h is None else h.shape[1]))
        return (gamma(longest + len(self.parts) + 16) * self.trace + lost) * SLOP

    def kernel(self) -> tuple[np.ndarray, float]:
        """`DF_float DF_float^T` `(n c, n c)`, bitwise symmetric, and `rounding`."""
        n, c = self.parts[0][2].shape[:2] if self.parts else (0, 0)
        matrix = np.empty((n * c, n * c))
        for rows, columns, tile in self._tiles():
            matrix[rows, columns] = tile
            matrix[columns, rows] = tile.T
        return matrix, self.rounding

    def distance(self, stored: np.ndarray, most: float = math.inf) -> float:
        """A bound on `|stored - DF_float DF_float^T|_2`, without a second matrix; infinite as soon as it exceeds
        `most`."""
        off, size = 0.0, 0.0
        for rows, columns, tile in self._tiles():
            times = (
                1.0 if rows == columns else math.sqrt(2.0)
            )  # a tile off the diagonal stands for its mirror image too
            off = math.hypot(off, times * norm_upper(0.5 * (stored[rows, columns] + stored[columns, rows].T) - tile))
            size = math.hypot(size, times * norm_upper(tile))
            if not off <= most:
                return math.inf
        # 2^-51 covers the rounding of the symmetric part and of the difference.
        return (off + 2.0**-51 * size) * SLOP + self.rounding

    def _tiles(self) -> Iterator[tuple[slice, slice, np.ndarray]]:
        n, c = self.parts[0][2].shape[:2] if self.parts else (0, 0)
        step = max(1, TILE // max(c, 1))
        edges = [slice(start, min(start + step, n)) for start in range(0, n, step)]
        for index, first in enumerate(edges):
            for second in edges[: index + 1]:
                tile = self._tile(first, second, c)
                if first == second:
                    tile = 0.5 * (tile + tile.T)
                yield slice(first.start * c, first.stop * c), slice(second.start * c, second.stop * c), tile

    def _tile(self, first: slice, second: slice, c: int) -> np.ndarray:
        total: Any = 0.0
        for h, bias, g in self.parts:
            left, right = g[first], g[second]
            gram = np.full((len(left), len(right)), bias**2)
            if h is not None:
                gram += h[first] @ h[second].T
            product = left.reshape(-1, g.shape[2]) @ right.reshape(-1, g.shape[2]).T
            product.reshape(len(left), c, len(right), c)[...] *= gram[:, None, :, None]
            total = total + product
        return total

    def pull_back(self, a: np.ndarray) -> dict[int, tuple[np.ndarray | None, np.ndarray | None]]:
        """`DF_float^T a` for `a` `(n, c)`: the moves of weights and bias of each layer."""
        moves: dict[int, tuple[np.ndarray | None, np.ndarray | None]] = {}
        for layer, (h, bias, g) in zip(self.layers, self.parts, strict=True):
            mixed = np.einsum("nc,ncm->nm", a, g)
            moves[layer] = (None if h is None else mixed.T @ h, bias * mixed.sum(axis=0) if bias else None)
        return moves


def jacobian_rows(
    network: LayersLike, layers: list[Layer], cotangents: Cotangents, root: np.ndarray, trained: Trained
) -> Rows:
    """The factored rows at the examples of `layers`, weighted by `root` `(n,)`."""
    network = Layers.of(network)
    parts, owners, off = [], [], 0.0
    for index, layer in enumerate(layers):
        a, c = network.weight_scales[index], network.bias_scales[index]
        bias = c if trained.biases[index] and network.biases[index] is not None else 0.0
        h = a * layer.h if trained.weights[index] else None
        if h is None and bias == 0:
            continue
        g = cotangents.g[index] * root[:, None, None]
        g_error = norms_upper(cotangents.error[index] + 2.0**-51 * np.abs(cotangents.g[index]))
        g_error = g_error * root[:, None] * SLOP + TINY
        g_norm = norms_upper(g)
        if h is not None:
            h_norm = norms_upper(h)[:, None]
            h_error = norms_upper(abs(a) * layer.h_error + 2.0**-51 * np.abs(h))[:, None]
            h_error = h_error * SLOP + TINY
            off = math.hypot(off, norm_upper(h_error * g_norm + h_norm * g_error + h_error * g_error))
        off = math.hypot(off, norm_upper(bias * g_error))
        parts.append((h, bias, g))
        owners.append(index)
    return Rows(parts, owners, off * SLOP + TINY)
