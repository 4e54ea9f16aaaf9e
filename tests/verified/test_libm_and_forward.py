"""Stated error bounds against ball arithmetic at 128 bits."""

from fractions import Fraction

import flint
import numpy as np
import pytest
from flint import arb, arb_mat

from zeroloss.networks import ACTIVATIONS, MLP, FeedForward
from zeroloss.networks.activations import LEAKY_SLOPE
from zeroloss.plumbing import InputError, double
from zeroloss.verified import libm
from zeroloss.verified.forward import KINKED, backward, forward, output_error, spectral_norm_upper

SMOOTH = [name for name, a in ACTIVATIONS.items() if a.analytic]


@pytest.fixture(autouse=True)
def precision():
    with flint.ctx.workprec(128):
        yield


def sigmoid(z):
    e = (-abs(z)).exp()  # the other sign would overflow
    return (1 if z > 0 else e) / (1 + e)


def cdf(z):
    return (-z / arb(2).sqrt()).erfc() / 2


def softplus(z):
    """Without cancellation at either end."""
    return (z if z > 0 else arb(0)) + (-abs(z)).exp().log1p()


VALUES = {
    "relu": lambda z: z if z > 0 else arb(0),
    "leaky_relu": lambda z: z if z > 0 else arb(LEAKY_SLOPE) * z,
    "abs": abs,
    "tanh": lambda z: z.tanh(),
    "sigmoid": sigmoid,
    "softplus": softplus,
    "gelu": lambda z: z * cdf(z),
    "silu": lambda z: z * sigmoid(z),
    "erf": lambda z: z.erf(),
    "identity": lambda z: z,
}
SLOPES = {
    "tanh": lambda z: 4 * sigmoid(2 * z) * sigmoid(-2 * z),
    "sigmoid": lambda z: sigmoid(z) * sigmoid(-z),
    "softplus": sigmoid,
    "gelu": lambda z: cdf(z) + z * (-z * z / 2).exp() / (2 * arb.pi()).sqrt(),
    "silu": lambda z: sigmoid(z) * (1 + z * sigmoid(-z)),
    "erf": lambda z: 2 / arb.pi().sqrt() * (-z * z).exp(),
    "identity": lambda z: arb(1),
}

EXTREMES = [0.0, 5e-324, 1e-310, 1e-300, 1e-100, 1e-8, 1.0, 2.0**-26, 5.0, 5.9, 6.0, 26.5, 27.3, 37.0, 38.5, 38.7, 40.0]
EXTREMES += [700.0, 708.5, 745.0, 746.0, 1e3, 1e6, 1e15, 1e100]

# Where a search over 1e7 points found the largest errors, and where results become subnormal.
WORST = {
    "erfc": [
        1.185830277358885,
        0.8215082815649124,
        1.240240638860721,
        1.3653203124130728,
        2.4812592519640515,
        8.65479872207709,
        16.880817745906022,
        26.53324745717255,
        26.6,
        27.0,
        27.2,
    ],
    "tanh": [0.22834113084375218, 0.5302553563482066, 3e-308, -5e-324],
    "erf": [-2.372698978447249e-308, 3.7363446543562725e-308, 5e-324],
    "exp": [-708.3, -708.5, -730.1, -745.1, -524.9744332304297],
    "log1p": [0.40671259871282595, 3e-308, 5e-324, 1e17, 1e200],
}


def points():
    rng = np.random.default_rng(0)
    middle = [rng.uniform(-s, s, 500) for s in (1e-3, 1, 8, 45)] + [
        10.0 ** rng.uniform(-20, 3, 500) * rng.choice([-1, 1], 500)
    ]
    return np.concatenate([*middle, EXTREMES, -np.array(EXTREMES)])


def assert_within(found, error, exact, what):
    assert np.isfinite(found).all()
    assert np.isfinite(error).all()
    for v, e, true in zip(found.ravel(), error.ravel(), exact, strict=True):
        assert abs(arb(float(v)) - true) <= arb(float(e)), what


def assert_bound(function, formula, name):
    z = points()
    found, error = function(name, z)
    for place, v, e in zip(z, found, error, strict=True):
        true = formula(arb(float(place)))
        assert abs(arb(float(v)) - true) <= arb(float(e)), f"{name} at {place!r}"
    # And not by being useless.
    assert (error <= 1e-14 * (1 + np.abs(z))).all()


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_values(name):
    assert_bound(libm.value, VALUES[name], name)


