"""`infimum`: how low can the training loss get on these data, for any network? Not always to 0."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction

import numpy as np

from zeroloss.data.dataset import Dataset
from zeroloss.data.repeats import Groups, contradictions, groups, round_down, spread
from zeroloss.data.task import ROW_SUM
from zeroloss.plumbing import InputError
from zeroloss.plumbing.arithmetic import require_ieee
from zeroloss.verdict import Record, at_least

LOSSES = ("squared", "cross-entropy", "binary-cross-entropy", "hinge")


@dataclasses.dataclass(frozen=True)
class Infimum(Record):
    """The infimum of the training loss `loss` over all functions of the input.

    Attributes:
        value: the infimum, rounded down: no network gets below it. (0 also where it is positive and below all of float64; then
            `positive` is True, and the largest float64 where it is above them.)
        attained_if_fit: whether a network that can take any values on the distinct inputs attains it.
        groups: number of distinct training inputs.
        repeated: how many of them occur more than once.
        contradictory: how many of them occur with different targets.
        sentence: all this for a person to read.
        loss: which loss it is about.
    """

    value: float
    attained_if_fit: bool
    groups: int
    repeated: int
    contradictory: int
    sentence: str
    loss: str = "squared"

    @property
    def positive(self) -> bool:
        """Whether no network reaches 0 (for the squared loss, as soon as equal inputs have different targets)."""
        return self.value > 0 or (self.loss == "squared" and self.contradictory > 0)


def infimum(data: Dataset, loss: str = "squared", *, check: bool = True) -> Infimum:
    """Lower bound of the training loss on the training rows, the infimum over all functions of the input.

    - squared, `L = 1/(2n) sum_i |f(x_i) - y_i|^2`: `1/(2n) sum_groups sum_{i in group} |y_i - mean_group|^2`, exact,
      rounded down; attained by a network that takes the group means.
    - cross-entropy, the mean of `-sum_k y_ik log softmax(f(x_i))_k` (for one target
      column of -1 and 1: of `log(1 + e^(-y f))`):
      the mean over examples of the entropy (nats) of the targets in the example's group; attained exactly when every
      group contains every class. Rounded down by a relative 1e-14, which allows for rounding in the logarithms.
    - binary-cross-entropy, the mean of `sum_k log(1 + e^(f_k)) - y_k f_k` (targets from 0 to 1, or -1 and 1 for these): the
      mean over examples of the sum over outputs of the entropy (nats) of `(s, 1 - s)`, `s` the mean target of the
      example's group; attained exactly when `0 < s < 1` for every group and output. Rounded down likewise.
    - hinge, the mean of `max(0, 1 - y f)` for one target column of -1 and 1: a group with a fraction p of 1 gives
      `2 min(p, 1 - p)`. For several classes, the mean of `max(0, 1 + max_{k != y} f_k - f_y)`: a group gives
      `min(1, 2 (1 - p_max))`, since with a lead `t >= 0` of the top output the loss is at least
      `p_max max(0, 1 - t) + (1 - p_max)(1 + t)`; the same for two classes. Always attained.

    `check`: whether the arithmetic is checked first (`zeroloss.plumbing.arithmetic`); False where nothing is proved of it.

    Standing: ours. The sum over groups of equal inputs of what one answer to the group can attain at best.

    Raises:
        InputError: another loss, or a loss that does not fit the targets; arithmetic in which nothing can be proved.
    """
    if check:
        require_ieee(rows=0)
    if loss not in LOSSES:
        raise InputError(f"the loss {loss!r} is unknown; choose one of {', '.join(LOSSES)}.")
    found = groups(data.x_train)
    clashes = len(contradictions(data.x_train, data.y_train))
    attained = True
    if loss == "squared":
        value = round_down(spread(data.x_train, data.y_train) / (2 * data.n))
    elif loss == "binary-cross-entropy":
        halves = _halves(data, found)
        value = sum(_entropy(each, found, data.n) for each in halves) * (1 - 1e-15 * (len(halves) > 1))
        attained = all(bool((each > 0).all()) for each in halves)
    else:
        shares = _shares(data, found, loss)
        if loss == "hinge":
            value = round_down(_hinge(shares, found, data.n))
        else:
            value, attained = _entropy(shares, found, data.n), bool((shares > 0).all())
    sentence = _sentence(loss, value, attained, found, clashes, data.n)
    return Infimum(value, attained, found.count, len(found.repeated), clashes, sentence, loss)


def _halves(data: Dataset, found: Groups) -> list[np.ndarray]:
    """For each output `(groups, 2)`: the sum of the targets of every group, and its size less that."""
    y = data.y_train
    if np.isin(y, (-1.0, 1.0)).all():
        y = (y + 1) / 2
    if (y < 0).any() or (y > 1).any():
        raise InputError(
            "the binary-cross-entropy loss needs targets from 0 to 1, or all -1 or 1; these are others: use 'squared'."
        )
    ones, zeros = np.zeros((found.count, y.shape[1])), np.zeros((found.count, y.shape[1]))
    np.add.at(ones, found.index, y)
    np.add.at(zeros, found.index, 1 - y)
    return [np.column_stack([ones[:, k], zeros[:, k]]) for k in range(y.shape[1])]


def _shares(data: Dataset, found: Groups, loss: str) -> np.ndarray:
    """`(groups, classes)`: how much of each class every group holds; its rows sum to the sizes of the groups."""
    y = data.y_train
    if y.shape[1] == 1:
        if loss == "cross-entropy":
            return _halves(data, found)[0]
        if not np.isin(y, (-1.0, 1.0)).all():
            raise InputError(
                f"the {loss} loss with one output needs targets -1 and 1; these are others: use 'squared'."
            )
        y = np.hstack([y > 0, y < 0]).astype(np.float64)
    whole = bool(np.isin(y, (0.0, 1.0)).all())
    sums = y.sum(axis=1)
    if (
        (y < 0).any()
        or (whole and (sums != 1).any())
        or np.abs(sums - 1).max() > ROW_SUM
        or (loss == "hinge" and not whole)
    ):
        other = " or 'binary-cross-entropy'" if whole else ""
        raise InputError(
            f"the {loss} loss needs class targets, one column per class; these are not: use 'squared'{other}."
        )
    shares = np.zeros((found.count, y.shape[1]))
    np.add.at(shares, found.index, y)
    return shares


def _hinge(shares: np.ndarray, found: Groups, n: int) -> Fraction:
    """`sum_groups min(size, 2 (size - largest share)) / n`, in whole numbers."""
    sizes = found.sizes
    losses = np.minimum(sizes, 2 * (sizes - shares.max(axis=1).astype(np.int64)))
    return Fraction(int(losses.sum()), n)


def _entropy(shares: np.ndarray, found: Groups, n: int) -> float:
    """`-(1/n) sum_groups sum_k share_k log(share_k / size)`, as sums of non-negative, relatively exact terms."""
    terms = []
    for row in shares[(shares > 0).sum(axis=1) > 1]:  # the others have entropy 0
        for k, share in enumerate(row):
            if share > 0:
                others = math.fsum(np.delete(row, k))
                near = (
                    others <= 1e3 * share
                )  # else the quotient may overflow, and the difference of logarithms loses nothing
                log = math.log1p(others / float(share)) if near else math.log(others + share) - math.log(share)
                terms.append(float(share) * log)
    slack = 1e-14 + (0.0 if (shares == np.floor(shares)).all() else 8 * 2.0**-53 * int(found.sizes.max()))
    return max(0.0, math.fsum(terms) / n * (1 - slack))


def _sentence(loss: str, value: float, attained: bool, found: Groups, clashes: int, n: int) -> str:
    if found.count == n:
        start = f"All {n} training inputs are distinct"
    else:
        many = len(found.repeated)
        start = f"{n} training rows hold {found.count} distinct inputs, {many} of them repeated"
        start += f" and {clashes} of these with different targets" if clashes else ", none with different targets"
    if value > 0:
        bound = f"no network gets below a {loss} loss of {at_least(value, 6)}"
    elif loss == "squared" and clashes:
        bound = (
            f"no network gets to a {loss} loss of 0, though what is left is below {5e-324}, the least number of float64"
        )
    else:
        bound = f"nothing in the data keeps the {loss} loss from 0"
    end = "a network that can take any values on them attains it" if attained else "it is approached and never attained"
    return f"{start}; {bound}; {end}."
