"""`Subject`: the fit to be measured, with its start, its data, and how many examples each kind of measure takes."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np

from zeroloss.audit.answers import Answers, answers_of, scores_of
from zeroloss.audit.curvature import parameters
from zeroloss.audit.laziness import evaluation, linear_rows
from zeroloss.audit.rule import threshold_of
from zeroloss.audit.start import started
from zeroloss.problem import matched

KERNEL_EXAMPLES = 128
"""Default number of examples for the tangent kernel, and the least for the curvature."""


@dataclasses.dataclass(eq=False)
class Subject:
    """A fit to be measured.

    Attributes:
        network: any network, or a function of a batch (a *black box*: its answers are known, its weights are not).
        initial: the network at its start, or None; `start` describes how it was changed (batch normalisation).
        data: a `Dataset`; its targets are brought to the network's outputs (`zeroloss.data.task.for_outputs`).
        loss: "squared", "cross-entropy", "binary-cross-entropy" or "hinge".
        key: the seed of every draw.
        curvature_examples, kernel_examples: how many training examples, sampled without replacement; the kernel's are
            the first of the curvature's.
        step_size: of the training, or None.
        ridge: `lambda` of the effective dimension, or None.
    """

    network: Any
    initial: Any
    data: Any
    loss: str
    key: int
    curvature_examples: int = KERNEL_EXAMPLES
    kernel_examples: int = KERNEL_EXAMPLES
    step_size: float | None = None
    ridge: float | None = None

    def __post_init__(self) -> None:
        self.data = matched(self.network, self.data)
        self.start = started(self.network, self.initial, self.data, self.key)
        self.initial = self.start.network

    @functools.cached_property
    def size(self) -> int:
        """Number of parameters; 0 for a black box."""
        return parameters(self.network)

    @property
    def black_box(self) -> bool:
        """Whether only the answers are known."""
        return self.size == 0

    def part(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """`count` training examples and their targets: all in order, or a random sample that grows with `count`."""
        if count >= len(self.data.x_train):
            return self.data.x_train, self.data.y_train
        # 3: a stream of its own, independent of the audit's other draws (each of which has its number).
        rows = np.random.default_rng([self.key, 3]).permutation(len(self.data.x_train))[:count]
        return self.data.x_train[rows], self.data.y_train[rows]

    def linear(self, x: np.ndarray) -> np.ndarray:
        """The rows of `x` on which the linearisation is compared: all, or as many as the budget allows."""
        if self.black_box or not len(x):
            return x
        rows = linear_rows(evaluation(self.network, x[:1]))
        return x if len(x) <= rows else x[np.random.default_rng([self.key, 6]).permutation(len(x))[:rows]]

    @functools.cached_property
    def threshold(self) -> float:
        """Where the answers of one output, or of labels, change sides: see `zeroloss.audit.rule`."""
        return threshold_of(self.network, self.data, lambda: self.train_answers)

    def answers_at(self, x: np.ndarray) -> Answers:
        """The network's answers on the rows of `x`."""
        return answers_of(self.network, x, self.data.y_train.shape[1], self.data.task, self.threshold)

    @functools.cached_property
    def train(self) -> Answers:
        """The network's answers on all training examples."""
        return self.answers_at(self.data.x_train)

    @functools.cached_property
    def train_answers(self) -> np.ndarray:
        """Their scores, `(n, c)` float64."""
        return scores_of(self.network, self.data.x_train, self.data.y_train.shape[1])
