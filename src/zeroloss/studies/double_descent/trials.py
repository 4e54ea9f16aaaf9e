"""The trials on random features: the curve of a width, what the draw of the features adds, and interpolators that fail."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from zeroloss.minima.constructions import twin
from zeroloss.networks import FeedForward
from zeroloss.plumbing import InputError
from zeroloss.studies.double_descent import ridgeless, samples
from zeroloss.studies.double_descent.samples import Sample, random_features, sample
from zeroloss.studies.typed import per_key

PENALTIES = 10.0 ** np.arange(-10, 0.5, 0.5)
"""Ridge penalties tried, in units of the largest squared singular value."""
STEPS = np.unique(np.round(10.0 ** np.arange(0, 6.25, 0.25)))
"""Numbers of steps after which gradient descent is looked at."""
BUDGET = 10_000
"""Steps of a descent that is neither stopped early nor goes on for ever."""
DRAWS = 10
"""Draws of the features for one training set."""


@dataclasses.dataclass(frozen=True)
class Features:
    """A data set, its training rows, `p/n`, and the share of wrong labels."""

    data: str
    n: int
    ratio: float
    noise: float

    @property
    def width(self) -> int:
        """`p`."""
        return round(self.ratio * self.n)

    def sample(self, key: int) -> Sample:
        """The sample of a seed."""
        return sample(self.data, self.n, self.noise, key)


@functools.lru_cache(maxsize=32)
def _factor(name: str, n: int, width: int, key: int) -> ridgeless.Factor:
    """Kept, because it is the same at every noise; others: the rows to choose with, then the test rows."""
    found = sample(name, n, 0.0, key)
    seed = (key, 1)
    others = np.concatenate([found.x_choosing, found.x_test])
    return ridgeless.factorise(random_features(found.x, width, seed), random_features(others, width, seed))


@per_key
def features(cell: Features, key: int) -> dict[str, Any]:
    """Least squares on `p = ratio n` random relu features: minimum norm, ridge, and gradient descent.

    Test labels are clean. `*_error`: share of wrong answers on the test rows; `*_squared`: mean of `|f(x) - y|^2` there (0.9
    for predicting the mean of ten classes). The penalty of `ridge_*` and the steps of `stopped_*` are those of least squared
    error on `samples.CHOOSING` further rows with noisy labels; `budget_*`: `BUDGET` steps.

    Metrics: `width`, `distinct` (different training inputs), `condition` (of the features), `residual` (largest, of the minimum
    norm), `train_error` (against the noisy labels), `error`, `squared`, `norm`, and of the others `ridge_error`,
    `ridge_squared`, `ridge_train_error`, `ridge_norm`, `penalty`, `stopped_error`, `stopped_squared`, `stopped_steps`,
    `budget_error`, `budget_train_error`.
    """
    drawn, width = cell.sample(key), cell.width
    factor = _factor(cell.data, cell.n, width, key)
    y = drawn.targets(drawn.labels)

    def scores(g: np.ndarray) -> tuple[float, float, float]:
        """Squared error on the rows to choose with; share of errors and squared error on the test rows."""
        f = ridgeless.answers(factor, g, y)
        chosen, test = f[: len(drawn.x_choosing)], f[len(drawn.x_choosing) :]
        return squared(drawn, chosen, drawn.labels_choosing), share(test, drawn.labels_test), squared(
            drawn, test, drawn.labels_test
        )  # fmt: skip

    def chosen(filters: Callable[..., Any], values: np.ndarray) -> tuple[float, np.ndarray, tuple[float, float, float]]:
        found = [(filters(factor.s, value), scores(filters(factor.s, value))) for value in values]
        best = int(np.argmin([score[0] for _, score in found]))
        return float(values[best]), *found[best]

    g = ridgeless.minimum_norm(factor.s)
    train = ridgeless.fitted(factor, g, y)
    _, error, squared_error = scores(g)
    penalty, g_ridge, ridge = chosen(ridgeless.ridge, PENALTIES)
    stop, _, stopped = chosen(ridgeless.descent, STEPS)
    g_budget = ridgeless.descent(factor.s, BUDGET)
    return {
        "width": width,
        "distinct": len(np.unique(drawn.x, axis=0)),
        "condition": factor.condition,
        "residual": np.abs(train - y).max(),
        "train_error": share(train, drawn.labels),
        "error": error,
        "squared": squared_error,
        "norm": ridgeless.norm(factor, g, y),
        "ridge_error": ridge[1],
        "ridge_squared": ridge[2],
        "ridge_train_error": share(ridgeless.fitted(factor, g_ridge, y), drawn.labels),
        "ridge_norm": ridgeless.norm(factor, g_ridge, y),
        "penalty": penalty,
        "stopped_error": stopped[1],
        "stopped_squared": stopped[2],
        "stopped_steps": stop,
        "budget_error": scores(g_budget)[1],
        "budget_train_error": share(ridgeless.fitted(factor, g_budget, y), drawn.labels),
    }


@per_key
def draws(cell: Features, key: int) -> dict[str, Any]:
    """The minimum-norm solution of one training set with `DRAWS` independent draws of its features.

    Over the draws `E|f - y|^2 = |E f - y|^2 + E|f - E f|^2`, means over the test rows; estimated without bias, the variance with
    `DRAWS - 1` and the first term less variance/`DRAWS`. What the noise and the choice of the rows do is in the first.

    Metrics: `width`, `squared` (the mean of the left side), `variance`, `rest` (the first term), `averaged_error` (share of
    errors of the mean of the draws), `error` (of the single ones).
    """
    drawn, width, f = cell.sample(key), cell.width, []
    y, wanted = drawn.targets(drawn.labels), drawn.targets(drawn.labels_test)
    for draw in range(DRAWS):
        seed = (key, 2, draw)
        factor = ridgeless.factorise(random_features(drawn.x, width, seed), random_features(drawn.x_test, width, seed))
        f.append(ridgeless.answers(factor, ridgeless.minimum_norm(factor.s), y))
    stack = np.stack(f)
    mean = stack.mean(axis=0)
    variance = float(((stack - mean) ** 2).sum(axis=(0, 2)).mean() / (DRAWS - 1))
    return {
        "width": width,
        "squared": ((stack - wanted) ** 2).sum(axis=2).mean(),
        "variance": variance,
        "rest": float(((mean - wanted) ** 2).sum(axis=1).mean() - variance / DRAWS),
        "error": np.mean([share(one, drawn.labels_test) for one in f]),
        "averaged_error": share(mean, drawn.labels_test),
    }


@per_key
def interpolators(cell: Features, key: int) -> dict[str, Any]:
    """Two other global minima, at each width: a twin of the minimum-norm network, and a bad solution of its own features.

    The twin (`zeroloss.twin`) is a wider network, with the answers of the minimum-norm one shifted by a class away from the
    training rows. The bad solution has the same `p` features: the minimum-norm interpolant of the training rows and of
    `min(2 n, p - n - n/4)` further ones whose clean labels were shifted by a class; it exists where p is large enough, and its
    test rows are none of these. Where it does not exist (`bad_exists`) the minimum-norm solution stands for it.

    Metrics: `error` (minimum norm), `twin_error`, `twin_train_right`, `twin_residual`, `bad_exists`, `bad_error`,
    `bad_train_right`, `bad_residual`, `norm_ratio` (of the bad solution to the minimum norm).
    """
    from zeroloss.data import from_arrays

    drawn, width = cell.sample(key), cell.width
    n, seed = len(drawn.x), (key, 1)
    f_train, f_test = random_features(drawn.x, width, seed), random_features(drawn.x_test, width, seed)
    y = drawn.targets(drawn.labels)
    w = np.linalg.lstsq(f_train, y, rcond=None)[0]
    hidden, offsets = samples.weights(drawn.x.shape[1], width, seed)
    network = FeedForward((hidden, w.T / np.sqrt(width)), (offsets, np.zeros(drawn.classes)), ("relu",))
    data = from_arrays(drawn.x, drawn.labels, x_test=drawn.x_test, y_test=drawn.labels_test, task="classification")
    made = twin(data, of=network, key=key)
    if made.test_accuracy is None or made.train_accuracy_float64 is None:
        raise InputError("a twin without test rows says nothing; give a data set with some.")
    more = min(2 * n, width - n - n // 4, len(drawn.x_more))
    bad = w
    if more > 0:
        shifted = (drawn.labels_more[:more] + 1) % drawn.classes
        both = np.concatenate([f_train, random_features(drawn.x_more[:more], width, seed)])
        bad = np.linalg.lstsq(both, np.concatenate([y, drawn.targets(shifted)]), rcond=None)[0]
    return {
        "width": width,
        "error": share(f_test @ w, drawn.labels_test),
        "twin_error": 1 - made.test_accuracy,
        "twin_train_right": made.train_accuracy_float64,
        "twin_residual": made.train_max_error_float64,
        "bad_exists": more > 0,
        "bad_error": share(f_test @ bad, drawn.labels_test),
        "bad_train_right": 1 - share(f_train @ bad, drawn.labels),
        "bad_residual": np.abs(f_train @ bad - y).max(),
        "norm_ratio": np.linalg.norm(bad) / np.linalg.norm(w),
    }


def share(f: np.ndarray, labels: np.ndarray) -> float:
    """The share of wrong answers."""
    return float((f.argmax(axis=1) != labels).mean())


def squared(drawn: Sample, f: np.ndarray, labels: np.ndarray) -> float:
    """The mean of `|f(x) - y|^2`."""
    return float(((f - drawn.targets(labels)) ** 2).sum(axis=1).mean())