@pytest.mark.parametrize("name", SMOOTH)
def test_slopes(name):
    assert_bound(libm.slope, SLOPES[name], name)


@pytest.mark.parametrize(
    ("name", "function", "formula"),
    [
        ("exp", "exp", lambda z: z.exp()),
        ("tanh", "tanh", lambda z: z.tanh()),
        ("erf", "erf", lambda z: z.erf()),
        ("erfc", "erfc", lambda z: z.erfc()),
        ("log1p", "log1p", lambda z: z.log1p()),
        ("log", "log", lambda z: z.log()),
        ("sin", "sin", lambda z: z.sin()),
        ("cos", "cos", lambda z: z.cos()),
    ],
)
def test_the_assumption_on_the_c_library(name, function, formula):
    """Within `ULPS` ulp wherever the result is a normal number, and within 2 of the least numbers where it is not."""
    import math

    for z in [*points().tolist(), *WORST.get(name, [])]:
        if (
            (name == "log1p" and not 0 <= z <= 1e300)
            or (name == "log" and not z > 0)
            or (name == "exp" and z > 0)
            or (name not in ("log1p", "log") and abs(z) > 1e6)
        ):
            continue
        v = getattr(math, function)(float(z))
        off = abs(arb(v) - formula(arb(float(z))))
        if abs(v) > 2.0**-1022:
            assert off <= libm.ULPS * arb(2.0**-52) * abs(arb(v)), f"{name} at {z!r}"
        else:
            assert off <= 2 * arb(5e-324), f"{name} at {z!r}"


def test_the_complementary_error_function_needs_more_than_two_ulp():
    """`ULPS` is no idle caution: at these points erfc of the GNU C library is 2 ulp and more off (4.02 at the first)."""
    import math

    worst = max(float((abs(arb(math.erfc(z)) - arb(z).erfc()) / math.ulp(math.erfc(z))).mid()) for z in WORST["erfc"])
    assert worst <= libm.ULPS


def test_kinks_have_no_slope():
    for name in ("relu", "leaky_relu", "abs", "nothing"):
        with pytest.raises(KeyError):
            libm.slope(name, np.zeros(1))


def exact_forward(network, x):
    """Pre-activations of every layer for one example, as balls of radius about 2^-120."""
    h, zs = [arb(float(v)) for v in x], []
    for index in range(network.depth + 1):
        w = np.asarray(network.weights[index], np.float64)
        a, c, b = arb(network.weight_scales[index]), arb(network.bias_scales[index]), network.biases[index]
        z = [a * sum((arb(float(p)) * q for p, q in zip(row, h, strict=True)), arb(0)) for row in w]
        if b is not None:
            z = [v + c * arb(float(u)) for v, u in zip(z, np.asarray(b, np.float64), strict=True)]
        zs.append(z)
        if index < network.depth:
            names = [name for name, units in network.activations[index] for _ in range(units)]
            h = [VALUES[name](v) for name, v in zip(names, z, strict=True)]
    return zs


def exact_backward(network, zs, output):
    g = [arb(int(i == output)) for i in range(network.out_size)]
    gs = [g]
    for index in range(network.depth, 0, -1):
        w, a = np.asarray(network.weights[index], np.float64), arb(network.weight_scales[index])
        names = [name for name, units in network.activations[index - 1] for _ in range(units)]
        up = [a * sum((arb(float(w[j, k])) * g[j] for j in range(len(g))), arb(0)) for k in range(w.shape[1])]
        g = [u * _slope(name, z) for u, name, z in zip(up, names, zs[index - 1], strict=True)]
        gs.append(g)
    return gs[::-1]


def _slope(name, z):
    return arb(KINKED[name][1 if z > 0 else 0]) if name in KINKED else SLOPES[name](z)


def assert_forward_and_backward(network, x):
    layers = forward(network, x)
    smooth = all(name in SMOOTH for layer in network.activations for name, _ in layer)
    cotangents = backward(network, layers, kinks=not smooth)
    lengths = output_error(network, layers)
    for i, row in enumerate(x):
        zs = exact_forward(network, row)
        off = sum(((arb(float(f)) - z) ** 2 for f, z in zip(layers[-1].z[i], zs[-1], strict=True)), arb(0)).sqrt()
        assert off < arb(float(lengths[i]))
        assert lengths[i] <= np.linalg.norm(layers[-1].z_error[i]) * (1 + 1e-5) + 1e-100
        for index, (layer, z) in enumerate(zip(layers, zs, strict=True)):
            assert_within(layer.z[i], layer.z_error[i], z, f"z of layer {index + 1}")
            assert (layer.z_error[i] <= 1e-11 * (1 + np.abs(layer.z[i])) * (1 + np.abs(row).max())).all()
        for output in range(network.out_size):
            for index, g in enumerate(exact_backward(network, zs, output)):
                found, error = cotangents.g[index][i, output], cotangents.error[index][i, output]
                assert_within(found, error, g, f"cotangent of layer {index + 1}")
                assert (error <= 1e-10).all()


