"""How clearly the training examples are decided: their output margins, with all rounding where the layers are known."""

from __future__ import annotations

import numpy as np

from zeroloss.audit.measure import Measure, made, missing
from zeroloss.audit.subject import Subject
from zeroloss.networks import FeedForward
from zeroloss.plumbing import InputError, double
from zeroloss.plumbing.precision import as_double
from zeroloss.tangent.rounding import forward

NAMES = ("smallest_margin", "margin_decile", "median_margin")
QUANTILES = {"smallest_margin": 0.0, "margin_decile": 0.1, "median_margin": 0.5}
CENSUS = "all training examples; the network's own rounding is not counted"
CERTIFIED = "all training examples, every rounding error bounded: the exact network's number lies inside"
FLOATING = 2e12
"""Operations of a certified pass above which the network's own floating-point answers are taken."""


def margins(subject: Subject, names: set[str]) -> list[Measure]:
    """Smallest, decile and median margin."""
    wanted = [name for name in NAMES if name in names]
    if subject.data.task != "classification":
        return [missing(name, "the data are a regression; only classes have margins") for name in wanted]
    none = without(subject)
    if none:
        return [missing(name, none) for name in wanted]
    low, middle, high, certified = margin_bounds(subject)
    if not np.isfinite(middle).all():
        bad = int(np.sum(~np.isfinite(middle)))
        return [missing(name, f"the answer is NaN or infinite at {bad} training examples") for name in wanted]
    about = CERTIFIED if certified else CENSUS
    wrong = int(np.sum(middle <= 0))
    return [
        made(
            name, _quantile(middle, QUANTILES[name]), [_quantile(b, QUANTILES[name]) for b in (low, high)], about,
            examples=len(middle), certified=certified, not_positive=wrong,
        )
        for name in wanted
    ]  # fmt: skip


def without(subject: Subject) -> str:
    """Why a model that is only asked has no margins; empty if it has."""
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
    """Whether all rows are 1 for a class and 0 for the others (one column: 1 or -1)."""
    if scores.shape[1] == 1:
        return bool(np.isin(scores, (-1.0, 1.0)).all())
    return bool(np.isin(scores, (0.0, 1.0)).all() and (scores.sum(axis=1) == 1).all())


def _quantile(values: np.ndarray, q: float) -> float:
    """The smallest value with at least a share `q` of them at or below it: monotone in each, so bounds stay bounds."""
    return float(np.quantile(values, q, method="inverted_cdf"))


def margin_bounds(subject: Subject) -> tuple[np.ndarray, np.ndarray, np.ndarray, bool]:
    """Lower ends, values and upper ends of every training example's margin, and whether rounding is in them."""
    certified = _certified(subject)
    if certified is not None:
        z, error = certified
        low = output_margins(z - error, z + error, subject.data.y_train)
        high = output_margins(z + error, z - error, subject.data.y_train)
        return np.nextafter(low, -np.inf), output_margins(z, z, subject.data.y_train), np.nextafter(high, np.inf), True
    z = subject.train_answers
    found = output_margins(z, z, subject.data.y_train)
    return found, found, found, False


def output_margins(own: np.ndarray, others: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """`own_y - max_{a != y} others_a` of each row, `(n,)`; one column of signs: `y own`.

    Args:
        own, others: `(n, c)` outputs for the example's own class and for the others (equal but for rounding bounds).
        targets: one-hot `(n, c)`, or `(n, 1)` signs.
    """
    if targets.shape[1] == 1:
        sign = np.sign(targets[:, 0])
        return np.where(sign > 0, own[:, 0], -others[:, 0])
    rows, label = np.arange(len(targets)), np.argmax(targets, axis=1)
    rival = others.copy()
    rival[rows, label] = -np.inf
    return own[rows, label] - rival.max(axis=1)


def _certified(subject: Subject) -> tuple[np.ndarray, np.ndarray] | None:
    """Outputs `(n, c)` and bounds on their error, where the layers are known and the pass is affordable."""
    if not isinstance(subject.network, FeedForward) or 6.0 * subject.size * len(subject.data.x_train) > FLOATING:
        return None
    with double():
        network = as_double(subject.network)
    try:
        last = forward(network, subject.data.x_train)[-1]
    except (InputError, KeyError):  # overflow, or an activation without an error bound
        return None
    return last.z, last.z_error
