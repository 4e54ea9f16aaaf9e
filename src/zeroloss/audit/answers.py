"""`Answers`: a model's outputs on some inputs, the decisions they imply, and which are right. All of the audit uses these."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from zeroloss.audit.rule import decide
from zeroloss.data.checks import lacking
from zeroloss.data.task import ones
from zeroloss.networks import BlackBox, predict
from zeroloss.plumbing import InputError


@dataclasses.dataclass(frozen=True)
class Answers:
    """The answers to `m` inputs.

    Attributes:
        scores: `(m, c)` float64, the network's own numbers.
        decided: classification: `(m,)` columns, -1 where none; multi-label: `(m, c)` truth values; regression: None.
        finite: `(m,)`, whether there is an answer at all: no NaN and no infinity, or a class that the model itself names.
        agree: `(m,)`, whether the decision follows from the scores (for a network always).
        kind: what the scores are: "outputs" of a network, or `BlackBox.answer`.
    """

    scores: np.ndarray
    decided: np.ndarray | None
    finite: np.ndarray
    agree: np.ndarray
    kind: str = "outputs"

    @property
    def all_finite(self) -> bool:
        """Whether each input has an answer."""
        return bool(self.finite.all())


def answers_of(network: Any, x: np.ndarray, outputs: int, task: str, threshold: float = 0.0) -> Answers:
    """`network` on the rows of `x`; `threshold`: where a single output, or a label, changes sides.

    Raises:
        InputError: answers of another shape, that are no numbers, or a model that raises an error.
    """
    if not isinstance(network, BlackBox):
        return of_scores(raw_answers(network, x, outputs), task, threshold)
    scores, decided = scores_of(network, x, outputs), network.decisions(x)
    if task == "regression" or decided is None:
        return dataclasses.replace(of_scores(scores, task, threshold), kind=network.answer)
    from zeroloss.networks.black_box.estimators import agreement

    finite = np.ones(len(x), bool)
    decided = decided > 0 if decided.ndim == 2 else decided
    agree = agreement(scores, decided) & np.isfinite(scores).all(axis=1)
    return Answers(scores, decided, finite, agree, network.answer)


def scores_of(network: Any, x: np.ndarray, outputs: int) -> np.ndarray:
    """The outputs of a network, or the scores of a predictor before it decides, `(m, outputs)` float64."""
    if isinstance(network, BlackBox):
        return _checked(network.scores(x), len(x), outputs)
    return raw_answers(network, x, outputs)


def raw_answers(network: Any, x: np.ndarray, outputs: int) -> np.ndarray:
    """`network` on the rows of `x`, `(m, outputs)` float64; a flat answer is one column.

    Raises:
        InputError: the answer has another shape.
    """
    found = np.asarray(predict(network, x))
    if found.dtype.kind not in "fiub":
        raise InputError(f"the network answers with numbers of type {found.dtype}; real ones are needed.")
    return _checked(found.astype(np.float64), len(x), outputs)


def _checked(found: np.ndarray, rows: int, outputs: int) -> np.ndarray:
    if found.shape == (rows,):
        found = found[:, None]
    if found.shape != (rows, outputs):
        raise InputError(
            f"the network answers {rows} inputs with shape {found.shape}; these data need ({rows}, {outputs})."
            + (lacking(found.shape[1], outputs) if found.ndim == 2 else "")
        )
    return found


def of_scores(scores: np.ndarray, task: str, threshold: float = 0.0) -> Answers:
    """`Answers` whose decisions follow from the scores."""
    finite = np.isfinite(scores).all(axis=1)
    decided: np.ndarray | None = None
    if task == "classification":
        decided = np.where(finite, decide(scores, threshold).astype(int), -1)
    elif task != "regression":
        decided = scores > threshold
    return Answers(scores, decided, finite, np.ones(len(scores), bool))


def right(found: Answers, targets: np.ndarray, task: str) -> np.ndarray:
    """Whether each decision agrees with the targets `(m, c)`: `(m,)`.

    For a mean target (the shares of the classes in a group of equal inputs) each of the most frequent classes is right: no
    answer makes fewer errors. With several labels per row all must be right.
    """
    assert found.decided is not None
    if task != "classification":
        return np.asarray(~wrong_labels(found, targets).any(axis=1))
    if targets.shape[1] == 1:
        agrees = (found.decided == 1) == (targets[:, 0] > 0)
        return found.finite & (found.decided >= 0) & (agrees | (targets[:, 0] == 0))
    own = targets[np.arange(len(targets)), np.maximum(found.decided, 0)]
    return found.finite & (found.decided >= 0) & (own == targets.max(axis=1))


def wrong_labels(found: Answers, targets: np.ndarray) -> np.ndarray:
    """`(m, c)`: which labels differ from the targets; an answer that is NaN or infinite is wrong."""
    return ~found.finite[:, None] | (found.decided != ones(targets))


def unit_of(targets: np.ndarray) -> float:
    """A power of 2 near the largest deviation of the targets from their mean, in which squares neither over- nor underflow;
    1 where they are all equal. Dividing by it changes no other bit."""
    with np.errstate(over="ignore", invalid="ignore"):
        spread = float(np.max(np.abs(targets - targets.mean(axis=0)), initial=0.0))
    if not np.isfinite(spread):
        spread = float(np.max(np.abs(targets), initial=0.0))
    return float(2.0 ** np.floor(np.log2(spread))) if spread > 0 and np.isfinite(spread) else 1.0
