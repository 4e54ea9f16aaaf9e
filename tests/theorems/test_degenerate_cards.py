"""Cards on the smallest networks and at the ends of float64: what they prove is true there too."""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np
import pytest

import zeroloss as zl
from zeroloss.minima import extend
from zeroloss.networks import FeedForward, predict
from zeroloss.plumbing import double
from zeroloss.theorems import composite_theorem
from zeroloss.theorems.catalogue import check, find_card
from zeroloss.theorems.terjek_gonzalez_sanchez import to_linearised
from zeroloss.verdict import Status


def network(weights, biases, activations, *scales):
    with double():
        arrays = ([None if a is None else jnp.asarray(a, jnp.float64) for a in part] for part in (weights, biases))
        return FeedForward(*arrays, activations, *scales)


IDENTITY = network([[[1.0]]], [None], [])
NETWORKS = {
    "f(x) = x": IDENTITY,
    "f(x) = 0": network([[[0.0]]], [[0.0]], []),
    "one relu": network([[[1.0]], [[-1.0]]], [None, None], ["relu"]),
    "one tanh, zero weights": network([[[0.0]], [[0.0]]], [[0.0], [0.0]], ["tanh"]),
    "read-out scaled by 0": network([[[1.0]], [[1.0]]], [[0.0], [0.0]], ["tanh"], [1.0, 0.0], [1.0, 0.0]),
    "tiny": network([[[1e-200]] * 4, [[1e-200] * 4]], [None, None], ["tanh"]),
    "huge": network([[[1e150]] * 4, [[1e150] * 4]], [None, None], ["tanh"]),
}
DATA = {
    "one": ([[1.0]], [[1.0]]),
    "zero": ([[0.0]], [[1.0]]),
    "two": ([[0.0], [1.0]], [[-1.0], [1.0]]),
    "tiny targets": ([[1.0], [2.0]], [[1e-200], [1e-300]]),
    "tiny inputs": ([[1e-200], [5e-324]], [[1.0], [1.0]]),
    "torn by little": ([[1.0], [1.0]], [[1e-200], [2e-200]]),
    "torn by much": ([[1.0], [1.0]], [[1e200], [-1e200]]),
}


def test_one_unit_keeps_a_function_only_above_its_bound():
    """`R(f + B) - B` is at least `-B`, and f(x) = x is not: no network of the kind has the same function."""
    x = np.array([[-3.0], [2.0]])
    narrow = find_card("depth-extension").check(IDENTITY, (x, x), width=1)
    assert "the same function" not in narrow.claim
    assert "wherever each output is at least -B" in narrow.claim
    assert narrow.status is Status.PROVED
    deeper = extend(IDENTITY, 2, 1, "relu", x=x).network
    assert predict(deeper, x) == pytest.approx(x)
    assert predict(deeper, np.array([[-100.0]]))[0, 0] > -100  # the same function it is not
    wide = find_card("depth-extension").check(IDENTITY, (x, x), width=2)
    assert wide.status is Status.PROVED
    assert "the same function" in wide.claim
    everywhere = np.array([[-100.0], [-1e-5], [0.0], [1e9]])
    assert predict(extend(IDENTITY, 2, 2, "relu").network, everywhere) == pytest.approx(everywhere)


def _radius_reached(net, x, y, radius):
    """Whether moving the read-out of a network by `radius` can reach the group means: exact for one distinct input."""
    features = np.abs(x[0, 0]) if net.depth == 0 else None
    return features is None or radius * features >= abs(np.mean(y) - x[0, 0] * float(net.weights[0][0, 0])) * (1 - 1e-9)


SHARED = ("composite", "readout", "rump", "newton-kantorovich", "counting")


@pytest.mark.parametrize("data", DATA)
def test_no_card_breaks_at_the_ends_of_float64(data):
    x, y = (np.array(a) for a in DATA[data])
    torn = data.startswith("torn")
    alone = check(None, (x, y), ["twin", "repeated-inputs"])
    assert (alone["repeated-inputs"].status is Status.PROVED) == torn == (alone["twin"].status is not Status.PROVED)
    for name, net in NETWORKS.items():
        found = check(net, (x, y), SHARED)
        readout, composite = found["readout"], found["composite"]
        if readout.status is Status.PROVED and name == "f(x) = x":
            assert _radius_reached(net, x, y, readout.promises[0].constants["radius"])
        if composite.status is Status.PROVED:
            assert composite.promises[1].constants["radius"] > 0
            assert 0 < composite.promises[0].constants["rate"] < 1 + 1e-9
        if name == "f(x) = 0" and data == "zero":  # the bias alone reaches the target, one away
            assert readout.promises[0].constants["radius"] >= 1


def test_what_is_left_of_tiny_contradictions_is_not_called_nothing():
    x, y = (np.array(a) for a in DATA["torn by little"])
    assert find_card("repeated-inputs").check(None, (x, y)).status is Status.PROVED
    verdicts = zl.certify(IDENTITY, (x, y), steps=10).verdicts
    assert verdicts["exists"].status is Status.REFUTED
    assert "float64" in verdicts["exists"].reason
    proof = zl.prove(IDENTITY, (x, y))
    assert proof.status is Status.PROVED
    assert "zero training loss" not in proof.reason


def test_the_risk_is_named():
    net, (x, y) = IDENTITY, (np.ones((1, 1)), np.ones((1, 1)))
    assert "empirical squared risk" in zl.certify(net, (x, y), steps=10).verdicts["reaches"].claim
    assert "empirical squared risk" in zl.prove(net, (x, y)).claim


@pytest.mark.parametrize("size", [1e-320, 1e-200, 1e-3, 1e200])
def test_the_path_is_as_long_as_the_residual_needs(size):
    """One parameter, kernel 1: the way to the target is exactly as long as the residual, however short."""
    found = composite_theorem(1.0, 1.0, size, 1, lambda radius: 0.0)
    assert found.holds
    assert found.radius >= size
    held = composite_theorem(1.0, 1.0, size, 1, lambda radius: 1e-250)
    assert not held.holds or held.radius >= size
    assert to_linearised(1.0, 1e-200, 1e-200) > 0
    assert math.isinf(to_linearised(1.0, 2.0, 1.0))
