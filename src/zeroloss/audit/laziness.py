"""`laziness`: did training stay where the network is linear in its weights?"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from zeroloss.audit.bootstrap import ratio_interval
from zeroloss.audit.measure import Measure
from zeroloss.networks import FeedForward, Wrapped, precision, trainable_mask
from zeroloss.plumbing import InputError, double
from zeroloss.plumbing.derivatives import pushforward
from zeroloss.plumbing.operations import of_example
from zeroloss.plumbing.precision import as_double
from zeroloss.tangent.operator import ACTIVATION_BYTES, bytes_per_example
from zeroloss.tangent.points import points
from zeroloss.verdict import Record, Status, Verdict

CLAIM = "training was lazy"
LAZY = 0.1
BLOCK = 512
LINEAR = 1e12
"""Counted operations of linearisations above which an audit compares on a sample."""


@dataclasses.dataclass(frozen=True)
class Laziness(Record):
    """How far the weights moved, and how far the network is from its linearisation at the start.

    Attributes:
        movement: `|w - w0|/|w0|` over all parameters, no unit; None if `w0 = 0`.
        layers: the same for each layer (a `FeedForward`: `layer1`, ...; any other network: each array by its path).
        train_error, test_error: relative linearisation error, see `laziness`; None where the answers did not
            change, where there is no test set, or where an answer is NaN or infinite.
        train_interval, test_interval: its 95 % bootstrap interval over examples, or None.
        reason: why the training error is None; empty otherwise.
        key: the seed of the bootstrap.
    """

    movement: float | None
    layers: dict[str, float | None]
    train_error: float | None
    train_interval: list[float] | None
    test_error: float | None
    test_interval: list[float] | None
    reason: str
    key: int


def laziness(
    network: Any, initial: Any, x_train: np.ndarray, x_test: np.ndarray | None = None, *, key: int = 0
) -> Laziness:
    """Relative movement of the weights and relative linearisation error, in float64.

        f_lin(x; w) = f(x; w0) + Df(x; w0) (w - w0)
        error = sqrt( sum_x |f(x; w) - f_lin(x; w)|^2 / sum_x |f(x; w) - f(x; w0)|^2 )

    0 for a network that is linear in its weights; near 1 if the linearisation explains nothing. Weights are the
    arrays the network holds, so movement depends on the parametrization (in `ntk` the multipliers are not part). A batch
    normalisation's running statistics change in training too: they are linearised as weights are, and not counted as movement.

    Args:
        network: the trained network, weights `w`; `initial`: the same network at its start, weights `w0`.
        x_train, x_test: `(n, d)` inputs.

    Raises:
        InputError: `network` is a black box, or `initial` is not a network of the same kind and size.

    Standing: the quantity is the field's; its use as a criterion here is ours.
    """
    _check_alike(network, initial)
    with double():
        (w, static), (w0, _) = (eqx.partition(as_double(each), eqx.is_inexact_array) for each in (network, initial))
        w0 = jax.tree.unflatten(jax.tree.structure(w), jax.tree.leaves(w0))
        difference = jax.tree.map(jnp.subtract, w, w0)
        mask = trainable_mask(network)
        movement, layers = _movement(network, eqx.filter(difference, mask), eqx.filter(w0, mask))
        train = _linearisation(static, w, w0, difference, x_train)
        test = None if x_test is None or not len(x_test) else _linearisation(static, w, w0, difference, x_test)
    error, interval, reason = _summary(train, key)
    test_error, test_interval, _ = _summary(test, key)
    return Laziness(movement, layers, error, interval, test_error, test_interval, reason, key)


def evaluation(network: Any, x: np.ndarray) -> float:
    """Counted operations of one evaluation on a row of `x`."""
    x = points(network, x)
    with precision(network):
        arrays, static = eqx.partition(network, eqx.is_array)
        jaxpr = jax.make_jaxpr(lambda a, v: eqx.combine(a, static)(v))(arrays, jnp.asarray(x[0])).jaxpr
    return of_example(jaxpr, [False] * (len(jaxpr.invars) - 1) + [True])[0]


def linear_rows(operations: float) -> int:
    """Number of examples on which an audit compares a network with its linearisation, given the operations per evaluation."""
    return max(128, int(LINEAR / max(1.0, 4 * operations)))


def unknown_lazy(reason: str) -> Verdict:
    """The verdict where the answers at the start are not known."""
    return Verdict(CLAIM, Status.UNKNOWN, f"Not measured: {reason}.", {})


def lazy_verdict(result: Laziness, drift: Measure | None = None, note: str = "") -> Verdict:
    """Judges "training was lazy": the error of the tangent model at the start, and the drift of the kernel, are below 0.1.

    Two quantities count: the relative linearisation error at the training points, and the relative drift `drift` of the
    tangent kernel, where it was measured. SUPPORTED if the whole 95 % interval of each is below 0.1, CONTRADICTED if all
    of one of them is above, else UNKNOWN. The other numbers are evidence: movement depends on the parametrization.
    `note`: what was done to the start, a sentence.
    """
    criterion = f"relative linearisation error at the training points below {LAZY}"
    evidence: dict[str, Any] = {
        "linearisation_error_train": result.train_error,
        "linearisation_error_train_interval": result.train_interval,
        "linearisation_error_test": result.test_error,
        "linearisation_error_test_interval": result.test_interval,
        "relative_movement": result.movement,
        "relative_movement_layers": result.layers,
        "criterion": criterion,
        "seed": result.key,
    }
    if result.train_error is None or result.train_interval is None:
        return Verdict(CLAIM, Status.UNKNOWN, f"Not measured: {result.reason}.", evidence)
    lower, upper = result.train_interval
    intervals = [(lower, upper)]
    reason = (
        f"The network linearised at its start misses the trained one by {result.train_error:.3g} of the change "
        f"of the answers at the training points (95 % interval {lower:.3g} to {upper:.3g}); "
        f"below {LAZY} counts as lazy."
    )
    if drift is not None and drift.value is not None and drift.interval is not None:
        intervals.append((drift.interval[0], drift.interval[1]))
        evidence |= {"kernel_drift": drift.value, "kernel_drift_interval": drift.interval}
        evidence["criterion"] = f"{criterion}, and relative drift of the tangent kernel below {LAZY}"
        reason += (
            f" The tangent kernel moved by {drift.value:.3g} of its size "
            f"({drift.interval[0]:.3g} to {drift.interval[1]:.3g}, {drift.details['examples']} examples)."
        )
    reason += f" {note}" if note else ""
    lazy = all(high < LAZY for _, high in intervals)
    rich = any(low > LAZY for low, _ in intervals)
    status = Status.SUPPORTED if lazy else Status.CONTRADICTED if rich else Status.UNKNOWN
    return Verdict(CLAIM, status, reason, evidence)


def _check_alike(network: Any, initial: Any) -> None:
    def shapes(tree):
        return [leaf.shape for leaf in jax.tree.leaves(tree) if eqx.is_inexact_array(leaf)]

    if not shapes(network):
        raise InputError("laziness needs a network with parameters, and this one is a black box; leave out initial.")
    if isinstance(network, FeedForward) and isinstance(initial, FeedForward):
        facts = [(n.activations, n.weight_scales, n.bias_scales) for n in (network, initial)]
    elif isinstance(network, Wrapped) and isinstance(initial, Wrapped):  # two models of a framework have two functions
        facts = [jax.tree.structure(eqx.filter(n.params, eqx.is_inexact_array)) for n in (network, initial)]
    else:
        facts = [jax.tree.structure(eqx.filter(n, eqx.is_inexact_array)) for n in (network, initial)]
    if shapes(network) != shapes(initial) or facts[0] != facts[1]:
        raise InputError("initial is not the same kind of network; give the network as it was before training.")


def _movement(network: Any, difference: Any, w0: Any) -> tuple[float | None, dict[str, float | None]]:
    moved = [(jax.tree_util.keystr(path), leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(difference)]
    start = jax.tree.leaves(w0)
    parts: dict[str, list[int]] = {}
    for index, (path, _) in enumerate(moved):
        # A path of a FeedForward ends in [layer], whether weights or biases.
        name = f"layer{int(path.split('[')[-1][:-1]) + 1}" if isinstance(network, FeedForward) else path
        parts.setdefault(name, []).append(index)

    def ratio(indices) -> float | None:
        below = math.sqrt(sum(float(jnp.sum(start[i] ** 2)) for i in indices))
        value = math.sqrt(sum(float(jnp.sum(moved[i][1] ** 2)) for i in indices)) / below if below > 0 else math.nan
        return value if math.isfinite(value) else None

    return ratio(range(len(start))), {name: ratio(parts[name]) for name in sorted(parts)}


@eqx.filter_jit
def _both(static, w, w0, difference, x):
    def f(params):
        return jax.vmap(eqx.combine(params, static))(x).reshape(len(x), -1)

    before, change = pushforward(f, w0, difference)
    after = f(w)
    return jnp.sum((after - before - change) ** 2, axis=1), jnp.sum((after - before) ** 2, axis=1)


def _linearisation(static, w, w0, difference, x: np.ndarray) -> np.ndarray:
    """`|f - f_lin|^2` and `|f - f_0|^2` of each example, `(n, 2)`."""
    parts = []
    each = bytes_per_example(eqx.combine(w, static), np.asarray(x[:1], np.float64))
    # 3: the values at the start, their tangents, and the values at the end are held together.
    block = min(BLOCK, 1 << max(0, int(ACTIVATION_BYTES // (3 * max(1, each))).bit_length() - 1))
    for start in range(0, len(x), block):
        part = np.asarray(x[start : start + block], np.float64)
        short = block - len(part)  # every block has one shape, so that it compiles once
        padded = jnp.asarray(np.concatenate([part, np.repeat(part[-1:], short, axis=0)]))
        values = np.stack([np.asarray(v) for v in _both(static, w, w0, difference, padded)], axis=1)
        parts.append(values[: len(part)])
    return np.concatenate(parts)


def _summary(squares: np.ndarray | None, key: int) -> tuple[float | None, list[float] | None, str]:
    if squares is None:
        return None, None, "there are no examples"
    if not np.isfinite(squares).all():
        return None, None, "an answer of the network or of its linearisation is NaN or infinite"
    top, bottom = squares.sum(axis=0)
    if bottom == 0:
        return None, None, "the answers at these points did not change in training"
    lower, upper = ratio_interval(squares[:, 0], squares[:, 1], key=key)
    return math.sqrt(top / bottom), [math.sqrt(lower), math.sqrt(upper)], ""
