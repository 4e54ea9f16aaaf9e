"""Jackknife intervals for statistics of a sample of examples, where resampling with replacement would mislead.

An example drawn twice is its own nearest neighbour: the bootstrap inflates any statistic of pairs (kernels, alignments). The
jackknife leaves groups of examples out instead.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.stats

GROUPS = 16
ABOUT = "95 %, over other examples drawn as these were (delete-a-group jackknife)"


def jackknife(
    statistic: Callable[[np.ndarray], Any], n: int, *, key: int, groups: int = GROUPS
) -> tuple[np.ndarray, np.ndarray | None]:
    """`(values, half widths)`; half widths are None below four examples.

    With `s_j` the statistic without group `j` of `g`: `se^2 = (g-1)/g sum_j (s_j - mean s)^2`, and the half width is
    Student's `t_{g-1}` quantile times `se`.

    Args:
        statistic: the indices of the rows kept, ascending, -> `(m,)` values.

    Source: J. Shao & D. Tu, The Jackknife and Bootstrap (1995), section 2.3.
    """
    values = np.atleast_1d(np.asarray(statistic(np.arange(n)), float))
    g = min(groups, n)
    if n < 4:
        return values, None
    order = np.random.default_rng([key, 2]).permutation(n)
    left = np.array(
        [np.atleast_1d(statistic(np.setdiff1d(np.arange(n), part))) for part in np.array_split(order, g)], float
    )
    error = np.sqrt((g - 1) / g * np.sum((left - left.mean(axis=0)) ** 2, axis=0))
    return values, scipy.stats.t.ppf(0.975, g - 1) * error


def around(value: float, half: float, low: float = -math.inf, high: float = math.inf) -> tuple[float, float]:
    """`value -+ half` within `[low, high]`."""
    return max(low, value - half), min(high, value + half)
