"""Certified margins: lower bounds on how clearly each example is classified, from outputs with error bounds.

- Several classes: `f_y - max_other f > 0`.
- One output for two classes (targets -1 and 1): `y f > 0`, the sign of the logit agrees.
- Multi-label (targets 0 and 1, or -1 and 1): `min_a s_a f_a > 0`, `s_a = 1` for a label and -1 for none; all labels of the
  example agree.

Answers that all are the numbers 0 and 1 of their sides, to 1e-3, are decided at 1/2: a minimum of the squared risk of such
targets has these.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from zeroloss.data.task import fits_zero_one
from zeroloss.verified.forward import Layer

ZERO_ONE = 1e-3
RULES = {
    "classes": "the largest output is that of the example's class; the margin is its lead",
    "sign": "the one output (a logit) has the sign of the example's class; the margin is its size",
    "halves": "each output is on the side of 1/2 of its label (all are 0 or 1, to 1e-3); the margin is the distance",
    "labels": "each output (a logit) has the sign of its label; the margin is the least of their sizes",
}


@dataclasses.dataclass(frozen=True)
class Margins:
    """`lower` `(n,)`: proved lower bounds on the margins; `wrong` `(n,)`: misclassified for certain; `rule`: one of `RULES`."""

    lower: np.ndarray
    wrong: np.ndarray
    rule: str


def margins(last: Layer, rule: str, labels: np.ndarray | None, targets: np.ndarray) -> Margins:
    """The margins of every example by one of `RULES`.

    Args:
        last: the outputs `last.z` `(n, c)` with their error bounds.
        labels: `(n,)` whole numbers, the class of each example (for "classes").
        targets: `(n, c)`; above 0 stands for a positive sign.
    """
    error = last.z_error + 2.0**-50 * np.abs(last.z)  # that of the sums below
    low, high = np.nextafter(last.z - error, -np.inf), np.nextafter(last.z + error, np.inf)
    if rule == "classes":
        assert labels is not None
        return Margins(*_by_class(low, high, labels), rule)
    if fits_zero_one(last.z, targets, ZERO_ONE):
        rule = "halves"
        low, high = np.nextafter(low - 0.5, -np.inf), np.nextafter(high - 0.5, np.inf)
    return Margins(*_by_sign(low, high, targets), rule)


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
