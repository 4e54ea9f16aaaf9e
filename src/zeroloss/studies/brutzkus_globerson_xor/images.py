"""One trial of the MNIST part: a net of many filters, and four of few, on the same images.

    large    many filters, random start
    small    few filters, random start
    kmeans   few filters that start at the k-means centres of the trained filters (with their biases) of `large`
    random   the control: directions drawn anew, with the norms and biases of these centres
    picked   a second control: as many trained filters of `large`, picked at random

The four small nets share images, mini-batches and the start of the read-out, so that they differ in the start of the
filters alone, and are trained together as one compiled program. All weights are trained, by Adam on the cross-entropy.
A net stops at the first look, every `CHUNK` steps, at which it errs on no training image and its mean loss is at most
`TOLERANCE`; or when the budget of steps is used up. Images are drawn from a pool that stands on the device as one array,
so that no size of the training set compiles anything anew.

The images, starts and mini-batches of different sizes and seeds are drawn independently: given the test images, rows
are independent observations.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import os
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from zeroloss.data import load_data
from zeroloss.networks.small_cnn import SmallCNN
from zeroloss.plumbing import InputError
from zeroloss.studies.typed import per_key

ARMS = ("large", "small", "kmeans", "random", "picked")
BATCH, CHUNK = 50, 30
STEP_SIZE, TOLERANCE = 2e-3, 1e-2
BLOCK = 100
"""Images at a time where errors are counted."""
POOL = 8000
"""MNIST images to draw from; the test images are 2,000 others."""
DIGITS_TEST = 0.4
"""Part of scikit-learn's 1,797 digits that is kept for testing."""
FILTER = {"mnist": 5, "digits": 3}
"""Side of a filter; pools are 2 x 2."""


def mnist_is_here() -> bool:
    """Whether `load_data("mnist")` finds its file in $ZEROLOSS_DATA or in the cache, without a download."""
    from zeroloss.data.idx import PARTS, cache_folder

    named = os.environ.get("ZEROLOSS_DATA")
    for folder in ([Path(named)] if named else []) + [cache_folder()]:
        if any((folder / file).is_file() for file in ("mnist10k.npz", "mnist.npz")):
            return True
        if any(all((place / part).is_file() for part in PARTS) for place in (folder / "mnist", folder)):
            return True
    return False


class Images(NamedTuple):
    """A pool to draw training images from, and the test images; `shape` of one image."""

    x: jax.Array
    labels: jax.Array
    x_test: jax.Array
    labels_test: jax.Array
    shape: tuple[int, int]


@functools.lru_cache(maxsize=2)
def images(name: str) -> Images:
    """The images of "mnist" or "digits", scaled to [0, 1]; always the same split.

    Raises:
        InputError: another name, or MNIST is not here and cannot be downloaded.
    """
    if name not in FILTER:
        raise InputError(f"there are no images {name!r}; choose mnist or digits.")
    data = load_data(name, n_train=POOL) if name == "mnist" else load_data(name, test_fraction=DIGITS_TEST)
    assert data.image_shape is not None and data.labels_train is not None and data.labels_test is not None
    arrays = (data.x_train, data.labels_train, data.x_test, data.labels_test)
    x, labels, x_test, labels_test = (jnp.asarray(a, jnp.int32 if a.dtype.kind == "i" else jnp.float32) for a in arrays)
    return Images(x, labels, x_test, labels_test, (data.image_shape[0], data.image_shape[1]))


@dataclasses.dataclass(frozen=True)
class Nets:
    """A trial: which images and how many, the filters of the two nets, the size of their start, the budget of steps."""

    data: str
    images: int
    many: int
    few: int
    start: float
    steps: int


