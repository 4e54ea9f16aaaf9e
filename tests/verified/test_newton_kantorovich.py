"""Newton-Kantorovich on networks: the constants enclose ball arithmetic, and nothing false is PROVED."""

import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from zeroloss.data import collapse
from zeroloss.descent import descend
from zeroloss.minima import prove
from zeroloss.networks import MLP, FeedForward, predict, trainable_mask
from zeroloss.plumbing import InputError, double
from zeroloss.verdict import Status
from zeroloss.verified.jacobian import trained_layers
from zeroloss.verified.newton_kantorovich import newton_kantorovich

NK = "newton-kantorovich"
RNG = np.random.default_rng(1)
X, Y = RNG.standard_normal((15, 3)), RNG.standard_normal((15, 2))


def _fitted(activation="tanh", width=12, depth=2, x=X, y=Y, key=2, **options):
    net = MLP(x.shape[1], y.shape[1], width, depth, activation, key=key, **options)
    return descend(net, (x, y), method="gauss-newton", steps=300)


def _constants(network, x, y, trainable=None):
    return newton_kantorovich(network, collapse(x, y), trained_layers(network, trainable_mask(network, trainable)))


@pytest.mark.parametrize("activation", ["tanh", "gelu", "softplus"])
def test_a_narrow_network_is_proved_and_newton_finds_the_zero_inside(activation):
    fit = _fitted(activation)
    proof = prove(fit.network, (X, Y))
    assert proof.status is Status.PROVED
    assert proof.method == NK
    assert proof.evidence["readout"]["readout_weights_per_output"] == 13 < len(X)
    assert proof.radius < 1e-9
    assert proof.evidence["h"] <= 0.5
    assert all(v is True or str(v).startswith("assumed") for v in proof.evidence["assumptions"].values())


def _move(network, scale, seed):
    """`network` moved by a random vector of length `scale`."""
    rng = np.random.default_rng(seed)
    with double():
        flat, unravel = ravel_pytree(network)
        step = rng.standard_normal(len(flat))
        return unravel(flat + jnp.asarray(scale * step / np.linalg.norm(step)))


def test_away_from_the_minimum_the_radius_reaches_a_zero():
    """Unpolished at distance 1e-5 .. from a zero: the radius is at least the distance to the zero set, found by Newton."""
    fit = _fitted()
    proved = 0
    for seed, scale in enumerate((1e-9, 1e-7, 1e-5, 1e-4, 1e-2, 1.0)):
        start = _move(fit.network, scale, seed)
        proof = prove(start, (X, Y), polish=False, method=NK)
        if proof.status is Status.PROVED:
            proved += 1
            with double():
                flat, unravel = ravel_pytree(start)
                function = _flat_function(unravel)
                w = np.asarray(flat)
                for _ in range(6):
                    j = np.asarray(jax.jacobian(function)(jnp.asarray(w)))
                    w = w + np.linalg.lstsq(j, -np.asarray(function(jnp.asarray(w))), rcond=None)[0]
                assert np.abs(np.asarray(function(jnp.asarray(w)))).max() < 1e-12
            distance = np.linalg.norm(w - np.asarray(flat))
            assert distance <= proof.radius * (1 + 1e-6)
            assert distance > 1e-3 * proof.radius or proof.radius < 1e-9
        else:
            assert "times less" in proof.reason
    assert 3 <= proved < 6


def _flat_function(unravel):
    return lambda w: (jax.vmap(unravel(w))(jnp.asarray(X)) - jnp.asarray(Y)).ravel()


