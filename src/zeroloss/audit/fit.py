"""What a fit does on the examples themselves: loss against its infimum, errors on training and test examples."""

from __future__ import annotations

from typing import Any

import numpy as np

from zeroloss.audit.bootstrap import r_squared, r_squared_interval
from zeroloss.audit.rule import wrong_labels, wrong_rows
from zeroloss.plumbing import InputError
from zeroloss.verdict import wilson


def training_loss(answer: np.ndarray, targets: np.ndarray, loss: str) -> float:
    """The mean loss over examples, as in `zeroloss.data.infimum`.

    - `squared`: `1/(2n) sum_i |f_i - y_i|^2`.
    - `cross-entropy`: `1/n sum_i -sum_a y_ia log softmax(f_i)_a`; one column of -1 and 1:
      the next.
    - `binary-cross-entropy`: `1/n sum_i sum_a log(1 + e^(f_ia)) - y_ia f_ia`, targets from 0 to 1, or -1 and 1 for these.
    - `hinge`: `1/n sum_i max(0, 1 + max_{a != label} f_ia - f_i,label)`; one column: `1/n sum_i max(0, 1 - y_i f_i)`.

    Args:
        answer, targets: `(n, c)`.

    Raises:
        InputError: a loss of another name.
    """
    if loss == "squared":
        return float(0.5 * np.mean(np.sum((answer - targets) ** 2, axis=1)))
    one = targets.shape[1] == 1
    if loss == "binary-cross-entropy" or (loss == "cross-entropy" and one):
        return float(np.mean(np.sum(np.logaddexp(0, answer) - np.maximum(targets, 0) * answer, axis=1)))
    if loss == "cross-entropy":
        top = answer.max(axis=1, keepdims=True)
        logs = answer - top - np.log(np.sum(np.exp(answer - top), axis=1, keepdims=True))
        return float(-np.mean(np.sum(targets * logs, axis=1)))
    if loss == "hinge":
        if one:
            return float(np.mean(np.maximum(0, 1 - targets * answer)))
        own = targets == targets.max(axis=1, keepdims=True)
        rival = np.where(own, -np.inf, answer).max(axis=1)
        return float(np.mean(np.maximum(0, 1 + rival - np.sum(np.where(own, answer, 0), axis=1))))
    raise InputError(f"the audit knows no loss {loss!r}; choose squared, cross-entropy, binary-cross-entropy or hinge.")


def part_numbers(
    answer: np.ndarray, targets: np.ndarray, task: str, part: str, *, key: int, threshold: float = 0.0
) -> dict[str, Any]:
    """Error of one part ("train" or "test") with its 95 % interval, by names that begin with `part`.

    Classification: `_count`, `_errors`, `_error` (a fraction) and `_error_interval` (Wilson). A NaN answer is an error.
    Multi-label: the same, an example being right if all its labels are, and `_label_errors` of `_labels` single ones.
    `threshold`: see `zeroloss.audit.rule`.
    Regression: `_count`, `_r2` and `_r2_interval` (bootstrap over examples); None where the targets are all equal or
    an answer is NaN or infinite; where one column of targets takes exactly two values also `_sides_wrong`, how many answers
    are on the wrong side of their `_middle`: what a classifier trained on numbers gets wrong. Only tests have an interval:
    it is about the population that the part was drawn from.
    `_non_finite` counts answers that are NaN or infinite.
    """
    n = len(targets)
    finite = np.isfinite(answer).all(axis=1)
    numbers: dict[str, Any] = {f"{part}_count": n, f"{part}_non_finite": int(np.sum(~finite))}
    if task != "regression":
        if task == "multi-label":
            numbers |= {
                f"{part}_labels": targets.size,
                f"{part}_label_errors": _count_labels(answer, targets, threshold),
            }
        wrong = int(np.sum(wrong_rows(answer, targets, task, threshold)))
        numbers |= {f"{part}_errors": wrong, f"{part}_error": wrong / n}
        if part == "test":
            numbers["test_error_interval"] = list(wilson(wrong, n))
        return numbers
    numbers |= _sides(answer, targets, part)
    usable = bool(finite.all()) and np.ptp(targets, axis=0).max() > 0
    errors = np.sum((answer - targets) ** 2, axis=1) if usable else None
    numbers[f"{part}_r2"] = None if errors is None else r_squared(errors, targets)
    if part == "test":
        numbers["test_r2_interval"] = None if errors is None else list(r_squared_interval(errors, targets, key=key))
    return numbers


def _count_labels(answer: np.ndarray, targets: np.ndarray, threshold: float) -> int:
    return int(wrong_labels(answer, targets, threshold).sum())


def _sides(answer: np.ndarray, targets: np.ndarray, part: str) -> dict[str, Any]:
    """Of one column of targets with two values: how many answers are on the wrong side of the middle of these."""
    low, high = float(targets.min()), float(targets.max())
    if targets.shape[1] > 1 or low == high or not np.isin(targets, (low, high)).all():
        return {}
    middle = low + (high - low) / 2
    wrong = ~np.isfinite(answer[:, 0]) | ((answer[:, 0] > middle) != (targets[:, 0] > middle))
    return {f"{part}_sides_wrong": int(wrong.sum()), f"{part}_middle": middle}
