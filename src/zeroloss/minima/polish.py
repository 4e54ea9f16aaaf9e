"""Polishing: Gauss-Newton and chord steps at float64 until the residual is at rounding.

With `F` and `DF` as in `zeroloss.minima.newton_kantorovich`, a step is `w <- w - DF(w_0)^T a`, `DF DF^T a = F(w)` with
the kernel's Cholesky factor at `w_0`, halved until the residual falls; where it falls by less than a quarter the kernel
is formed and factored anew.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg.lapack as lapack

from zeroloss.data.repeats import Collapsed
from zeroloss.networks import FeedForward
from zeroloss.plumbing import InputError, double
from zeroloss.tangent.rounding import backward, forward
from zeroloss.tangent.rows import Rows, Trained, jacobian_rows

SMALL = 2000
FACTORS, FEW = 40, 2
"""How often the kernel may be factored: with up to `SMALL` equations, and above."""
CHORDS = 12
SHORTEST = 1 / 64
WORTH = 0.01


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # steps that overflow are not taken
def polish(network: FeedForward, distinct: Collapsed, trained: Trained, *, factor: Any = None) -> FeedForward:
    """`network` (float64) moved to where the residual is at its rounding, or as far as it will fall.

    Returned unchanged where the residual does not fall to `WORTH` of what it was: to find a minimum is the business of
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


def _polished(network: FeedForward, distinct: Collapsed, trained: Trained, factor: Any) -> FeedForward:
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
            if not (again and moved is not network) and not borrowed:
                return moved
            network, factor = moved, None
    except InputError:  # on the way numbers became too large for float64: what was reached is kept
        return network


def _linearise(network, layers, distinct, trained) -> tuple[Rows, np.ndarray, float]:
    root = np.sqrt(np.asarray(distinct.sizes, np.float64))
    rows = jacobian_rows(network, layers, backward(network, layers, kinks=True), root, trained)
    residual = (distinct.y - layers[-1].z) * root[:, None]
    return rows, residual, float(np.linalg.norm((layers[-1].z_error + distinct.rounding) * root[:, None]))


def _factored(rows: Rows) -> np.ndarray | None:
    matrix, _ = rows.kernel()
    ridge, diagonal = 0.0, np.diag(matrix).copy()
    for _ in range(6):
        matrix[np.diag_indices(len(matrix))] = diagonal + ridge
        result, info = lapack.dpotrf(matrix.T, lower=1, clean=0, overwrite_a=0 if len(matrix) <= SMALL else 1)
        if info == 0 and np.isfinite(np.diag(result)).all():
            return result
        if len(matrix) > SMALL:
            return None
        ridge = max(100 * ridge, 1e-14 * float(np.mean(diagonal)))
    return None


def _chords(network, rows: Rows, factor, residual, floor, distinct) -> tuple[FeedForward, bool]:
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
            if reached < size * (1 - 0.1 * length * (length < 1)):
                network, residual, size = trial, new, reached
                break
            length /= 2
            if length < SHORTEST:
                return network, False
        if size <= floor / 4:
            return network, False
        if size > 0.75 * before:
            return network, size > floor
    return network, size > floor


def _outputs(network: FeedForward, x: np.ndarray) -> np.ndarray:
    try:
        return forward(network, x)[-1].z
    except InputError:
        return np.full((len(x), network.out_size), np.inf)


def _step(network: FeedForward, rows: Rows, a: np.ndarray) -> FeedForward:
    """`w + DF^T a`."""
    import equinox as eqx
    import jax.numpy as jnp

    weights, biases = list(network.weights), list(network.biases)
    with double():
        for layer, (weight, bias) in rows.pull_back(a).items():
            if weight is not None:
                weights[layer] = jnp.asarray(np.asarray(weights[layer], np.float64) + weight)
            if bias is not None:
                biases[layer] = jnp.asarray(np.asarray(biases[layer], np.float64) + bias)
        return eqx.tree_at(
            lambda n: (n.weights, n.biases), network, (tuple(weights), tuple(biases)), is_leaf=lambda v: v is None
        )
