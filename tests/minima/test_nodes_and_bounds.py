"""The networks of explicit weights, and how much of the cube they cover."""

import itertools

import numpy as np
import pytest

from zeroloss.minima.constructions import (
    approximation_error,
    box_bound,
    bump_network,
    bump_norm,
    coverage,
    grid,
    grid_coverage,
    losses_at_scale,
    node_bumps,
)
from zeroloss.networks import predict
from zeroloss.plumbing import InputError

ACTIVATIONS = ["relu", "leaky_relu", "prelu(0.25)", "prelu(0.9)", "sigmoid"]
LINE = np.linspace(0, 1, 6)
SIGNS = np.array([1.0, -1, -1, 1, 1, -1])


def signs(n, seed=0):
    return np.random.default_rng(seed).choice([-1.0, 1.0], n)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(
    ("nodes", "b"), [(LINE[:, None], 0.0), (LINE[:, None], 0.9), (grid(4, 2), 1.5), (grid(3, 3), 2.3)]
)
def test_zero_training_loss_and_nothing_elsewhere(activation, nodes, b):
    n, d = nodes.shape
    w = 0.5 / (round(n ** (1 / d)) - 1)
    y = signs(n)
    network = bump_network(nodes, y, w, b, activation)
    np.testing.assert_allclose(predict(network, nodes)[:, 0], y, atol=1e-13)
    x = np.random.default_rng(1).uniform(size=(2000, d))
    outside = np.abs(x[:, None] - nodes).sum(axis=2).min(axis=1) > (d - b) * w
    if outside.any():
        assert np.abs(predict(network, x)[outside]).max() < 1e-8
    used = {name for layer in network.activations for name, _ in layer}
    assert used == {activation}


@pytest.mark.parametrize("activation", ["relu", "prelu(0.5)"])
def test_the_sharpened_hat_by_hand(activation):
    # Node 0.5, w = 0.1, b = 0.9: half-width 0.01.
    network = bump_network([0.5], [3.0], 0.1, 0.9, activation)
    t = np.array([0.5, 0.505, 0.51, 0.55, 0.495, 0.2])
    np.testing.assert_allclose(predict(network, t[:, None])[:, 0], [3, 1.5, 0, 0, 1.5, 0], atol=1e-12)


def test_two_thresholds_for_two_classes():
    b = np.where(SIGNS > 0, 0.0, 0.9)
    made = node_bumps(LINE, 0.1, b)
    t = (np.arange(99_991) + 0.5) / 99_991
    lengths = (made.values(t[:, None]) > 1e-12).mean(axis=0)  # hats of three units leak their rounding
    expected = 2 * 0.1 * (1 - b) * np.where((LINE == 0) | (LINE == 1), 0.5, 1)  # half of them at the ends
    np.testing.assert_allclose(lengths, expected, atol=2e-5)


def test_the_support_is_the_cross_polytope():
    nodes = grid(3, 2)
    made = node_bumps(nodes, 0.25, 1.4)
    x = np.random.default_rng(0).uniform(size=(5000, 2))
    distance = np.abs(x[:, None] - nodes).sum(axis=2)
    np.testing.assert_allclose(made.values(x), np.maximum(1 - distance / (0.6 * 0.25), 0), atol=1e-12)


def test_sigmoids_solve_the_system_of_the_nodes():
    # Blunt sigmoids reach their neighbours: values as the read-out would miss, the n x n system does not.
    x = LINE[:, None]
    made = node_bumps(LINE, 0.15, 0.0, "sigmoid", steep=6.0)
    assert np.abs(made.values(x) @ SIGNS - SIGNS).max() > 1e-2
    network = bump_network(LINE, SIGNS, 0.15, 0.0, "sigmoid", steep=6.0)
    np.testing.assert_allclose(predict(network, x)[:, 0], SIGNS, atol=1e-12)


@pytest.mark.parametrize("d", range(1, 7))
@pytest.mark.parametrize("share", [0.0, 0.3, 0.7])
def test_coverage_against_monte_carlo(d, share):
    b = d - 1 + share
    found, error = grid_coverage(5, d, b, 400_000, key=d)
    assert abs(found - coverage(d, b)) < 4.5 * error
    assert coverage(d, b) <= box_bound(5, d, b) and found <= box_bound(5, d, b) + 4.5 * error


@pytest.mark.parametrize(("d", "per_axis"), [(1, 6), (2, 4), (3, 3), (4, 2), (5, 2), (6, 2)])
def test_coverage_of_the_networks_themselves(d, per_axis):
    nodes, b = grid(per_axis, d), d - 0.4
    y = signs(len(nodes))
    network = bump_network(nodes, y, 0.5 / (per_axis - 1), b)
    x = np.random.default_rng(d).uniform(size=(20_000, d))
    share = (np.abs(predict(network, x)) > 1e-12).mean()
    exact = coverage(d, b)
    assert abs(share - exact) < 4.5 * np.sqrt(max(exact * (1 - exact), 1 / 20_000) / 20_000)


