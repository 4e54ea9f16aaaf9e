"""At how many parameters does training reach zero? Measured on a part of the data.

Networks `f(x) = V tanh(W x/sqrt(d) + b)/sqrt(m) + a` of growing width `m` are trained by Levenberg-Marquardt from several
seeds, on a part of the training inputs, until the squared loss is 1e-10 of what it was, or the steps are used up. The
threshold lies between the largest parameter count at which fewer than half of the seeds reached zero and the smallest one
above it; it is given in parameters per equation, as all the data have more equations than the part.

The targets are random by default, as theories are about arbitrary ones: classes can be fitted below one parameter per equation,
by units that saturate. Levenberg-Marquardt, because gradient descent would measure its budget of steps as well. Where one
unit has more parameters than a step of the grid (wide inputs), the inputs are projected at random to fewer columns.
Tried first: `zeroloss.descend` with Gauss-Newton, which compiles for each width and took minutes. (Ours.)
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from zeroloss.plumbing import InputError, Progress, Silent
from zeroloss.plumbing.cost import Cost
from zeroloss.plumbing.format import format_seconds
from zeroloss.verdict import Record

RATIOS = (0.4, 0.55, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0)
"""Parameters per equation at which networks are trained, approximately: widths are whole numbers."""
REACHED = 1e-10
"""Loss, relative to the first, that counts as zero."""
TARGETS = ("random", "given")


@dataclasses.dataclass(frozen=True, repr=False)
class Threshold(Record):
    """The number of parameters at which training begins to reach zero.

    Attributes:
        examples, equations: of the part of the data that was trained on; total_equations: of all of it.
        inputs: columns that the networks saw; targets: "random" (standard normal) or "given".
        parameters, share: the counts tried, and the share of seeds that reached zero at each.
        per_equation: `(low, high)`, parameters per equation between which the threshold lies; an end that was not reached
            is 0 or infinite.
        seeds, steps: how it was measured.
    """

    examples: int
    equations: int
    total_equations: int
    inputs: int
    targets: str
    parameters: tuple[int, ...]
    share: tuple[float, ...]
    per_equation: tuple[float, float]
    seeds: int
    steps: int

    @property
    def expected(self) -> tuple[float, float]:
        """`per_equation` times the equations of all the data: an extrapolation."""
        low, high = self.per_equation
        return low * self.total_equations, high * self.total_equations

    def __repr__(self) -> str:
        low, high = self.per_equation
        first, last = self.expected
        if low == 0:
            where, all_of_it = f"from at most {high:.2f}", f"at most {last:,.0f}"
        elif math.isinf(high):
            where, all_of_it = f"at no count up to {low:.2f}", f"more than {first:,.0f}"
        else:
            where, all_of_it = f"from between {low:.2f} and {high:.2f}", f"{first:,.0f} to {last:,.0f}"
        return (
            f"Measured on {self.examples} inputs, {self.targets} targets ({self.equations:,} equations), "
            f"{self.seeds} seeds per width: training reaches zero {where} parameters per equation; for all the data that is "
            f"{all_of_it} parameters (an extrapolation)."
        )


def measure_threshold(
    data: Any,
    *,
    targets: str = "random",
    equations: int = 120,
    seeds: int = 5,
    steps: int = 300,
    key: int = 0,
    progress: Progress | None = None,
) -> Threshold:
    """The number of parameters from which on training reaches zero: networks are trained at each of `RATIOS`. A few seconds.

    Args:
        data: a `Dataset`, or a pair `(x, y)`.
        targets: "random" or "given".
        equations: their approximate number: examples (distinct inputs, drawn with `key`) times outputs.
        seeds: networks per width; steps: of Levenberg-Marquardt.

    Raises:
        InputError: other targets, fewer than 2 distinct inputs, or data that do not fit.
    """
    if targets not in TARGETS:
        raise InputError(f"targets={targets!r}: choose one of {', '.join(TARGETS)}.")
    progress = progress or Silent()
    rng = np.random.default_rng(key)
    x, y, total = _part(data, equations, rng)
    (n, d), c = x.shape, y.shape[1]
    if targets == "random":
        y = rng.standard_normal((n, c))
    widths = widths_tried(n * c, d, c)
    progress.stage(
        "threshold", f"{len(widths)} widths, {seeds} seeds, about {format_seconds(cost(len(widths), seeds).seconds)}"
    )
    counts, shares = [], []
    for index, width in enumerate(widths):
        reached = [
            _reaches_zero(x, y, width, steps, np.random.default_rng((key, width, seed))) for seed in range(seeds)
        ]
        counts.append(parameters_of(width, d, c))
        shares.append(sum(reached) / seeds)
        progress.update((index + 1) / len(widths))
    between = bracket(counts, shares, n * c)
    return Threshold(n, n * c, total * c, d, targets, tuple(counts), tuple(shares), between, seeds, steps)


def _part(data: Any, equations: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, int]:
    """Distinct inputs, scaled and projected, their mean targets, and how many distinct inputs there are in all."""
    from zeroloss.data import collapse
    from zeroloss.data.arrays import training_arrays

    x, y = training_arrays(data)
    whole = collapse(np.asarray(x, np.float64).reshape(len(x), -1), np.asarray(y, np.float64))
    if len(whole.x) < 2:
        raise InputError("a threshold needs at least 2 distinct training inputs.")
    c = whole.y.shape[1]
    rows = np.sort(rng.choice(len(whole.x), min(len(whole.x), max(8, round(equations / c))), replace=False))
    part = whole.x[rows] - whole.x[rows].mean(axis=0)
    most = max(1, len(rows) * c // 8 - 1 - c)  # a unit then has an eighth of the equations' parameters, at most
    if part.shape[1] > most:
        part = part @ rng.standard_normal((part.shape[1], most))
    spread = np.sqrt(np.mean(part**2))
    return part / (spread if spread > 0 else 1.0), whole.y[rows], len(whole.x)


def _reaches_zero(x: np.ndarray, y: np.ndarray, width: int, steps: int, rng: np.random.Generator) -> bool:
    """Levenberg-Marquardt, in the smaller of the two dimensions, with damping relative to the mean diagonal."""
    d, c = x.shape[1], y.shape[1]
    w, b, v = rng.standard_normal((width, d)), rng.standard_normal(width), rng.standard_normal((c, width))
    point = np.concatenate([w.ravel(), b, v.ravel(), np.zeros(c)])
    residual, rows = _residual(point, x, y, width), None
    first = loss = float(residual @ residual)
    damping = 1e-2
    for _ in range(steps):
        if loss <= REACHED * first:
            return True
        rows = _jacobian(point, x, c, width) if rows is None else rows
        move = _damped(rows, residual, damping)
        tried = _residual(point - move, x, y, width)
        new = float(tried @ tried)
        if new < loss:
            point, residual, loss, rows, damping = point - move, tried, new, None, max(damping / 4, 1e-13)
        else:
            damping *= 4
            if damping > 1e8:  # no step of any useful size lowers the loss
                break
    return loss <= REACHED * first


def _damped(rows: np.ndarray, residual: np.ndarray, damping: float) -> np.ndarray:
    """`(J^T J + mu I)^-1 J^T r`, `mu` in parts of the mean diagonal; NaN, which no step accepts, where it is singular."""
    wide = len(rows) <= rows.shape[1]
    small = rows @ rows.T if wide else rows.T @ rows
    np.fill_diagonal(small, small.diagonal() + damping * small.diagonal().mean())
    try:
        return rows.T @ np.linalg.solve(small, residual) if wide else np.linalg.solve(small, rows.T @ residual)
    except np.linalg.LinAlgError:
        return np.full(rows.shape[1], np.nan)


def _split(point: np.ndarray, d: int, c: int, width: int) -> tuple[np.ndarray, ...]:
    w, b, v, a = np.split(point, np.cumsum([width * d, width, width * c]))
    return w.reshape(width, d), b, v.reshape(c, width), a


def _residual(point: np.ndarray, x: np.ndarray, y: np.ndarray, width: int) -> np.ndarray:
    """`f - y`, `(n c,)`."""
    w, b, v, a = _split(point, x.shape[1], y.shape[1], width)
    h = np.tanh(x @ w.T / math.sqrt(x.shape[1]) + b)
    return (h @ v.T / math.sqrt(width) + a - y).ravel()


def _jacobian(point: np.ndarray, x: np.ndarray, c: int, width: int) -> np.ndarray:
    """`(n c, p)`, in the order of `_split`."""
    n, d = x.shape
    w, b, v, _ = _split(point, d, c, width)
    h = np.tanh(x @ w.T / math.sqrt(d) + b)
    slope = (1 - h**2)[:, None, :] * v / math.sqrt(width)  # (n, c, m)
    by_w = slope[..., None] * x[:, None, None, :] / math.sqrt(d)
    by_v = np.zeros((n, c, c, width))
    by_v[:, range(c), range(c)] = h[:, None] / math.sqrt(width)
    by_a = np.broadcast_to(np.eye(c), (n, c, c))
    parts = [by_w.reshape(n * c, -1), slope.reshape(n * c, -1), by_v.reshape(n * c, -1), by_a.reshape(n * c, -1)]
    return np.concatenate(parts, axis=1)


def parameters_of(width: int, d: int, c: int) -> int:
    """`width (d + 1) + c (width + 1)`."""
    return width * (d + 1) + c * (width + 1)


def widths_tried(equations: int, d: int, c: int) -> list[int]:
    """Widths whose parameters are about `RATIOS` times the equations."""
    units = [(ratio * equations - c) / (d + 1 + c) for ratio in RATIOS]
    return sorted({max(1, round(u)) for u in units} | {max(1, math.ceil(units[-1]))})


def bracket(counts: list[int], shares: list[float], equations: int) -> tuple[float, float]:
    """The two ratios of parameters per equation between which the share of seeds reaches a half and stays above it."""
    low = max((count for count, share in zip(counts, shares, strict=True) if share < 0.5), default=0)
    high = min((count for count in counts if count > low), default=math.inf)
    return low / equations, high / equations


def cost(widths: int = len(RATIOS), seeds: int = 5) -> Cost:
    """Of `measure_threshold`, about: a tenth of a second per network, as measured on two cores."""
    return Cost(0.1 * widths * seeds, 1e8)
