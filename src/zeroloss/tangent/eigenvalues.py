"""The extreme eigenvalues of a kernel: proved bounds of a stored matrix, estimates of one that is only an operator."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from zeroloss.networks import FeedForward, trainable_mask
from zeroloss.plumbing import InputError
from zeroloss.tangent.operator import KernelOperator
from zeroloss.verdict import Record
from zeroloss.verified import eigenvalues as proved
from zeroloss.verified import kernel_error
from zeroloss.verified.eigenvalues import Enclosure
from zeroloss.verified.jacobian import trained_layers
from zeroloss.verified.ritz import RitzPair, lowest_pair

MOST_PRODUCTS = 60
"""Products with an operator that an estimate takes at most."""
ABOUT = "the kernel as an operator, rounding of its passes not counted"


@dataclasses.dataclass(frozen=True)
class EigenvalueEstimate(Record):
    """An extreme eigenvalue of a `KernelOperator`, estimated from one side by a Rayleigh quotient; nothing is proved.

    Attributes:
        lower, upper: of the smallest eigenvalue `upper` is the quotient and `lower` 0, as of any Gram matrix; of the largest
            `lower` is the quotient and `upper` infinite, for unknown.
        which: "smallest" or "largest" eigenvalue.
        method: how, in words.
        about: what it is an eigenvalue of.
        size: rows of the operator.
        factorisations: always 0: no matrix is formed.
    """

    lower: float
    upper: float
    which: str
    method: str
    about: str
    size: int
    factorisations: int = 0

    def __repr__(self) -> str:
        return f"<{self.which} eigenvalue estimated in [{self.lower:.6g}, {self.upper:.6g}] of {self.about} ({self.size} rows)>"


def smallest_eigenvalue(k: Any, *, entry_error: float = 0.0) -> Enclosure | EigenvalueEstimate:
    """An enclosure of the smallest eigenvalue of a matrix or full kernel (`zeroloss.verified.eigenvalues`), proved.

    Of a `KernelOperator` an `EigenvalueEstimate`: a Rayleigh quotient from above, after at most 60 products.

    Args:
        k: `(n, n)`, a full kernel `(n, n, c, c)`, or a `KernelOperator` of one set of points.
        entry_error: a bound on the 2-norm of (stored - meant); not for operators.

    Raises:
        InputError: not square, or not finite; an operator between two sets of points.
    """
    if not isinstance(k, KernelOperator):
        return proved.smallest_eigenvalue(k, entry_error=entry_error)
    _check(k, entry_error)
    pair = _lowest(k, 1)
    how = f"Rayleigh quotient after {pair.steps} products with the kernel, its rounding not counted"
    how += "; lower is 0 because a Gram matrix has no negative eigenvalue: no positive bound is known"
    return EigenvalueEstimate(0.0, max(pair.value, 0.0), "smallest", how, ABOUT, k.size)


def largest_eigenvalue(k: Any, *, entry_error: float = 0.0) -> Enclosure | EigenvalueEstimate:
    """An enclosure of the largest eigenvalue, proved; of a `KernelOperator` an estimate from below. Arguments as above."""
    if not isinstance(k, KernelOperator):
        return proved.largest_eigenvalue(k, entry_error=entry_error)
    _check(k, entry_error)
    pair = _lowest(k, -1)
    how = f"Rayleigh quotient after {pair.steps} products with the kernel, its rounding not counted"
    how += "; no upper bound is known"
    return EigenvalueEstimate(max(-pair.value, 0.0), math.inf, "largest", how, ABOUT, k.size)


def entry_error_bound(network: Any, x: Any, k: Any, *, trainable: Any = None) -> float:
    """A proved bound on `|k - K|_2`, `K` the tangent kernel of `network` on the rows of `x` in exact arithmetic.

    For `smallest_eigenvalue(k, entry_error=entry_error_bound(network, x, k))`, whose bounds then are about the network, at
    the exact values of its weights and of `x`, however `k` was computed. Forms one more kernel (`zeroloss.verified.kernel_error`).

    Args:
        network: a `FeedForward` or `MLP` with smooth activations.
        x: `(n, d)`.
        k: the stored full kernel, `(n, n, c, c)` or `(n c, n c)`.
        trainable: what `k` was made with; see `zeroloss.networks.trainable_mask`.

    Raises:
        InputError: another kind of network, an activation with kinks, a kernel of another shape.
    """
    if not isinstance(network, FeedForward):
        raise InputError(
            f"the rounding of a {type(network).__name__} is not bounded; only that of a FeedForward or MLP is."
        )
    return kernel_error.entry_error_bound(network, x, k, trained_layers(network, trainable_mask(network, trainable)))


def _check(operator: KernelOperator, entry_error: float) -> None:
    if entry_error != 0:
        raise InputError("entry_error is for a stored matrix; give an operator without it.")
    if not operator.symmetric:
        raise InputError("the kernel between two sets of points has no eigenvalues; give an operator of one set.")


def _lowest(operator: KernelOperator, sign: int) -> RitzPair:
    """The smallest Ritz pair of `sign K`: close only where the spectrum's end is separated."""
    # A relative accuracy that is worth having and that the operator's precision allows.
    tolerance = max(1e-8, 30 * float(np.finfo(operator.dtype).eps))
    return lowest_pair(
        lambda v: sign * (operator @ v), None, operator.size, noise=0.0, tolerance=tolerance, most=MOST_PRODUCTS
    )
