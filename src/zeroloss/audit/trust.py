"""`trust_curve`: how far from the training points can a fit be trusted? Measured without a test set."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from zeroloss.audit.answers import Answers, answers_of, right, unit_of
from zeroloss.audit.bootstrap import r_squared, ratio_interval
from zeroloss.audit.fit import squares
from zeroloss.audit.groups import Group, judge_groups, members, more_points
from zeroloss.audit.probes import Probes, make_probes
from zeroloss.networks import is_double
from zeroloss.plumbing import InputError, Progress, Silent
from zeroloss.verdict import Record, wilson

GRID = (0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.35, 0.45, 0.6, 0.8, 1.0)
NEAR = 0.25
LEVELS = {"classification": 0.9, "multi-label": 0.9, "regression": 0.25}
FITS = 0.99
"""The R^2 at the training points from which a regression fits them: its loss above the infimum is at most a hundredth of what
answering the mean would have."""


@dataclasses.dataclass(frozen=True)
class Trust(Record):
    """The trust curve of a fit and what it was measured on.

    Attributes:
        task: "classification" or "multi-label" (the score is a fraction of points), or "regression" (the score is an R^2).
        columns: `t` (distance over nearest-neighbour distance, no unit; of categorical inputs: the number of positions
            changed), `score`, `lower`, `upper` (95 % interval at each `t`; at `t = 0` every distinct training input is
            checked, and the interval is the score itself).
        upper_joint: upper ends at `0 < t <= near` that hold together at 95 % (Bonferroni).
        level: the score that counts as holding.
        radius: the largest `t` of the grid with `lower >= level` there and at all smaller `t`; None if that fails at 0.
        distinct: how many distinct training inputs there are.
        points: how many of them were probed.
        pairs: antithetic pairs at each of them, per `t`.
        non_finite: how many answers of the network at `t > 0` were NaN or infinite.
        reason: why nothing was measured; empty if it was.
        key: the seed.
        misfit: how the model fails to fit its training data, in a few words; empty if it fits.
        unit: what `t` counts: "nearest-neighbour distances" or "positions changed".
        near: the largest `t` that counts as near.
        bar: the score below which the fit does not hold near the training points; `level`, or less (see
            `zeroloss.audit.categorical`). None: no score would show it.
        guess: the score of the best constant answer near the training points (categorical inputs only).
        positions: the number of categorical inputs.
        groups: how it holds near the training points of each class or label, and of all but the most frequent class (classes
            and labels of inputs that are numbers only).
    """

    task: str
    columns: dict[str, list[float]]
    upper_joint: list[float]
    level: float
    radius: float | None
    distinct: int
    points: int
    pairs: int
    non_finite: int
    reason: str
    key: int
    misfit: str = ""
    unit: str = "nearest-neighbour distances"
    near: float = NEAR
    bar: float | None = None
    guess: float = -np.inf
    positions: int = 0
    groups: tuple[Group, ...] = ()


def trust_curve(
    network: Any,
    inputs: np.ndarray,
    targets: np.ndarray,
    task: str,
    *,
    points: int = 400,
    pairs: int = 2,
    grid: tuple[float, ...] = GRID,
    key: int = 0,
    threshold: float = 0.0,
    fixed: np.ndarray | None = None,
    progress: Progress | None = None,
) -> Trust:
    """The score of `network` at distance `t d(x)` from training points `x`, `t` on a grid.

    With `d(x)` the distance of `x` to the nearest other distinct training input, `u` unit vectors (`pairs` per point, in
    turn uniform on the sphere and towards one of the 10 nearest other inputs), and `y(p)` the target of the training
    input nearest to `p`:

    - classification: `x` *holds* at `t` if the class decided at all of `p = x +/- t d(x) u` is that of `y(p)`, the most
      frequent one of a repeated input (any of them in a tie). The score is the
      fraction of the points that hold, with Wilson's interval (the unit is the point). One output: its side of the `threshold`
      counts; multi-label: all labels on theirs.
    - regression: `score = 1 - sum_x max_p |f(p) - y(p)|^2 / sum_x |y(x) - mean y|^2`, with a bootstrap interval
      over points; `mean y` is over all distinct training inputs.

    A point must hold on both sides of a pair, so that a bump that is open to one side does not pass. Repeated inputs
    count once, with their mean target. A NaN or infinite answer does not hold; in regression it makes score and lower
    end -inf, and the upper end is that of the other points.

    The levels (0.9 of the points; an R^2 of 0.25) were chosen from trainings to zero squared loss of networks with 32
    to 512 units on digits, breast-cancer, wine and diabetes, none or a fifth of the targets replaced by noise. At
    `t = 0.25` at least 0.97 of the points held, and R^2 was at least 0.37 (0.54 without noise). Bumps on wrong networks
    scored 0 and -3 at every `t > 0`, bumps on the mean target 0, caps as wide as the gap to the next point 0.62.
    Networks that fitted pure noise came between these (0.77 to 1 of the points, R^2 -0.04 to 0.71): some of them
    are local by this measure.

    Args:
        network: any network, or a function of a batch, `(m, d) -> (m, c)`.
        inputs: `(g, d)` distinct training inputs.
        targets: `(g, c)` their mean targets; classification: one column per class.
        threshold: of outputs that are decided by their side; see `zeroloss.audit.rule`.
        points: at most this many inputs are probed, sampled without replacement.
        key: the seed of sample, directions and bootstrap.
        fixed: `(d,)` truth values, columns that stay as they are (categorical ones); distances are those of the others, and
            `t` stays below 1/2, where the nearest input is the point itself.

    Limits: nothing is seen between the points of the grid and in the directions not drawn, and a bump as wide as the
    gap to the nearest neighbours counts as holding.

    Standing: ours.
    """
    if points < 1 or pairs < 1:
        raise InputError(f"points={points}, pairs={pairs}: probe at least one point with at least one pair.")
    if (
        not grid
        or grid[0] != 0
        or list(grid) != sorted(set(grid))
        or grid[-1] > 1
        or not any(0 < t <= NEAR for t in grid)
    ):
        raise InputError(f"the grid of t must start at 0, increase to at most 1, and have a value in (0, {NEAR}].")
    nothing, at_training = start_of(network, inputs, targets, task, pairs=pairs, key=key, threshold=threshold)
    if nothing.reason or at_training is None:
        return nothing
    if fixed is not None and fixed.any():
        grid = tuple(t for t in grid if t < 0.5)
    probes = make_probes(inputs, targets, points=points, pairs=pairs, key=key, fixed=fixed)
    blurred = _blurred(network, probes)
    if blurred:
        return dataclasses.replace(nothing, reason=blurred)
    if task == "regression" and not np.any(probes.targets[probes.sampled] != probes.targets.mean(axis=0)):
        return dataclasses.replace(nothing, reason="the targets of all points probed are the mean target")
    try:
        return _measure(network, probes, at_training, nothing, grid, threshold, progress or Silent())
    except InputError as error:  # a model that takes its training inputs and nothing else
        return dataclasses.replace(
            nothing,
            reason=f"between the training inputs the model does not answer ({error} If some columns are codes of categories, "
            "name them: categorical=)",
        )


def start_of(
    network: Any, inputs: np.ndarray, targets: np.ndarray, task: str, *, pairs: int, key: int, threshold: float
) -> tuple[Trust, Answers | None]:
    """A `Trust` with only the fit at the training inputs measured (and the reason, if nothing more can be), and the answers
    there."""
    level = LEVELS[task]
    columns: dict[str, list[float]] = {c: [] for c in ("t", "score", "lower", "upper")}
    nothing = Trust(task, columns, [], level, None, len(inputs), 0, pairs, 0, "", key, bar=level)
    if len(inputs) < 2:
        return dataclasses.replace(nothing, reason="all training inputs are equal, so no distance sets the scale"), None
    if task == "regression" and not np.any(targets != targets[0]):
        return dataclasses.replace(nothing, reason="all targets are equal, so R^2 is not defined"), None
    at_training = answers_of(network, inputs, targets.shape[1], task, threshold)
    bad = int(np.sum(~at_training.finite))
    if bad:
        reason = f"the answer is NaN or infinite at {bad} of {len(inputs)} training inputs"
        return dataclasses.replace(nothing, reason=reason), None
    return dataclasses.replace(nothing, misfit=misfit(at_training, targets, task)), at_training


def misfit(at_training: Answers, targets: np.ndarray, task: str) -> str:
    """How a model fails to fit its training data; empty if it fits.

    Classification: it fits if it is wrong at no distinct training input (of a repeated input with several labels the most
    frequent is right: the infimum of the errors). Regression: if R^2 at the distinct inputs, against their mean targets, is at
    least 0.99: the squared loss is above its infimum by at most a hundredth of what the mean of the targets has.
    """
    miss = miss_of(at_training, targets, task)
    if task != "regression":
        wrong = int(np.sum(miss))
        return f"it is wrong at {wrong} of {len(targets)} distinct training inputs" if wrong else ""
    score = r_squared(miss, targets / unit_of(targets))
    if score >= FITS:
        return ""
    return f"R^2 at the training inputs is {score:.3g}, and {FITS} counts as a fit"


def _blurred(network: Any, probes: Probes) -> str:
    """Why the probes are useless in the network's own precision: float32 rounds them to the training points themselves."""
    import equinox as eqx
    import jax

    if not jax.tree.leaves(eqx.filter(network, eqx.is_inexact_array)) or is_double(network):
        kind: Any = np.float64
    else:
        kind = np.float32
    t = next(t for t in GRID if t > 0)
    lost = total = 0
    for x, _ in probes.at(t):
        with np.errstate(over="ignore"):
            lost += int(np.sum((x.astype(kind) == probes.inputs[probes.sampled].astype(kind)).all(axis=1)))
        total += len(x)
    if lost <= 0.01 * total:
        return ""
    return (
        f"in {np.dtype(kind).name} {lost} of {total} points near the training points are these themselves: they lie closer "
        "together than this precision resolves at their size; centre and scale the inputs"
    )


