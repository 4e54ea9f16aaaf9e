"""Which rows are trained on and which are tested: by seed, each class in proportion."""

from __future__ import annotations

import math

import numpy as np

from zeroloss.plumbing import InputError


def training_rows(n: int, test_fraction: float) -> int:
    """`n - ceil(test_fraction * n)`, the convention of scikit-learn (1,797 rows at 0.3: 1,257).

    Raises:
        InputError: a fraction outside [0, 1), or one that leaves fewer than 2 training rows.
    """
    if not 0 <= test_fraction < 1:
        raise InputError(f"test_fraction is {test_fraction}; it must be at least 0 and less than 1.")
    rows = n - math.ceil(test_fraction * n - 1e-9)
    if rows < 2:
        raise InputError(
            f"a test fraction of {test_fraction} leaves {rows} of {n} rows to train on; choose a smaller one."
        )
    return rows


def allocate(counts: np.ndarray, n: int) -> np.ndarray:
    """`n` places shared out in proportion to `counts` (largest remainders), none above its count.

    Each class gets a place while there are enough; with fewer places than classes the largest get one each.
    """
    counts = np.asarray(counts)
    order = np.argsort(-counts, kind="stable")
    places = np.zeros(len(counts), dtype=int)
    places[order[: min(n, len(counts))]] = 1
    places[counts == 0] = 0
    ideal = n * counts / counts.sum()
    while places.sum() < n:
        want = np.where(places < counts, ideal - places, -np.inf)
        whole = np.floor(want)
        room = n - places.sum()
        bulk = np.where(whole >= 1, whole, 0).astype(int)
        if bulk.any() and bulk.sum() <= room:
            places += np.minimum(bulk, counts - places)
        else:
            places[int(np.argmax(want))] += 1
    return places


def choose(n_total: int, labels: np.ndarray | None, n: int, generator: np.random.Generator) -> np.ndarray:
    """`n` of `n_total` rows drawn without replacement, each class in proportion, in random order."""
    if labels is None:
        return generator.permutation(n_total)[:n]
    values, inverse, counts = np.unique(labels, return_inverse=True, return_counts=True)
    places = allocate(counts, n)
    rows = [generator.permutation(np.flatnonzero(inverse == k))[: places[k]] for k in range(len(values))]
    return generator.permutation(np.concatenate(rows))


def split(
    n_total: int, labels: np.ndarray | None, n_train: int, seed: int, n_test: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers of `n_train` training rows and of the rest (at most `n_test` of it), stratified, by `seed`."""
    generator = np.random.default_rng(seed)
    train = choose(n_total, labels, n_train, generator)
    rest = np.setdiff1d(np.arange(n_total), train)
    if n_test is None or n_test >= len(rest):
        return train, generator.permutation(rest)
    return train, rest[choose(len(rest), None if labels is None else labels[rest], n_test, generator)]