def test_polishing_brings_it_to_rounding_and_says_how_far():
    start = _move(_fitted().network, 1e-3, 0)
    assert prove(start, (X, Y), polish=False, method=NK).radius is None
    proof = prove(start, (X, Y), method=NK)
    assert proof.status is Status.PROVED
    assert proof.which == "polished"
    assert 0 < proof.moved <= 2e-2
    assert np.abs(predict(proof.network, X) - Y).max() < 1e-12


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "abs"])
def test_kinked_activations_inside_a_linear_region(activation):
    rng = np.random.default_rng(7)
    x, y = rng.standard_normal((12, 6)), rng.choice([-1.0, 1.0], (12, 1))
    proof = prove(_fitted(activation, 10, 2, x, y, key=1).network, (x, y), method=NK)
    assert proof.status is Status.PROVED
    assert proof.evidence["kink_margin"] > 1
    # Inside the radius no unit changes sides, even at the worst of many moves of that length.
    signs = [np.sign(layer.z) for layer in _layers(proof.network, x)[:-1]]
    for seed in range(20):
        moved = _layers(_move(proof.network, proof.radius * proof.evidence["kink_margin"] * 0.999, seed), x)
        assert all((np.sign(a.z) == s).all() for a, s in zip(moved[:-1], signs, strict=True))


def _layers(network, x):
    from zeroloss.verified.forward import forward

    return forward(network, x)


def _scalar(activation, w, target):
    """`f(x) = phi(w x)`, the read-out fixed at 1, one example x = 1."""
    with double():
        return FeedForward([jnp.array([[w]]), jnp.ones((1, 1))], [None, None], [activation]), (
            np.array([[1.0]]),
            np.array([[target]]),
        )


@pytest.mark.parametrize(("activation", "target"), [("relu", -1e-3), ("abs", -1e-3)])
def test_no_zero_beyond_a_kink_is_unknown(activation, target):
    """relu(w) = -1e-3 at w = 1e-3: beta = 0, sigma = 1, eps = 2e-3, h = 0, and no zero anywhere."""
    network, data = _scalar(activation, 1e-3, target)
    for polish in (True, False):
        proof = prove(network, data, polish, method=NK, trainable="layer1")
        assert proof.status is Status.UNKNOWN
    assert "kink" in proof.reason
    # The same network has a zero where the target is on its own side of the kink.
    assert prove(network, (data[0], np.array([[2e-3]])), False, method=NK, trainable="layer1").status is Status.UNKNOWN
    near = prove(network, (data[0], np.array([[1.5e-3]])), False, method=NK, trainable="layer1")
    assert near.status is Status.PROVED
    assert near.radius == pytest.approx(5e-4, rel=1e-2)


def test_leaky_kink_costs_a_hundredfold():
    """leaky_relu(w) = -1e-3 at w = 1e-3 has its zero at -0.1, far outside rho = 2e-3."""
    network, data = _scalar("leaky_relu", 1e-3, -1e-3)
    assert prove(network, data, False, method=NK, trainable="layer1").status is Status.UNKNOWN


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "abs"])
def test_exactly_at_a_kink_is_unknown(activation):
    with double():
        net = FeedForward([jnp.array([[1.0, -1.0], [1.0, 0.5]]), jnp.ones((1, 2))], [None, None], [activation])
    data = (np.array([[1.0, 1.0]]), np.array([[1.5]]))  # z = (0, 1.5)
    proof = prove(net, data, False, method=NK)
    assert proof.status is Status.UNKNOWN
    assert "1 pre-activations are at a kink" in proof.reason


def test_fewer_parameters_than_equations_is_never_proved():
    proof = prove(MLP(3, 2, 2, 1), (X, Y))
    assert proof.status is Status.UNKNOWN
    assert "16 more equations (30) than trained parameters (14)" in proof.reason
    # Even where the targets can be reached exactly, as by this teacher: it is not shown.
    teacher = MLP(3, 1, 2, 1, dtype="float64", key=9)
    assert prove(teacher, (X, predict(teacher, X)), method=NK).status is Status.UNKNOWN


def test_contradictory_duplicates_are_proved_only_at_the_infimum():
    x, y = np.concatenate([X, X[:1]]), np.concatenate([Y, Y[:1] + 2.0])
    proof = prove(_fitted(x=x, y=y).network, (x, y))
    assert proof.status is Status.PROVED
    assert proof.method == NK
    assert proof.evidence["infimum"] == pytest.approx(4 / (2 * 16))
    assert "zero training loss" not in proof.reason
    assert "infimum 0.125" in proof.reason