def _measure(network, probes: Probes, at_training, nothing: Trust, grid, threshold, progress: Progress) -> Trust:
    looks = sum(0 < t <= NEAR for t in grid)
    unit = unit_of(probes.targets)
    spread = np.sum(((probes.targets - probes.targets.mean(axis=0)) / unit) ** 2, axis=1)[probes.sampled]
    rows, joint, non_finite = [], [], 0
    held: dict[float, np.ndarray] = {}
    for index, t in enumerate(grid):
        if t == 0:
            exact = census(at_training, probes.targets, nothing.task)
            rows.append((0.0, exact, exact, exact))
            continue
        outcome = None
        for x, reference in probes.at(t):
            answer = answers_of(network, x, reference.shape[1], nothing.task, threshold)
            non_finite += int(np.sum(~answer.finite))
            miss = miss_of(answer, reference, nothing.task, unit)
            outcome = miss if outcome is None else np.maximum(outcome, miss)
        rows.append((float(t), *_score(outcome, spread, nothing, 0.95)))
        if t <= NEAR:
            joint.append(_score(outcome, spread, nothing, 1 - 0.05 / looks)[2])
            assert outcome is not None
            held[float(t)] = np.asarray(outcome == 0)
        progress.update((index + 1) / len(grid))
    columns = {
        name: list(column)
        for name, column in zip(("t", "score", "lower", "upper"), zip(*rows, strict=True), strict=True)
    }
    return dataclasses.replace(
        nothing,
        columns=columns,
        upper_joint=joint,
        radius=radius_of(columns, nothing.level),
        points=len(probes.sampled),
        non_finite=non_finite,
        groups=_groups(network, probes, held, at_training, nothing, threshold),
    )