@pytest.mark.parametrize("parametrization", ["standard", "ntk", "mup"])
@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_networks(name, parametrization):
    x = np.random.default_rng(0).standard_normal((3, 3)) * [[1.0], [10.0], [1e-8]]
    for dtype, widths in (("float64", (6, 5)), ("float32", (4,))):
        assert_forward_and_backward(MLP(3, 2, widths, None, name, parametrization, dtype=dtype, key=4), x)


def test_mixed_activations_no_biases_and_no_hidden_layer():
    rng = np.random.default_rng(0)
    w, v, x = rng.standard_normal((5, 3)), rng.standard_normal((2, 5)), rng.standard_normal((4, 3))
    assert_forward_and_backward(FeedForward([w, v], [None, None], [(("tanh", 2), ("gelu", 3))], [0.3, 7.0]), x)
    assert_forward_and_backward(FeedForward([w, v], [None, None], [(("tanh", 2), ("relu", 3))]), x)
    assert_forward_and_backward(FeedForward([w], [np.ones(5)], [], [1 / 3], [1 / 7]), x)


def test_overflow_is_refused():
    with double():
        net = FeedForward([np.full((2, 2), 1e200), np.full((1, 2), 1e200)], [None, None], ["identity"])
    with pytest.raises(InputError, match="overflow float64"), np.errstate(over="ignore", invalid="ignore"):
        forward(net, np.ones((1, 2)))


def test_spectral_norm():
    rng = np.random.default_rng(0)
    for shape in ((1, 1), (3, 3), (7, 2), (2, 7), (5, 5)):
        for scale in (1.0, 2.0**-200, 2.0**200):
            matrix = rng.standard_normal(shape) * scale
            if shape == (5, 5):
                matrix[:, 1] = matrix[:, 0]
            with flint.ctx.workprec(256):
                a = arb_mat((matrix / scale).tolist())
                small = a * a.transpose() if shape[0] <= shape[1] else a.transpose() * a
                values = [v.real for v in small.eig(nonstop=True)]
                true = max(values, key=lambda v: float(v.mid())).sqrt()
                found = arb(spectral_norm_upper(matrix)) / scale
                assert found >= true
                assert found <= true * (1 + arb(2) ** -20)


def test_spectral_norm_of_special_matrices():
    assert spectral_norm_upper(np.zeros((3, 2))) == 0
    ones = spectral_norm_upper(np.ones((4, 9)))  # exactly 6
    assert 6 <= ones < 6 * (1 + 1e-6)
    for peak in (1e-150, 1e150, 1e-320, 5e-324, 1e307):
        bound = spectral_norm_upper(np.full((2, 2), peak))  # exactly 2 peak
        assert Fraction(bound) >= 2 * Fraction(peak)
        assert bound <= 2 * peak * (1 + 1e-6) + 5e-324


def test_rows_of_outputs_are_known_better_than_their_entries_together():
    """Errors of a wide layer pass on by its spectral norm, not by that of its absolute values."""
    net = MLP(5, 40, 200, 3, "tanh", dtype="float64", key=0)
    layers = forward(net, np.random.default_rng(0).standard_normal((4, 5)))
    assert (output_error(net, layers) < 0.5 * np.linalg.norm(layers[-1].z_error, axis=1)).all()


def test_a_kink_within_rounding_leaves_the_slope_open():
    """`z = 1 + 1e-17 - 1` is 0 or 1e-17: the error of the slope is the whole jump, and only with `kinks`."""
    with double():
        net = FeedForward([np.array([[1.0, 1e-17, -1.0]]), np.ones((1, 1))], [None, None], ["abs"])
    layers = forward(net, np.ones((1, 3)))
    with pytest.raises(KeyError):
        backward(net, layers)
    cotangents = backward(net, layers, kinks=True)
    assert cotangents.g[0][0, 0, 0] == -1.0
    assert cotangents.error[0][0, 0, 0] >= 2.0