@per_key
def few_against_many(cell: Nets, key: int) -> dict[str, Any]:
    """The trial; see the module.

    Metrics: for each of the nets `*_train_error`, `*_test_error` (shares of wrong answers), `*_train_loss`, `*_steps`;
    `clustered_start`, `clustered_end` (see `clustered`); `centres` `(few, s^2)`.
    """
    name, n, start, few, steps = cell.data, cell.images, cell.start, cell.few, cell.steps
    pool = images(name)
    if n > len(pool.x):
        raise InputError(f"{n} images of {name} are too many to train on; there are {len(pool.x)}.")
    rng = np.random.default_rng([key, n, round(1e6 * start)])
    chosen = rng.choice(len(pool.x), n, replace=False)
    seeds = [int(s) for s in rng.integers(0, 2**31, 5)]

    def net(filters: int, seed: int) -> SmallCNN:
        return SmallCNN(pool.shape, 10, filters, FILTER[name], scale=start, key=seed)

    first = net(cell.many, seeds[0])
    (large,), trained = train(stacked([first]), pool, chosen, steps, seeds[1])
    before, after = (np.asarray(f.filters) for f in (first, trained[0]))
    small = net(few, seeds[2])
    starts = filter_starts(after, np.asarray(trained[0].filter_biases), few, seeds[3])
    nets = [small, *(with_filters(small, *starts[arm]) for arm in ARMS[2:])]
    answers, _ = train(stacked(nets), pool, chosen, steps, seeds[4])
    row = {
        f"{arm}_{metric}": value
        for arm, answer in zip(ARMS, [large, *answers], strict=True)
        for metric, value in answer.items()
    }
    row |= {"clustered_start": clustered(before, few, seeds[3]), "clustered_end": clustered(after, few, seeds[3])}
    return row | {"test_images": len(pool.x_test), "centres": starts["kmeans"][0]}


def filter_starts(filters: np.ndarray, biases: np.ndarray, few: int, seed: int) -> dict[str, Any]:
    """Filters `(few, s^2)` and biases `(few,)` of "kmeans", "random" and "picked" from those of the large net."""
    rng = np.random.default_rng(seed)
    centres = _kmeans(np.c_[filters, biases], few, seed).cluster_centers_
    directions = rng.standard_normal((few, filters.shape[1]))
    norms = np.linalg.norm(centres[:, :-1], axis=1) / np.linalg.norm(directions, axis=1)
    picked = rng.choice(len(filters), few, replace=False)
    return {
        "kmeans": (centres[:, :-1], centres[:, -1]),
        "random": (directions * norms[:, None], centres[:, -1]),
        "picked": (filters[picked], biases[picked]),
    }


