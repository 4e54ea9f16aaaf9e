"""Dual activations against integrals that know nothing of the closed forms."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flint import arb, ctx
from infinite_references import KINKED, NAMES, SMOOTH, dual_reference
from scipy.integrate import dblquad
from scipy.stats import kstwobign

from zeroloss.networks import ACTIVATIONS
from zeroloss.plumbing import double
from zeroloss.tangent.infinite.duals import CLOSED, DUALS, Pair, dual, kinked_dual
from zeroloss.tangent.infinite.quadrature import COARSE, FINE, kolmogorov_density, scale_rule

ANGLES = (0.0, 1e-9, 1e-5, 0.2, math.pi / 2, 3.0, math.pi)
DEVIATIONS = (1e-6, 1.0, 8.0)
GRID = [(*p, a) for p in itertools.combinations_with_replacement(DEVIATIONS, 2) for a in ANGLES]


@jax.jit
def _angles(first, second, angle):
    return Pair(first**2, second**2, first * second * jnp.cos(angle), (first * second * jnp.sin(angle)) ** 2)


def found(name, points, count=FINE):
    first, second, angle = (jnp.asarray(column) for column in np.asarray(points, float).T)
    if name in KINKED:
        value, slope, _ = kinked_dual(name, angle)
        return np.asarray(first * second * value), np.asarray(slope)
    rule = jax.tree.map(jnp.asarray, scale_rule(count))
    return tuple(map(np.asarray, jax.jit(lambda p, r: dual(name, p, r))(_angles(first, second, angle), rule)))


def scales(name, points):
    """`sqrt(E phi(u)^2 E phi(v)^2)` and the same of the derivative."""
    first, second, _ = np.asarray(points, float).T
    one, two = (found(name, np.stack([d, d, np.zeros_like(d)], axis=1)) for d in (first, second))
    return [np.sqrt(p * q) for p, q in zip(one, two, strict=True)]


def test_every_activation_has_a_dual():
    assert set(ACTIVATIONS) <= set(DUALS) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_duals_are_the_integrals(name):
    points = [p for p in GRID if name in SMOOTH or p[2] in (0.0, 0.2, math.pi / 2, 3.0, math.pi)]
    with double():
        got, size = found(name, points), scales(name, points)
        expected = np.array([dual_reference(name, *p) for p in points]).T
        for kind in range(2):
            rounding = 5e-15 * (1 + (max(DEVIATIONS) ** 2 / 8 if name in ("sin", "cos") else 0))
            assert np.max(np.abs(got[kind] - expected[kind]) / size[kind]) < rounding
        if name in CLOSED:
            return
        coarse = found(name, points, COARSE)
        for kind in range(2):
            assert np.max(np.abs(coarse[kind] - expected[kind]) / size[kind]) < 1e-13


@pytest.mark.parametrize("name", ["tanh", "gelu"])
def test_duals_by_adaptive_quadrature(name):
    point = (0.8, 1.7, 0.6)
    first, second, angle = point
    with double():
        got = found(name, [point])
    for kind in range(2):
        phi = SMOOTH[name][kind]
        total, error = dblquad(
            lambda b, a, phi=phi: float(
                phi(first * a)
                * phi(second * (math.cos(angle) * a + math.sin(angle) * b))
                * math.exp(-(a * a + b * b) / 2)
                / (2 * math.pi)
            ),
            -9, 9, -9, 9, epsabs=1e-9,
        )  # fmt: skip
        assert abs(got[kind][0] - total) < error + 1e-9 and error < 1e-7


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "softplus", "silu"])
def test_the_rule_serves_large_variances(name):
    """One variable suffices at correlation 1, so the independent integral reaches far."""
    with double():
        for deviation in (100.0, 3000.0):
            h = math.pi**2 / (50 * deviation)
            z = np.arange(-round(9 / h), round(9 / h) + 1) * h
            weights = h * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
            got = found(name, [(deviation, deviation, 0.0)])
            for kind in range(2):
                expected = weights @ SMOOTH[name][kind](deviation * z) ** 2
                assert got[kind][0] == pytest.approx(expected, rel=1e-13)


def test_tanh_tends_to_the_sign():
    with double():
        got, _ = found("tanh", [(1e7, 1e7, 1.0)])
    assert got[0] == pytest.approx(1 - 2 / math.pi, abs=1e-13)


def test_the_law_of_the_scale():
    s = np.linspace(0.25, 3, 12)
    ctx.prec, before = 300, ctx.prec
    series = [
        sum(((8 * arb(v) * (-1) ** (j - 1) * j**2 * (-2 * j**2 * arb(v) ** 2).exp()) for j in range(1, 60)), arb(0))
        for v in s
    ]
    ctx.prec = before
    np.testing.assert_allclose(kolmogorov_density(s), [float(v.mid()) for v in series], rtol=1e-12)
    np.testing.assert_allclose(kolmogorov_density(s), kstwobign.pdf(s), rtol=1e-8)  # SciPy's is good to about 1e-9
    for count in (COARSE, FINE):
        rule = scale_rule(count)
        assert len(rule.nodes) == FINE and np.count_nonzero(rule.weights) == count
        moments = [rule.weights @ rule.nodes**k for k in range(3)]
        np.testing.assert_allclose(moments, [1, math.sqrt(math.pi / 2) * math.log(2), math.pi**2 / 12], rtol=1e-12)


def test_angles_after_a_kink():
    """`1 - cos theta'` as the integral of a square, which does not cancel."""
    with double():
        for name in KINKED:
            for angle in (1e-12, 1e-6, 1e-3, 0.4, 1.5, 2.9):
                *_, after = kinked_dual(name, jnp.asarray(angle))
                value = [dual_reference(name, 1, 1, a)[0] for a in (angle, 0.0)]
                if angle > 0.1:
                    assert float(after) == pytest.approx(math.acos(value[0] / value[1]), abs=1e-12)
                elif name != "abs":
                    assert float(after) == pytest.approx(angle, rel=angle)
            *_, at_zero = kinked_dual(name, jnp.asarray(0.0))
            assert float(at_zero) == 0.0
        *_, folded = kinked_dual("abs", jnp.asarray(math.pi))
        assert float(folded) < 1e-15
