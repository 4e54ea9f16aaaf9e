"""The functions that are 1 at one point and 0 at the others, and the ways networks are put together."""

import itertools

import numpy as np
import pytest

from zeroloss.minima.constructions import bumps, caps, deepen, from_network, join, slab, spoil, to_network
from zeroloss.minima.constructions.bumps import choose_coordinates
from zeroloss.minima.constructions.bumps import cost as bumps_cost
from zeroloss.minima.constructions.caps import widest_margin
from zeroloss.minima.constructions.slab import cost as slab_cost
from zeroloss.minima.constructions.spoilers import gaps, nearest
from zeroloss.networks import MLP, FeedForward, predict
from zeroloss.plumbing import InputError


def circle(n):
    angle = 2 * np.pi * (np.arange(n) + 0.3) / n
    return np.c_[np.cos(angle), np.sin(angle)]


def gaussian(n, d, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d))


def parameters(spoilers):
    return sum(a.size for a in (*spoilers.weights, *spoilers.biases))


@pytest.mark.parametrize(
    ("make", "x"),
    [
        (bumps, np.array([[0.0], [0.25], [1.0]])),
        (bumps, np.array(list(itertools.product(range(3), repeat=2)), float)),
        (bumps, gaussian(40, 5)),
        (slab, gaussian(60, 3)),
        (slab, np.array([[0.0], [1.0]])),
        (caps, circle(9)),
        (caps, gaussian(50, 60)),
    ],
)
def test_one_at_its_own_point_and_exactly_zero_at_the_others(make, x):
    values = make(x).values(x)
    np.testing.assert_allclose(np.diag(values), 1, atol=1e-8)
    assert (values[~np.eye(len(x), dtype=bool)] == 0).all()


@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e6])
def test_the_peak_of_a_bump_is_exact_in_float32(scale):
    x = (scale * gaussian(30, 4)).astype(np.float32).astype(float)
    network = to_network(bumps(x).stack(np.eye(30)), "float32")
    assert (predict(network, x) == np.eye(30)).all()


def test_a_bump_is_the_cone_over_the_l1_ball():
    # Points 0 and 1 on the line: radius 0.05, so the bump at 0 is 1 - |t|/0.05.
    made = bumps(np.array([[0.0], [1.0]]))
    t = np.linspace(-0.1, 0.1, 41)
    np.testing.assert_allclose(made.values(t[:, None])[:, 0], np.maximum(1 - np.abs(t) / 0.05, 0), atol=1e-12)
    assert made.width == 0.05 and made.separation == 1.0


def test_a_bump_is_the_sharpened_sum_of_hats_of_the_paper():
    # R(sum_k phi_k - b)/(d - b) with hats of half-width w is the cone of L1 radius r = (d - b) w, for d - 1 <= b < d.
    x = np.array([[0.0, 0.0], [1.0, 1.0]])
    made, d, b = bumps(x), 2, 1.4
    w = made.width / (d - b)
    z = np.random.default_rng(0).uniform(-0.2, 0.2, (2000, 2))
    hats = np.maximum(1 - np.abs(z) / w, 0).sum(axis=1)
    np.testing.assert_allclose(made.values(z)[:, 0], np.maximum(hats - b, 0) / (d - b), atol=1e-12)


def test_bumps_are_left_in_every_direction():
    x = gaussian(30, 4, seed=3)
    made, near = bumps(x), nearest(x)
    assert made.values(x).max() == 1
    directions = np.vstack([np.eye(4), -np.eye(4), gaussian(20, 4, seed=4)])
    for u in directions / np.linalg.norm(directions, axis=1, keepdims=True):
        assert not made.active(x + 0.1 * near[:, None] * u).any()


def test_caps_are_left_in_one_of_two_opposite_directions():
    x = gaussian(80, 40)
    made, near = caps(x), nearest(x)[:, None]
    u = gaussian(80, 40, seed=1)
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    own = [np.diag(made.values(x + 0.1 * sign * near * u)) for sign in (1, -1)]
    assert np.mean((own[0] == 0) | (own[1] == 0)) > 0.95
    assert np.mean((own[0] == 0) & (own[1] == 0)) < 0.05  # one-sided, as the docstring says


def test_a_point_in_the_hull_has_no_cap():
    x = np.vstack([circle(6), [[0.1, 0.0]]])
    with pytest.raises(InputError, match="point 6"):
        caps(x)
    assert spoil(x)[0].kind == "bumps"


def test_the_widest_margin_reaches_points_that_the_mean_misses():
    # A long thin ellipse: x - mean points the wrong way for most points; all are vertices.
    x = circle(40) * [1.0, 0.001]
    centred = x - x.mean(axis=0)
    direct = np.einsum("ij,ij->i", centred, centred)[:, None] - centred @ centred.T
    np.fill_diagonal(direct, np.inf)
    assert (direct.min(axis=1) < 0).sum() > 20
    values = caps(x).values(x)
    np.testing.assert_allclose(values, np.eye(40), atol=1e-8)


