"""Lanczos with full reorthogonalisation: the one loop of this library, and Gauss quadrature from it.

Source of the method: G. H. Golub, C. F. Van Loan, Matrix Computations, 4th ed. (2013), chapter 10.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg

from zeroloss.plumbing import InputError
from zeroloss.verified.directed import norm_upper

EXHAUSTED = 1e-13
"""A Krylov space is invariant where what is left of a product is below this share of the operator's size."""


@dataclasses.dataclass(frozen=True)
class Decomposition:
    """`A Q^T = Q^T T + beta r e_k^T` with orthonormal rows of `Q`, `r` orthonormal to them, and `T` tridiagonal.

    Attributes:
        basis: `Q`, `(k, N)`.
        diagonal, off: of `T`, `(k,)` and `(k - 1,)`.
        beta: how much of the last product lies outside the space.
        exhausted: whether the space is invariant (to rounding), so that the eigenvalues of `T` are those of `A`.
    """

    basis: np.ndarray
    diagonal: np.ndarray
    off: np.ndarray
    beta: float
    exhausted: bool

    def ritz(self) -> tuple[np.ndarray, np.ndarray]:
        """Eigenvalues of `T`, ascending, and its eigenvectors, `(k,)` and `(k, k)`."""
        return scipy.linalg.eigh_tridiagonal(self.diagonal, self.off)


def decompose(
    multiply: Callable[[np.ndarray], Any],
    first: np.ndarray,
    steps: int,
    *,
    noise: float = EXHAUSTED,
    length: Callable[[np.ndarray], Any] = np.linalg.norm,
    progress: Callable[[float], None] | None = None,
) -> Decomposition:
    """`steps` Lanczos steps for the symmetric operator `multiply`, fewer where the Krylov space is exhausted.

    Every product is made orthogonal to the whole basis, twice: once would leave errors of the size of the cancellation.

    Args:
        multiply: `(N,) -> (N,)`.
        first: `(N,)`, of length 1; the basis has its dtype.
        noise: the space is exhausted where `beta` is at most this share of the largest row of `T`.
        length: of a vector.
        progress: called with the share done.

    Raises:
        ArithmeticError: a product is not finite, or overflows the dtype.
    """
    steps, dtype = min(steps, len(first)), first.dtype
    basis = np.empty((steps, len(first)), dtype)
    basis[0] = first
    diagonal: list[float] = []
    off: list[float] = []
    largest, beta, exhausted = 0.0, 0.0, False
    for k in range(steps):
        w = np.array(multiply(basis[k]), dtype)
        if not np.isfinite(w).all():
            raise ArithmeticError("a product with the operator holds NaN or infinity")
        with np.errstate(over="ignore", invalid="ignore"):
            diagonal.append(float(np.dot(basis[k], w)))
            for _ in range(2):
                w -= basis[: k + 1].T @ (basis[: k + 1] @ w)
            beta = float(length(w))
        if not math.isfinite(diagonal[-1]) or not math.isfinite(beta):
            raise ArithmeticError(f"a product with the operator overflows {dtype.name}")
        largest = max(largest, abs(diagonal[-1]) + beta)
        exhausted = beta <= noise * largest or k + 1 == len(first)
        if progress is not None:
            progress((k + 1) / steps)
        if exhausted or k + 1 == steps:
            break
        off.append(beta)
        basis[k + 1] = w / beta
    taken = len(diagonal)
    return Decomposition(basis[:taken], np.array(diagonal), np.array(off[: taken - 1]), beta, exhausted)


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
    """`steps` Lanczos steps (fewer where the Krylov space is exhausted) for the symmetric operator `multiply`.

    Raises:
        InputError: a start vector or a product that is not finite.
    """
    start = np.asarray(start, np.float64)
    norm = norm_upper(start)  # whose squares may under- or overflow
    if not np.isfinite(norm):
        raise InputError(
            "the start vector (answers less targets) is not finite; rescale the targets, or use a float64 network."
        )
    if norm == 0:
        return Tridiagonal(np.zeros(1), np.zeros(1), np.zeros((len(start), 1)))
    first = start / float(np.max(np.abs(start)))
    try:
        found = decompose(multiply, first / np.linalg.norm(first), steps, length=norm_upper)
    except ArithmeticError as error:
        raise InputError(
            "the kernel overflows; rescale the weights or the inputs, or use a float64 network."
        ) from error
    nodes, vectors = found.ritz()
    return Tridiagonal(nodes, norm * norm * vectors[0] ** 2, found.basis.T @ vectors)
