"""`categorical_curve`: the trust curve where inputs are categories, of which some are changed to other observed levels."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from zeroloss.audit.answers import answers_of, unit_of
from zeroloss.audit.bootstrap import ratio_interval
from zeroloss.audit.positions import Positions
from zeroloss.audit.trust import NEAR, Trust, census, miss_of, radius_of, start_of
from zeroloss.data.task import ones
from zeroloss.plumbing import InputError, Progress, Silent
from zeroloss.verdict import wilson

COUNTS = (1, 2, 3, 5, 8, 12, 20, 35, 60, 100, 200, 500)
"""Numbers of positions changed at once, up to the number that vary."""
CHUNK = 2**26


@dataclasses.dataclass(frozen=True)
class Codes:
    """Distinct training inputs by their levels.

    Attributes:
        codes: `(g, m)` number of the level of each categorical input that varies.
        levels: for each of these the values of its columns, `(levels, columns)`.
        columns: for each of these its columns.
        numbers: `(g, e)` the columns that are no category, standardised; `e` may be 0.
    """

    codes: np.ndarray
    levels: list[np.ndarray]
    columns: Positions
    numbers: np.ndarray

    def rows(self, x: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """`x` with the levels of `codes`."""
        found = x.copy()
        for k, columns in enumerate(self.columns):
            found[:, columns] = self.levels[k][codes[:, k]]
        return found


def codes_of(inputs: np.ndarray, positions: Positions) -> Codes:
    """The levels of `inputs` `(g, d)`; positions with a single level are left out, as there is nothing to change them to."""
    codes, levels, columns = [], [], []
    for own in positions:
        values, index = np.unique(inputs[:, own], axis=0, return_inverse=True)
        if len(values) > 1:
            codes.append(index.ravel())
            levels.append(values)
            columns.append(own)
    rest = np.setdiff1d(np.arange(inputs.shape[1]), np.concatenate([*positions, np.array([], int)]))
    numbers = inputs[:, rest]
    size = numbers.std(axis=0)
    numbers = (numbers - numbers.mean(axis=0))[:, size > 0] / size[size > 0]
    matrix = np.stack(codes, axis=1) if codes else np.zeros((len(inputs), 0), int)
    return Codes(matrix, levels, columns, numbers)


def categorical_curve(
    network: Any,
    inputs: np.ndarray,
    targets: np.ndarray,
    task: str,
    positions: Positions,
    *,
    points: int = 400,
    pairs: int = 2,
    key: int = 0,
    threshold: float = 0.0,
    progress: Progress | None = None,
) -> Trust:
    """The score of `network` where `k` of the `m` categorical inputs of a training point are changed, `k` on a grid.

    With `x` a training input and `p` the same with `k` positions, drawn at random, at other levels that the data have there
    (`2 pairs` draws per point): the score is the share of the draws at which the decision is the target of the training input
    nearest to `p` (Hamming distance), averaged over points, with Wilson's interval for the number of points. Draws that are
    themselves training inputs do not count, nor those whose nearest training inputs have different classes. Regression:
    `1 - sum |f(p) - y|^2/sum |y - mean y|^2`, `y` the target of `x` where it is among the nearest, with a bootstrap interval.
    Where other inputs are numbers, these stay, and the nearest input is `x` itself.

    `k = 1` is near, and so is every `k` up to a quarter of the median distance `h` of a training input to the nearest other.
    One position may decide a class, so that a fit need not hold there as it must at a hundredth of a distance. Not to hold
    is to be closer to a guess than to what can be expected: the bar is `min(level, (g + e)/2)`, `g` the score of the best
    constant answer at the same draws, and `e` = 1 where 1 is at most a quarter of `h`, else the score that the nearest training
    input of other categories (where there are numbers: that with the nearest numbers) has at the training inputs; there is
    no bar where that is no better than a guess: then the data leave open whether a category decides. A table that knows its
    training inputs and has one answer for all others scores `g`, a twin about 0. Nor does a fit reach further if a guess holds
    as often: the lower end must be above `g`.

    Args:
        positions: the columns of each categorical input.
        See `trust_curve` for the others.

    Limits: levels that the data do not have at a position are not tried, and no rule that ties positions is respected: a
    draw may be an input that can't occur.

    Standing: ours.
    """
    progress = progress or Silent()
    nothing, at_training = start_of(network, inputs, targets, task, pairs=pairs, key=key, threshold=threshold)
    known = codes_of(inputs, positions)
    m = known.codes.shape[1]
    nothing = dataclasses.replace(nothing, unit="positions changed", near=1.0, positions=m)
    if nothing.reason or at_training is None:
        return nothing
    if m == 0:
        return dataclasses.replace(nothing, reason="no categorical input has more than one level")
    sampled = np.sort(np.random.default_rng(key).permutation(len(inputs))[: min(points, len(inputs))])
    space = _Space(known, inputs, targets, sampled, task, np.random.default_rng([key, 8]))
    near = max(1.0, np.floor(NEAR * space.typical)) if not space.mixed else 1.0
    counts = [k for k in COUNTS if k <= m]
    exact = census(at_training, targets, task)
    rows, joint, non_finite = [(0.0, exact, exact, exact)], [], 0
    bar: float | None = None
    guess = 0.0
    looks = sum(k <= near for k in counts)
    for index, k in enumerate(counts):
        try:
            found = space.score(network, k, 2 * pairs, threshold)
        except InputError as error:
            return dataclasses.replace(
                nothing, reason=f"the model does not answer where levels are exchanged ({error})"
            )
        if found is None:
            break
        non_finite += found.non_finite
        rows.append((float(k), found.score, *found.interval(0.95, key)))
        if k <= near:
            joint.append(found.interval(1 - 0.05 / looks, key)[1])
            guess = max(guess, found.guess)
        if k == 1:
            bar = space.bar(found.guess, nothing.level)
        progress.update((index + 1) / len(counts))
    if len(rows) == 1:
        return dataclasses.replace(
            nothing,
            reason="each change of one categorical input is a training input again, or as near to others with another target",
        )
    columns = {
        name: list(column)
        for name, column in zip(("t", "score", "lower", "upper"), zip(*rows, strict=True), strict=True)
    }
    return dataclasses.replace(
        nothing, columns=columns, upper_joint=joint, radius=radius_of(columns, nothing.level), points=len(sampled),
        non_finite=non_finite, near=float(near), bar=bar, guess=guess,
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class _Found:
    """The score at one `k`: the miss at each point (a share, or a squared error), `|y - mean y|^2` there, and the score of the
    best constant answer."""

    miss: np.ndarray
    spread: np.ndarray
    classes: bool
    guess: float
    non_finite: int

    @property
    def score(self) -> float:
        if self.classes:
            return float(1 - self.miss.mean())
        total = float(self.spread.sum())
        return float(1 - self.miss.sum() / total) if total > 0 and np.isfinite(self.miss).all() else -np.inf

    def interval(self, confidence: float, key: int) -> tuple[float, float]:
        n = len(self.miss)
        if self.classes:
            # Not whole, as a miss is a share; at the ends rounding may carry the sum beyond 0 or n.
            held = float(np.sum(1 - self.miss))
            return wilson(held if 0 < held < n else round(held), n, confidence)
        if n < 2 or not self.spread.any():
            return -np.inf, np.inf
        finite = np.isfinite(self.miss)
        low, high = ratio_interval(np.where(finite, self.miss, 0.0), self.spread, key=key, confidence=confidence)
        return (1 - high if finite.all() else -np.inf), 1 - low


class _Space:
    """Sampled training inputs, their Hamming distances, and draws around them."""

    def __init__(self, known: Codes, inputs, targets, sampled, task: str, rng: np.random.Generator):
        self.known, self.inputs, self.targets, self.sampled = known, inputs, targets, sampled
        self.task, self.rng = task, rng
        self.mixed = known.numbers.shape[1] > 0
        self.unit = unit_of(targets)
        self.hamming = _hamming(known.codes[sampled], known.codes)
        others = np.where(self.hamming == 0, np.inf, self.hamming.astype(float))
        if self.mixed:  # of those that differ in the fewest categories the one whose numbers are nearest
            a, b = known.numbers[sampled], known.numbers
            square = np.maximum((a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T, 0.0)
            others = np.where(others <= others.min(axis=1, keepdims=True), square, np.inf)
        self.others = others
        self.nearest = others.min(axis=1)
        self.typical = float(np.median(self.nearest))

    def score(self, network: Any, k: int, draws: int, threshold: float) -> _Found | None:
        """The misses at `k` changed positions; None where every draw is a training input."""
        own = self.known.codes[self.sampled]
        q, c = len(own), self.targets.shape[1]
        total, count, non_finite = np.zeros(q), np.zeros(q), 0
        constant: list[np.ndarray] = []
        for _ in range(draws):
            codes = self._drawn(own, k)
            reference, new = self._reference(own, codes, k)
            answer = answers_of(network, self.known.rows(self.inputs[self.sampled], codes), c, self.task, threshold)
            miss = miss_of(answer, reference, self.task, self.unit)
            non_finite += int(np.sum(~answer.finite & new))
            total[new] += miss[new]
            count[new] += 1
            constant.append(reference[new])
        some = count > 0
        if not some.any():
            return None
        spread = np.sum(((self.targets - self.targets.mean(axis=0)) / self.unit) ** 2, axis=1)[self.sampled]
        guess = _guess(np.concatenate(constant), self.task)
        return _Found(total[some] / count[some], spread[some], self.task != "regression", guess, non_finite)

    def _drawn(self, own: np.ndarray, k: int) -> np.ndarray:
        """`own` with `k` positions of each row at another level."""
        codes = own.copy()
        q, m = own.shape
        where = np.argsort(self.rng.random((q, m)), axis=1)[:, :k]
        sizes = np.array([len(levels) for levels in self.known.levels])
        rows = np.arange(q)[:, None]
        # A shift of 1 to size - 1, modulo size, reaches every level but the row's own, each equally often.
        shift = 1 + np.floor(self.rng.random(where.shape) * (sizes[where] - 1)).astype(int)
        codes[rows, where] = (own[rows, where] + shift) % sizes[where]
        return codes

    def _reference(self, own: np.ndarray, codes: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The target of the training inputs nearest to each draw, and whether it counts: the draw is no training input, and
        its nearest agree."""
        reference = self.targets[self.sampled].copy()
        counts = np.ones(len(own), bool)
        if self.mixed:
            return reference, counts
        # At less than half the way to the nearest other input, the nearest is the point itself.
        for i in np.flatnonzero(2 * k >= self.nearest):
            # Only the changed positions change the distances, so those of the point are updated.
            changed = np.flatnonzero(codes[i] != own[i])
            distance = self.hamming[i] + (
                (codes[i, changed] != self.known.codes[:, changed]).sum(1)
                - (own[i, changed] != self.known.codes[:, changed]).sum(1)
            )
            least = int(distance.min())
            nearest = distance == least
            if self.task == "regression" and nearest[self.sampled[i]]:
                # The point's own target: a mean over several inputs would be nearer to a guess than it is.
                nearest = np.arange(len(nearest)) == self.sampled[i]
            agreed = _agreed(self.targets[nearest], self.task) if least > 0 else None
            counts[i] = agreed is not None
            if agreed is not None:
                reference[i] = agreed
        return reference, counts

    def bar(self, guess: float, level: float) -> float | None:
        """The score below which the fit does not hold; None: the data do not give one."""
        if not self.mixed and NEAR * self.typical >= 1:
            return min(level, (guess + 1) / 2)
        found = self._by_neighbours()
        if found is None or found.interval(0.95, 0)[0] <= guess:
            return None
        return min(level, (guess + found.score) / 2)

    def _by_neighbours(self) -> _Found | None:
        """The score of the nearest other training inputs as predictors at the sampled ones, where they agree; None: nowhere."""
        own = self.targets[self.sampled]
        miss = np.full(len(own), np.nan)
        for i in range(len(own)):
            near = np.isfinite(self.others[i]) & (self.others[i] <= self.nearest[i])
            agreed = _agreed(self.targets[near], self.task) if near.any() else None
            if agreed is not None and self.task == "regression":
                miss[i] = np.sum(((agreed - own[i]) / self.unit) ** 2)
            elif agreed is not None:
                miss[i] = float(_agreed(np.stack([agreed, own[i]]), self.task) is None)
        some = ~np.isnan(miss)
        if not some.any():
            return None
        spread = np.sum(((self.targets - self.targets.mean(axis=0)) / self.unit) ** 2, axis=1)[self.sampled]
        return _Found(miss[some], spread[some], self.task != "regression", 0.0, 0)


