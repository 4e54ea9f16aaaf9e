import itertools
import math
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from zeroloss.data import collapse, contradictions, from_arrays, groups, infimum
from zeroloss.data.repeats import fractions
from zeroloss.plumbing import InputError
from zeroloss.verdict import from_json

X = np.array([[0.0, 1.0], [2.0, 1.0], [-0.0, 1.0], [3.0, 1.0], [0.0, 1.0]])


def test_groups_by_hand_with_negative_zero():
    found = groups(X)
    assert found.index.tolist() == [0, 1, 0, 2, 0]
    assert found.first.tolist() == [0, 1, 3]
    assert found.sizes.tolist() == [3, 1, 1]
    assert found.repeated.tolist() == [0]
    assert found.members(0).tolist() == [0, 2, 4]
    assert from_json(found.to_json()) == found
    assert groups(X[[1, 0, 2, 3, 4]]) != found


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0.0, -0.0, 1.0, -1.0]), st.sampled_from([0.0, 5e-324])), min_size=1))
def test_groups_against_brute_force(rows):
    found = groups(np.array(rows))
    for i, j in itertools.product(range(len(rows)), repeat=2):
        assert (found.index[i] == found.index[j]) == (rows[i] == rows[j])
    assert [rows.index(rows[k]) for k in found.first] == found.first.tolist()


def test_neighbouring_floats_are_not_equal():
    assert groups([[1.0], [math.nextafter(1.0, 2.0)]]).count == 2
    with pytest.raises(InputError, match="NaN"):
        groups([[np.nan], [1.0]])


def test_contradictions_only_where_targets_differ():
    x = [[0.0], [0.0], [1.0], [1.0], [2.0]]
    assert contradictions(x, [[1.0], [1.0], [1.0], [2.0], [3.0]]).tolist() == [1]


def test_squared_is_half_the_spread_by_hand():
    data = from_arrays([[0.0], [0.0], [0.0], [1.0]], [0.0, 1.0, 3.0, 7.5], task="regression")
    exact = ((4 / 3) ** 2 + (1 / 3) ** 2 + (5 / 3) ** 2) / (2 * 4)
    low = infimum(data)
    assert low.value == pytest.approx(exact, rel=1e-15)
    assert (low.groups, low.repeated, low.contradictory, low.attained_if_fit) == (2, 1, 1, True)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([1.0, 1e8, 1e-8]))
def test_squared_is_below_what_any_values_reach(seed, size):
    generator = np.random.default_rng(seed)
    x = generator.integers(0, 3, (12, 1)).astype(float)
    x[:2, 0] = 0, 1
    y = size + generator.standard_normal((12, 2))
    data = from_arrays(x, y, task="regression")
    low = infimum(data).value
    merged = collapse(data.x_train, data.y_train)
    fitted = merged.y[groups(data.x_train).index]
    reached = ((fitted - data.y_train) ** 2).sum() / (2 * data.n)
    assert low <= reached * (1 + 1e-14)
    assert low == pytest.approx(reached, rel=1e-12)


def _risk(values, index, labels, loss):
    f = values.reshape(-1, 3)[index]
    own = f[np.arange(len(labels)), labels]
    if loss == "cross-entropy":
        return float(np.mean(np.log(np.exp(f - own[:, None]).sum(axis=1))))
    rest = np.where(np.eye(3)[labels] == 1, -np.inf, f)
    return float(np.mean(np.maximum(0, 1 + rest.max(axis=1) - own)))


def test_cross_entropy_against_minimisation():
    labels = np.array([0, 0, 1, 2, 0, 1, 2, 2])
    x = np.array([0, 0, 0, 0, 1, 1, 1, 1.0])[:, None]
    data = from_arrays(x, labels)
    low = infimum(data, "cross-entropy")
    index = groups(data.x_train).index
    best = minimize(_risk, np.zeros(6), args=(index, data.labels_train, "cross-entropy"), tol=1e-10).fun
    assert low.value == pytest.approx(best, abs=1e-8)
    assert low.value <= best
    assert low.attained_if_fit


def test_cross_entropy_is_not_attained_when_a_group_lacks_a_class():
    data = from_arrays([[0.0], [0.0], [1.0]], [0, 1, 1])
    low = infimum(data, "cross-entropy")
    assert low.value == pytest.approx(2 / 3 * math.log(2), rel=1e-13)
    assert not low.attained_if_fit
    assert "never attained" in low.sentence