def test_a_stationary_point_of_positive_loss_is_unknown():
    """tanh(w) cannot reach 2: descent ends where the gradient vanishes, the loss is positive and no zero exists."""
    for w in (0.0, 3.0, 12.0, 25.0):
        network, data = _scalar("tanh", w, 2.0)
        for polish in (True, False):
            assert prove(network, data, polish, method=NK, trainable="layer1").status is Status.UNKNOWN


def test_saturated_near_misses_are_unknown():
    """tanh(w) = 1 to the last bit of float64, but not exactly: no zero, whatever the residual says."""
    network, data = _scalar("tanh", 25.0, 1.0)
    assert float(predict(network, data[0])[0, 0]) == 1.0
    assert prove(network, data, False, method=NK, trainable="layer1").status is Status.UNKNOWN


@pytest.mark.parametrize("trainable", ["hidden", "weights", "biases", "layer1", ["layer1", "readout"]])
def test_trainable_restricts_what_the_derivative_is_of(trainable):
    """sigma and the parameter count against a dense Jacobian over the trained leaves alone."""
    import equinox as eqx

    net = MLP(3, 1, 16, 2, "silu", dtype="float64", key=1)
    x, y = np.concatenate([X[:6], X[:2]]), np.concatenate([Y[:6, :1], Y[:2, :1]])
    found = _constants(net, x, y, trainable)
    distinct = collapse(x, y)
    with double():
        moved, fixed = eqx.partition(net, trainable_mask(net, trainable))
        flat, unravel = ravel_pytree(moved)
        j = jax.jacobian(lambda w: jax.vmap(eqx.combine(unravel(w), fixed))(jnp.asarray(distinct.x)).ravel())(flat)
    exact = np.linalg.svd(np.sqrt(distinct.sizes)[:, None] * np.asarray(j), compute_uv=False).min()
    assert found.parameters == len(flat)
    assert 0.99 * exact - 1e-6 <= found.singular_value_lower <= exact * (1 + 1e-10)


def test_kernel_of_descent_is_used_only_where_it_is_near():
    net = _fitted().network
    distinct, trained = collapse(X, Y), trained_layers(net, trainable_mask(net, None))
    from zeroloss.tangent.kernel import kernel_matrix

    with double():
        kernel = np.asarray(kernel_matrix(net, X))
        other = np.asarray(kernel_matrix(MLP(3, 2, 12, 2, dtype="float64", key=99), X))
    fresh = newton_kantorovich(net, distinct, trained)
    near = newton_kantorovich(net, distinct, trained, stored=kernel)
    assert "descent" in near.kernel
    assert near.singular_value_lower == pytest.approx(fresh.singular_value_lower, rel=1e-6)
    for stored in (other, kernel * 1.5, kernel * np.nan, kernel[:4, :4], kernel + 100 * np.eye(30)):
        found = newton_kantorovich(net, distinct, trained, stored=stored)
        assert found.kernel == "formed at these weights"
        assert found.singular_value_lower == fresh.singular_value_lower


def test_a_factor_from_near_by_only_says_where_to_try(monkeypatch):
    """Good, bad and broken factors: the bound stays below the eigenvalue, and with a good one it is as sharp."""
    import scipy.linalg.lapack as lapack

    monkeypatch.setattr(importlib.import_module("zeroloss.verified.newton_kantorovich"), "WORTH_GUESSING", 1)
    net = MLP(3, 2, 12, 2, dtype="float64", key=4)
    distinct, trained = collapse(X, Y), trained_layers(net, trainable_mask(net, None))
    from zeroloss.tangent.kernel import kernel_matrix

    with double():
        kernel = np.asarray(kernel_matrix(net, X))
    exact = np.sqrt(np.linalg.eigvalsh(kernel)[0])
    good = lapack.dpotrf(kernel.T, lower=1)[0]
    for factor in (
        good,
        lapack.dpotrf(kernel + np.eye(30), lower=1)[0],
        np.eye(30),
        good * np.nan,
        good * 1e-200,
        good[:3],
    ):
        found = newton_kantorovich(net, distinct, trained, factor=factor)
        assert found.singular_value_lower <= exact * (1 + 1e-9)
        assert found.singular_value_lower >= 0.99 * exact