def _groups(
    network, probes: Probes, held: dict[float, np.ndarray], at_training, nothing: Trust, threshold
) -> tuple[Group, ...]:
    """The fit class by class, near the training points; classes with few points probed get more.

    Args:
        held: for each `t` near, whether each of the sampled points holds there.
    """
    groups = members(probes.targets, nothing.task) if nothing.task != "regression" else {}
    chosen = more_points(groups, probes.sampled, len(probes.sampled), nothing.key)
    extra = np.setdiff1d(np.concatenate([*chosen.values(), np.array([], int)]), probes.sampled)
    more = probes.of(extra, nothing.key) if len(extra) else None

    def holds(t: float) -> np.ndarray:
        found = np.zeros(len(probes.inputs), bool)
        found[probes.sampled] = held[t]
        if more is not None:
            miss = [
                miss_of(answers_of(network, x, y.shape[1], nothing.task, threshold), y, nothing.task)
                for x, y in more.at(t)
            ]
            found[extra] = np.max(miss, axis=0) == 0
        return found

    right_there = miss_of(at_training, probes.targets, nothing.task) == 0 if groups else np.array([])
    return judge_groups(chosen, groups, right_there, holds, list(held), nothing.level)


def miss_of(answer: Answers, reference: np.ndarray, task: str, unit: float | None = None) -> np.ndarray:
    """0 or 1 (classes), or the squared error in units of `unit^2` (regression), of each probe, `(q,)`."""
    if task != "regression":
        return (~right(answer, reference, task)).astype(float)
    errors = np.full(len(reference), np.inf)
    finite = answer.finite
    errors[finite] = squares(answer.scores[finite], reference[finite], unit_of(reference) if unit is None else unit)
    return errors


def census(answer: Answers, targets: np.ndarray, task: str) -> float:
    """The score at the training points themselves."""
    miss = miss_of(answer, targets, task)
    return float(1 - np.mean(miss)) if task != "regression" else r_squared(miss, targets / unit_of(targets))


def _score(outcome, spread, trust: Trust, confidence: float) -> tuple[float, float, float]:
    """Score, lower and upper end, from the misses and `|y - mean y|^2` at each point probed."""
    if trust.task != "regression":
        held = int(np.sum(outcome == 0))
        return held / len(outcome), *wilson(held, len(outcome), confidence)
    if len(outcome) < 2 or not spread.any():
        return -np.inf, -np.inf, np.inf
    finite = np.isfinite(outcome)
    bounded = np.where(finite, outcome, 0.0)  # an error of at least 0, so the upper end stays an upper end
    low, high = ratio_interval(bounded, spread, key=trust.key, confidence=confidence)
    if not finite.all():
        return -np.inf, -np.inf, 1 - low
    return float(1 - outcome.sum() / spread.sum()), 1 - high, 1 - low


def radius_of(columns: dict[str, list[float]], level: float) -> float | None:
    """The largest `t` up to which the lower end stays at the level."""
    radius = None
    for t, lower in zip(columns["t"], columns["lower"], strict=True):
        if lower < level:
            break
        radius = t
    return radius
