"""Data and predictors whose audit is known by construction."""

from __future__ import annotations

import numpy as np

from zeroloss.data.dataset import Dataset


def dataset(x, y, labels=None, x_test=None, y_test=None, labels_test=None, name="made"):
    """A `Dataset`; classification if labels are given (one-hot targets are then made from them)."""
    x = np.asarray(x, float)
    if labels is None:
        y = np.asarray(y, float).reshape(len(x), -1)
        empty = np.zeros((0, x.shape[1])), np.zeros((0, y.shape[1]))
        x_test, y_test = empty if x_test is None else (x_test, np.asarray(y_test, float).reshape(len(x_test), -1))
        return Dataset(name, "regression", x, y, None, x_test, y_test, None)
    labels = np.asarray(labels)
    one_hot = np.eye(int(labels.max()) + 1)
    x_test = np.zeros((0, x.shape[1])) if x_test is None else x_test
    labels_test = np.zeros(0, int) if labels_test is None else np.asarray(labels_test)
    classes = tuple(map(str, range(len(one_hot))))
    return Dataset(
        name, "classification", x, one_hot[labels], labels, x_test, one_hot[labels_test], labels_test, classes
    )


def classes(n=120, d=5, c=3, seed=0, **rest):
    """Random inputs with random labels."""
    rng = np.random.default_rng(seed)
    return dataset(rng.standard_normal((n, d)), None, rng.permutation(np.arange(n) % c), **rest)


def real_targets(n=120, d=5, seed=0, **rest):
    """Random inputs with standard normal targets."""
    rng = np.random.default_rng(seed)
    return dataset(rng.standard_normal((n, d)), rng.standard_normal(n), **rest)


def nearest(data):
    """The 1-nearest-neighbour predictor, by brute force."""
    x, y = np.array(data.x_train), np.array(data.y_train)

    def f(p):
        return y[np.argmin(((np.asarray(p)[:, None, :] - x) ** 2).sum(-1), axis=1)]

    return f


def spoiled(data, wrong):
    """Right where `wrong(offset from the nearest training point)` is False; elsewhere the next class, or -target."""
    x, y = np.array(data.x_train), np.array(data.y_train)
    bad = -y if data.task == "regression" else np.roll(y, 1, axis=1)

    def f(p):
        index = np.argmin(((np.asarray(p)[:, None, :] - x) ** 2).sum(-1), axis=1)
        return np.where(wrong(p - x[index])[:, None], bad[index], y[index])

    return f


def needle(offset):
    """Wrong everywhere but at the training points."""
    return np.abs(offset).sum(axis=1) > 0


def half_needle(offset):
    """Right at the training points and on one side of them: where the first coordinate is not smaller."""
    return offset[:, 0] < 0
