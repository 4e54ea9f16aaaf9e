"""The squasher network: its formula by hand, its starts, and the verbs that must work on it."""

import equinox as eqx
import jax
import numpy as np
import pytest
from scipy.special import expit

import zeroloss as zl
from zeroloss.networks import SquasherNetwork, predict, trainable_mask
from zeroloss.networks.squasher import PRESETS, preset_of, theory_steps
from zeroloss.plumbing import InputError, double
from zeroloss.verdict import Status

X = np.random.default_rng(0).uniform(size=(6, 2))
Y = np.random.default_rng(1).standard_normal((6, 1))


def network(**changes):
    options = {"in_size": 2, "networks": 12, "depth": 3, "width": 4, "examples": 6, "dtype": "float64", "key": 3}
    return SquasherNetwork(**(options | changes))


def read(net, seed=5):
    """With a random read-out: at 0 nothing could be told apart."""
    return net.with_readout(np.random.default_rng(seed).standard_normal(net.readout.shape))


def test_the_formula_by_hand():
    net = read(network())
    for x, f in zip(X, predict(net, X), strict=True):
        total = 0.0
        for k in range(12):
            h = x
            for w, b in zip(net.weights, net.biases, strict=True):
                h = expit(np.asarray(w[k]) @ h + np.asarray(b[k]))
            assert h.shape == (1,)
            total += float(net.readout[0, k]) * h[0]
        assert f[0] == pytest.approx(total, rel=1e-12)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_as_one_network_of_layers_it_is_the_same_function(depth):
    net = read(network(depth=depth, out_size=2, activation="tanh"))
    flat = net.as_feedforward()
    assert flat.depth == depth and flat.widths == (48,) * (depth - 1) + (12,)
    np.testing.assert_allclose(predict(flat, X), predict(net, X), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("activation", ["sigmoid", "relu", "erf"])
def test_it_starts_at_zero_and_restarts(preset, activation):
    net = network(preset=preset, activation=activation)
    assert not predict(net, X).any()
    again, other = net.restarted(3), net.restarted(4)
    assert eqx.tree_equal(net, again) and not eqx.tree_equal(net, other)
    assert again.dtype == np.float64 and network(dtype="float32").dtype == np.float32


def test_the_presets_have_their_scales():
    n, d = 100, 3
    theory = preset_of("theory", n, d)
    assert theory.first == pytest.approx(8 * d * np.log(n) ** 2 * n**0.25)
    assert theory.inner == pytest.approx(20 * d * np.log(n) ** 2)
    assert preset_of("theory", n, d, tau=0.1).first == pytest.approx(8 * d * np.log(n) ** 2 * n**0.1)
    net = network(preset="theory", networks=400, examples=n, in_size=d)
    edge = np.abs(net.weights[0]).max()
    assert 0.99 * theory.first < edge <= theory.first * (1 + 1e-6)
    assert 0.99 * theory.inner < np.abs(net.biases[1]).max() <= theory.inner * (1 + 1e-6)
    local = network(networks=400, examples=n, in_size=d)
    np.testing.assert_allclose(np.linalg.norm(local.weights[0], axis=-1), 8 * n ** (1 / d), rtol=1e-5)
    # The middle of each first unit lies in the cube's image, that of a later one where all before it are at theirs.
    w, b = np.asarray(local.weights[0]), np.asarray(local.biases[0])
    reach = np.stack([np.minimum(w, 0).sum(-1), np.maximum(w, 0).sum(-1)])
    assert (reach[0] - 1e-4 <= -b).all() and (-b <= reach[1] + 1e-4).all()
    np.testing.assert_allclose(local.biases[1], -0.5 * np.asarray(local.weights[1]).sum(-1), rtol=1e-4, atol=1e-4)
    tanh = network(activation="tanh")
    assert not np.asarray(tanh.biases[1]).any()


def test_the_steps_of_the_theory():
    assert theory_steps(1, 100, 2) == pytest.approx(1.93e9, rel=0.01)
    assert theory_steps(100, 100, 2) == pytest.approx(1000 * theory_steps(1, 100, 2))


def test_descent_on_it_goes_down_and_over_seeds():
    fit = zl.descend(network(), (X, Y), steps=200)
    assert fit.loss < 0.5 * np.mean(Y**2) / 2
    many = zl.descend(network(), (X, Y), steps=50, seeds=[3, 4])
    alone = zl.descend(network(), (X, Y), steps=50)
    assert many.loss[0] == pytest.approx(float(alone.loss), rel=1e-6) and many.loss[1] != many.loss[0]


def test_gauss_newton_reaches_the_group_means():
    x, y = np.vstack([X, X[:2]]), np.vstack([Y, Y[:2] + 1])
    fit = zl.descend(network(networks=24), (x, y), method="gauss-newton", steps=60, tolerance=1e-20)
    assert fit.converged and fit.infimum == pytest.approx(2 * 2 * 0.25 / 16)
    np.testing.assert_allclose(predict(fit.network, X)[:2], Y[:2] + 0.5, atol=1e-8)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_its_kernel_is_that_of_its_jacobian(depth):
    net = read(network(depth=depth, out_size=2))
    with double():
        jacobian = jax.vmap(jax.jacrev(lambda w, x: w(x)), in_axes=(None, 0))(net, X)
        rows = np.concatenate([np.asarray(leaf).reshape(6, 2, -1) for leaf in jax.tree.leaves(jacobian)], axis=-1)
    np.testing.assert_allclose(zl.tangent.kernel(net, X), np.einsum("iap,jbp->ijab", rows, rows), rtol=1e-9, atol=1e-9)
    parts = [zl.tangent.kernel(net, X, trainable=part) for part in ("readout", "hidden")]
    np.testing.assert_allclose(sum(parts), zl.tangent.kernel(net, X), rtol=1e-9, atol=1e-9)


def test_a_minimum_near_it_is_proved_by_the_readout():
    proof = zl.prove(network(networks=24), (X, Y))
    assert proof.status == Status.PROVED and proof.which == "polished" and proof.radius < 1e-6
    np.testing.assert_allclose(predict(proof.network, X), Y, atol=1e-10)
    flat = network(networks=24).as_feedforward()
    for before, after in zip(flat.weights[:-1], proof.network.weights[:-1], strict=True):
        np.testing.assert_array_equal(before, after)  # the zeros between the blocks are still there


def test_too_few_networks_prove_nothing():
    assert zl.prove(network(networks=5), (X, Y)).status == Status.UNKNOWN
    # Saturated units: the start of the theory with few networks has features that are equal to rounding.
    assert zl.prove(network(networks=7, preset="theory", in_size=1, depth=2), (X[:, :1], Y)).status == Status.UNKNOWN


def test_what_cannot_be_proved_of_it_is_refused():
    for options in ({"method": "newton-kantorovich"}, {"trainable": "hidden"}):
        with pytest.raises(InputError, match="only the proof by the read-out"):
            zl.prove(network(), (X, Y), **options)
    with pytest.raises(InputError, match=r"takes .* GB"):
        zl.prove(network(networks=3000), (X, Y))


def test_masks_by_name():
    net = network()
    mask = trainable_mask(net, "readout")
    assert mask.readout is True and not any(jax.tree.leaves((mask.weights, mask.biases)))
    both = trainable_mask(net, ["readout", "hidden"])
    assert all(jax.tree.leaves(both))
    with pytest.raises(InputError, match="choose among readout, hidden"):
        trainable_mask(net, "layer1")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"networks": 0}, "networks=0"),
        ({"width": 1.5}, "width=1.5"),
        ({"preset": "best"}, "choose one of theory, localised, smooth"),
        ({"activation": "step"}, "there is no activation"),
        ({"examples": 0}, "examples=0"),
    ],
)
def test_bad_arguments_are_named(options, words):
    with pytest.raises(InputError, match=words):
        network(**options)
