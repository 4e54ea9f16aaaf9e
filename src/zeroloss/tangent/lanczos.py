"""Lanczos with full reorthogonalisation."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import scipy.linalg

from zeroloss.plumbing import InputError
from zeroloss.verified.directed import norm_upper


@dataclasses.dataclass(frozen=True)
class Tridiagonal:
    """`A Q = Q T + ...` with `Q` orthonormal and first column `start/|start|`.

    Attributes:
        nodes, weights: Gauss quadrature of the spectral measure of `start`:
            `start^T f(A) start ~ sum weights f(nodes)`, exact for polynomials of degree `2 k - 1`; `weights` sum to
            `|start|^2`.
        vectors: `(N, k)` Ritz vectors belonging to `nodes` (ascending).
    """

    nodes: np.ndarray
    weights: np.ndarray
    vectors: np.ndarray


def lanczos(multiply: Callable[[np.ndarray], np.ndarray], start: np.ndarray, steps: int) -> Tridiagonal:
    """`steps` Lanczos steps (fewer where the Krylov space is exhausted) for the symmetric operator `multiply`."""
    start = np.asarray(start, np.float64)
    norm = norm_upper(start)  # whose squares may under- or overflow
    if not np.isfinite(norm):
        raise InputError(
            "the start vector (answers less targets) is not finite; rescale the targets, or use a float64 network."
        )
    if norm == 0:
        return Tridiagonal(np.zeros(1), np.zeros(1), np.zeros((len(start), 1)))
    most = min(steps, len(start))
    q = np.empty((most, len(start)))  # the basis, one vector per row
    q[0] = start / float(np.max(np.abs(start)))
    q[0] /= np.linalg.norm(q[0])
    diagonal: list[float] = []
    off: list[float] = []
    largest = 0.0
    for k in range(most):
        w = np.asarray(multiply(q[k]), np.float64)
        if not np.isfinite(w).all():
            raise InputError("the kernel overflows; rescale the weights or the inputs, or use a float64 network.")
        diagonal.append(float(q[k] @ w))
        known = q[: k + 1]
        w = w - known.T @ (known @ w)
        w = w - known.T @ (known @ w)
        beta = norm_upper(w)
        largest = max(largest, abs(diagonal[-1]) + beta)
        if beta <= 1e-13 * largest or k + 1 == most:
            break
        off.append(beta)
        q[k + 1] = w / beta
    nodes, vectors = scipy.linalg.eigh_tridiagonal(np.array(diagonal), np.array(off[: len(diagonal) - 1]))
    ritz = q[: len(diagonal)].T @ vectors
    return Tridiagonal(nodes, norm * norm * vectors[0] ** 2, ritz)
