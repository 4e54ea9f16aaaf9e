"""Certified margins: is every training example provably classified correctly?"""

from __future__ import annotations

from typing import Any

import numpy as np

from zeroloss.networks import FeedForward, TorchNetwork
from zeroloss.tangent import libm
from zeroloss.tangent.rounding import Layer, forward
from zeroloss.verdict import Status, Verdict, at_least

CLASSIFIED = "every training example is classified correctly, with a margin of at least {}"


def classified(
    network: FeedForward | TorchNetwork, x: np.ndarray, data: Any, last: Layer | None = None, trouble: str = ""
) -> Verdict | None:
    """Certified margins `f_y - max_other f` of every training example.

    Args:
        last: the last layer at `x`, if it is known (it must be of a converted network).
        trouble: why its answers are not to be believed (`zeroloss.tangent.agreement`).
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
            CLASSIFIED.format("0"), Status.UNKNOWN, f"The margins are refused: {trouble}.", {"examples": len(x)}
        )
    rows = np.arange(len(x))
    others_low, others_high = last.z - last.z_error, last.z + last.z_error
    own_low, own_high = others_low[rows, labels], others_high[rows, labels]
    others_low[rows, labels] = others_high[rows, labels] = -np.inf
    margins = np.nextafter(own_low - others_high.max(axis=1), -np.inf)
    wrong = own_high < others_low.max(axis=1)
    worst = float(np.min(margins))
    evidence = {
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
        return Verdict(CLASSIFIED.format(at_least(worst, 4)), Status.PROVED, reason, evidence)
    if wrong.any():
        reason = f"{int(wrong.sum())} of {len(x)} training examples are classified wrongly, by more than rounding."
        return Verdict(CLASSIFIED.format("0"), Status.REFUTED, reason, evidence)
    reason = f"{int(np.sum(margins <= 0))} training examples are too close to a tie for float64: the margin's bound is {worst:.3g}."
    return Verdict(CLASSIFIED.format("0"), Status.UNKNOWN, reason, evidence)
