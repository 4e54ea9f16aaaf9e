"""Is every training example provably classified correctly? The verdict, from the margins of `zeroloss.verified.margins`."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from zeroloss.verdict import Status, Verdict, at_least, at_most
from zeroloss.verified import libm
from zeroloss.verified.forward import Layer, forward
from zeroloss.verified.layers import Layers
from zeroloss.verified.margins import RULES, margins

CLASSIFIED = "every training example is classified correctly at {}, with a margin of at least {}"
WEIGHTS = {"given": "the weights given", "polished": "the polished weights"}


def classified(
    network: Any,
    x: np.ndarray,
    data: Any,
    last: Layer | None = None,
    trouble: str = "",
    which: str = "given",
) -> Verdict | None:
    """Certified margins of every training example; None where the data have no classes, or none for so many outputs.

    Args:
        last: the last layer at `x`, if it is known (it must be of a converted network).
        trouble: why its answers cannot be trusted (`zeroloss.tangent.agreement`).
        which: "given" or "polished", the weights that the sentence names.
    """
    if last is None:
        layers = Layers.of(network)
        rule = _rule(layers.out_size, data)
        last = None if rule is None else forward(layers, x)[-1]
    else:
        rule = _rule(last.z.shape[1], data)
    if rule is None or last is None:
        return None
    at = WEIGHTS[which]
    if trouble:
        reason = f"The margins are refused: {trouble}."
        return Verdict(CLASSIFIED.format(at, "0"), Status.UNKNOWN, reason, {"weights": which, "examples": len(x)})
    found = margins(last, rule, getattr(data, "labels_train", None), data.y_train)
    worst = float(np.min(found.lower))
    evidence = {
        "weights": which,
        "margin_lower": worst,
        "examples": len(x),
        "certified_correct": int(np.sum(found.lower > 0)),
        "certified_wrong": int(np.sum(found.wrong)),
        "largest_rounding_error": float(np.max(last.z_error)),
        "rule": RULES[found.rule],
        "assumptions": {libm.ASSUMPTION: "assumed; checked on samples by the test-suite"},
    }
    how = "" if found.rule == "classes" else f" Right means: {RULES[found.rule]}."
    if worst > 0:
        reason = (
            f"All {len(x)} training examples: the smallest margin is at least {at_least(worst, 6)}, rounding included."
        )
        return Verdict(CLASSIFIED.format(at, at_least(worst, 4)), Status.PROVED, reason + how, evidence)
    if found.wrong.any():
        reason = (
            f"{int(found.wrong.sum())} of {len(x)} training examples are classified wrongly, by more than rounding."
        )
        return Verdict(CLASSIFIED.format(at, "0"), Status.REFUTED, reason + how, evidence)
    reason = f"{int(np.sum(found.lower <= 0))} training examples are too close to a tie for float64: the margin's bound is {worst:.3g}."
    return Verdict(CLASSIFIED.format(at, "0"), Status.UNKNOWN, reason + how, evidence)


def at_both(given: Verdict | None, polished: Verdict | None, moved: float) -> tuple[Verdict | None, Verdict | None]:
    """The verdicts at the weights given and at the polished ones; the first mentions it where only the polished achieve it."""
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


def at_all_rows(last: Layer, distinct_x: np.ndarray, x: np.ndarray) -> Layer:
    """The last layer at every row of `x`, whose distinct rows are `distinct_x`."""
    place = {row.tobytes(): i for i, row in enumerate(np.ascontiguousarray(distinct_x) + 0.0)}
    rows = np.array([place[row.tobytes()] for row in np.ascontiguousarray(x) + 0.0])  # + 0.0: -0 and 0 are one input
    return Layer(*(getattr(last, f.name)[rows] for f in dataclasses.fields(last)))