def _agreed(some: np.ndarray, task: str) -> np.ndarray | None:
    """The target that all rows of `some` have in common: the classes most frequent in each, the labels, or (regression) their
    mean; None where they do not agree."""
    if task == "regression":
        return some.mean(axis=0)
    if task != "classification":
        return some[0] if (ones(some) == ones(some[:1])).all() else None
    if some.shape[1] == 1:
        return some[0] if (some > 0).all() or (some <= 0).all() else None
    common = (some == some.max(axis=1, keepdims=True)).all(axis=0)
    return common.astype(float) if common.any() else None


def _guess(reference: np.ndarray, task: str) -> float:
    """The score of the best constant answer."""
    if task == "regression" or not len(reference):
        return 0.0
    if task != "classification":
        rows = reference > 0.5
        _, counts = np.unique(rows, axis=0, return_counts=True)
        return float(counts.max() / len(rows))
    if reference.shape[1] == 1:
        return float(max(np.mean(reference[:, 0] >= 0), np.mean(reference[:, 0] <= 0)))
    return float((reference == reference.max(axis=1, keepdims=True)).mean(axis=0).max())


def _hamming(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """`(q, g)`: in how many places rows of `a` and of `b` differ."""
    found = np.zeros((len(a), len(b)), np.int32)
    for k in range(a.shape[1]):
        found += a[:, [k]] != b[:, k]
    return found
