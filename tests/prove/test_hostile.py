"""Nothing false is PROVED of networks and data at any scale that float64 has; held against ball arithmetic without underflow."""

from __future__ import annotations

import hostile
import numpy as np
import pytest
from flint import arb, arb_mat

from zeroloss.data import collapse
from zeroloss.minima import prove
from zeroloss.plumbing import InputError, double
from zeroloss.plumbing.precision import as_double
from zeroloss.verdict import Status
from zeroloss.verified.forward import forward
from zeroloss.verified.jacobian import Trained
from zeroloss.verified.lipschitz import constants
from zeroloss.verified.readout import readout_proof


def _within(layer, exact, what):
    for found, error, true in zip(layer[0].ravel(), layer[1].ravel(), exact, strict=True):
        assert not hostile.above(abs(arb(float(found)) - true), float(error)), f"{what}: {found} +- {error}"


def _check_forward(network, x):
    """Every pre-activation and feature is within its bound; the exact layers of each example."""
    with double():
        start = as_double(network)
    layers = forward(start, x)
    exact = hostile.Exact(start)
    found = [exact.layers(row) for row in hostile.numbers(x)]
    for i, (inputs, outputs) in enumerate(found):
        for index, layer in enumerate(layers):
            _within((layer.h[i], layer.h_error[i]), inputs[index], f"h of layer {index + 1}")
            _within((layer.z[i], layer.z_error[i]), outputs[index], f"z of layer {index + 1}")
    return start, exact, found


def _check_readout(start, exact, found, distinct):
    """Residual, singular value and distance; whether a distance was proved."""
    proof = readout_proof(start, distinct.x, distinct.y, distinct.rounding)
    matrix = hostile.readout_matrix(exact, [inputs[-1] for inputs, _ in found])
    y = hostile.numbers(distinct.y)
    residual = arb_mat(
        [[t - f for t, f in zip(row, outputs[-1], strict=True)] for row, (_, outputs) in zip(y, found, strict=True)]
    )
    length = sum((residual[i, j] ** 2 for i in range(residual.nrows()) for j in range(residual.ncols())), arb(0)).sqrt()
    assert not hostile.above(length, proof.residual_upper)
    gram = matrix * matrix.transpose()
    if proof.singular_value_lower > 0:
        assert not hostile.not_semidefinite(gram, proof.singular_value_lower)
    if proof.radius is None:
        return False
    nearest = matrix.transpose() * gram.solve(residual)
    moved = sum((nearest[i, j] ** 2 for i in range(nearest.nrows()) for j in range(nearest.ncols())), arb(0)).sqrt()
    assert not hostile.above(moved, proof.radius)
    return True


def _check_constants(start, exact, x, distinct):
    """`lam0 <= lambda_min`, `lambda_max <= Lam0` and `|D^2 F[u, u]| <= beta |u|^2` at the start."""
    trained = Trained((True,) * len(start.weights), tuple(b is not None for b in start.biases))
    known = constants(start, distinct.x, distinct.y, distinct.rounding, distinct.sizes, trained)
    roots = [arb(int(size)).sqrt() for size in distinct.sizes]
    examples = list(zip(roots, hostile.numbers(x), strict=True))
    rows = [[root * v for v in row] for root, example in examples for row in exact.rows(example)]
    jacobian = arb_mat(rows)
    gram = jacobian * jacobian.transpose()
    if known.lam0 > 0:
        assert not hostile.not_semidefinite(gram, float(np.nextafter(np.sqrt(known.lam0), 0)))
    for i in range(gram.nrows()):
        assert not hostile.above(gram[i, i], known.Lam0)
    beta = known.beta(0.0)
    if not np.isfinite(beta):
        return
    rng = np.random.default_rng(0)
    step = arb(2) ** -900
    for layer in range(len(start.weights)):
        moved = [hostile.Exact(start) for _ in range(2)]
        direction = rng.standard_normal(np.shape(start.weights[layer]))
        other = rng.standard_normal(np.shape(start.weights[-1]))
        for sign, net in zip((1, -1), moved, strict=True):
            for at, u in {layer: direction, len(start.weights) - 1: other}.items():
                for row, change in zip(net.weights[at], u, strict=True):
                    row[:] = [w + sign * step * arb(float(v)) for w, v in zip(row, change, strict=True)]
        squared = sum(float(np.sum(u**2)) for u in {layer: direction, len(start.weights) - 1: other}.values())
        curvature = arb(0)
        for root, example in examples:
            middle, *sides = (net.layers(example)[1][-1] for net in (exact, *moved))
            curvature += sum(
                ((root * (p + q - 2 * m) / step**2) ** 2 for m, p, q in zip(middle, *sides, strict=True)), arb(0)
            )
        assert not hostile.above(curvature.sqrt(), beta * squared * (1 + 1e-12))


