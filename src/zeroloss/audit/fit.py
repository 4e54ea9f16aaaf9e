"""A fit on the examples themselves: training loss against its infimum, errors on training and test examples."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from zeroloss.audit.answers import Answers, right, unit_of, wrong_labels
from zeroloss.audit.bootstrap import r_squared, r_squared_interval
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


def model_loss(found: Answers, targets: np.ndarray, loss: str) -> tuple[float | None, str]:
    """The mean loss of the answers of a network or a predictor, or None and the reason.

    The outputs of a network or a function enter the loss as they are. For a classifier that is a black box:

    - `squared`: of its probabilities; of a decision function or of classes alone, of the classes decided (1 in the column of
      the class, 0 elsewhere), so that it is the share of errors.
    - `cross-entropy`: `-log p` of its probabilities; of a decision function as logits; classes alone have none.
    - `hinge`: of its decision function; probabilities and classes alone have none.
    """
    if not found.all_finite or (found.kind == "outputs" and not np.isfinite(found.scores).all()):
        return None, f"the answer is NaN or infinite at {int(np.sum(~found.finite))} of {len(targets)} training points"
    values, decided = found.scores, found.decided
    if (
        decided is not None
        and decided.ndim == 1
        and found.kind in ("decision function", "predictions", "probabilities")
    ):
        if loss == "squared" and found.kind != "probabilities":
            values = _votes(decided, targets.shape[1]) if _decides(found) else values
        elif found.kind == "probabilities" and (loss == "cross-entropy" or (_binary(loss) and values.shape[1] == 1)):
            return _log_loss(values, targets), ""
        elif found.kind == "probabilities" and _binary(loss):
            return None, "the binary cross-entropy takes each output for a logit, and these are probabilities"
        elif loss != "squared" and found.kind == "predictions":
            return None, f"a model that answers with classes alone has no {loss} loss"
        elif loss == "hinge" and found.kind == "probabilities":
            return None, "the hinge loss is one of decision values, and the model's answers are probabilities"
    with np.errstate(over="ignore", invalid="ignore"):
        value = training_loss(values, targets, loss)
    if math.isfinite(value):
        return value, ""
    small = bool(np.isfinite(values).all())
    return None, "it overflows float64: the answers are too large" if small else "some scores are NaN or infinite"


def _binary(loss: str) -> bool:
    return loss == "binary-cross-entropy"


def _decides(found: Answers) -> bool:
    """Whether the scores differ from the decisions as numbers (a regressor on the classes' columns answers with numbers)."""
    return found.kind == "decision function" or not found.agree.all()


def _votes(decided: np.ndarray, width: int) -> np.ndarray:
    if width == 1:
        return np.where(decided == 1, 1.0, -1.0)[:, None]
    votes = np.zeros((len(decided), width))
    rows = np.flatnonzero(decided >= 0)
    votes[rows, decided[rows]] = 1.0
    return votes


def _log_loss(p: np.ndarray, targets: np.ndarray) -> float:
    """`-1/n sum_i sum_a y_ia log p_ia`; one column `p_2 - p_1` with targets -1 and 1: `p` of the target's class. May be infinite."""
    if targets.shape[1] == 1:
        p, targets = np.hstack([(1 - p) / 2, (1 + p) / 2]), np.hstack([targets < 0, targets > 0]).astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(targets > 0, -targets * np.log(np.clip(p, 0.0, 1.0)), 0.0)
    return float(np.mean(np.sum(terms, axis=1)))


def part_numbers(found: Answers, targets: np.ndarray, task: str, part: str, *, key: int) -> dict[str, Any]:
    """Error of one part ("train" or "test") with its 95 % interval, under names that begin with `part`.

    Classification: `_count`, `_errors`, `_error` (a fraction) and `_error_interval` (Wilson). A NaN answer is an error, and
    so is a class that the data do not have.
    Multi-label: the same, an example being right if all its labels are, and `_label_errors` of `_labels` single ones.
    Regression: `_count`, `_r2` and `_r2_interval` (bootstrap over examples); None where the targets are all equal or
    an answer is NaN or infinite; where one column of targets takes exactly two values also `_sides_wrong`, how many answers
    are on the wrong side of their `_middle`: what a classifier trained on numbers gets wrong. Only tests have an interval:
    it is about the population that the part was drawn from.
    `_non_finite` counts answers that are NaN or infinite.
    """
    n = len(targets)
    numbers: dict[str, Any] = {f"{part}_count": n, f"{part}_non_finite": int(np.sum(~found.finite))}
    if task != "regression":
        if task == "multi-label":
            numbers |= {f"{part}_labels": targets.size, f"{part}_label_errors": int(wrong_labels(found, targets).sum())}
        wrong = int(np.sum(~right(found, targets, task)))
        numbers |= {f"{part}_errors": wrong, f"{part}_error": wrong / n}
        if part == "test":
            numbers["test_error_interval"] = list(wilson(wrong, n))
        return numbers
    numbers |= _sides(found.scores, targets, part)
    unit = unit_of(targets)
    usable = found.all_finite and bool((targets != targets[0]).any())
    errors = squares(found.scores, targets, unit) if usable else None
    numbers[f"{part}_r2"] = None if errors is None else r_squared(errors, targets / unit)
    if part == "test":
        interval = None
        if errors is not None:
            known = bool(np.isfinite(errors).all())
            interval = list(r_squared_interval(errors, targets / unit, key=key)) if known else [-math.inf, math.inf]
        numbers["test_r2_interval"] = interval
    return numbers


def squares(scores: np.ndarray, targets: np.ndarray, unit: float) -> np.ndarray:
    """`|f - y|^2` of each row in units of `unit^2`, infinite where it overflows."""
    with np.errstate(over="ignore", invalid="ignore"):
        found = np.sum(((scores - targets) / unit) ** 2, axis=1)
    return np.where(np.isnan(found), np.inf, found)


def _sides(answer: np.ndarray, targets: np.ndarray, part: str) -> dict[str, Any]:
    """The number of answers on the wrong side of the middle, for one column of targets with two values."""
    low, high = float(targets.min()), float(targets.max())
    if targets.shape[1] > 1 or low == high or not np.isin(targets, (low, high)).all():
        return {}
    middle = low + (high - low) / 2
    wrong = ~np.isfinite(answer[:, 0]) | ((answer[:, 0] > middle) != (targets[:, 0] > middle))
    return {f"{part}_sides_wrong": int(wrong.sum()), f"{part}_middle": middle}
