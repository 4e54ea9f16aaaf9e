"""A fit judged class by class: if one class has most labels, an answer that is right for it alone holds almost everywhere."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from zeroloss.data.task import ones
from zeroloss.verdict import Record, wilson

POINTS = 30
"""Number of points of a group that are probed, where it has so many and the other groups leave room."""
OTHERS = "the inputs outside the most frequent class"


@dataclasses.dataclass(frozen=True)
class Group(Record):
    """How a fit holds near the training points of one class (or label, or of all but the most frequent class).

    Attributes:
        name: the group in words; size: number of distinct training inputs in it; points: how many of them were probed.
        at_training: share of them at which the decision is right.
        t: the distance, of those near, at which the fewest points hold; held: the share there.
        lower: lower 95 % end there; upper: upper end there that holds jointly, over all groups and distances (Bonferroni).
        bar: half the level: half the way from a constant answer of another class, which holds nowhere, to the level.
    """

    name: str
    size: int
    points: int
    at_training: float
    t: float
    held: float
    lower: float
    upper: float
    bar: float
    level: float

    @property
    def fails(self) -> bool:
        """Whether it holds at the training points of the group, and near them at fewer than the bar."""
        return self.at_training >= self.level and self.upper < self.bar

    @property
    def enough(self) -> bool:
        """Whether the points are enough to show that the fit holds."""
        return wilson(self.points, self.points)[0] >= self.bar

    @property
    def open(self) -> bool:
        """Whether it may fail, with enough points to decide; for the inputs outside the most frequent class, with any number."""
        return self.lower < self.bar and (self.enough or self.name == OTHERS)

    @property
    def sentence(self) -> str:
        """The measured shares as a sentence."""
        return (
            f"of {self.name} {100 * self.held:.1f} % hold at {self.t:g} of the distance to the nearest other training point, of "
            f"{self.points} probed (95 % interval from {100 * self.lower:.1f} %, with all looks to {100 * self.upper:.1f} %; below "
            f"{100 * self.bar:.0f} % counts as not holding), and {100 * self.at_training:.1f} % at the training points themselves"
        )


def members(targets: np.ndarray, task: str) -> dict[str, np.ndarray]:
    """The groups of distinct training inputs `(g, c)` by name: `(g,)` truth values; none where all have one class."""
    if task == "classification":
        own = (targets[:, 0] > 0).astype(int) if targets.shape[1] == 1 else np.argmax(targets, axis=1)
        found = {f"class {k}": own == k for k in np.unique(own)}
        common = own == np.argmax(np.bincount(own))
    else:
        labels = ones(targets)
        found = {f"the inputs with label {k}": labels[:, k] for k in range(labels.shape[1]) if labels[:, k].any()}
        _, which, count = np.unique(labels, axis=0, return_inverse=True, return_counts=True)
        common = which.ravel() == np.argmax(count)
    return {} if common.all() else {**found, OTHERS: ~common}


def more_points(groups: dict[str, np.ndarray], sampled: np.ndarray, points: int, key: int) -> dict[str, np.ndarray]:
    """For each group the inputs that are probed: those among `sampled`, and others up to `POINTS` (fewer where the groups together
    would take more than half of `points`)."""
    rng = np.random.default_rng([key, 9])  # 9: a stream of its own, independent of the audit's other draws
    most = min(POINTS, points // (2 * max(1, len(groups))))
    found = {}
    for name, mask in groups.items():
        own = sampled[mask[sampled]]
        rest = rng.permutation(np.setdiff1d(np.flatnonzero(mask), own))
        found[name] = np.concatenate([own, rest[: max(0, most - len(own))]])
    return found


def judge_groups(
    chosen: dict[str, np.ndarray],
    groups: dict[str, np.ndarray],
    right: np.ndarray,
    held: Callable[[float], np.ndarray],
    near: list[float],
    level: float,
) -> tuple[Group, ...]:
    """Each group at the distance at which the fewest of its points hold.

    Args:
        chosen: the inputs of each group that were probed; groups: all its inputs, as truth values.
        right: `(g,)` whether the decision at a training input is right.
        held: distance -> whether each of the `g` inputs holds there (values of inputs not probed are not used).
        near: the distances.
    """
    looks, found = len(near) * max(1, len(groups)), []
    results = {t: held(t) for t in near}
    for name, rows in chosen.items():
        t = min(near, key=lambda t: results[t][rows].sum())
        good, n = int(results[t][rows].sum()), len(rows)
        share, there = good / n if n else 0.0, float(right[groups[name]].mean())
        ends = wilson(good, n)[0], wilson(good, n, 1 - 0.05 / looks)[1]
        found.append(Group(name, int(groups[name].sum()), n, there, t, share, *ends, level / 2, level))
    return tuple(found)


def failing(groups: tuple[Any, ...]) -> Group | None:
    """The group that fails most clearly; None: no group fails."""
    return min((g for g in groups if g.fails), key=lambda g: g.upper, default=None)


def undecided(groups: tuple[Any, ...]) -> Group | None:
    """The group that leaves it open whether the fit holds; None: there is none."""
    return min((g for g in groups if g.open), key=lambda g: g.lower, default=None)