def clustered(filters: np.ndarray, few: int, seed: int) -> float:
    """How far the filters' directions are `few` clusters: `1 - within/total` sums of squares of `w/|w|` by k-means."""
    units = filters / np.maximum(np.linalg.norm(filters, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return float(1 - _kmeans(units, few, seed).inertia_ / ((units - units.mean(axis=0)) ** 2).sum())


def _kmeans(points: np.ndarray, few: int, seed: int) -> Any:
    from sklearn.cluster import KMeans

    return KMeans(few, n_init=10, random_state=seed).fit(points.astype(np.float64))


def with_filters(net: SmallCNN, filters: np.ndarray, biases: np.ndarray) -> SmallCNN:
    """`net` with these filters and their biases; the read-out stays."""
    values = jnp.asarray(filters, jnp.float32), jnp.asarray(biases, jnp.float32)
    return eqx.tree_at(lambda n: (n.filters, n.filter_biases), net, values)


def stacked(nets: list[SmallCNN]) -> SmallCNN:
    """Nets of one shape as one pytree with a leading axis."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *nets)


def train(
    nets: SmallCNN, pool: Images, chosen: np.ndarray, steps: int, seed: int
) -> tuple[list[dict[str, Any]], list[SmallCNN]]:
    """Trains stacked nets on the images `chosen` of the pool, all with the same mini-batches (drawn with replacement).

    Returns, for each net at its own stop: train_error, test_error, train_loss, steps; and the net.
    """
    rng = np.random.default_rng(seed)
    count = len(nets.filters)
    state = optimiser().init(eqx.filter(nets, eqx.is_array))
    answers: dict[int, dict[str, Any]] = {}
    ends: dict[int, SmallCNN] = {}
    for done in itertools.count(CHUNK, CHUNK):
        batches = chosen[rng.integers(0, len(chosen), (CHUNK, BATCH))]
        nets, state, recent = _steps(nets, state, pool.x, pool.labels, jnp.asarray(batches, jnp.int32))
        last = done >= steps
        # A look costs an epoch's forward pass: only where the mini-batches say that it might be the end.
        if not last and float(jnp.min(jnp.where(_waiting(count, answers), recent, jnp.inf))) > 2 * TOLERANCE:
            continue
        errors, losses = measured(nets, pool.x, pool.labels, chosen)
        stop = [i for i in range(count) if i not in answers and (last or (errors[i] == 0 and losses[i] <= TOLERANCE))]
        if stop:
            test_errors, _ = measured(nets, pool.x_test, pool.labels_test, np.arange(len(pool.x_test)))
        for i in stop:
            answers[i] = {
                "train_error": float(errors[i]),
                "test_error": float(test_errors[i]),
                "train_loss": float(losses[i]),
                "steps": done,
            }
            ends[i] = jax.tree.map(lambda leaf, i=i: leaf[i], nets)
        if len(answers) == count:
            break
    return [answers[i] for i in range(count)], [ends[i] for i in range(count)]


def _waiting(count: int, answers: dict[int, dict[str, Any]]) -> np.ndarray:
    return np.array([i not in answers for i in range(count)])


def optimiser() -> optax.GradientTransformation:
    """Adam, the same for every net."""
    return optax.adam(STEP_SIZE)


def measured(nets: SmallCNN, x: jax.Array, labels: jax.Array, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of wrong answers and mean cross-entropy of each net on these rows: `(nets,)` each."""
    total = np.zeros((2, len(nets.filters)))
    for start in range(0, len(rows), BLOCK):
        part = rows[start : start + BLOCK]
        weight = np.zeros(BLOCK, np.float32)
        weight[: len(part)] = 1
        filled = np.concatenate([part, np.full(BLOCK - len(part), part[-1])])
        total += np.asarray(_counted(nets, x, labels, jnp.asarray(filled, jnp.int32), jnp.asarray(weight)))
    return total[0] / len(rows), total[1] / len(rows)


def _losses(nets: SmallCNN, x: jax.Array, labels: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Outputs `(nets, m, c)` and cross-entropies `(nets, m)`."""
    outputs = eqx.filter_vmap(lambda net: net.batch(x))(nets)
    return outputs, optax.softmax_cross_entropy_with_integer_labels(
        outputs, jnp.broadcast_to(labels, outputs.shape[:2])
    )


@jax.jit
def _counted(nets: SmallCNN, x: jax.Array, labels: jax.Array, rows: jax.Array, weight: jax.Array) -> jax.Array:
    outputs, losses = _losses(nets, x[rows], labels[rows])
    wrong = (outputs.argmax(axis=2) != labels[rows]).astype(jnp.float32)
    return jnp.stack([wrong @ weight, losses @ weight])


@jax.jit
def _steps(nets: SmallCNN, state: Any, x: jax.Array, labels: jax.Array, batches: jax.Array) -> Any:
    """One step per row of `batches`; also the mean loss of each net over them."""

    def step(carry: Any, rows: Any) -> Any:
        nets, state = carry

        def total(nets: Any) -> Any:
            losses = _losses(nets, x[rows], labels[rows])[1].mean(axis=1)
            return losses.sum(), losses  # the nets share nothing: the gradient of the sum is that of each

        gradient, losses = jax.grad(total, has_aux=True)(nets)
        change, state = optimiser().update(gradient, state)
        return (optax.apply_updates(nets, change), state), losses

    (nets, state), losses = jax.lax.scan(step, (nets, state), batches)
    return nets, state, losses.mean(axis=0)
