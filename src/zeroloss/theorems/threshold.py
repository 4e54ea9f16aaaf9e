"""At how many parameters does training reach zero? Measured on a part of the data.

Networks with one hidden layer of growing width are trained by Gauss-Newton (Levenberg-Marquardt) from several seeds, on a
part of the training data, until the excess over the infimum of the squared loss is 1e-10 of what it was, or the steps are
used up. The threshold lies between the largest parameter count at which fewer than half of the seeds reached zero and the
smallest above it from which on at least half of them did; told in parameters per equation, for the equations of all the
data are more. (Ours. Gauss-Newton, because gradient descent would measure its budget of steps as well.)
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from zeroloss.plumbing import InputError, Progress, Silent
from zeroloss.verdict import Record

RATIOS = (0.5, 0.7, 0.85, 1.0, 1.15, 1.3, 1.6, 2.0, 2.5)
"""Parameters per equation at which networks are trained, about: widths are whole numbers."""
REACHED = 1e-10
"""Excess over the infimum, in parts of the first, that counts as zero."""


@dataclasses.dataclass(frozen=True, repr=False)
class Threshold(Record):
    """Where training begins to reach zero.

    Attributes:
        examples, equations: of the part of the data that was trained on; total_equations: of all of it.
        parameters, share: the counts tried, and the share of seeds that reached zero at each.
        per_equation: `(low, high)`, parameters per equation between which the threshold lies; an end that was not met is
            0 or infinite.
        seeds, steps, activation: how it was measured.
    """

    examples: int
    equations: int
    total_equations: int
    parameters: tuple[int, ...]
    share: tuple[float, ...]
    per_equation: tuple[float, float]
    seeds: int
    steps: int
    activation: str

    @property
    def expected(self) -> tuple[float, float]:
        """The same ratio times the equations of all the data: an extrapolation."""
        low, high = self.per_equation
        return low * self.total_equations, high * self.total_equations

    def __repr__(self) -> str:
        low, high = self.per_equation
        first, last = self.expected
        return (
            f"Measured on {self.examples} examples ({self.equations:,} equations), {self.seeds} seeds a width: training "
            f"reaches zero "
            f"from between {low:.2f} and {high:.2f} parameters an equation; for all the data that would be {first:,.0f} to "
            f"{last:,.0f} parameters (an extrapolation)."
        )


def measure_threshold(
    data: Any,
    *,
    examples: int = 60,
    seeds: int = 3,
    steps: int = 100,
    activation: str = "tanh",
    key: int = 0,
    progress: Progress | None = None,
) -> Threshold:
    """Train at each of `RATIOS` and say from where on zero is reached.

    Args:
        data: a `Dataset`, or a pair `(x, y)`.
        examples: at most so many training rows, drawn with `key`.
        seeds: networks a width; steps: of Gauss-Newton.

    Raises:
        InputError: fewer than 2 examples, or data that do not fit.
    """
    from zeroloss.descent import descend
    from zeroloss.descent.problem import training_arrays
    from zeroloss.networks import MLP

    progress = progress or Silent()
    x, y = training_arrays(data)
    x, y = np.asarray(x, np.float64).reshape(len(x), -1), np.asarray(y, np.float64)
    if len(x) < 2:
        raise InputError("a threshold needs at least 2 training examples.")
    rows = np.sort(np.random.default_rng(key).choice(len(x), min(examples, len(x)), replace=False))
    part = (x[rows], y[rows])
    equations, (d, c) = len(rows) * y.shape[1], (x.shape[1], y.shape[1])
    widths = widths_tried(equations, d, c)
    progress.stage("threshold", f"{len(widths)} widths, {seeds} seeds, about {price(len(widths), seeds):.0f} s")
    counts, shares = [], []
    for index, width in enumerate(widths):
        reached = 0
        for seed in range(seeds):
            net = MLP(d, c, width, 1, activation, key=1000 * key + seed)
            first = descend(net, part, "gauss-newton", steps=0)
            target = REACHED * max(first.loss - first.infimum, 1e-300)
            reached += bool(descend(net, part, "gauss-newton", steps=steps, tolerance=target).converged)
        counts.append(parameters_of(width, d, c))
        shares.append(reached / seeds)
        progress.update((index + 1) / len(widths))
    between = bracket(counts, shares, equations)
    total = len(x) * c
    return Threshold(len(rows), equations, total, tuple(counts), tuple(shares), between, seeds, steps, activation)


def parameters_of(width: int, d: int, c: int) -> int:
    """`width (d + 1) + c (width + 1)`."""
    return width * (d + 1) + c * (width + 1)


def widths_tried(equations: int, d: int, c: int) -> list[int]:
    """Widths whose parameters are about `RATIOS` times the equations; where a unit is more than a step of that grid,
    every width up to the largest."""
    units = [(ratio * equations - c) / (d + 1 + c) for ratio in RATIOS]
    return sorted({max(1, math.floor(u)) for u in units} | {max(1, math.ceil(units[-1]))})


def bracket(counts: list[int], shares: list[float], equations: int) -> tuple[float, float]:
    """Between which parameters per equation the share reaches a half for good."""
    below = [count for count, share in zip(counts, shares, strict=True) if share < 0.5]
    low = max(below, default=0)
    high = min((count for count in counts if count > low), default=math.inf)
    return low / equations, high / equations


def price(widths: int = len(RATIOS) + 1, seeds: int = 3) -> float:
    """Seconds that `measure_threshold` takes, about: compiling is most of it (measured on two cores)."""
    return widths * (2.5 + 0.5 * seeds)
