"""The trial on data: natural labels, random labels, random inputs, each fitted without error and then tested.

The network has the paper's shape with two hidden layers (`log^2 n` and n units); all layers are trained by Adam on the
cross-entropy, full batch, float32, until every training row is right or the budget of steps is used up.

    natural          the rows as they are; tested on other rows
    random-labels    training labels independent and uniform over the classes; tested on other rows with their natural labels
    random-inputs    normal inputs of mean 0 and variance 1 and uniform labels, for training and for testing

Chance: `1/c` for the two random kinds, exactly, by the symmetry of the classes; for natural labels the largest class's share among the
test rows, which a constant answer gets. Inputs are standardised by column over the training rows (columns that do not vary are
0), then the row has norm about `sqrt d`, as the start of the network expects.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from zeroloss.data import Dataset, load_data
from zeroloss.plumbing import InputError
from zeroloss.studies.kawaguchi_huang_size.network import count, theory_widths, whole_network

if TYPE_CHECKING:
    from zeroloss.studies.kawaguchi_huang_size.trials import Labels

KINDS = ("natural", "random-labels", "random-inputs")
DEPTH, CHUNK, BUDGET = 2, 50, 6000
STEP_SIZE = 3e-3
MOST_TEST = 1000
"""Test rows used; there are fewer of small data sets."""


def fitted(cell: Labels, key: int) -> dict[str, Any]:
    """The row of a key, which is a split, a draw of the labels and a start. Metrics: `n`, `p`, `classes`, `train_error`,
    `train_loss`, `steps`, `test_right`, `test_rows`, `test_accuracy`, `chance`.

    Raises:
        InputError: labels of another kind, or data that are no classification with test rows.
    """
    kind, rng = cell.kind, np.random.default_rng([key, 6])
    if kind not in KINDS:
        raise InputError(f"there are no labels of kind {kind!r}; choose one of {', '.join(KINDS)}.")
    data = _loaded(cell.data, cell.rows, key)
    x, labels, x_test, labels_test = _arrays(data, kind, rng)
    classes = data.out_size
    widths = theory_widths(len(x), DEPTH)
    network = whole_network(rng, x.shape[1], widths, classes, cell.activation, dtype="float32")
    arrays = jnp.asarray(x, jnp.float32), jnp.asarray(labels, jnp.int32)
    network, error, loss, steps = _train(network, *arrays)
    right = int((np.asarray(_answers(network, jnp.asarray(x_test, jnp.float32))) == labels_test).sum())
    constant = np.bincount(labels_test, minlength=classes).max() / len(labels_test)
    return {
        "n": len(x),
        "p": count(x.shape[1], widths, classes),
        "classes": classes,
        "train_error": error,
        "train_loss": loss,
        "steps": steps,
        "test_right": right,
        "test_rows": len(labels_test),
        "test_accuracy": right / len(labels_test),
        "chance": constant if kind == "natural" else 1 / classes,
    }


def _loaded(name: str, rows: int, key: int) -> Dataset:
    """At most `rows` training rows of the data set.

    Raises:
        InputError: it is regression, or has no test rows.
    """
    data = load_data(name, seed=key)
    if data.n > rows:
        data = load_data(name, seed=key, n_train=rows)
    if data.labels_train is None or data.labels_test is None or not len(data.labels_test):
        raise InputError(
            f"{name} is no classification with test rows; give data with classes and some rows to test on."
        )
    return data


def _arrays(data: Dataset, kind: str, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Inputs and labels for training and testing."""
    assert data.labels_train is not None and data.labels_test is not None
    mean, std = data.x_train.mean(axis=0), data.x_train.std(axis=0)
    std = np.where(std > 0, std, np.inf)
    x, x_test = (data.x_train - mean) / std, (data.x_test[:MOST_TEST] - mean) / std
    labels, labels_test = data.labels_train, data.labels_test[:MOST_TEST]
    if kind != "natural":
        labels = rng.integers(0, data.out_size, len(x))
    if kind == "random-inputs":
        x, x_test = rng.standard_normal(x.shape), rng.standard_normal(x_test.shape)
        labels_test = rng.integers(0, data.out_size, len(x_test))
    return x, labels, x_test, labels_test


def _train(network: Any, x: Any, labels: Any) -> tuple[Any, float, float, int]:
    """The network at its first look without a training error (or at the end of the budget), that error, its loss, its steps."""
    state = optax.adam(STEP_SIZE).init((network.weights, network.biases))
    steps = 0
    while True:
        loss, error = _look(network, x, labels)
        if float(error) == 0 or steps >= BUDGET or not np.isfinite(float(loss)):
            return network, float(error), float(loss), steps
        network, state = _advance(network, state, x, labels)
        steps += CHUNK


def _loss(network: Any, x: Any, labels: Any) -> Any:
    logits = jax.vmap(network)(x)
    return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, labels))


@jax.jit
def _look(network: Any, x: Any, labels: Any) -> Any:
    return _loss(network, x, labels), jnp.mean(_answers(network, x) != labels)


@jax.jit
def _answers(network: Any, x: Any) -> Any:
    return jnp.argmax(jax.vmap(network)(x), axis=1)


@functools.partial(jax.jit)
def _advance(network: Any, state: Any, x: Any, labels: Any) -> Any:
    """`CHUNK` steps of Adam."""
    optimiser = optax.adam(STEP_SIZE)

    def one(carry: Any, _: Any) -> Any:
        network, state = carry
        slope = jax.grad(_loss)(network, x, labels)
        updates, state = optimiser.update((slope.weights, slope.biases), state)
        weights, biases = optax.apply_updates((network.weights, network.biases), updates)
        moved = type(network)(weights, biases, network.activations, network.weight_scales, network.bias_scales)
        return (moved, state), None

    return jax.lax.scan(one, (network, state), None, length=CHUNK)[0]