def test_bad_input_is_one_line():
    with pytest.raises(InputError, match="newton-kantorovich"):
        prove(MLP(3, 2, 9, 1), (X, Y), method="newton")
    with double():
        huge, wide = (
            FeedForward([jnp.full((4, 1), size), jnp.full((1, 4), size)], [None, None], ["tanh"])
            for size in (1e200, 1e120)
        )
    data = (np.array([[1.0]]), np.array([[1.0]]))
    with pytest.raises(InputError, match="overflow"):
        prove(huge, data, method=NK)
    assert prove(wide, data, False, method=NK).status is Status.UNKNOWN  # and no warning on the way


@pytest.mark.parametrize("repeats", [False, True])
@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu"])
def test_constants_enclose_ball_arithmetic(activation, repeats):
    """eps and sigma against 200-bit balls: |F| and the smallest eigenvalue of DF DF^T of a network of one hidden layer."""
    flint = pytest.importorskip("flint")
    arb, arb_mat = flint.arb, flint.arb_mat
    x, y = X[:4], Y[:4, :1]
    if repeats:
        x, y = np.concatenate([x, x[:1]]), np.concatenate([y, y[:1] + 1 / 3])
    net = MLP(3, 1, 5, 1, activation, dtype="float64", key=3)
    found = _constants(net, x, y)
    before, flint.ctx.prec = flint.ctx.prec, 200
    try:
        w, v = (np.asarray(m, np.float64).tolist() for m in net.weights)
        b, d = (np.asarray(m, np.float64).tolist() for m in net.biases)
        a1, a2, c1, c2 = (arb(float(s)) for s in (*net.weight_scales, *net.bias_scales))
        value, slope = {
            "tanh": (lambda z: z.tanh(), lambda z: 1 - z.tanh() ** 2),
            "sigmoid": (lambda z: 1 / (1 + (-z).exp()), lambda z: (-z).exp() / (1 + (-z).exp()) ** 2),
            "relu": (lambda z: z if z > 0 else arb(0), lambda z: arb(1) if z > 0 else arb(0)),
        }[activation]
        square, rows = arb(0), []
        for point in range(4):
            same = [i for i in range(len(x)) if (x[i] == x[point]).all()]
            root = arb(len(same)).sqrt()
            target = sum((arb(float(y[i, 0])) for i in same), arb(0)) / len(same)
            inputs = [arb(float(t)) for t in x[point]]
            z = [
                a1 * sum((arb(p) * q for p, q in zip(r, inputs, strict=True)), arb(0)) + c1 * arb(o)
                for r, o in zip(w, b, strict=True)
            ]
            h = [value(t) for t in z]
            f = a2 * sum((arb(p) * q for p, q in zip(v[0], h, strict=True)), arb(0)) + c2 * arb(d[0])
            square += (root * (f - target)) ** 2
            g = [a2 * arb(p) * slope(t) for p, t in zip(v[0], z, strict=True)]
            row = [a1 * k * t for k in g for t in inputs] + [c1 * k for k in g] + [a2 * t for t in h] + [c2]
            rows.append([root * t for t in row])
        assert square.sqrt() < arb(found.residual_upper)
        assert float(square.sqrt().mid()) > 0.999 * found.residual_upper
        j = arb_mat(rows)
        gram = j * j.transpose()
        # K - tau is positive definite by ball arithmetic at tau = sigma^2, and not at 1.05 sigma^2.
        tau = arb(found.singular_value_lower) ** 2
        assert _positive(gram, tau, arb_mat)
        assert not _positive(gram, tau * 1.05, arb_mat)
    finally:
        flint.ctx.prec = before


