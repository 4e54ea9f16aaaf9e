"""Certified margins: is every training example provably classified correctly?"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from zeroloss.networks import FeedForward, TorchNetwork
from zeroloss.tangent import libm
from zeroloss.tangent.rounding import Layer, forward
from zeroloss.verdict import Status, Verdict, at_least, at_most

CLASSIFIED = "every training example is classified correctly at {}, with a margin of at least {}"
WEIGHTS = {"given": "the weights given", "polished": "the polished weights"}


def classified(
    network: FeedForward | TorchNetwork,
    x: np.ndarray,
    data: Any,
    last: Layer | None = None,
    trouble: str = "",
    which: str = "given",
) -> Verdict | None:
    """Certified margins `f_y - max_other f` of every training example.

    Args:
        last: the last layer at `x`, if it is known (it must be of a converted network).
        trouble: why its answers are not to be believed (`zeroloss.tangent.agreement`).
        which: "given" or "polished", the weights that the sentence names.
    """
    labels = getattr(data, "labels_train", None)
    if labels is None:
        return None
    if last is None:
        assert isinstance(network, FeedForward)
        last = forward(network, x)[-1]
    if last.z.shape[1] < 2:
        return None
    if trouble:
        return Verdict(
            CLASSIFIED.format(WEIGHTS[which], "0"),
            Status.UNKNOWN,
            f"The margins are refused: {trouble}.",
            {"examples": len(x)},
        )
    rows = np.arange(len(x))
    error = last.z_error + 2.0**-50 * np.abs(last.z)  # that of the sums below
    others_low, others_high = last.z - error, last.z + error
    own_low, own_high = others_low[rows, labels], others_high[rows, labels]
    others_low[rows, labels] = others_high[rows, labels] = -np.inf
    margins = np.nextafter(own_low - others_high.max(axis=1), -np.inf)
    wrong = own_high < others_low.max(axis=1)
    worst = float(np.min(margins))
    at = WEIGHTS[which]
    evidence = {
        "weights": which,
        "margin_lower": worst,
        "examples": len(x),
        "certified_correct": int(np.sum(margins > 0)),
        "certified_wrong": int(np.sum(wrong)),
        "largest_rounding_error": float(np.max(last.z_error)),
        "assumptions": {libm.ASSUMPTION: "assumed; checked on samples by the test-suite"},
    }
    if worst > 0:
        reason = (
            f"All {len(x)} training examples: the smallest margin is at least {at_least(worst, 6)}, rounding included."
        )
        return Verdict(CLASSIFIED.format(at, at_least(worst, 4)), Status.PROVED, reason, evidence)
    if wrong.any():
        reason = f"{int(wrong.sum())} of {len(x)} training examples are classified wrongly, by more than rounding."
        return Verdict(CLASSIFIED.format(at, "0"), Status.REFUTED, reason, evidence)
    reason = f"{int(np.sum(margins <= 0))} training examples are too close to a tie for float64: the margin's bound is {worst:.3g}."
    return Verdict(CLASSIFIED.format(at, "0"), Status.UNKNOWN, reason, evidence)


def at_both(given: Verdict | None, polished: Verdict | None, moved: float) -> tuple[Verdict | None, Verdict | None]:
    """The verdicts at the weights given and at the polished ones; the first says so where only the polished achieve it."""
    if given is None or polished is None or given.status is Status.PROVED or polished.status is not Status.PROVED:
        return given, polished
    more = f" The polished weights, {at_most(moved)} away, classify all of them correctly: a statement about those weights alone."
    return dataclasses.replace(given, reason=given.reason + more), polished
