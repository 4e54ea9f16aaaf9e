"""What a fit does on the examples themselves: loss against its infimum, errors on training and test examples."""

from __future__ import annotations

from typing import Any

import numpy as np

from zeroloss.audit.bootstrap import r_squared, r_squared_interval
from zeroloss.plumbing import InputError
from zeroloss.verdict import wilson


def training_loss(answer: np.ndarray, targets: np.ndarray, loss: str) -> float:
    """The mean loss over examples, as in `zeroloss.data.infimum`.

    - `squared`: `1/(2n) sum_i |f_i - y_i|^2`.
    - `cross-entropy`: `1/n sum_i -sum_a y_ia log softmax(f_i)_a`; one column of -1 and 1:
      `1/n sum_i log(1 + e^(-y_i f_i))`.
    - `hinge`: `1/n sum_i max(0, 1 + max_{a != label} f_ia - f_i,label)`; one column: `1/n sum_i max(0, 1 - y_i f_i)`.

    Args:
        answer, targets: `(n, c)`.

    Raises:
        InputError: a loss of another name.
    """
    if loss == "squared":
        return float(0.5 * np.mean(np.sum((answer - targets) ** 2, axis=1)))
    one = targets.shape[1] == 1
    if loss == "cross-entropy":
        if one:
            return float(np.mean(np.logaddexp(0, -targets * answer)))
        top = answer.max(axis=1, keepdims=True)
        logs = answer - top - np.log(np.sum(np.exp(answer - top), axis=1, keepdims=True))
        return float(-np.mean(np.sum(targets * logs, axis=1)))
    if loss == "hinge":
        if one:
            return float(np.mean(np.maximum(0, 1 - targets * answer)))
        own = targets == targets.max(axis=1, keepdims=True)
        rival = np.where(own, -np.inf, answer).max(axis=1)
        return float(np.mean(np.maximum(0, 1 + rival - np.sum(np.where(own, answer, 0), axis=1))))
    raise InputError(f"the audit knows no loss {loss!r}; choose squared, cross-entropy or hinge.")


def decide(answer: np.ndarray) -> np.ndarray:
    """The class of each answer `(n, c)`: the largest column, or whether the only column is positive."""
    return answer[:, 0] > 0 if answer.shape[1] == 1 else np.argmax(answer, axis=1)


def part_numbers(answer: np.ndarray, targets: np.ndarray, task: str, part: str, *, key: int) -> dict[str, Any]:
    """Error of one part ("train" or "test") with its 95 % interval, by names that begin with `part`.

    Classification: `_count`, `_errors`, `_error` (a fraction) and `_error_interval` (Wilson). A NaN answer is an error.
    Regression: `_count`, `_r2` and `_r2_interval` (bootstrap over examples); None where the targets are all equal or
    an answer is NaN or infinite. Only tests have an interval: it is about the population
    that the part was drawn from.
    `_non_finite` counts answers that are NaN or infinite.
    """
    n = len(targets)
    finite = np.isfinite(answer).all(axis=1)
    numbers: dict[str, Any] = {f"{part}_count": n, f"{part}_non_finite": int(np.sum(~finite))}
    if task == "classification":
        wrong = int(np.sum(~finite | (decide(answer) != decide(targets))))
        numbers |= {f"{part}_errors": wrong, f"{part}_error": wrong / n}
        if part == "test":
            numbers["test_error_interval"] = list(wilson(wrong, n))
        return numbers
    usable = bool(finite.all()) and np.ptp(targets, axis=0).max() > 0
    errors = np.sum((answer - targets) ** 2, axis=1) if usable else None
    numbers[f"{part}_r2"] = None if errors is None else r_squared(errors, targets)
    if part == "test":
        numbers["test_r2_interval"] = None if errors is None else list(r_squared_interval(errors, targets, key=key))
    return numbers
