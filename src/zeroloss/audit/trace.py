"""The trace of a symmetric operator from a Krylov space and a few random probes.

With `Q` the Krylov basis found already and `P = I - Q Q^T`, `tr A = tr Q^T A Q + tr P A P`: the first is known, and holds the
large eigenvalues; the second is Hutchinson's, the mean of `(P z)^T A (P z)` over random signs `z`. `Q` does not depend on the
probes, so the estimate is unbiased. (Hutchinson 1990; the deflation is that of Hutch++, Meyer, Musco, Musco & Woodruff,
SOSA 2021, with a Krylov basis as in Chen & Hallman, SIMAX 44 (2023). XTrace, which re-uses its probes as a basis, needs as
many products again, since the basis is here for nothing.)
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import scipy.stats

from zeroloss.audit.krylov import Krylov

PROBES = 16
EXACT = 256
"""Size up to which the diagonal itself is summed: so many products of a small network take less time than compiling one."""


def deflated_trace(
    multiply: Callable[[np.ndarray], np.ndarray],
    space: Krylov,
    *,
    key: int,
    probes: int = PROBES,
    positive: bool = False,
    report: Callable[[float], None] | None = None,
) -> tuple[float, float, float]:
    """`tr A` with Student's 95 % interval over the probes, `(value, lower, upper)`; without sampling where `is_exact`.

    Where the Krylov space is invariant, all distinct eigenvalues are in it, and `c (|P z|^2 - tr P)`, `c` their mean, is taken
    from each probe: its mean is 0, and it varies with the estimate.

    Args:
        positive: `A` has no negative eigenvalue, so the trace is at least that of the Krylov part.
    """
    known = _known(multiply, space, report)
    if known is not None:
        return known, known, known
    rng = np.random.default_rng([key, 1])
    found = []
    level = float(np.mean(space.values)) if space.exhausted else 0.0
    for index in range(probes):
        z = rng.integers(0, 2, space.size).astype(space.basis.dtype) * 2 - 1
        for _ in range(2):  # twice: the first pass leaves rounding of the size of the part removed
            z = z - space.basis.T @ (space.basis @ z)
        own = level * (float(np.dot(z, z)) - (space.size - space.steps)) if level else 0.0
        found.append(float(np.dot(z, np.asarray(multiply(z), z.dtype))) - own)
        if report is not None:
            report((index + 1) / probes)
    rest = float(np.mean(found))
    half = float(scipy.stats.t.ppf(0.975, probes - 1) * np.std(found, ddof=1) / math.sqrt(probes))
    value = space.trace + rest
    if positive:
        value = max(value, space.trace)
        return value, max(value - half, space.trace), value + half
    return value, value - half, value + half


def is_exact(space: Krylov) -> bool:
    """Whether the trace is known but for rounding: the Krylov space is all there is, or has one eigenvalue, or `A` is small."""
    return space.size <= EXACT or (space.exhausted and space.steps in (1, space.size))


def _known(
    multiply: Callable[[np.ndarray], np.ndarray], space: Krylov, report: Callable[[float], None] | None
) -> float | None:
    if not is_exact(space):
        return None
    if space.exhausted and space.steps == space.size:
        return space.trace
    if space.exhausted and space.steps == 1:  # a random start sees every eigenvalue: all are equal
        return space.size * float(space.values[0])
    diagonal = []
    for k in range(space.size):
        unit = np.zeros(space.size, space.basis.dtype)
        unit[k] = 1
        diagonal.append(float(np.asarray(multiply(unit))[k]))
        if report is not None:
            report((k + 1) / space.size)
    return math.fsum(diagonal)
