"""Polishing: Gauss-Newton and chord steps at float64 until the residual is at rounding.

With `F` and `DF` as in `zeroloss.verified.newton_kantorovich`, a step is `w <- w - DF(w_0)^T a`, `DF DF^T a = F(w)` with
the kernel's Cholesky factor at `w_0`, halved until the residual falls; where it falls by less than a quarter the kernel
is formed and factored anew.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import scipy.linalg.lapack as lapack

from zeroloss.data.repeats import Collapsed
from zeroloss.descent.least_move import least_move
from zeroloss.networks import FeedForward
from zeroloss.plumbing import InputError, double
from zeroloss.verified.directed import norm_upper
from zeroloss.verified.forward import Layer, backward, forward
from zeroloss.verified.jacobian import Rows, Trained, jacobian_rows
from zeroloss.verified.layers import Layers, LayersLike
from zeroloss.verified.readout import readout_matrix

SMALL = 2000
FACTORS, FEW = 40, 2
"""Most factorisations of the kernel: with up to `SMALL` equations, and above."""
CHORDS = 12
"""Most steps with one factor."""
SHORTEST = 1 / 64
"""Shortest part of a full step that is tried."""
WORTH = 0.01
"""Polishing counts only if the residual falls to this part of what it was."""


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # steps that overflow are not taken
def polish(network: Layers, distinct: Collapsed, trained: Trained, *, factor: Any = None) -> Layers:
    """`network` moved to where the residual is at its rounding, or as far as it will fall.

    Returned unchanged where the residual does not fall to `WORTH` of what it was: finding a minimum is the task of
    `zeroloss.descend`.

    Args:
        factor: a Cholesky factor (LAPACK, lower triangle) of the kernel at weights near by, tried first.
    """
    moved = _polished(network, distinct, trained, factor)
    if moved is network:
        return network
    root = np.sqrt(np.asarray(distinct.sizes, np.float64))[:, None]
    before, after = (np.linalg.norm((_outputs(w, distinct.x) - distinct.y) * root) for w in (network, moved))
    return moved if after <= WORTH * before else network


def _polished(network: Layers, distinct: Collapsed, trained: Trained, factor: Any) -> Layers:
    left = FACTORS if distinct.y.size <= SMALL else FEW
    try:
        while True:
            layers = forward(network, distinct.x)
            rows, residual, floor = _linearise(network, layers, distinct, trained)
            if not rows.parts or np.linalg.norm(residual) <= floor:
                return network
            borrowed = factor is not None and factor.shape == (residual.size, residual.size)
            if not borrowed:
                if left == 0:
                    return network
                left -= 1
                factor = _factored(rows)
                if factor is None:
                    return network
            moved, again = _chords(network, rows, factor, residual, floor, distinct)
            # A borrowed factor belongs to other weights: whatever it gave, one of these weights is tried next.
            if not (again and moved is not network) and not borrowed:
                return moved
            network, factor = moved, None
    except InputError:  # on the way numbers became too large for float64: what was reached is kept
        return network


def _linearise(
    network: Layers, layers: list[Layer], distinct: Collapsed, trained: Trained
) -> tuple[Rows, np.ndarray, float]:
    root = np.sqrt(np.asarray(distinct.sizes, np.float64))
    rows = jacobian_rows(network, layers, backward(network, layers, kinks=True), root, trained)
    residual = (distinct.y - layers[-1].z) * root[:, None]
    return rows, residual, float(np.linalg.norm((layers[-1].z_error + distinct.rounding) * root[:, None]))


def _factored(rows: Rows) -> np.ndarray | None:
    matrix, _ = rows.kernel()
    ridge, diagonal = 0.0, np.diag(matrix).copy()
    for _ in range(6):
        # Small matrices are kept, to be tried again with a ridge, which changes the steps and not where they lead;
        # a large one is overwritten by its factor, for the memory.
        matrix[np.diag_indices(len(matrix))] = diagonal + ridge
        result, info = lapack.dpotrf(matrix.T, lower=1, clean=0, overwrite_a=0 if len(matrix) <= SMALL else 1)
        if info == 0 and np.isfinite(np.diag(result)).all():
            return result
        if len(matrix) > SMALL:
            return None
        ridge = max(100 * ridge, 1e-14 * float(np.mean(diagonal)))
    return None


def _chords(
    network: Layers, rows: Rows, factor: Any, residual: np.ndarray, floor: float, distinct: Collapsed
) -> tuple[Layers, bool]:
    """The network after chord steps with one factor, and whether another factor may bring more."""
    root = np.sqrt(np.asarray(distinct.sizes, np.float64))[:, None]
    size = float(np.linalg.norm(residual))
    for _ in range(CHORDS):
        a = lapack.dpotrs(factor, residual.reshape(-1, 1), lower=1)[0].reshape(residual.shape)
        if not np.isfinite(a).all():
            return network, False
        length, before = 1.0, size
        while True:
            trial = _step(network, rows, length * a)
            new = (distinct.y - _outputs(trial, distinct.x)) * root
            reached = float(np.linalg.norm(new))
            # A full step may gain anything; a shorter one must gain a tenth of what the linear model promises.
            if reached < size * (1 - 0.1 * length * (length < 1)):
                network, residual, size = trial, new, reached
                break
            length /= 2
            if length < SHORTEST:
                return network, False
        if size <= floor / 4:  # `floor` bounds the rounding of the residual itself: more steps would follow noise
            return network, False
        if size > 0.75 * before:  # chord steps have stalled; only a factor of these weights can help
            return network, size > floor
    return network, size > floor


def _outputs(network: Layers, x: np.ndarray) -> np.ndarray:
    try:
        return forward(network, x)[-1].z
    except InputError:
        return np.full((len(x), network.out_size), np.inf)


def _step(network: Layers, rows: Rows, a: np.ndarray) -> Layers:
    """`w + DF^T a`."""
    weights, biases = list(network.weights), list(network.biases)
    for layer, (weight, bias) in rows.pull_back(a).items():
        if weight is not None:
            weights[layer] = weights[layer] + weight
        if bias is not None:
            biases[layer] = biases[layer] + bias
    return dataclasses.replace(network, weights=tuple(weights), biases=tuple(biases))


def with_layers(network: FeedForward, layers: Layers) -> FeedForward:
    """`network` with the weights of `layers`, in float64."""
    import equinox as eqx
    import jax.numpy as jnp

    with double():
        weights = tuple(jnp.asarray(w) for w in layers.weights)
        biases = tuple(None if b is None else jnp.asarray(b) for b in layers.biases)
        return eqx.tree_at(lambda n: (n.weights, n.biases), network, (weights, biases), is_leaf=lambda v: v is None)


@np.errstate(over="ignore", invalid="ignore")  # moves that overflow are not taken
def polish_readout(
    network: LayersLike, x: np.ndarray, y: np.ndarray, *, rounds: int = 4, last: Layer | None = None
) -> Layers:
    """`network` with its read-out moved to the nearest interpolating one, refined while the residual falls.

    `last`: its last layer at `x`, if it is known (`zeroloss.verified.readout.last_layer`). Returned unchanged where there is none
    to be had (too few features, or too nearly dependent).
    """
    network = Layers.of(network)
    last = forward(network, x)[-1] if last is None else last
    matrix, _ = readout_matrix(network, last)
    h, width, bias = last.h, last.h.shape[1], network.biases[-1]
    with_bias = matrix.shape[1] > width
    start = network.weights[-1].T
    if with_bias and bias is not None:
        start = np.concatenate([start, bias[None]])

    def parts(moved: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        return np.ascontiguousarray(moved[:width].T), moved[-1] if with_bias else bias

    def residual(moved: np.ndarray) -> np.ndarray:
        if moved is start:
            return y - last.z
        weights, offset = parts(moved)
        outputs = network.weight_scales[-1] * (h @ weights.T)
        return y - (outputs if offset is None else outputs + network.bias_scales[-1] * offset)

    moved = least_move(matrix, start, residual, rounds, norm=norm_upper)
    return network if moved is start else network.with_readout(*parts(moved))
