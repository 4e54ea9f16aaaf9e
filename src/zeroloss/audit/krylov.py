"""Extreme eigenvalues of a symmetric operator from one Krylov space, with an interval that holds by the random start.

Lanczos finds a Ritz value `theta <= lambda_max`; a small residual only shows that *some* eigenvalue is near it. It is the
randomness of the start that bounds `lambda_max` from above. With `A` positive semi-definite of size `N`, a start uniform on the
sphere and `k` steps, with probability at least `1 - delta`,

    lambda_max <= theta/(1 - eps),    eps = tanh^2( asinh(sqrt(2 N/pi)/delta)/(2k - 1) ).

Proof (ours; the rate is that of Kuczynski & Wozniakowski, SIAM J. Matrix Anal. Appl. 13 (1992) 1094-1122). Scale to
`lambda_max = 1`, and let `c` be the start's component along its eigenvector. `theta >= 1 - eps` if for some polynomial `p` of
degree at most `k - 1` the sum over eigenvalues of `c_i^2 p(lambda_i)^2 (lambda_i - 1 + eps)` is not negative. Take `p` with
`s p = T_{2k-1}(s)`, `s^2 = (1 - eps - lambda)/(1 - eps)` (an odd Chebyshev polynomial is `s` times a polynomial in `s^2`). On
`[0, 1 - eps]` the negative part is at most `1 - eps` in all; at `lambda = 1` the term is
`c^2 (1 - eps) sinh^2((2k-1) asinh sqrt(eps/(1-eps)))`. So it fails only if `|c| < 1/sinh(...)`, which has probability at
most `sqrt(2 N/pi)` times that.

A Krylov space does not change if a multiple of the identity is added, so for an indefinite `A` the same holds for
`A - lambda_min` and of `lambda_max - A`: each end is within `eps s` of its Ritz value, `s` the spread of the eigenvalues, and
`s <= (theta_max - theta_min)/(1 - 2 eps)`. Rounding is not counted.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np

from zeroloss.tangent.lanczos import decompose

FAILURE = 0.05
SETTLED = 0.01
"""A Ritz value has converged if its residual is at most this share of the larger end's size."""
ENOUGH = 0.03
"""The relative gap `eps` that the default number of steps aims at."""
LEAST, MOST = 16, 80
BASIS_BYTES = 1.5e9
"""Default limit on the memory of the basis."""


@dataclasses.dataclass(frozen=True)
class Krylov:
    """A Krylov space of the operator `A`, with its Ritz values.

    Attributes:
        basis: `(k, N)`, orthonormal rows.
        values: `(k,)` Ritz values, ascending.
        residuals: `|A v - theta v|` of the lowest and of the highest Ritz pair.
        trace: `sum_i q_i^T A q_i` over the basis.
        exhausted: whether the space is invariant: then the Ritz values are eigenvalues.
    """

    basis: np.ndarray
    values: np.ndarray
    residuals: tuple[float, float]
    trace: float
    exhausted: bool

    @property
    def size(self) -> int:
        """`N`."""
        return self.basis.shape[1]

    @property
    def steps(self) -> int:
        """Number of products taken."""
        return len(self.basis)

    @property
    def converged(self) -> tuple[bool, bool]:
        """Whether the lowest and the highest Ritz value have converged."""
        scale = float(np.max(np.abs(self.values)))
        return self.residuals[0] <= SETTLED * scale, self.residuals[1] <= SETTLED * scale

    def highest(self, *, positive: bool = False) -> tuple[float, float]:
        """`(lower, upper)` that hold `lambda_max` with probability 0.95; `positive`: no eigenvalue is negative."""
        top = float(self.values[-1])
        if self.exhausted:
            return top, top
        if positive:
            eps = gap(self.size, self.steps, FAILURE)
            return top, top / (1 - eps) if eps < 1 else math.inf
        return top, top + self._off()

    def lowest(self) -> tuple[float, float]:
        """The same for `lambda_min` of any symmetric operator."""
        bottom = float(self.values[0])
        return (bottom, bottom) if self.exhausted else (bottom - self._off(), bottom)

    def _off(self) -> float:
        eps = gap(self.size, self.steps, FAILURE / 2)
        return eps * float(self.values[-1] - self.values[0]) / (1 - 2 * eps) if eps < 0.5 else math.inf


def gap(size: int, steps: int, failure: float) -> float:
    """`eps` of the module's bound."""
    return math.tanh(math.asinh(math.sqrt(2 * size / math.pi) / failure) / (2 * steps - 1)) ** 2


def steps_for(size: int, itemsize: int, *, room: float = BASIS_BYTES) -> int:
    """Number of steps for which `eps` is about 0.03, or for which the basis fits into `room` bytes."""
    wanted = (math.asinh(math.sqrt(2 * size / math.pi) / (FAILURE / 2)) / math.atanh(math.sqrt(ENOUGH)) + 1) / 2
    fitting = int(room // (size * itemsize))
    return max(2, min(size, MOST, max(LEAST, math.ceil(wanted)), max(LEAST, fitting)))


def krylov(
    multiply: Callable[[np.ndarray], np.ndarray],
    size: int,
    steps: int,
    *,
    key: int,
    dtype: type | np.dtype = np.float64,
    report: Callable[[float], None] | None = None,
) -> Krylov:
    """`steps` Lanczos steps with full reorthogonalisation from a random start, fewer where the space is exhausted.

    Args:
        multiply: `(N,) -> (N,)`, the operator.
        report: called with the share done.

    Raises:
        ArithmeticError: a product is not finite.
    """
    dtype = np.dtype(dtype)
    q = np.random.default_rng(key).standard_normal(size)
    noise = 30 * float(np.finfo(dtype).eps)
    found = decompose(multiply, (q / np.linalg.norm(q)).astype(dtype), steps, noise=noise, progress=report)
    values, vectors = found.ritz()
    ends = (float(found.beta * abs(vectors[-1, 0])), float(found.beta * abs(vectors[-1, -1])))
    return Krylov(found.basis, values, ends, float(np.sum(found.diagonal)), found.exhausted)
