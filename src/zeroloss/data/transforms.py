"""Data sets made from others: fewer rows, random labels, noisy labels. Each records in `transformations` what it did."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from zeroloss.data.dataset import Dataset
from zeroloss.data.split import choose
from zeroloss.data.task import coded
from zeroloss.plumbing import InputError


def subset(data: Dataset, n: int, seed: int) -> Dataset:
    """`n` of the training rows, drawn without replacement, each class in proportion; test rows and scaling stay.

    With fewer rows than classes the largest classes get one each.

    Raises:
        InputError: `n` is not between 2 and the number of training rows.
    """
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or not 2 <= n <= data.n:
        raise InputError(f"a subset of {n} rows cannot be taken; choose a whole number between 2 and {data.n}.")
    rows = choose(data.n, data.labels_train, int(n), _generator(seed))
    kind = "stratified, " if data.labels_train is not None else ""
    return _changed(
        data,
        f"subset: {n} of {data.n} training rows, {kind}seed {seed}",
        x_train=data.x_train[rows],
        y_train=data.y_train[rows],
        labels_train=None if data.labels_train is None else data.labels_train[rows],
    )


def random_labels(data: Dataset, seed: int) -> Dataset:
    """Training targets that have nothing to do with the inputs; the test rows stay.

    Classification: each label uniform over the classes, independently (the randomisation test of Zhang, Bengio, Hardt,
    Recht and Vinyals, arXiv 1611.03530); soft labels become one-hot. Regression and multi-label: the targets in random
    order, so that their mean and variance stay.
    """
    generator = _generator(seed)
    if data.labels_train is None:
        y = data.y_train[generator.permutation(data.n)]
        return _changed(data, f"random targets: training targets permuted, seed {seed}", y_train=y)
    labels = generator.integers(len(data.classes) or data.out_size, size=data.n)
    return _relabelled(
        data, labels, f"random labels: all {data.n} training labels uniform over the classes, seed {seed}"
    )


def noisy_labels(data: Dataset, fraction: float, seed: int) -> Dataset:
    """Training targets with noise; the test rows stay.

    Classification: `round(fraction * n)` training rows, drawn without replacement, each get another class, uniform over
    the classes that differ from theirs (soft labels become one-hot). Regression: independent Gaussian noise of standard
    deviation `fraction`, in the units of `y_train`, is added to every training target. Multi-label: in
    `round(fraction * n)` training rows one label, drawn uniformly, is turned.

    Raises:
        InputError: a fraction outside [0, 1], or a standard deviation that is negative or not finite.
    """
    generator = _generator(seed)
    if data.task == "regression":
        if not (np.isfinite(fraction) and fraction >= 0):
            raise InputError(
                f"a noise of standard deviation {fraction} is not possible; give a number that is at least 0."
            )
        y = data.y_train + fraction * generator.standard_normal(data.y_train.shape)
        what = f"noisy targets: Gaussian noise of standard deviation {fraction:g} on the training targets, seed {seed}"
        return _changed(data, what, y_train=y)
    if not 0 <= fraction <= 1:
        raise InputError(f"a fraction of {fraction} of the labels cannot be changed; give a number between 0 and 1.")
    count = round(fraction * data.n)
    rows = generator.permutation(data.n)[:count]
    if data.labels_train is None:
        y = data.y_train.copy()
        columns = generator.integers(data.out_size, size=count)
        y[rows, columns] = 1 - y[rows, columns]
        what = f"noisy labels: one label turned in {count} of {data.n} training rows, seed {seed}"
        return _changed(data, what, y_train=y)
    labels, classes = data.labels_train.copy(), len(data.classes) or data.out_size
    labels[rows] = (labels[rows] + generator.integers(1, classes, size=count)) % classes
    return _relabelled(
        data, labels, f"noisy labels: {count} of {data.n} training labels changed to another, seed {seed}"
    )


def _relabelled(data: Dataset, labels: np.ndarray, what: str) -> Dataset:
    y = coded(labels, len(data.classes) or data.out_size, data.out_size)
    return _changed(data, what, labels_train=labels, y_train=y)


def _changed(data: Dataset, what: str, **arrays: Any) -> Dataset:
    return dataclasses.replace(data, transformations=(*data.transformations, what), **arrays)


def _generator(seed: int) -> np.random.Generator:
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError(f"the seed is {seed!r}; give a whole number that is at least 0.")
    return np.random.default_rng(int(seed))
