"""Activations against SciPy, and the constants that proofs take from them against ball arithmetic."""

import flint
import jax
import numpy as np
import pytest
import scipy.integrate
import scipy.special as sp
import scipy.stats
from flint import arb

from zeroloss.networks import ACTIVATIONS
from zeroloss.networks.activations import LEAKY_SLOPE, activation, gain
from zeroloss.plumbing import InputError, double
from zeroloss.verified import libm

REFERENCE = {
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, LEAKY_SLOPE * z),
    "abs": np.abs,
    "tanh": np.tanh,
    "sigmoid": sp.expit,
    "softplus": lambda z: np.logaddexp(0, z),
    "gelu": lambda z: z * scipy.stats.norm.cdf(z),
    "silu": lambda z: z * sp.expit(z),
    "erf": sp.erf,
    "identity": lambda z: z,
}
SMOOTH = [name for name, a in ACTIVATIONS.items() if a.analytic]
POINTS = np.concatenate([np.linspace(-30, 30, 2001), [1e-8, -1e-8, 0.0, 1e3, -1e3]])

# First and second derivatives, written down by hand, in ball arithmetic.
ROOT_PI, ROOT_2PI = arb.pi().sqrt(), (2 * arb.pi()).sqrt()


def sigmoid(z):
    return 1 / (1 + (-z).exp())


def density(z):
    return (-z * z / 2).exp() / ROOT_2PI


def cdf(z):
    return (-z / arb(2).sqrt()).erfc() / 2


SLOPES = {
    "tanh": lambda z: 1 - z.tanh() ** 2,
    "sigmoid": lambda z: sigmoid(z) * sigmoid(-z),
    "softplus": sigmoid,
    "gelu": lambda z: cdf(z) + z * density(z),
    "silu": lambda z: sigmoid(z) + z * sigmoid(z) * sigmoid(-z),
    "erf": lambda z: 2 / ROOT_PI * (-z * z).exp(),
    "identity": lambda z: arb(1),
}
CURVATURES = {
    "tanh": lambda z: -2 * z.tanh() * (1 - z.tanh() ** 2),
    "sigmoid": lambda z: sigmoid(z) * sigmoid(-z) * (1 - 2 * sigmoid(z)),
    "softplus": lambda z: sigmoid(z) * sigmoid(-z),
    "gelu": lambda z: (2 - z * z) * density(z),
    "silu": lambda z: sigmoid(z) * sigmoid(-z) * (2 + z * (1 - 2 * sigmoid(z))),
    "erf": lambda z: -4 * z / ROOT_PI * (-z * z).exp(),
    "identity": lambda z: arb(0),
}


