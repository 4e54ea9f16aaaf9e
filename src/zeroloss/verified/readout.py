"""The proof by the read-out: a zero of the residual within `|r|/s`, moving the last layer alone.

If a network ends in a linear read-out, `f(x) = a W h(x) + c b`, then with `A = [a H, c 1]` `(n, m + 1)` (the last
features of the n distinct training inputs) the residual is linear in the read-out and `A A^T` (one block per output) is
its kernel. If `s = sigma_min(A) > 0`, then for *any* targets `y` the read-out `W + dV`, `dV = A^+ (y - f)`,
interpolates them exactly, and `|dV| <= |y - f|/s`. No smoothness is needed, and no width but `m + 1 >= n`. (Ours; the
mechanism of Kawaguchi & Huang 2019.)

With rounding, underflow included: `H` comes with entrywise error bounds (`zeroloss.verified.forward`), `A A^T` is formed within
`gamma trace`, its smallest eigenvalue is bounded below by the Cholesky criterion, and `|y - f|` is bounded above with
the error of `f` and of the group means. All statements are about the network in exact arithmetic at the float64
weights.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from zeroloss.verdict import Record
from zeroloss.verified.bound import Lower, Upper
from zeroloss.verified.directed import (
    FEW_UP,
    LOST,
    SLOP,
    TINY,
    ULP,
    UP,
    gamma,
    ldexp_down,
    ldexp_up,
    norm_upper,
    ratio_upper,
    scaled_to_one,
    sqrt_lower,
)
from zeroloss.verified.eigenvalues import smallest_eigenvalue
from zeroloss.verified.forward import Layer, affine, forward
from zeroloss.verified.layers import Layers, LayersLike
from zeroloss.verified.proved import proved_lower, proved_upper


@dataclasses.dataclass(frozen=True)
class ReadoutProof(Record):
    """The numbers of the proof; `radius` is None where it does not go through, and `obstacle` is the reason.

    Attributes:
        singular_value_lower: proved lower bound on `sigma_min(A)` (0: none).
        residual_upper: proved upper bound on `|y - f|`, the Euclidean norm over distinct inputs and outputs.
        radius: `residual_upper/singular_value_lower`, rounded up.
        features: columns of `A`; distinct: its rows.
    """

    singular_value_lower: Lower
    residual_upper: Upper
    radius: Upper | None
    features: int
    distinct: int
    obstacle: str


def not_proved(features: int, distinct: int, obstacle: str) -> ReadoutProof:
    """The result where the proof was not tried, and why."""
    return ReadoutProof(proved_lower(0.0), proved_upper(math.inf), None, features, distinct, obstacle)


def readout_matrix(network: LayersLike, last: Layer) -> tuple[np.ndarray, float]:
    """`A` in float64 and a bound on the Frobenius norm of its error."""
    network = Layers.of(network)
    a, c = network.weight_scales[-1], network.bias_scales[-1]
    matrix = a * last.h
    error = (abs(a) * last.h_error + ULP * np.abs(matrix)) * SLOP + TINY
    if network.biases[-1] is not None and c != 0:
        matrix = np.column_stack([matrix, np.full(len(matrix), c)])
    return matrix, norm_upper(error)


def singular_value_lower(matrix: np.ndarray, error: float) -> Lower:
    """A proved lower bound on `sigma_min` (of all rows) of the matrix meant, `|stored - meant|_F <= error`; 0 if there
    is none."""
    n, m = matrix.shape
    if m < n or not np.any(matrix) or not np.isfinite(matrix).all() or not math.isfinite(error):
        return proved_lower(0.0)
    scaled, power = scaled_to_one(matrix)  # so that squares neither under- nor overflow
    gram = scaled @ scaled.T
    gram = 0.5 * (gram + gram.T)
    lost = LOST * n * m  # by underflow: of products, and of entries beside the largest
    entries = (gamma(m + 4) * norm_upper(scaled) ** 2 + lost) * SLOP
    lower = smallest_eigenvalue(gram, entry_error=entries).lower
    off = ldexp_up(error, -power) * UP + lost
    return proved_lower(ldexp_down(max(0.0, sqrt_lower(lower) - off), power))


def residual_upper(last: Layer, y: np.ndarray, y_error: np.ndarray) -> Upper:
    """A proved upper bound on `|y - f|` from the last layer's outputs."""
    with np.errstate(over="ignore"):  # an infinite residual proves nothing
        entries = np.abs(y - last.z) * FEW_UP + last.z_error + y_error
        return proved_upper(norm_upper(entries) * SLOP)


def readout_proof(
    network: LayersLike, x: np.ndarray, y: np.ndarray, y_error: np.ndarray, last: Layer | None = None
) -> ReadoutProof:
    """The proof at the network's weights, for distinct inputs `x` `(n, d)` and targets `y` `(n, c)` known within
    `y_error`.

    With `last` (of `last_layer`) no layer before it is computed again: it holds the features and the outputs at `x`.
    """
    network = Layers.of(network)
    last = forward(network, x)[-1] if last is None else last
    matrix, error = readout_matrix(network, last)
    n, m = matrix.shape
    residual = residual_upper(last, y, y_error)
    if m < n:
        return ReadoutProof(
            proved_lower(0.0),
            residual,
            None,
            m,
            n,
            f"the read-out has {m} weights per output and there are {n} distinct inputs: {n - m} too few",
        )
    s = singular_value_lower(matrix, error)
    if not s > 0:
        why = "the last features of the distinct inputs are not shown to be independent: their smallest singular value is lost in rounding"
        return ReadoutProof(proved_lower(0.0), residual, None, m, n, why)
    radius = proved_upper(ratio_upper((residual, SLOP), (s,)))
    if not math.isfinite(radius):
        return ReadoutProof(s, residual, None, m, n, "the distance to a minimum is bounded by no float64")
    return ReadoutProof(s, residual, radius, m, n, "")


def last_layer(network: LayersLike, h: np.ndarray, h_error: np.ndarray) -> Layer:
    """The last layer of a network at last features known within `h_error`, `(n, m)` each."""
    network = Layers.of(network)
    z, z_error = affine(network, network.depth, h, h_error)
    return Layer(h, h_error, z, z_error)
