"""Output margins: how clearly each training example is decided, with all rounding where the layers are known."""

from __future__ import annotations

import numpy as np

from zeroloss.audit.measure import Measure, known_measure, unknown_measure
from zeroloss.audit.subject import Subject
from zeroloss.data.task import by_sides
from zeroloss.networks import FeedForward
from zeroloss.plumbing import InputError, double
from zeroloss.plumbing.arithmetic import require_ieee
from zeroloss.plumbing.precision import as_double
from zeroloss.verified.forward import forward

NAMES = ("smallest_margin", "margin_decile", "median_margin")
QUANTILES = {"smallest_margin": 0.0, "margin_decile": 0.1, "median_margin": 0.5}
CENSUS = "all training examples; the network's own rounding is not counted"
CERTIFIED = "all training examples, every rounding error bounded: the exact network's number lies inside"
FLOATING = 2e12
"""Operations of a certified pass above which the network's own floating-point answers are taken."""


def margins(subject: Subject, names: set[str]) -> list[Measure]:
    """Smallest, decile and median margin."""
    wanted = [name for name in NAMES if name in names]
    if subject.data.task == "regression":
        return [unknown_measure(name, "the data are a regression; only classes have margins") for name in wanted]
    none = without(subject)
    if none:
        return [unknown_measure(name, none) for name in wanted]
    with np.errstate(over="ignore", invalid="ignore"):
        low, middle, high, certified = margin_bounds(subject)
    if not np.isfinite(middle).all():
        bad = int(np.sum(~np.isfinite(middle)))
        return [unknown_measure(name, f"the answer is NaN or infinite at {bad} training examples") for name in wanted]
    about = CERTIFIED if certified else CENSUS
    wrong = int(np.sum(middle <= 0))
    return [
        known_measure(
            name, _quantile(middle, QUANTILES[name]), [_quantile(b, QUANTILES[name]) for b in (low, high)], about,
            examples=len(middle), certified=certified, not_positive=wrong,
        )
        for name in wanted
    ]  # fmt: skip


def without(subject: Subject) -> str:
    """Why a black box has no margins; empty if it has."""
    if not subject.black_box:
        return ""
    found = subject.train
    if found.kind == "predictions" and found.decided is not None and found.agree.all() and _votes(found.scores):
        return "the model answers with classes alone: there are no scores to be apart"
    off = int(np.sum(found.finite & ~found.agree))
    if off:
        return (
            f"at {off} of {len(found.agree)} training examples the largest of the model's {found.kind} is not the class that it "
            "predicts, so their differences are no margins"
        )
    return ""


def _votes(scores: np.ndarray) -> bool:
    """Whether the scores are nothing but decisions: 1 for the class decided, 0 or -1 for the others."""
    return bool(np.isin(scores, (0.0, 1.0)).all() or np.isin(scores, (-1.0, 1.0)).all())


def _quantile(values: np.ndarray, q: float) -> float:
    """The smallest value with at least a share `q` of them at or below it: monotone in each, so bounds stay bounds."""
    return float(np.quantile(values, q, method="inverted_cdf"))


def margin_bounds(subject: Subject) -> tuple[np.ndarray, np.ndarray, np.ndarray, bool]:
    """Lower ends, values and upper ends of every training example's margin, and whether rounding is in them."""
    certified = _certified(subject)
    sides = by_sides(subject.data.y_train.shape[1], subject.data.task)
    if certified is not None:
        z, error = certified[0] - subject.threshold, certified[1]
        # One step outward covers the rounding of the sum; the lowest margin pairs the own class's low end with the others' high.
        low, high = np.nextafter(z - error, -np.inf), np.nextafter(z + error, np.inf)
        bounds = (output_margins(*ends, subject.data.y_train, sides) for ends in ((low, high), (high, low)))
        lower, upper = bounds
        middle = output_margins(z, z, subject.data.y_train, sides)
        return np.nextafter(lower, -np.inf), middle, np.nextafter(upper, np.inf), True
    z = subject.train_answers - subject.threshold
    found = output_margins(z, z, subject.data.y_train, sides)
    return found, found, found, False


def output_margins(own: np.ndarray, others: np.ndarray, targets: np.ndarray, sides: bool | None = None) -> np.ndarray:
    """`own_y - max_{a != y} others_a` of each row, `(n,)`; of one column, or of labels, the least `s_a own_a`, `s_a` the sign
    of `targets_a` (0 counts as -1).

    Args:
        own, others: `(n, c)` outputs for the example's own class and for the others (equal but for rounding bounds).
        targets: one-hot or soft labels `(n, c)`; `(n, 1)` signs, or `(n, c)` labels of 0 and 1.
        sides: whether each column is decided by itself; None: if there is one.
    """
    if targets.shape[1] == 1 if sides is None else sides:
        return np.where(targets > 0, own, -others).min(axis=1)
    rows, label = np.arange(len(targets)), np.argmax(targets, axis=1)
    rival = others.copy()
    rival[rows, label] = -np.inf
    return own[rows, label] - rival.max(axis=1)


def _certified(subject: Subject) -> tuple[np.ndarray, np.ndarray] | None:
    """Outputs `(n, c)` and bounds on their error, where the layers are known and the pass is affordable."""
    if not isinstance(subject.network, FeedForward) or 6.0 * subject.size * len(subject.data.x_train) > FLOATING:
        return None
    try:
        require_ieee()
        with double():
            network = as_double(subject.network)
        last = forward(network, subject.data.x_train)[-1]
    except (InputError, KeyError):  # overflow, or an activation without an error bound
        return None
    return last.z, last.z_error
