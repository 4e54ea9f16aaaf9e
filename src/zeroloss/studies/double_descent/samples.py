"""What is fitted: rows of a data set, labels made wrong at random, and random features of the rows.

A seed draws the training rows, further rows with which a penalty or a stopping time is chosen, and the noise; the test
rows are always the same and their labels are clean. The rows of a seed are the same at every width and noise, and the rows
made wrong at 10 % are among those at 20 %: all comparisons are within a seed.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from zeroloss.data import load_data
from zeroloss.plumbing import InputError

CHOOSING = 200
"""Rows, with labels as noisy as the training rows', on which one number is chosen: the penalty or the stopping time."""
BIAS_STD = 0.5
"""Of the random features' biases."""


class Sample(NamedTuple):
    """Inputs centred and scaled by the training rows to mean square 1 per coordinate; labels; targets one-hot less 1/c."""

    x: np.ndarray
    labels: np.ndarray
    x_choosing: np.ndarray
    labels_choosing: np.ndarray
    x_test: np.ndarray
    labels_test: np.ndarray
    clean: np.ndarray
    """The training labels before they were made wrong."""
    x_more: np.ndarray
    labels_more: np.ndarray
    """All further rows, clean, that are neither trained on nor tested on."""

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return int(self.labels_test.max()) + 1

    def targets(self, labels: np.ndarray) -> np.ndarray:
        """One-hot rows less `1/c`, so that predicting the mean is predicting 0."""
        return np.eye(self.classes)[labels] - 1 / self.classes


@functools.lru_cache(maxsize=4)
def rows(name: str) -> tuple[np.ndarray, ...]:
    """x, labels, x_test, labels_test of a data set; the first two are drawn from."""
    data = load_data(name)
    if data.labels_train is None or data.labels_test is None:
        raise InputError(f"{name} has no classes; choose a data set for classification.")
    return data.x_train, data.labels_train, data.x_test, data.labels_test


@functools.lru_cache(maxsize=64)
def sample(name: str, n: int, noise: float, key: int) -> Sample:
    """The sample of a seed.

    `round(noise * n)` training labels, and the same share of those to choose with, become another class, uniformly.

    Raises:
        InputError: the data set has too few rows.
    """
    x, labels, x_test, labels_test = rows(name)
    if n + CHOOSING > len(x):
        raise InputError(
            f"{n} rows of {name} and {CHOOSING} to choose with are too many; at most {len(x) - CHOOSING} can be trained on."
        )
    rng = np.random.default_rng([int(key), n])
    order = rng.permutation(len(x))
    train, choosing, more = np.split(order, [n, n + CHOOSING])
    shift, scale = x[train].mean(axis=0), np.sqrt(x[train].var(axis=0).mean())

    def scaled(part: np.ndarray) -> np.ndarray:
        return (part - shift) / scale

    classes = int(labels.max()) + 1
    return Sample(
        scaled(x[train]),
        wrong(labels[train], noise, classes, rng),
        scaled(x[choosing]),
        wrong(labels[choosing], noise, classes, rng),
        scaled(x_test),
        labels_test,
        labels[train],
        scaled(x[more]),
        labels[more],
    )


def wrong(labels: np.ndarray, noise: float, classes: int, rng: np.random.Generator) -> np.ndarray:
    """`round(noise * n)` labels made another class; more noise makes the same rows wrong, and others."""
    order, shifts = rng.permutation(len(labels)), rng.integers(1, classes, len(labels))
    changed = labels.copy()
    chosen = order[: round(noise * len(labels))]
    changed[chosen] = (labels[chosen] + shifts[chosen]) % classes
    return changed


def random_features(x: np.ndarray, width: int, seed: tuple[int, ...]) -> np.ndarray:
    """`relu(w_k . x/sqrt(d) + b_k)/sqrt(p)`, `(m, p)`; `w_k` standard normal, `b_k` normal with deviation `BIAS_STD`.

    The features of a seed at a smaller width are the first of those at a larger one, but for the factor.
    """
    w, b = weights(x.shape[1], width, seed)
    return np.maximum(x @ w.T + b, 0) / np.sqrt(width)


def weights(d: int, width: int, seed: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """`w/sqrt(d)` `(p, d)` and `b` `(p,)`."""
    drawn = np.random.default_rng([*seed, d]).standard_normal((width, d + 1))
    return drawn[:, :d] / np.sqrt(d), BIAS_STD * drawn[:, d]