def _positive(gram, tau, arb_mat):
    """Whether all leading minors of `gram - tau` are positive."""
    size = gram.nrows()
    shifted = [[gram[i, j] - (tau if i == j else 0) for j in range(size)] for i in range(size)]
    return all(arb_mat([row[:k] for row in shifted[:k]]).det() > 0 for k in range(1, size + 1))


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_beta_is_above_second_derivatives_in_ball_arithmetic(activation):
    """`|D^2 F(w)[u, u]| <= beta |u|^2` in 200 bits, `u` random and where floats say it is worst, `w` on the ball's rim."""
    flint = pytest.importorskip("flint")
    arb = flint.arb
    net, n = MLP(3, 1, 5, 1, activation, dtype="float64", key=3), 4
    from zeroloss.verified.forward import backward
    from zeroloss.verified.lipschitz import lipschitz_of_derivative

    layers, trained = _layers(net, X[:n]), trained_layers(net, trainable_mask(net, None))
    sizes = [np.linalg.norm(layer.h, axis=1) * (1 + 1e-9) for layer in layers]
    beta = lipschitz_of_derivative(net, sizes, backward(net, layers).peak, np.ones(n), trained)(0.5)
    with double():
        moved = _move(net, 0.499, 1)
        flat, unravel = ravel_pytree(moved)
        hessians = np.asarray(jax.hessian(lambda w: jax.vmap(unravel(w))(jnp.asarray(X[:n]))[:, 0])(flat))
        worst = [np.linalg.eigh(h)[1][:, k] for h in hessians for k in (0, -1)]
        directions = [
            unravel(jnp.asarray(u)) for u in [*worst, *np.random.default_rng(0).standard_normal((5, len(flat)))]
        ]
    before, flint.ctx.prec = flint.ctx.prec, 200
    try:
        largest = 0.0
        for u in directions:
            square = sum((_second(arb, moved, u, row, activation) ** 2 for row in X[:n]), arb(0))
            length = sum((arb(float(v)) ** 2 for leaf in jax.tree.leaves(u) for v in np.ravel(leaf)), arb(0))
            ratio = square.sqrt() / length
            assert ratio < arb(beta)
            largest = max(largest, float(ratio.mid()))
        assert largest > 0.02 * beta
    finally:
        flint.ctx.prec = before


def _second(arb, net, u, row, activation):
    """`D^2 f[u, u] = a_2 sum_k (2 v'_k phi'(z_k) z'_k + v_k phi''(z_k) z'_k^2)` in balls, one hidden layer."""
    a1, a2, c1 = (arb(float(s)) for s in (*net.weight_scales, net.bias_scales[0]))
    total = arb(0)
    for k in range(net.widths[0]):
        z, dz = (
            a1 * sum((arb(float(p)) * arb(float(q)) for p, q in zip(m.weights[0][k], row, strict=True)), arb(0))
            + c1 * arb(float(m.biases[0][k]))
            for m in (net, u)
        )
        v, dv = (arb(float(m.weights[1][0, k])) for m in (net, u))
        if activation == "tanh":
            first = 1 - z.tanh() ** 2
            second = -2 * z.tanh() * first
        else:
            s = 1 / (1 + (-z).exp())
            first, second = s * (1 - s), s * (1 - s) * (1 - 2 * s)
        total += a2 * (2 * dv * first * dz + v * second * dz**2)
    return total


@pytest.mark.slow
def test_diabetes_with_narrow_layers():
    """309 equations or so, 64 features a layer: the read-out alone is too narrow, the whole network is not."""
    from zeroloss.data import load_data

    data = load_data("diabetes")
    fit = descend(MLP(10, 1, 64, 2, key=0), data, method="gauss-newton", steps=400)
    proof = prove(fit.network, data, descent=fit)
    assert proof.status is Status.PROVED
    assert proof.method == NK
    assert proof.radius < 1e-6


@pytest.mark.slow
def test_factor_of_descent_polishes_a_larger_system():
    """2,500 equations: the network is moved away from the minimum, and chords with descent's factor bring it back."""
    from zeroloss.data import load_data

    data = load_data("digits", n_train=250)
    fit = descend(MLP(64, 10, 200, 2, key=0), data, method="gauss-newton", steps=100)
    assert fit.factor is not None
    away = _move(fit.network, 1e-5, 0)
    proof = prove(away, data, descent=fit)
    assert proof.status is Status.PROVED
    assert proof.which == "polished"
    assert proof.moved < 1e-3
    alone = prove(away, data)
    assert alone.status is Status.PROVED
    assert alone.radius == pytest.approx(proof.radius, rel=0.2)
