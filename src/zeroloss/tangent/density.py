"""The density of a kernel's eigenvalues without decomposing or forming it: stochastic Lanczos quadrature."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from typing import Any

import numpy as np
import scipy.linalg

from zeroloss.plumbing import InputError, double
from zeroloss.tangent.operator import KernelOperator
from zeroloss.tangent.spectrum import symmetric
from zeroloss.verdict import Record


@dataclasses.dataclass(frozen=True)
class SpectralDensity(Record):
    """An estimate of `phi(t) = 1/N sum_i delta(t - lambda_i)` by stochastic Lanczos quadrature.

    Attributes:
        nodes, weights: `(probes, steps)`: each row a quadrature of one probe's spectral measure (unused places: weight 0).
        grid: `(points,)`, eigenvalues, or their decimal logarithm (`scale`).
        density: `(points,)`, smoothed by a Gaussian of standard deviation `width`; its integral over the line is 1.
        standard_error: `(points,)`, of `density` over the probes; of the randomness of the probes only, not of what the
            smoothing and the number of steps leave out.
        width: of the Gaussian, in units of `grid`.
        scale: "linear" or "log".
        size: `N`.
    """

    nodes: np.ndarray
    weights: np.ndarray
    grid: np.ndarray
    density: np.ndarray
    standard_error: np.ndarray
    width: float
    scale: str
    size: int

    def mean(self, function: Any) -> tuple[float, float]:
        """`1/N trace f(K)` for a vectorised `f`, and its standard error over the probes."""
        values = np.sum(self.weights * function(self.nodes), axis=1)
        return float(values.mean()), float(values.std(ddof=1) / math.sqrt(len(values)))


def spectral_density(
    operator: Any,
    *,
    probes: int = 8,
    steps: int = 40,
    points: int = 200,
    width: float | None = None,
    scale: str = "linear",
    seed: int = 0,
) -> SpectralDensity:
    """The density of eigenvalues by `probes` random vectors and `steps` Lanczos steps each (through matfree).

    For a random unit vector `v`, `v^T f(K) v ~ sum_k tau_k^2 f(theta_k)` with the eigenvalues `theta` of the Lanczos matrix
    and the squares of the first entries `tau` of its eigenvectors; the mean over `v` is `trace f(K)/N`.

    Args:
        operator: a `KernelOperator` of one set of points, a matrix `(n, n)`, or a full kernel.
        probes: 2 or more, for the standard error.
        width: of the smoothing Gaussian; by default a fiftieth of the grid's span.
        scale: "linear", or "log" (decimal): then nodes below `1e-16` times the largest are put there.

    Raises:
        InputError: bad arguments, or an operator that is not finite.

    Source: Lin, Saad & Yang, SIAM Review 58 (2016) 34-65; Ubaru, Chen & Saad, SIMAX 38 (2017) 1075-1099.
    """
    if probes < 2 or steps < 1 or points < 2 or scale not in ("linear", "log"):
        raise InputError(
            "spectral_density needs 2 probes or more, steps, 2 points or more, and scale 'linear' or 'log'."
        )
    nodes, weights, size = _quadratures(operator, probes, steps, seed)
    place = nodes if scale == "linear" else np.log10(np.maximum(nodes, 1e-16 * np.max(nodes, initial=1e-300)))
    low, high = float(place[weights > 0].min()), float(place[weights > 0].max())
    span = (high - low) or max(abs(high), 1.0)
    width = span / 50 if width is None else float(width)
    if not (width > 0 and math.isfinite(width)):
        raise InputError(f"width={width}: it must be a positive number.")
    grid = np.linspace(low - 4 * width, high + 4 * width, points)
    bumps = np.exp(-0.5 * ((grid[:, None, None] - place) / width) ** 2) / (width * math.sqrt(2 * math.pi))
    each = np.sum(bumps * weights, axis=2)
    error = each.std(axis=1, ddof=1) / math.sqrt(probes)
    return SpectralDensity(nodes, weights, grid, each.mean(axis=1), error, width, scale, size)


def _quadratures(operator: Any, probes: int, steps: int, seed: int) -> tuple[np.ndarray, np.ndarray, int]:
    import jax
    import jax.numpy as jnp
    from matfree import decomp

    if isinstance(operator, KernelOperator) and not operator.symmetric:
        raise InputError("the kernel between two sets of points has no spectrum; give an operator of one set.")
    with double() if getattr(operator, "wide", True) else contextlib.nullcontext():
        if isinstance(operator, KernelOperator):
            function, parameters = operator.traceable()
            size, dtype = operator.size, operator.dtype
        else:
            matrix = jnp.asarray(symmetric(operator))
            function, parameters, size, dtype = _dense, (matrix,), len(matrix), matrix.dtype
        steps = min(steps, size)
        decompose = jax.jit(
            lambda v, *given: decomp.tridiag_sym(steps, materialize=False, custom_vjp=False)(function, v, *given)[1]
        )
        rng = np.random.default_rng(seed)
        found = []
        for _ in range(probes):
            v = rng.standard_normal(size)
            diagonal, off = decompose(jnp.asarray(v / np.linalg.norm(v), dtype), *parameters)
            found.append(_quadrature(np.asarray(diagonal, np.float64), np.asarray(off, np.float64), steps))
    return np.stack([n for n, _ in found]), np.stack([w for _, w in found]), size


def _dense(v, matrix):
    return matrix @ v


def _quadrature(diagonal: np.ndarray, off: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights, padded to `steps`; cut where the Krylov space is exhausted (there rounding or NaN follows)."""
    if not np.isfinite(diagonal[0]):
        raise InputError("the operator's product is not finite; the weights or the inputs hold NaN or infinity.")
    scale = abs(diagonal[0]) + (abs(off[0]) if len(off) and np.isfinite(off[0]) else 0.0)
    used = 1
    while used < len(diagonal) and np.isfinite(diagonal[used]) and abs(off[used - 1]) > 1e-10 * scale:
        used += 1
    values, vectors = scipy.linalg.eigh_tridiagonal(diagonal[:used], off[: used - 1])
    nodes, weights = np.full(steps, values[-1]), np.zeros(steps)
    nodes[:used], weights[:used] = values, vectors[0] ** 2
    return nodes, weights