@pytest.mark.parametrize("counts", [(3, 1, 1), (2, 2, 2), (1, 1, 0), (2, 2, 1), (4, 3, 0), (5, 0, 1)])
def test_hinge_of_several_classes_against_a_grid(counts):
    labels = np.repeat([0, 1, 2], counts)
    x = np.zeros((len(labels) + 3, 1))
    x[-3:, 0] = 1, 2, 3
    data = from_arrays(x, np.concatenate([labels, [0, 1, 2]]))
    low = infimum(data, "hinge")
    grid = np.arange(-2, 2.01, 0.5)
    group = (data.x_train == 0)[:, 0]
    best = min(
        _risk(np.array(f), np.zeros(group.sum(), int), data.labels_train[group], "hinge")
        for f in itertools.product(grid, repeat=3)
    )
    assert low.value == pytest.approx(best * group.sum() / data.n, abs=1e-12)
    assert low.attained_if_fit


def test_hinge_of_signs_is_twice_the_smaller_fraction():
    x, y = np.array([0, 0, 0, 0, 1.0])[:, None], np.array([1, 1, 1, -1, 1.0])
    scalar = infimum(from_arrays(x, y, task="regression"), "hinge").value
    best = min(np.mean(np.maximum(0, 1 - y[:4] * f)) for f in np.arange(-2, 2.01, 0.25))
    assert scalar == pytest.approx(best * 4 / 5)
    assert infimum(from_arrays(x, y.astype(int)), "hinge").value == scalar
    logistic = infimum(from_arrays(x, y, task="regression"), "cross-entropy").value
    assert infimum(from_arrays(x, y.astype(int)), "cross-entropy").value == logistic


def test_losses_that_do_not_fit_are_refused():
    data = from_arrays([[0.0], [1.0]], [0.5, 2.0])
    for loss in ("hinge", "cross-entropy", "absolute"):
        with pytest.raises(InputError):
            infimum(data, loss)
    low = infimum(data)
    assert low.value == 0
    assert from_json(low.to_json()) == low


def test_collapse_is_exact_within_its_bound():
    from fractions import Fraction

    y = np.array([[0.1], [0.2], [0.7], [5.0], [5.0]])
    merged = collapse([[0.0], [0.0], [0.0], [1.0], [1.0]], y)
    exact = sum(map(Fraction, (0.1, 0.2, 0.7))) / 3
    error = abs(Fraction(float(merged.y[0, 0])) - exact)
    assert 0 < error <= Fraction(float(merged.rounding[0, 0])) <= Fraction(math.ulp(float(merged.y[0, 0]))) / 2
    assert (merged.y[1, 0], merged.rounding[1, 0]) == (5.0, 0.0)
    assert merged.sizes.tolist() == [3, 2]


@pytest.mark.parametrize("size", [1e-200, 1e-160, 1.0, 1e150, 1e200, 1e308])
def test_infima_at_every_scale(size):
    """Two equal inputs with targets `size` and `2^-k size`: exact, rounded down, and never called 0 where it is not."""
    y = np.array([[size], [size / 4]])
    exact = (Fraction(size) - Fraction(size / 4)) ** 2 / 8  # 1/(2n) times half the squared difference
    found = infimum(SimpleNamespace(x_train=np.ones((2, 1)), y_train=y, n=2))
    assert Fraction(found.value) <= exact
    assert found.value >= min(float(exact) if exact < Fraction(1.7e308) else 1.7e308, 1.7e308) * (1 - 1e-15)
    assert found.positive
    assert "nothing in the data keeps" not in found.sentence
    means = collapse(np.ones((2, 1)), y)
    assert abs(Fraction(means.y[0, 0]) - (Fraction(size) + Fraction(size / 4)) / 2) <= Fraction(means.rounding[0, 0])


def test_equality_is_of_the_numbers_given():
    """Subnormal numbers, neighbours of large ones, and zeros of both signs."""
    x = np.array([[5e-324], [0.0], [-0.0], [-5e-324], [1e308], [np.nextafter(1e308, 0)]])
    assert groups(x).index.tolist() == [0, 1, 1, 2, 3, 4]
    same, other = np.array([[0.0], [-0.0]]), np.array([[0.0], [5e-324]])
    assert contradictions(np.ones((2, 1)), same).size == 0
    assert contradictions(np.ones((2, 1)), other).tolist() == [0]
    assert groups(np.array([[2**53 + 2], [2**53 + 4]])).count == 2


def test_soft_labels_of_any_size_have_a_finite_entropy():
    """`-s log s` for a share that is subnormal: its inverse overflows, its entropy does not."""
    y = np.array([[1e-310, 1.0], [1e-300, 1.0], [0.25, 0.75]])
    found = infimum(SimpleNamespace(x_train=np.arange(3.0)[:, None], y_train=y, n=3), "cross-entropy")
    exact = sum(-p * math.log(p) for p in y.ravel() if p < 1) / 3
    assert found.value == pytest.approx(exact, rel=1e-12)
    assert found.value <= exact * (1 + 1e-14)


def test_fractions_are_the_numbers():
    numbers = np.array([0.0, -0.0, 5e-324, -1e-310, 1.5, -1e308, 2.0**-1022])
    assert fractions(numbers) == [Fraction(v) for v in numbers.tolist()]