def test_gilbert_finds_the_known_shortest_vector():
    # Differences (1, 1) and (1, -1): the shortest vector of their hull is (1, 0).
    x = np.array([[0.0, 0.0], [-1.0, -1.0], [-1.0, 1.0]])
    v = widest_margin(x, 0)
    np.testing.assert_allclose(v, [1, 0], atol=1e-12)
    inside = np.array([[0.0, 0.0], [1.0, 1.0], [-1.0, 1.0], [0.0, -1.0]])
    assert widest_margin(inside, 0) is None


def test_few_coordinates_are_chosen_when_they_suffice():
    rng = np.random.default_rng(0)
    x = np.hstack([rng.integers(0, 2, (50, 6)).astype(float), np.linspace(0, 1, 50)[:, None]])
    chosen = choose_coordinates(x, budget=20_000)
    assert chosen.tolist() == [6]
    made = bumps(x, chosen)
    np.testing.assert_array_equal(made.values(x), np.eye(50))
    with pytest.raises(InputError, match="more than"):
        choose_coordinates(x, budget=2_000)  # only the binary columns fit, and they do not separate 50 rows
    with pytest.raises(InputError, match="agree"):
        bumps(x, np.array([0, 1]))


@pytest.mark.parametrize("d", [1, 3])
def test_the_costs_announced_are_the_sizes_made(d):
    x = gaussian(20, d)
    assert bumps_cost(x) == parameters(bumps(x))
    assert slab_cost(20, d) == parameters(slab(x))


def test_slab_refuses_projections_that_rounding_cannot_tell_apart():
    x = np.array([[1.0], [1.0 + 1e-15], [2.0]])
    with pytest.raises(InputError, match="come as close as"):
        slab(x)


def test_auto_falls_back_and_says_why(monkeypatch):
    import importlib

    choose = importlib.import_module("zeroloss.minima.constructions.choose")
    x = gaussian(40, 30)
    monkeypatch.setattr(choose, "SMALL", 100)
    made, why = spoil(x)
    assert made.kind == "caps" and "no small bumps" in why
    monkeypatch.setattr(choose, "LARGE", slab_cost(40, 2))
    low = gaussian(40, 2)
    made, why = spoil(low)
    assert made.kind in ("bumps", "slab") and "no caps" in why
    monkeypatch.setattr(choose, "LARGE", 100)
    with pytest.raises(InputError, match="no construction"):
        spoil(low)


def test_single_point_and_constant_columns():
    x = np.array([[2.0, 5.0]])
    for make in (bumps, slab, caps):
        np.testing.assert_array_equal(make(x).values(x), [[1.0]])
    flat = np.c_[gaussian(10, 2), np.ones(10)]
    np.testing.assert_array_equal(bumps(flat).values(flat), np.eye(10))


def test_distances_against_brute_force():
    for d in (3, 30):
        x = gaussian(25, d)
        full = np.linalg.norm(x[:, None] - x[None], axis=2)
        np.fill_diagonal(full, np.inf)
        np.testing.assert_allclose(nearest(x), full.min(axis=1), rtol=1e-12)
    np.testing.assert_allclose(gaps(np.array([3.0, 0.0, 1.0])), [2, 1, 1])


@pytest.mark.parametrize("parametrization", ["standard", "ntk", "mup"])
def test_folding_extending_and_joining_keep_the_function(parametrization):
    one = MLP(3, 2, width=8, depth=1, activation="tanh", parametrization=parametrization, dtype="float64", key=1)
    two = MLP(3, 2, width=5, depth=3, activation="relu", parametrization=parametrization, dtype="float64", key=2)
    x = gaussian(50, 3)
    a, b = from_network(one), from_network(two)
    np.testing.assert_allclose(predict(to_network(a), x), predict(one, x), atol=1e-14)
    for depth in (1, 2, 5):
        np.testing.assert_allclose(predict(to_network(deepen(a, depth)), x), predict(one, x), atol=1e-14)
    both = join(a, b)
    assert both.depth == 3
    np.testing.assert_allclose(predict(to_network(both), x), predict(one, x) + predict(two, x), atol=1e-13)
    with pytest.raises(InputError, match="3 hidden layers"):
        deepen(b, 2)


def test_linear_networks_join():
    line = FeedForward([np.array([[2.0]])], [np.array([1.0])], [])
    stack = join(from_network(line), from_network(line))
    x = np.array([[-3.0], [0.5]])
    np.testing.assert_allclose(predict(to_network(stack), x), 4 * x + 2)
    assert stack.depth == 1 and stack.units == 4 and stack.parameters == 4 + 4 + 4 + 1
