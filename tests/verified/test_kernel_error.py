"""The bound on a stored kernel's error, against the kernel in ball arithmetic."""

import flint
import numpy as np
import pytest
from flint import arb

from zeroloss.networks import MLP, wrap
from zeroloss.plumbing import InputError
from zeroloss.tangent import entry_error_bound, kernel, kernel_matrix, smallest_eigenvalue

RNG = np.random.default_rng(0)
X = RNG.standard_normal((4, 3))


def exact_kernel(net, x, weights=True, biases=True):
    """A tanh network of one hidden layer, in balls of 200 bits: the full kernel, row by row."""
    (w1, w2), (b1, _) = (
        [[[arb(float(v)) for v in np.ravel(row)] for row in np.atleast_2d(np.asarray(p, float))] for p in ps]
        for ps in (net.weights, net.biases)
    )
    (a1, a2), (c1, c2) = (list(map(arb, s)) for s in (net.weight_scales, net.bias_scales))
    rows = []
    for point in x:
        h0 = [arb(float(v)) for v in point]
        z = [a1 * sum(w * h for w, h in zip(row, h0, strict=True)) + c1 * b for row, b in zip(w1, b1[0], strict=True)]
        h1, slope = [v.tanh() for v in z], [1 - v.tanh() ** 2 for v in z]
        for out, readout in enumerate(w2):
            g = [a2 * w * s for w, s in zip(readout, slope, strict=True)]
            row = []
            if weights:
                row += [a1 * gi * h for gi in g for h in h0]
                row += [a2 * h if o == out else arb(0) for o in range(len(w2)) for h in h1]
            if biases:
                row += [c1 * gi for gi in g] + [c2 if o == out else arb(0) for o in range(len(w2))]
            rows.append(row)
    return [[sum(p * q for p, q in zip(r, s, strict=True)) for s in rows] for r in rows]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("trainable", [None, "weights", "biases"])
def test_it_bounds_the_error_and_is_not_much_more(dtype, trainable):
    net = MLP(3, 2, 5, activation="tanh", dtype=dtype, key=0)
    stored = kernel_matrix(net, X, trainable=trainable)
    with flint.ctx.workprec(200):
        exact = exact_kernel(net, X, trainable != "biases", trainable != "weights")
        off = sum(
            (arb(float(s)) - e) ** 2
            for row, line in zip(stored, exact, strict=True)
            for s, e in zip(row, line, strict=True)
        )
        off = float(off.sqrt().upper())
    bound = entry_error_bound(net, X, stored, trainable=trainable)
    assert 0 < off <= bound
    assert bound <= off * 1.01 + 1e-12 * np.trace(stored)
    assert entry_error_bound(net, X, kernel(net, X, trainable=trainable), trainable=trainable) == bound


def test_a_wrong_kernel_is_seen():
    net = MLP(3, 2, 5, activation="tanh", dtype="float64", key=0)
    wrong = kernel_matrix(net, X)
    wrong[0, 0] += 1e-3
    assert entry_error_bound(net, X, wrong) >= 1e-3


def test_the_enclosure_of_the_network():
    net = MLP(3, 1, 20, activation="tanh", dtype="float64", key=0)
    stored = kernel_matrix(net, X)
    found = smallest_eigenvalue(stored, entry_error=entry_error_bound(net, X, stored))
    assert "the matrix meant" in found.about and found.lower > 0
    twice = np.r_[X, X[:1]]  # a repeated input: the true kernel is singular
    stored = kernel_matrix(net, twice)
    found = smallest_eigenvalue(stored, entry_error=entry_error_bound(net, twice, stored))
    assert found.lower <= 0 <= found.upper


@pytest.mark.parametrize(
    ("network", "k", "words"),
    [
        (MLP(3, 1, 4, activation="relu", key=0), np.eye(4), "its slope jumps"),
        (wrap(lambda p, x: x @ p, np.ones((3, 1))), np.eye(4), "only that of a FeedForward"),
        (MLP(3, 1, 4, key=0), np.eye(5), "give the full kernel"),
        (MLP(3, 1, 4, key=0), np.full((4, 4), np.nan), "NaN or infinity"),
    ],
)
def test_bad_input(network, k, words):
    with pytest.raises(InputError, match=words):
        entry_error_bound(network, X, k)