def attack(seed: int, attempts: int) -> tuple[int, int]:
    """How many networks were within float64, and of how many a distance was proved."""
    rng = np.random.default_rng(seed)
    judged = proved = 0
    for _ in range(attempts):
        network, x, y = hostile.attempt(rng)
        with hostile.precision(), np.errstate(all="ignore"):
            try:
                distinct = collapse(x, y)
                start, exact, found = _check_forward(network, distinct.x)
            except InputError:  # beyond float64, and said so
                continue
            proved += _check_readout(start, exact, found, distinct)
            if all(name in hostile.SMOOTH for layer in exact.names for name in layer):
                _check_constants(start, exact, distinct.x, distinct)
        judged += 1
    return judged, proved


def test_nothing_false_is_proved_at_any_scale():
    judged, proved = attack(0, 25)
    assert judged >= 15
    assert proved >= 4


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 6))
def test_five_hundred_attempts(seed):
    judged, proved = attack(seed, 100)
    assert judged >= 60
    assert proved >= 15


@pytest.mark.parametrize("size", [1e-170, 1e-200, 1e-300, 5e-324, 1e170, 1e300])
def test_the_distance_is_at_least_the_residual(size):
    """Features I and answers 0: the nearest read-out is `|y|` away, however small or large that is."""
    network, y = _identity(), np.full((3, 1), size)
    proof = prove(network, (np.eye(3), y), polish=False)
    assert proof.status is Status.PROVED
    assert proof.radius >= np.sqrt(3) * size
    assert proof.radius <= np.sqrt(3) * size * (1 + 1e-5) + 1e-288


@pytest.mark.parametrize("scale", [1e34, 1e60, 1e150])
def test_a_large_scale_multiplies_what_underflow_has_lost(scale):
    """`scale (1e-200 1e-130)` is `1e-330 scale`; computed, 0: the margin's bound must allow for it, in both directions."""
    from zeroloss.networks import FeedForward

    with double():
        network = FeedForward([np.array([[1e-130], [0.0]])], [None], [], [scale])
    x = np.array([[1e-200], [2e-200]])
    for labels in ([0, 0], [1, 1]):
        verdict = prove(network, _labelled(x, labels), polish=False).classified
        assert verdict.status is Status.UNKNOWN, verdict


def test_float32_weights_that_are_subnormal_decide_a_class():
    """1e-40 is more than 0: class 0 is right and class 1 is wrong, and a cast that flushes would have it otherwise."""
    import jax.numpy as jnp

    from zeroloss.networks import FeedForward

    weights = jnp.asarray(np.array([[1e-40], [0.0]], np.float32))
    network = FeedForward([weights], [jnp.asarray(np.array([0.0, 5e-41], np.float32))], [])
    x = np.ones((2, 1))
    assert prove(network, _labelled(x, [0, 0]), polish=False).classified.status is Status.PROVED
    assert prove(network, _labelled(x, [1, 1]), polish=False).classified.status is Status.REFUTED


def test_the_margin_is_of_the_weights_given():
    """An untrained network gets most of its examples wrong; polishing makes them right, which is said of the polished weights."""
    from zeroloss.networks import MLP

    rng = np.random.default_rng(0)
    data = _labelled(rng.standard_normal((12, 3)), rng.integers(0, 3, 12))
    with double():
        network = MLP(3, 3, 40, 1, "tanh", dtype="float64", key=3)
    proof = prove(network, data)
    assert proof.which == "polished"
    assert proof.classified.status is Status.REFUTED
    assert "at the weights given" in proof.classified.claim
    assert "The polished weights" in proof.classified.reason
    assert proof.classified_polished.status is Status.PROVED
    assert "at the polished weights" in proof.classified_polished.claim
    alone = prove(network, data, polish=False)
    assert alone.classified.status is Status.REFUTED
    assert alone.classified_polished is None
    again = prove(proof.network, data, polish=False)
    assert again.classified.status is Status.PROVED
    assert "at the weights given" in again.classified.claim


def _identity():
    from zeroloss.networks import FeedForward

    with double():
        return FeedForward([np.zeros((1, 3))], [None], [])


def _labelled(x, labels):
    from types import SimpleNamespace

    labels = np.asarray(labels)
    targets = np.eye(max(2, labels.max() + 1))[labels]
    return SimpleNamespace(x_train=x, y_train=targets, labels_train=labels, n=len(x), task="classification")
