"""Extreme eigenvalues and traces of operators whose spectrum is prescribed."""

import numpy as np
import pytest
import scipy.sparse.linalg
import scipy.stats

from zeroloss.audit.jackknife import around, jackknife
from zeroloss.audit.krylov import gap, krylov, steps_for
from zeroloss.audit.trace import deflated_trace


def with_spectrum(values, key=0):
    q, _ = np.linalg.qr(np.random.default_rng(key).standard_normal((len(values), len(values))))
    return (q * values) @ q.T


def test_ends_agree_with_arpack():
    a = with_spectrum(np.concatenate([np.linspace(-2, 1, 200), [3.0, 5.0]]))
    space = krylov(lambda v: a @ v, 202, 40, key=0)
    top, bottom = (float(scipy.sparse.linalg.eigsh(a, 1, which=w)[0][0]) for w in ("LA", "SA"))
    assert space.values[-1] == pytest.approx(top, rel=1e-8) and space.converged[1]
    assert space.values[0] == pytest.approx(bottom, abs=0.02)
    for ends, true in ((space.highest(), top), (space.lowest(), bottom)):
        assert ends[0] - 1e-12 <= true <= ends[1] + 1e-12


def test_the_residual_is_that_of_the_ritz_pair():
    a = with_spectrum(np.linspace(0, 1, 60))
    space = krylov(lambda v: a @ v, 60, 8, key=1)
    t = space.basis @ a @ space.basis.T
    values, vectors = np.linalg.eigh(t)
    ritz = space.basis.T @ vectors
    np.testing.assert_allclose(values, space.values, atol=1e-12)
    for end in (0, -1):
        length = np.linalg.norm(a @ ritz[:, end] - values[end] * ritz[:, end])
        assert space.residuals[end] == pytest.approx(length, rel=1e-8)
    assert space.trace == pytest.approx(np.trace(t))


def test_an_end_without_a_gap_is_not_called_converged():
    a = np.diag(np.linspace(0, 1, 4000) ** 0.2)  # eigenvalues crowd at the top
    space = krylov(lambda v: np.diag(a) * v, 4000, 4, key=0)
    assert not space.converged[1] and space.values[-1] < 0.99
    assert space.highest(positive=True)[1] >= 1


@pytest.mark.parametrize("positive", [True, False])
def test_the_interval_holds_at_its_confidence_in_the_worst_case(positive):
    """Eigenvalues spread so that a Krylov space sees little: Chebyshev points below one eigenvalue just above them."""
    size, steps, eps = 400, 6, gap(400, 6, 0.05)
    below = (1 - eps) * 0.5 * (1 + np.cos(np.pi * (np.arange(size - 1) + 0.5) / (size - 1)))
    values = np.concatenate([below, [1.0]]) - (0.0 if positive else 0.5)
    hits, short = 0, 0
    for key in range(300):
        space = krylov(lambda v: values * v, size, steps, key=key)
        low, high = space.highest(positive=positive)
        hits += low - 1e-12 <= values[-1] <= high
        short += low < values[-1] - 0.01 * eps
    assert short > 200  # the Ritz value alone is far off
    assert hits >= 285


def test_the_gap_is_not_far_from_what_can_happen():
    """With a third of `eps` the interval would fail more often than the one time in 20 that it may."""
    size, steps = 400, 6
    eps = gap(size, steps, 0.05)
    below = (1 - eps) * 0.5 * (1 + np.cos(np.pi * (np.arange(size - 1) + 0.5) / (size - 1)))
    values = np.concatenate([below, [1.0]])
    tops = [krylov(lambda v: values * v, size, steps, key=key).values[-1] for key in range(200)]
    assert np.mean(np.array(tops) / (1 - eps / 3) < 1) > 0.05


def test_an_exhausted_space_is_exact():
    a = np.diag([1.0, 1.0, 2.0, 2.0, 5.0])
    space = krylov(lambda v: a @ v, 5, 5, key=0)
    assert space.exhausted and space.steps == 3
    assert space.highest() == pytest.approx((5, 5)) and space.lowest() == pytest.approx((1, 1))
    _, low, high = deflated_trace(lambda v: a @ v, space, key=0, probes=200)
    assert low <= 11 <= high  # the other copies of 1 and 2 are found by the probes
    zero = krylov(lambda v: 0 * v, 5, 5, key=0)
    assert zero.steps == 1 and zero.highest() == (0, 0)