def test_every_activation_has_a_reference():
    assert set(REFERENCE) == set(ACTIVATIONS)
    assert set(SLOPES) == set(CURVATURES) == set(SMOOTH)


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_against_scipy(name):
    with double():
        found = np.asarray(activation(name)(jax.numpy.asarray(POINTS)))
    np.testing.assert_allclose(found, REFERENCE[name](POINTS), rtol=1e-12, atol=1e-15)
    single = np.asarray(activation(name)(jax.numpy.asarray(POINTS, np.float32)))
    np.testing.assert_allclose(single, REFERENCE[name](POINTS), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", SMOOTH)
def test_hand_written_derivatives_are_those_of_the_function(name):
    z = np.linspace(-6, 6, 41)
    with double():
        first, second = jax.grad(activation(name)), jax.grad(jax.grad(activation(name)))
        for got, formulas in ((first, SLOPES), (second, CURVATURES)):
            expected = [float(formulas[name](arb(float(v))).mid()) for v in z]
            np.testing.assert_allclose(
                np.asarray(jax.vmap(got)(jax.numpy.asarray(z))), expected, rtol=1e-10, atol=1e-13
            )


def largest(function, lower=-8.0, upper=8.0):
    """`max |function|` on a grid, refined around its peak: `(value, place)`."""
    for _ in range(4):
        grid = np.linspace(lower, upper, 1201)
        values = [abs(float(function(arb(float(v))).mid())) for v in grid]
        place = grid[int(np.argmax(values))]
        width = 2 * (upper - lower) / 1200
        lower, upper = place - width, place + width
    return max(values), place


@pytest.mark.parametrize("kind", ["slope", "curvature"])
@pytest.mark.parametrize("name", SMOOTH)
def test_bounds_hold_and_are_not_loose(name, kind):
    bound = getattr(ACTIVATIONS[name], kind)
    found, _ = largest((SLOPES if kind == "slope" else CURVATURES)[name])
    if (name, kind) in (("tanh", "slope"), ("sigmoid", "slope"), ("softplus", "curvature"), ("identity", "slope")):
        assert found <= bound * (1 + 1e-15)  # attained exactly
    elif (name, kind) == ("softplus", "slope"):  # approached at infinity
        assert found <= bound < float(SLOPES[name](arb(40)).mid()) * (1 + 1e-6)
        return
    else:
        assert found <= bound
    assert bound <= found * (1 + 1e-6)


@pytest.mark.parametrize("kind", ["slope", "curvature"])
@pytest.mark.parametrize("name", SMOOTH)
def test_bounds_hold_between_the_points_of_any_grid(name, kind):
    """From -10 to 10 in balls, subdivided until each is below the bound (times 1 + 2^-20)."""
    formulas, bound = (SLOPES if kind == "slope" else CURVATURES), arb(getattr(ACTIVATIONS[name], kind))
    allowed = bound * (1 + arb(2) ** -20)
    open_intervals = [(v / 8, (v + 1) / 8) for v in range(-80, 80)]
    while open_intervals:
        lower, upper = open_intervals.pop()
        ball = arb((lower + upper) / 2, (upper - lower) / 2)
        if not abs(formulas[name](ball)) <= allowed:
            assert upper - lower > 1e-11, f"|{kind}| exceeds {bound} near {lower}"
            middle = (lower + upper) / 2
            open_intervals += [(lower, middle), (middle, upper)]


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_values_stay_within_the_bound(name):
    bound = ACTIVATIONS[name].bound
    values = np.abs(REFERENCE[name](np.linspace(-1e3, 1e3, 4001)))
    assert values.max() <= bound
    assert bound == np.inf or values.max() == bound


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "abs"])
def test_kinks_have_a_slope_and_no_curvature(name):
    z = np.linspace(-5, 5, 101)
    steps = np.abs(np.diff(REFERENCE[name](z)) / np.diff(z))
    assert steps.max() == pytest.approx(ACTIVATIONS[name].slope)
    assert ACTIVATIONS[name].curvature == np.inf


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_gain_keeps_the_mean_square(name):
    def integrand(z):
        return REFERENCE[name](z) ** 2 * scipy.stats.norm.pdf(z)

    mean_square = sum(scipy.integrate.quad(integrand, *ends, epsabs=1e-12)[0] for ends in ((-12, 0), (0, 12)))
    assert gain(name) ** 2 * mean_square == pytest.approx(1, rel=1e-6)


def test_unknown_name():
    with pytest.raises(InputError, match="no activation 'swish'; choose one of relu"):
        activation("swish")


def test_ball_arithmetic_is_precise_enough():
    assert flint.ctx.prec >= 53


@pytest.mark.parametrize("slope", [0.25, -0.5, 0.9, 1.5])
def test_the_parametric_relu(slope):
    z = np.linspace(-3, 3, 13)
    found = activation(f"prelu({slope})")
    with double():
        np.testing.assert_allclose(found(z), np.where(z > 0, z, slope * z), rtol=1e-15)
    steps = np.diff(np.where(z > 0, z, slope * z)) / np.diff(z)
    assert found.slope == max(1.0, np.abs(steps).max()) and not found.analytic and np.isinf(found.curvature)
    # E phi(Z)^2 = (1 + a^2)/2
    assert gain(found.name) == pytest.approx(np.sqrt(2 / (1 + slope**2)), rel=1e-6)
    value, error = libm.value(found.name, z)
    assert (np.abs(value - np.where(z > 0, z, slope * z)) <= error).all()


@pytest.mark.parametrize("name", ["prelu", "prelu()", "prelu(x)", "prelu(inf)", "prelu(0.1"])
def test_a_parametric_relu_needs_a_slope(name):
    with pytest.raises(InputError, match="prelu"):
        activation(name)
