"""Certified margins: is every training example provably classified correctly?

- Several classes: `f_y - max_other f > 0`.
- One output for two classes (targets -1 and 1): `y f > 0`, the sign of the logit agrees.
- Multi-label (targets 0 and 1, or -1 and 1): `min_a s_a f_a > 0`, `s_a = 1` for a label and -1 for none; all labels of the
  example agree.

Answers that all are the numbers 0 and 1 of their sides, to 1e-3, are decided at 1/2: a minimum of the squared risk of such
targets has these.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from zeroloss.data.task import fits_zero_one
from zeroloss.networks import FeedForward, TorchNetwork
from zeroloss.tangent import libm
from zeroloss.tangent.rounding import Layer, forward
from zeroloss.verdict import Status, Verdict, at_least, at_most

ZERO_ONE = 1e-3
CLASSIFIED = "every training example is classified correctly at {}, with a margin of at least {}"
WEIGHTS = {"given": "the weights given", "polished": "the polished weights"}
RULES = {
    "classes": "the largest output is that of the example's class; the margin is its lead",
    "sign": "the one output (a logit) has the sign of the example's class; the margin is its size",
    "halves": "each output is on the side of 1/2 of its label (all are 0 or 1, to 1e-3); the margin is the distance",
    "labels": "each output (a logit) has the sign of its label; the margin is the least of their sizes",
}


def classified(
    network: FeedForward | TorchNetwork,
    x: np.ndarray,
    data: Any,
    last: Layer | None = None,
    trouble: str = "",
    which: str = "given",
) -> Verdict | None:
    """Certified margins of every training example; None where the data have no classes, or none for so many outputs.

    Args:
        last: the last layer at `x`, if it is known (it must be of a converted network).
        trouble: why its answers are not to be believed (`zeroloss.tangent.agreement`).
        which: "given" or "polished", the weights that the sentence names.
    """
    if last is None:
        assert isinstance(network, FeedForward)
        rule = _rule(network.out_size, data)
        last = None if rule is None else forward(network, x)[-1]
    else:
        rule = _rule(last.z.shape[1], data)
    if rule is None or last is None:
        return None
    at = WEIGHTS[which]
    if trouble:
        reason = f"The margins are refused: {trouble}."
        return Verdict(CLASSIFIED.format(at, "0"), Status.UNKNOWN, reason, {"weights": which, "examples": len(x)})
    error = last.z_error + 2.0**-50 * np.abs(last.z)  # that of the sums below
    low, high = np.nextafter(last.z - error, -np.inf), np.nextafter(last.z + error, np.inf)
    if rule == "classes":
        margins, wrong = _by_class(low, high, data.labels_train)
    else:
        if fits_zero_one(last.z, data.y_train, ZERO_ONE):
            rule = "halves"
            low, high = np.nextafter(low - 0.5, -np.inf), np.nextafter(high - 0.5, np.inf)
        margins, wrong = _by_sign(low, high, data.y_train)
    worst = float(np.min(margins))
    evidence = {
        "weights": which,
        "margin_lower": worst,
        "examples": len(x),
        "certified_correct": int(np.sum(margins > 0)),
        "certified_wrong": int(np.sum(wrong)),
        "largest_rounding_error": float(np.max(last.z_error)),
        "rule": RULES[rule],
        "assumptions": {libm.ASSUMPTION: "assumed; checked on samples by the test-suite"},
    }
    how = "" if rule == "classes" else f" Right means: {RULES[rule]}."
    if worst > 0:
        reason = (
            f"All {len(x)} training examples: the smallest margin is at least {at_least(worst, 6)}, rounding included."
        )
        return Verdict(CLASSIFIED.format(at, at_least(worst, 4)), Status.PROVED, reason + how, evidence)
    if wrong.any():
        reason = f"{int(wrong.sum())} of {len(x)} training examples are classified wrongly, by more than rounding."
        return Verdict(CLASSIFIED.format(at, "0"), Status.REFUTED, reason + how, evidence)
    reason = f"{int(np.sum(margins <= 0))} training examples are too close to a tie for float64: the margin's bound is {worst:.3g}."
    return Verdict(CLASSIFIED.format(at, "0"), Status.UNKNOWN, reason + how, evidence)


def at_both(given: Verdict | None, polished: Verdict | None, moved: float) -> tuple[Verdict | None, Verdict | None]:
    """The verdicts at the weights given and at the polished ones; the first says so where only the polished achieve it."""
    if given is None or polished is None or given.status is Status.PROVED or polished.status is not Status.PROVED:
        return given, polished
    more = f" The polished weights, {at_most(moved)} away, classify all of them correctly: a statement about those weights alone."
    return dataclasses.replace(given, reason=given.reason + more), polished


def _rule(outputs: int, data: Any) -> str | None:
    """Which of `RULES` decides on so many outputs; None where the data have no classes, or others."""
    targets = getattr(data, "y_train", None)
    if targets is not None and np.shape(targets)[1:] != (outputs,):
        return None
    if getattr(data, "task", None) == "multi-label":
        return "labels"
    if getattr(data, "labels_train", None) is None:
        return None
    return "sign" if outputs == 1 else "classes"


def _by_class(low: np.ndarray, high: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lower bounds of the margins, and which examples are wrong for certain, from bounds of the outputs `(n, c)`."""
    rows = np.arange(len(low))
    own_low, own_high = low[rows, labels], high[rows, labels]
    others_low, others_high = low.copy(), high.copy()
    others_low[rows, labels] = others_high[rows, labels] = -np.inf
    return np.nextafter(own_low - others_high.max(axis=1), -np.inf), own_high < others_low.max(axis=1)


def _by_sign(low: np.ndarray, high: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same where each output's sign decides; targets above 0 stand for a positive sign, 0 and -1 for a negative one."""
    positive = targets > 0
    wrong = np.asarray(np.where(positive, high < 0, low > 0))
    return np.where(positive, low, -high).min(axis=1), np.asarray(wrong.any(axis=1))