def test_the_trace_has_no_bias_and_its_interval_covers():
    a = with_spectrum(np.concatenate([0.5 ** np.arange(30) * 100, np.linspace(0.01, 1, 270)]))
    true, hits, found = np.trace(a), 0, []
    for key in range(200):
        space = krylov(lambda v: a @ v, 300, 10, key=key)
        value, low, high = deflated_trace(lambda v: a @ v, space, key=key, positive=True)
        hits += low <= true <= high
        found.append(value)
    assert hits >= 180
    assert np.mean(found) == pytest.approx(true, abs=4 * np.std(found) / np.sqrt(200))
    plain = np.sqrt(2 * np.sum(a**2) / 16)  # Hutchinson's own standard deviation with as many normal probes
    assert np.std(found) < plain / 20


def test_all_of_the_space_gives_the_trace_itself():
    a = with_spectrum(np.arange(12.0))
    space = krylov(lambda v: a @ v, 12, 12, key=0)
    assert deflated_trace(lambda v: a @ v, space, key=0) == pytest.approx((66, 66, 66))


def test_a_product_that_is_not_finite_is_an_error():
    with pytest.raises(ArithmeticError, match="NaN"):
        krylov(lambda v: v * np.nan, 5, 3, key=0)


def test_steps_stay_within_the_room():
    assert steps_for(3, 8) == 3
    assert steps_for(10_000_000, 4, room=1e9) == 25
    assert steps_for(10_000_000, 4, room=1e6) == 16
    steps = steps_for(1280, 4)
    assert gap(1280, steps, 0.025) <= 0.03 < gap(1280, steps - 1, 0.025)


def test_the_jackknife_of_a_mean_is_its_standard_error():
    x = np.random.default_rng(0).standard_normal(64)
    (value,), half = jackknife(lambda rows: x[rows].mean(), 64, key=0, groups=64)
    assert value == pytest.approx(x.mean())
    assert half[0] == pytest.approx(scipy.stats.t.ppf(0.975, 63) * x.std(ddof=1) / 8)
    assert jackknife(lambda rows: x[rows].mean(), 3, key=0)[1] is None
    assert around(0.9, 0.3, -1, 1) == pytest.approx((0.6, 1))


def test_the_jackknife_covers():
    hits = 0
    for key in range(200):
        x = np.random.default_rng(key).exponential(size=128)
        (value,), half = jackknife(lambda rows, x=x: np.log(x[rows].mean()), 128, key=key)
        hits += abs(value) <= half[0]
    assert hits >= 180


@pytest.mark.parametrize("size", [3, 60, 400])
def test_the_trace_of_equal_eigenvalues_is_exact(size):
    """One step sees the only eigenvalue there is."""
    for key in range(5):
        space = krylov(lambda v: 3.0 * v, size, 20, key=key)
        value, low, high = deflated_trace(lambda v: 3.0 * v, space, key=key)
        assert value == pytest.approx(3.0 * size, rel=1e-12) and low == value == high


def test_the_trace_of_a_small_operator_is_its_diagonal():
    rng = np.random.default_rng(0)
    a = rng.standard_normal((200, 200))
    a = a + a.T
    space = krylov(lambda v: a @ v, 200, 20, key=0)
    assert deflated_trace(lambda v: a @ v, space, key=1) == pytest.approx([np.trace(a)] * 3, abs=1e-9)


def test_the_trace_of_few_distinct_eigenvalues_is_inside():
    """2 on 300 directions and -1 on 100: the space is exhausted, and its intervals cover."""
    d = np.repeat([2.0, -1.0], [300, 100])
    hits = 0
    for key in range(40):
        space = krylov(lambda v: d * v, 400, 20, key=key)
        assert space.exhausted and space.steps == 2
        _, low, high = deflated_trace(lambda v: d * v, space, key=key)
        hits += low <= 500 <= high
    assert hits >= 35


def test_a_product_that_overflows_is_reported():
    with pytest.raises(ArithmeticError, match="overflows float32"):
        krylov(lambda v: np.float32(1e30) * v, 5, 5, key=0, dtype=np.float32)
