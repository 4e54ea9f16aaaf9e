"""A read-out moved to the nearest minimiser of its squared residual, refined while the residual falls.

The residual is affine in the read-out, `r(C) = b - A C`. The nearest `C` to `C_0` with `r(C) = 0` is `C_0 + A^T a`,
`A A^T a = r(C_0)`, if the rows of `A` are independent; rounding leaves a residual, of which the same step is taken again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg


def least_move(
    a: np.ndarray,
    start: np.ndarray,
    residual: Callable[[np.ndarray], np.ndarray],
    rounds: int,
    *,
    norm: Callable[[np.ndarray], Any] = np.linalg.norm,
) -> np.ndarray:
    """`start` moved as little as possible so that the residual vanishes, to rounding; by Cholesky on `A A^T`.

    Args:
        a: `A`, `(n, K)`.
        start: `C_0`, `(K, c)`.
        residual: `C -> r(C)`, `(K, c) -> (n, c)`; computed as its user computes outputs, so that their rounding is
            refined away too.
        rounds: steps at most.
        norm: of a residual; a step that does not make it smaller ends the refinement and is not taken.

    Returns:
        `start` itself where no step helps: fewer columns than rows, rows that are dependent to rounding, numbers that are
        not finite.
    """
    if a.shape[1] < a.shape[0]:
        return start
    gram = a @ a.T
    if not np.isfinite(gram).all():
        return start
    try:
        factor = scipy.linalg.cho_factor(gram, lower=True)
    except np.linalg.LinAlgError:
        return start
    best, left = start, residual(start)
    least = norm(left)
    for _ in range(rounds):
        moved = best + a.T @ scipy.linalg.cho_solve(factor, left)
        left = residual(moved)
        size = norm(left)
        if not size < least:
            break
        best, least = moved, size
    return best
