"""Descent reaches minima that are known, and says truly why it stopped."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from zeroloss.descent import CrossEntropy, Descent, Hinge, Squared, as_loss, descend
from zeroloss.networks import MLP, predict, wrap
from zeroloss.plumbing import InputError
from zeroloss.tangent import kernel_matrix

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((8, 3)), RNG.standard_normal((8, 2))
LINEAR = MLP(3, 2, depth=0, parametrization="standard", dtype="float64", key=0)
SMALL = MLP(3, 2, 16, key=1)


def least_squares(x, y):
    """The minimum of the squared loss over linear models, closed form."""
    design = np.column_stack([x, np.ones(len(x))])
    solution = np.linalg.lstsq(design, y, rcond=None)[0]
    return ((design @ solution - y) ** 2).sum() / (2 * len(x)), design @ solution


def squared(network, x=X, y=Y):
    return float(((predict(network, x) - y) ** 2).sum() / (2 * len(x)))


def leaves(network):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(network)]


@pytest.mark.parametrize(
    ("method", "options", "rel"),
    [
        ("gradient", {"steps": 3000}, 1e-10),
        ("adam", {"steps": 3000, "step_size": 0.02}, 1e-6),
        ("sgd", {"steps": 4000, "step_size": 0.02, "batch_size": 7}, 0.05),
        ("gauss-newton", {"steps": 100}, 1e-6),
    ],
)
def test_a_known_minimum(method, options, rel):
    minimum, fitted = least_squares(X, Y)
    fit = descend(LINEAR, (X, Y), method, **options)
    assert fit.loss == pytest.approx(minimum, rel=rel)
    assert fit.loss >= minimum * (1 - 1e-12)
    assert fit.loss == pytest.approx(squared(fit.network), rel=1e-9)
    np.testing.assert_allclose(predict(fit.network, X), fitted, atol=0.3 if method == "sgd" else 1e-2)
    assert not fit.converged
    assert fit.method == method
    assert fit.history["step"][0] == 0
    assert fit.history["loss"][0] == pytest.approx(squared(LINEAR))
    assert fit.history["step"][-1] == fit.steps <= options["steps"]


def test_contradictory_repeats_reach_the_infimum():
    x = np.array([[0.0], [0.0], [0.0], [1.0]])
    y = np.array([[0.0], [1.0], [3.0], [2.0]])
    expected = (y[:3].var() * 3) / (2 * 4)
    net = MLP(1, 1, depth=0, parametrization="standard", dtype="float64", key=0)
    for method in ("gradient", "gauss-newton"):
        fit = descend(net, (x, y), method, tolerance=1e-14, steps=5000)
        assert fit.converged
        assert fit.infimum == pytest.approx(expected, rel=1e-12)
        assert fit.loss - fit.infimum <= 1e-14
        np.testing.assert_allclose(predict(fit.network, x)[[0, 3], 0], [y[:3].mean(), 2.0], atol=1e-6)


def test_converged_and_not():
    fit = descend(SMALL, (X, Y), steps=5000, tolerance=1e-3)
    assert fit.converged
    assert fit.loss <= 1e-3
    assert fit.reason.startswith("Reached the tolerance")
    assert fit.steps < 5000
    short = descend(SMALL, (X, Y), steps=3, tolerance=1e-3)
    assert not short.converged
    assert short.reason.startswith("Stopped after 3 steps")
    none = descend(SMALL, (X, Y), steps=0)
    assert none.steps == 0
    assert all((a == b).all() for a, b in zip(leaves(none.network), leaves(SMALL), strict=True))


def test_the_default_step_is_half_the_largest_stable_one():
    fit = descend(LINEAR, (X, Y), steps=1)
    assert fit.step_size == pytest.approx(8 / np.linalg.eigvalsh(kernel_matrix(LINEAR, X))[-1], rel=1e-6)


def test_a_step_is_the_gradient_times_the_step_size():
    fit = descend(LINEAR, (X, Y), steps=1, step_size=0.1)
    residual = predict(LINEAR, X) - Y
    (w, b), (new_w, new_b) = leaves(LINEAR), leaves(fit.network)
    np.testing.assert_allclose(new_w, w - 0.1 * residual.T @ X / 8, rtol=1e-12)
    np.testing.assert_allclose(new_b, b - 0.1 * residual.mean(0), rtol=1e-12)


@pytest.mark.parametrize("method", ["gradient", "sgd"])
def test_divergence_returns_finite_weights_and_says_so(method):
    fit = descend(SMALL, (X, Y), method, step_size=1e3, steps=500)
    assert not fit.converged
    assert "diverged" in fit.reason
    assert all(np.isfinite(leaf).all() for leaf in leaves(fit.network))
    assert np.isfinite(fit.loss)
    assert fit.loss == pytest.approx(squared(fit.network), rel=1e-4)


def test_seeds_together_are_seeds_one_by_one():
    seeds = [3, 7]
    net = MLP(3, 2, 16, dtype="float64", key=1)
    together = descend(net, (X, Y), step_size=0.05, steps=40, seeds=seeds)
    assert together.seeds == seeds
    assert together.loss.shape == (2,)
    for seed, one, loss in zip(seeds, together.networks, together.loss, strict=True):
        alone = descend(net.restarted(seed), (X, Y), step_size=0.05, steps=40)
        assert loss == pytest.approx(alone.loss, rel=1e-10)
        for a, b in zip(leaves(one), leaves(alone.network), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    counted = descend(net, (X, Y), step_size=0.05, steps=0, seeds=2)
    assert counted.seeds == [0, 1]
    again = Descent.from_json(together.to_json())
    assert again == together
    assert again.network is None
    assert "2 seeds" in repr(together)


@pytest.mark.parametrize("method", ["gradient", "adam", "gauss-newton"])
def test_what_is_not_trainable_stays_bit_for_bit(method):
    net = MLP(3, 2, 16, dtype="float64", key=1)
    fit = descend(net, (X, Y), method, steps=5, trainable="readout")
    np.testing.assert_array_equal(fit.network.weights[0], net.weights[0])
    np.testing.assert_array_equal(fit.network.biases[0], net.biases[0])
    assert not np.array_equal(fit.network.weights[1], net.weights[1])
    assert fit.loss < squared(net)


def test_a_step_a_layer():
    data = (X, Y)
    steps = [0.3, 0.1]
    one = descend(SMALL, data, step_size=0.1, steps=1)
    layered = descend(SMALL, data, step_size=steps, steps=1)
    named = descend(SMALL, data, step_size={"hidden": 0.3, "readout": 0.1}, steps=1)
    for kind in ("weights", "biases"):
        start, single, several, same = (getattr(n, kind) for n in (SMALL, one.network, layered.network, named.network))
        for layer, step in enumerate(steps):
            moved = (np.asarray(single[layer], float) - start[layer]) * step / 0.1
            np.testing.assert_allclose(np.asarray(several[layer], float) - start[layer], moved, rtol=2e-3, atol=1e-6)
            np.testing.assert_array_equal(several[layer], same[layer])


def test_batches():
    full = descend(LINEAR, (X, Y), "sgd", step_size=0.1, steps=3, batch_size=8)
    gradient = descend(LINEAR, (X, Y), "gradient", step_size=0.1, steps=3)
    np.testing.assert_allclose(full.network.weights[0], gradient.network.weights[0], rtol=1e-10)  # one batch is all
    one, again, other = (descend(LINEAR, (X, Y), "sgd", step_size=0.1, steps=3, batch_size=2, key=k) for k in (0, 0, 1))
    np.testing.assert_array_equal(one.network.weights[0], again.network.weights[0])
    assert not np.array_equal(one.network.weights[0], other.network.weights[0])


def test_the_time_given_is_kept():
    fit = descend(SMALL, (X, Y), step_size=1e-6, steps=10**9, seconds=0.2)
    assert fit.reason.startswith("Stopped after")
    assert "the time given" in fit.reason
    assert fit.seconds < 20


@pytest.mark.parametrize("method", ["gradient", "adam", "gauss-newton"])
def test_an_interruption_keeps_what_is_done(method):
    class Interrupting:
        """Ctrl-C at the third look."""

        count = 0

        def stage(self, name, expect=""): ...

        def close(self): ...

        def update(self, fraction, note=""):
            self.count += 1
            if self.count == 3:
                raise KeyboardInterrupt

    fit = descend(SMALL, (X, Y), method, steps=1000, progress=Interrupting())
    assert fit.interrupted
    assert fit.reason.startswith("Interrupted after")
    assert fit.steps in range(1, 1000)
    assert fit.loss < squared(SMALL)
    assert fit.loss == pytest.approx(squared(fit.network), rel=1e-4)


def test_an_interruption_inside_a_step(monkeypatch):
    from zeroloss.descent import first_order

    real, calls = first_order.advance, []

    def advance(*arguments):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(first_order, "advance", advance)
    fit = descend(SMALL, (X, Y), steps=1000)
    assert fit.interrupted
    assert fit.steps == fit.history["step"][-1] == 3
    assert fit.loss == pytest.approx(squared(fit.network), rel=1e-4)


def test_gauss_newton_to_rounding():
    fit = descend(MLP(3, 2, 32, key=0), (X, Y), "gauss-newton", steps=100)
    assert fit.converged
    assert fit.loss <= 1e-24
    assert fit.network.dtype == np.float64
    assert squared(fit.network) <= 1e-24
    assert fit.initial.dtype == np.float64
    assert (np.diff(fit.history["loss"]) <= 0).all()


def test_gauss_newton_with_fewer_parameters_stops_at_a_stationary_point():
    x, y = RNG.standard_normal((40, 2)), RNG.standard_normal((40, 1))
    fit = descend(MLP(2, 1, 2, dtype="float64", key=0), (x, y), "gauss-newton", steps=2000)
    assert not fit.converged
    assert fit.loss > 1e-3
    from zeroloss.plumbing import double

    with double():
        gradient = eqx.filter_grad(lambda n: Squared()(jax.vmap(n)(jnp.asarray(x)), jnp.asarray(y)))(fit.network)
        start = eqx.filter_grad(lambda n: Squared()(jax.vmap(n)(jnp.asarray(x)), jnp.asarray(y)))(fit.initial)
    norms = [np.sqrt(sum((leaf**2).sum() for leaf in leaves(g))) for g in (gradient, start)]
    assert norms[0] < 1e-2 * norms[1]


def test_cross_entropy_and_hinge_reach_their_goal():
    labels = np.eye(2)[(X[:, 0] > 0).astype(int)]
    fit = descend(SMALL, (X, labels), loss="cross-entropy", steps=3000, tolerance=0.05)
    assert fit.converged
    assert (predict(fit.network, X).argmax(1) == labels.argmax(1)).all()
    hinge = descend(SMALL, (X, labels), loss="hinge", step_size=0.05, steps=3000, tolerance=1e-6)
    assert hinge.converged
    margins = (predict(hinge.network, X) * (2 * labels - 1)).sum(1)
    assert (margins >= 1 - 1e-4).all()


def test_losses_by_hand():
    f, y = np.array([[1.0, -2.0], [0.5, 3.0], [0.0, 0.0]]), np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert float(Squared()(f, y)) == pytest.approx(np.mean([0 + 4, 0.25 + 9, 0 + 1]) / 2)
    by_hand = [np.log1p(np.exp(-3.0)), np.log1p(np.exp(2.5)), np.log(2)]
    assert float(CrossEntropy()(f, y)) == pytest.approx(np.mean(by_hand), rel=1e-6)
    soft = np.array([[0.25, 0.75]])
    shares = np.log(np.exp([1.0, -2.0]) / np.exp([1.0, -2.0]).sum())
    assert float(CrossEntropy()(f[:1], soft)) == pytest.approx(-(soft @ shares).item(), rel=1e-6)
    assert float(Hinge()(f, y)) == pytest.approx(np.mean([0.0, 3.5, 1.0]))
    assert float(Hinge(positive=4.0)(f, y)) == pytest.approx(np.mean([1.0, 6.5, 4.0]))
    one, signs = np.array([[0.5], [-3.0], [0.2], [-0.4]]), np.array([[1.0], [1.0], [-1.0], [-1.0]])
    assert float(Hinge()(one, signs)) == pytest.approx(np.mean([0.5, 4.0, 1.2, 0.6]))
    assert float(Hinge(2.0, 0.5)(one, signs)) == pytest.approx(np.mean([1.5, 5.0, 0.7, 0.1]))
    assert float(Hinge(balanced=True)(one[:3], signs[:3])) == pytest.approx(np.mean([0.5, 4.0]) + 1.2)
    assert float(Hinge(balanced=True)(one[:2], signs[:2])) == pytest.approx(np.mean([0.5, 4.0]))


def test_smoothness_bounds_the_second_derivative():
    """Of one example by its outputs; `p (1 - p)` directions of softmax at their worst."""
    hessian = jax.hessian(lambda f: CrossEntropy()(f[None], jnp.array([[0.3, 0.7]])))
    tops = [np.linalg.eigvalsh(hessian(jnp.asarray(f, jnp.float32)))[-1] for f in ([0.0, 0.0], [1.0, 0.0], [5.0, -1.0])]
    assert max(tops) == pytest.approx(CrossEntropy.smoothness, rel=1e-6)
    assert min(tops) < 0.4
    flat = jax.hessian(lambda f: Squared()(f[None], jnp.zeros((1, 2))))(jnp.ones(2))
    np.testing.assert_allclose(flat, Squared.smoothness * np.eye(2))


NAN = X.copy()
NAN[0, 0] = np.nan
ONE_HOT = np.eye(2)[[0, 1] * 4]


@pytest.mark.parametrize(
    ("data", "options", "words"),
    [
        ((NAN, Y), {}, "NaN or infinity"),
        ((X, np.where(Y[0, 0] == Y, np.inf, Y)), {}, "NaN or infinity"),
        ((X[:5], Y), {}, "do not fit"),
        ((X[:0], Y[:0]), {}, "do not fit"),
        ((X[:, :2], Y), {}, "maps 3 numbers to 2 outputs and the data have 2 and 2"),
        ((X, Y[:, :1]), {}, "maps 3 numbers to 2 outputs and the data have 3 and 1"),
        ((X, Y), {"method": "newton"}, "no method 'newton'"),
        ((X, Y), {"loss": "absolute"}, "no loss 'absolute'"),
        ((X, Y), {"loss": "cross-entropy"}, "cross-entropy needs"),
        ((X, Y), {"loss": "hinge"}, "hinge loss needs"),
        ((X, ONE_HOT), {"loss": "hinge", "method": "gauss-newton"}, "squared loss only"),
        ((X, Y), {"step_size": -0.1}, "must be a positive number"),
        ((X, Y), {"step_size": 0.0}, "must be a positive number"),
        ((X, Y), {"step_size": np.nan}, "must be a positive number"),
        ((X, Y), {"step_size": np.inf}, "must be a positive number"),
        ((X, Y), {"step_size": "large"}, "must be a positive number"),
        ((X, Y), {"step_size": [0.1]}, "without one"),
        ((X, Y), {"step_size": [0.1, 0.1, 0.1]}, "not a part of this network"),
        ((X, Y), {"step_size": {"readout": 0.1, "hidden": -1}}, "must be a positive number"),
        ((X, Y), {"step_size": [0.1, 0.2], "method": "adam"}, "takes one step size"),
        ((X, Y), {"steps": -1}, "0 or more"),
        ((X, Y), {"tolerance": np.nan}, "0 or more"),
        ((X, Y), {"seeds": []}, "seeds is empty"),
        ((X, Y), {"seeds": 2, "method": "adam"}, "several seeds at once"),
        ((X, Y), {"batch_size": 2}, "batches of 1 or more are for sgd and adam"),
        ((X, Y), {"batch_size": 9, "method": "sgd"}, "more than the 8 training examples"),
        ((X, Y), {"trainable": "head"}, "not a part of this network"),
    ],
)
def test_bad_input(data, options, words):
    with pytest.raises(InputError, match=words) as caught:
        descend(SMALL, data, **options)
    assert "\n" not in str(caught.value)


def test_functions_of_ones_own():
    w = jnp.asarray(LINEAR.weights[0].T, jnp.float32)
    fit = descend(wrap(lambda p, x: x @ p, w), (X, Y), steps=500)
    solution = np.linalg.lstsq(X, Y, rcond=None)[0]
    np.testing.assert_allclose(fit.network.params, solution, atol=1e-3)
    with pytest.raises(InputError, match="depends on another's"):
        descend(wrap(lambda p, x: (x - x.mean(0)) @ p, w), (X, Y))
    with pytest.raises(InputError, match="can be restarted"):
        descend(wrap(lambda p, x: x @ p, w), (X, Y), step_size=0.1, seeds=2)


def test_a_network_without_gradient_has_no_step():
    dead = eqx.tree_at(lambda n: n.weights, wrap_dead(), tuple(jnp.zeros_like(w) for w in wrap_dead().weights))
    with pytest.raises(InputError, match="no step helps"):
        descend(dead, (X, Y), trainable="layer1")


def wrap_dead():
    return MLP(3, 2, 4, None, "relu", key=0)


def test_as_loss():
    assert as_loss("hinge") == Hinge()
    assert as_loss(Hinge(2.0)) == Hinge(2.0)


def test_round_trip_leaves_networks_out():
    fit = descend(SMALL, (X, Y), steps=2)
    again = Descent.from_json(fit.to_json())
    assert again == fit
    assert again.network is None
    assert again != descend(SMALL, (X, Y), steps=3)
    assert "<Descent by gradient: squared loss" in repr(fit)
