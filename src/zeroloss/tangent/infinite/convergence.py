"""How fast the tangent kernel of a finite network approaches that of infinite width: as `width^(-1/2)`."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from zeroloss.networks import MLP, ResidualMLP
from zeroloss.plumbing import InputError
from zeroloss.tangent.infinite.kernel import describe, infinite_kernel
from zeroloss.tangent.kernel import kernel
from zeroloss.verdict import Record


@dataclasses.dataclass(frozen=True, eq=False)
class Rate(Record):
    """The exponent `slope` of `deviation = C width^slope`, and its 95 % interval from the seeds."""

    slope: float
    lower: float
    upper: float
    seeds: int

    def __contains__(self, value: float) -> bool:
        return self.lower <= value <= self.upper


def convergence(network: Any, x: Any, widths: Sequence[int], seeds: Sequence[int]) -> dict[str, list]:
    """A tidy table: how far finite networks of the kind of `network` are from infinite width.

    `deviation = |K - K_inf|_F/|K_inf|_F` with `K` the tangent kernel `(n, n, c, c)` on the rows of `x` of a network
    with all hidden layers of width `width` and the weights of `seed`, and `K_inf` that of infinite width (times
    `delta_ab`). It decreases as `width^(-1/2)` (Jacot, Gabriel & Hongler 2018 for the limit; the rate is recalled).

    Args:
        network: an `MLP` or `ResidualMLP` in NTK parametrization; its width and weights do not count.
        x: `(n, d)`.
        widths, seeds: a row for each pair.

    Returns:
        A dict of columns `width`, `seed`, `deviation`.

    Raises:
        InputError: a network without an infinite kernel, or no widths or seeds.
    """
    if not isinstance(network, MLP | ResidualMLP):
        raise InputError(
            f"convergence takes an MLP or a ResidualMLP, which can be drawn at other widths, not a {type(network).__name__}."
        )
    describe(network)
    if not len(widths) or not len(seeds) or min(widths) < 1:
        raise InputError("convergence needs at least one width of 1 or more, and at least one seed.")
    limit = infinite_kernel(network, x).ntk
    full = limit[:, :, None, None] * np.eye(network.out_size)
    table: dict[str, list] = {"width": [], "seed": [], "deviation": []}
    for width in widths:
        for seed in seeds:
            finite = kernel(_drawn(network, int(width), int(seed)), x, check=False)
            table["width"].append(int(width))
            table["seed"].append(int(seed))
            table["deviation"].append(float(np.linalg.norm(finite - full) / np.linalg.norm(full)))
    return table


def _drawn(network: Any, width: int, seed: int) -> Any:
    if isinstance(network, MLP):
        return MLP.of(network.config._replace(widths=(width,) * network.depth), network.dtype, seed)
    return ResidualMLP.of(network.config._replace(width=width), network.dtype, seed)


def convergence_rate(table: dict[str, list]) -> Rate:
    """The slope of log deviation against log width, with an interval from the seeds.

    A line is fitted to each seed by least squares; the slope is the mean of theirs, the interval the mean plus or minus
    Student's 97.5 % quantile times their standard error. Standing: ours.

    Raises:
        InputError: fewer than 2 widths or 2 seeds, or a deviation that is 0.
    """
    from scipy.stats import t as student

    width, seed, deviation = (np.asarray(table[name]) for name in ("width", "seed", "deviation"))
    names = np.unique(seed)
    if len(np.unique(width)) < 2 or len(names) < 2:
        raise InputError("a rate needs at least 2 widths and 2 seeds; give more.")
    if not (deviation > 0).all():
        raise InputError("a rate needs deviations above 0; the kernel of this network may not depend on its weights.")
    slopes = [np.polyfit(np.log(width[seed == s]), np.log(deviation[seed == s]), 1)[0] for s in names]
    middle = float(np.mean(slopes))
    half = float(student.ppf(0.975, len(slopes) - 1) * np.std(slopes, ddof=1) / math.sqrt(len(slopes)))
    return Rate(middle, middle - half, middle + half, len(slopes))
