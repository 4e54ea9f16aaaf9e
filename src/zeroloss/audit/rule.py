"""The decision rule: which class, side or labels an answer stands for, and what counts as right.

- Several columns of classes: the largest output.
- One column for two classes (targets -1 and 1): the side of the threshold that the output is on.
- Multi-label (targets 0 and 1, or -1 and 1): each output by itself, on its side of the threshold; an example is right if all
  its labels are.

The threshold is 0 for logits, and 1/2 for probabilities: those of a network that ends in a sigmoid, the probabilities or
predictions of an estimator, the answers of a function or ONNX file that are numbers from 0 to 1 at all training examples, and
any answers that are all within 1/4 of their targets 0 and 1 (fitted to these numbers by the squared loss). As logits, the
answers of the last two would all mean the same class.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from zeroloss.data.task import by_sides, fits_zero_one, ones
from zeroloss.networks import BlackBox
from zeroloss.networks.ending import ends_in_sigmoid

HALF = 0.5


def threshold_of(network: Any, data: Any, train_answers: Callable[[], np.ndarray]) -> float:
    """0 for logits, 1/2 for probabilities; 0 where the sides do not matter."""
    if not by_sides(data.y_train.shape[1], data.task):
        return 0.0
    if isinstance(network, BlackBox) and network.answer in ("probabilities", "predictions"):
        return HALF if data.task == "multi-label" else 0.0  # with two classes the score is the difference of both
    weights = _has_parameters(network)
    if weights and ends_in_sigmoid(network, data.x_train):
        return HALF
    answer = train_answers()
    between = not weights and bool(((answer >= 0) & (answer <= 1)).all())
    return HALF if between or fits_zero_one(answer, data.y_train) else 0.0


def _has_parameters(network: Any) -> bool:
    import equinox as eqx
    import jax

    return bool(jax.tree.leaves(eqx.filter(network, eqx.is_inexact_array)))


def decide(answer: np.ndarray, threshold: float = 0.0) -> np.ndarray:
    """The class of each answer `(n, c)`: the largest column, or the side of the only one."""
    return answer[:, 0] > threshold if answer.shape[1] == 1 else np.argmax(answer, axis=1)


def wrong_labels(answer: np.ndarray, targets: np.ndarray, threshold: float = 0.0) -> np.ndarray:
    """`(n, c)`: which labels (targets of sides, or means of them) are on the other side; NaN is wrong."""
    return ~np.isfinite(answer) | ((answer > threshold) != ones(targets))


def wrong_rows(answer: np.ndarray, targets: np.ndarray, task: str, threshold: float = 0.0) -> np.ndarray:
    """`(n,)`: which examples are decided wrongly, classes or labels; an answer that is NaN or infinite is."""
    finite = np.isfinite(answer).all(axis=1)
    if task == "multi-label":
        return ~finite | wrong_labels(answer, targets, threshold).any(axis=1)
    return ~finite | (decide(answer, threshold) != decide(targets))


def sentence(targets: np.ndarray, task: str, threshold: float) -> str:
    """The rule in words, empty where it is the largest of several outputs."""
    if not by_sides(targets.shape[1], task):
        return ""
    what = "each output" if task == "multi-label" else "the one output"
    side = "its sign (a logit)" if threshold == 0 else "whether it is above 1/2 (a probability)"
    return f"{what} is decided by {side}"