def test_the_bounds_hold_for_labels_of_two_signs_and_not_for_0_and_1():
    nodes, b = grid(4, 2), 1.9
    x = np.random.default_rng(0).uniform(size=(20_000, 2))
    truth = x[:, 0] > x[:, 1]
    labels = nodes[:, 0] > nodes[:, 1]
    both = predict(bump_network(nodes, np.where(labels, 1.0, -1.0), 1 / 6, b), x)[:, 0]
    assert ((both > 0) & truth | (both < 0) & ~truth).mean() < coverage(2, b) + 0.002 < box_bound(4, 2, b)
    zero = predict(bump_network(nodes, labels.astype(float), 1 / 6, b), x)[:, 0]
    assert ((zero > 0.5) == truth).mean() > 0.4 > 10 * box_bound(4, 2, b)


def test_the_box_bound_of_the_paper():
    b = np.linspace(1.2, 1.99, 5)
    for n in (50, 10_000):
        np.testing.assert_allclose(box_bound(n, 2, b), n**2 * (2 - b) ** 2 / (n - 1) ** 2)
    assert box_bound(50, 2, 1.0) > 1  # and says nothing


@pytest.mark.parametrize("d", [1, 2, 3])
def test_the_norm_of_a_bump(d):
    r, steps = 0.7, 160  # the midpoint rule on one orthant
    axis = (np.arange(steps) + 0.5) * r / steps
    distance = sum(np.meshgrid(*[axis] * d, indexing="ij"))
    orthant = (np.maximum(0.0, 1 - distance / r) ** 2).mean() * r**d
    assert bump_norm(d, r) == pytest.approx(np.sqrt(2**d * orthant), rel=1e-4)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_error_tends_to_the_norm_of_the_target(activation):
    # f(x) = sin(2 pi x) + 1 on [0, 1], of norm sqrt(3/2).
    t = (np.arange(200_000) + 0.5) / 200_000
    target, y = np.sin(2 * np.pi * t) + 1, np.sin(2 * np.pi * LINE) + 1
    norm, errors = np.sqrt(1.5), []
    for b in (0.0, 0.9, 0.99):
        network = bump_network(LINE, y, 0.1, b, activation)
        assert np.abs(predict(network, LINE[:, None])[:, 0] - y).max() < 1e-12
        errors.append(np.sqrt(np.mean((predict(network, t[:, None])[:, 0] - target) ** 2)))
        if activation != "sigmoid":
            low, high = approximation_error(y, 1, (1 - b) * 0.1, norm)
            assert low <= errors[-1] <= high
    assert abs(errors[-1] - norm) < 0.03
    assert abs(errors[2] - norm) < abs(errors[1] - norm) < abs(errors[0] - norm)


def test_cross_entropy_is_never_zero():
    assert losses_at_scale(1.0) == {"squared": 0.0, "hinge": 0.0, "cross_entropy": pytest.approx(np.log1p(np.exp(-1)))}
    assert losses_at_scale(3.0)["squared"] == 2 and losses_at_scale(0.5)["hinge"] == 0.5
    values = [losses_at_scale(c)["cross_entropy"] for c in (1, 10, 100, 700)]
    assert all(a > b > 0 for a, b in itertools.pairwise(values))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: node_bumps([[0.0], [0.1]], 0.2, 0.0), "a node lies on the bump of another"),
        (lambda: node_bumps([[0.0], [0.0]], 0.2, 0.0), "a node lies on the bump of another"),
        (lambda: node_bumps([0.0, 1.0], 0.1, 1.0), "0 <= b < 1"),
        (lambda: node_bumps(grid(2, 2), 0.1, 0.5), "1 <= b < 2"),
        (lambda: node_bumps([0.0, 1.0], 0.1, [0.1, 0.2, 0.3]), "each of the 2 nodes"),
        (lambda: node_bumps([0.0, 1.0], -0.1), "above 0"),
        (lambda: node_bumps([], 0.1), "nodes of shape"),
        (lambda: node_bumps([0.0], 0.1, 0, "gelu"), "no bumps of activation 'gelu'"),
        (lambda: bump_network([0.0], [1.0, 2.0], 0.1), "each of 1 nodes"),
        (lambda: grid(1, 2), "2 nodes"),
        (lambda: coverage(2, 2.0), "1 <= b < 2"),
        (lambda: box_bound(1, 2, 1.5), "2 or more"),
    ],
)
def test_bad_input_is_one_line(make, words):
    with pytest.raises(InputError) as error:
        make()
    assert words in str(error.value) and "\n" not in str(error.value)
