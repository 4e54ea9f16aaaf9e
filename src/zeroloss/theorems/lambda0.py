r"""`lambda0` of Du et al. on given inputs: a proved lower end, all rounding counted.

    H_ij = E_w[x_i . x_j 1{w . x_i > 0, w . x_j > 0}] = t_ij (pi - arccos t_ij)/(2 pi),   t_ij = x_i . x_j/(|x_i| |x_j|)

is the tangent kernel of infinite width of one hidden relu layer with a fixed read-out, for inputs of norm 1; `lambda0`
its smallest eigenvalue. It is positive iff no two inputs are parallel.

The entries: `t` is known within `delta = gamma_{2d+16}` (unit round-off), `arccos` is monotone, so that the error of the
angle is at most the larger of its changes over `t +- delta`, and `arccos` itself is taken to be right within 4 ulp, which
a test checks. Their Frobenius norm is the entry error of the enclosure. (paper: the kernel, arXiv 1810.02054; ours: the
rounding.)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from zeroloss.plumbing import InputError, Progress, Silent
from zeroloss.plumbing.cost import Cost, expected_seconds
from zeroloss.plumbing.exact import as_float64
from zeroloss.plumbing.format import format_seconds
from zeroloss.verified.directed import gamma, norm_upper
from zeroloss.verified.eigenvalues import Enclosure, smallest_eigenvalue

MOST = 3000
"""Largest number of inputs whose kernel is formed. Of more, this many are taken; the eigenvalue of all is at most theirs."""
ULP = 4 * 2.0**-52
SLOP = 1 + 1e-9


def hidden_kernel(x: Any) -> tuple[np.ndarray, float]:
    """`H` `(n, n)` of the rows of `x`, and a bound on the 2-norm of its error.

    Raises:
        InputError: a row of norm 0, for which there is no direction.
    """
    x = as_float64(x, "inputs")
    largest = np.abs(x).max(axis=1)
    if not (largest > 0).all():
        raise InputError("an input is 0 in every column and has no direction; leave it out.")
    # Division by a power of two would be exact; this one moves each entry by an ulp, which `delta` counts.
    x = x / largest[:, None]
    norm = np.sqrt(np.sum(x * x, axis=1))
    t = (x @ x.T) / np.outer(norm, norm)
    delta = gamma(2 * x.shape[1] + 16) * SLOP
    t = np.clip(0.5 * (t + t.T), -1.0, 1.0)
    angle = np.arccos(t)
    spread = np.maximum(np.arccos(np.maximum(t - delta, -1.0)) - angle, angle - np.arccos(np.minimum(t + delta, 1.0)))
    wrong = spread + 3 * ULP * math.pi
    kernel = t * (math.pi - angle) / (2 * math.pi)
    entries = (np.abs(t) * wrong + delta * (math.pi - angle)) / (2 * math.pi) + 8 * 2.0**-53 * np.abs(kernel)
    np.fill_diagonal(kernel, 0.5)  # exactly, for t_ii = 1
    np.fill_diagonal(entries, 0.0)
    return 0.5 * (kernel + kernel.T), norm_upper(entries) * SLOP


def lambda0(x: Any) -> Enclosure:
    """An enclosure of `lambda0` of the rows of `x` `(n, d)`, rounding counted.

    Raises:
        InputError: as `hidden_kernel`.
    """
    kernel, error = hidden_kernel(x)
    return smallest_eigenvalue(kernel, entry_error=error)


def measured_lambda0(x: Any, *, progress: Progress | None = None) -> tuple[float, bool, str]:
    """`lambda0` for the distinct inputs: a proved bound, whether it is the upper one, and a phrase that describes it.

    The lower end, where it is above 0 and no input was left out; else the upper end, for a part of the inputs has no
    smaller eigenvalue than all of them.
    """
    from zeroloss.data import groups

    progress = progress or Silent()
    x = as_float64(x, "inputs").reshape(len(x), -1)
    x = x[groups(x).first]
    x = x[np.abs(x).max(axis=1) > 0]
    if not len(x):
        raise InputError("every input is 0 in all columns; there is no kernel to measure.")
    taken = x[:MOST]
    progress.stage(
        "lambda0 of infinite width", f"{len(taken)} inputs, about {format_seconds(cost(len(taken)).seconds)}"
    )
    found = lambda0(taken)
    of = f"{len(taken):,} distinct inputs scaled to norm 1, infinite width, hidden relu layer"
    if found.lower > 0 and len(taken) == len(x):
        return found.lower, False, f"proved lower end, {of}"
    if len(taken) < len(x):
        return found.upper, True, f"proved upper end, {of} of {len(x):,}"
    return found.upper, True, f"proved upper end, {of}; no lower end above 0: two are parallel, or too nearly so"


def cost(n: int) -> Cost:
    """Of `lambda0` for `n` inputs: eigenvalues of a matrix of that size, six of which are held."""
    rows = float(min(n, MOST))
    return Cost(max(0.1, expected_seconds(4 * rows**3)), 6 * 8 * rows**2, 4 * rows**3)
