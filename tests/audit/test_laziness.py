import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from audit_makers import dataset, real_targets
from jax.flatten_util import ravel_pytree

from zeroloss.audit import Laziness, audit, laziness, lazy_verdict
from zeroloss.networks import MLP, FeedForward, wrap
from zeroloss.plumbing import InputError
from zeroloss.verdict import Status

X = np.random.default_rng(0).standard_normal((40, 3))


def moved(network, size, key=1):
    """`network` with `size` times standard normal numbers added to its weights."""
    leaves, shape = jax.tree.flatten(network)
    rng = np.random.default_rng(key)
    return jax.tree.unflatten(
        shape, [jnp.asarray(a + size * rng.standard_normal(a.shape).astype(a.dtype)) for a in leaves]
    )


def test_a_model_linear_in_its_weights_has_no_linearisation_error():
    start = MLP(3, 2, width=4, depth=0, parametrization="standard", key=0)
    found = laziness(moved(start, 0.7), start, X, X[:5])
    assert found.train_error == pytest.approx(0, abs=1e-14)
    assert found.test_error == pytest.approx(0, abs=1e-14)
    assert lazy_verdict(found).status is Status.SUPPORTED


def test_the_error_of_a_square_is_known():
    # f = w^2 x, w0 = 1, w = 1 + h: f - f_lin = h^2 x, f - f_0 = (2h + h^2) x.
    h = 0.5

    def f(params, batch):
        return params["w"] ** 2 * batch

    start, end = (wrap(f, {"w": jnp.asarray(w)}) for w in (1.0, 1 + h))
    found = laziness(end, start, X[:, :1])
    assert found.train_error == pytest.approx(h / (2 + h))
    assert found.train_interval == pytest.approx([h / (2 + h)] * 2)
    assert found.movement == pytest.approx(h)
    assert lazy_verdict(found).status is Status.CONTRADICTED


def test_the_linearisation_agrees_with_a_dense_jacobian():
    start = MLP(3, 2, width=6, depth=2, dtype="float64", key=0)
    with jax.enable_x64(True):
        end = moved(start, 0.3)
        arrays, static = eqx.partition(start, eqx.is_inexact_array)
        flat, back = ravel_pytree(arrays)
        last, _ = ravel_pytree(eqx.filter(end, eqx.is_inexact_array))

        def f(w):
            return jax.vmap(eqx.combine(back(w), static))(jnp.asarray(X))

        linear = f(flat) + jax.jit(jax.jacobian(f))(flat) @ (last - flat)
        expected = float(jnp.linalg.norm(f(last) - linear) / jnp.linalg.norm(f(last) - f(flat)))
        movement = float(jnp.linalg.norm(last - flat) / jnp.linalg.norm(flat))
    found = laziness(end, start, X)
    assert found.train_error == pytest.approx(expected, rel=1e-10)
    assert found.movement == pytest.approx(movement, rel=1e-10)


def test_wide_networks_are_lazier():
    errors = []
    for width in (16, 1024):
        start = MLP(3, 1, width=width, depth=1, key=0)
        end = moved(start, 1 / np.sqrt(width))
        errors.append(laziness(end, start, X).train_error)
    assert errors[1] < errors[0] / 4


def test_movement_is_reported_layer_by_layer():
    start = MLP(3, 2, width=5, depth=1, key=0)
    end = eqx.tree_at(lambda n: (n.weights[1], n.biases[1]), start, (3 * start.weights[1], 3 * start.biases[1]))
    found = laziness(end, start, X)
    assert found.layers == pytest.approx({"layer1": 0.0, "layer2": 2.0})
    # The read-out enters linearly.
    assert found.train_error == pytest.approx(0, abs=1e-14)


def test_zero_weights_have_no_relative_movement():
    start = FeedForward([jnp.zeros((1, 3))], [None], ())
    end = FeedForward([jnp.ones((1, 3))], [None], ())
    assert laziness(end, start, X).movement is None


def test_a_network_that_did_not_move_is_unknown():
    start = MLP(3, 1, width=4, key=0)
    found = laziness(start, start, X)
    assert found.movement == 0 and found.train_error is None
    verdict = lazy_verdict(found)
    assert verdict.status is Status.UNKNOWN and "did not change" in verdict.reason


def test_nan_weights_are_reported():
    start = MLP(3, 1, width=4, key=0)
    broken = eqx.tree_at(lambda n: n.biases[1], start, jnp.array([jnp.nan]))
    found = laziness(broken, start, X)
    assert found.train_error is None and found.movement is None
    assert "NaN or infinite" in lazy_verdict(found).reason
    assert "nan" not in found.to_json()


def test_the_audit_judges_laziness_where_the_start_is_given():
    rng = np.random.default_rng(3)
    data = real_targets(n=40, d=3, x_test=rng.standard_normal((7, 3)), y_test=rng.standard_normal(7))
    start = MLP(3, 1, width=8, key=0)
    found = audit(moved(start, 0.01), data, start)
    assert found.verdicts["lazy"].status is Status.SUPPORTED
    assert 0 < found.numbers["linearisation_train"] < 0.1
    assert found.numbers["linearisation_test"] == found.verdicts["lazy"].evidence["linearisation_error_test"]
    assert set(audit(start, data).verdicts) == {"local"}


def test_a_float64_network_and_its_plain_form_are_alike():
    start = MLP(3, 1, width=8, key=0)
    end = moved(start, 0.1)
    plain = FeedForward(end.weights, end.biases, end.activations, end.weight_scales, end.bias_scales)
    assert laziness(plain, start, X).train_error == laziness(end, start, X).train_error


def test_blocks_do_not_matter():
    start = MLP(3, 1, width=8, key=0)
    many = np.random.default_rng(1).standard_normal((1030, 3))
    found = laziness(moved(start, 0.3), start, many, many[:1000])
    part = laziness(moved(start, 0.3), start, many[:1000])
    assert found.test_error == pytest.approx(part.train_error)
    assert found.train_error != part.train_error


def test_laziness_goes_to_json_and_back():
    start = MLP(3, 1, width=8, key=0)
    found = laziness(moved(start, 0.1), start, X)
    assert Laziness.from_json(found.to_json()) == found


def test_bad_input_is_one_line():
    start = MLP(3, 1, width=8, key=0)
    for other in (
        MLP(3, 1, width=9, key=0),
        MLP(3, 1, width=8, activation="relu", key=0),
        wrap(lambda p, x: x, jnp.ones(3)),
    ):
        with pytest.raises(InputError, match="initial is not the same kind"):
            laziness(start, other, X)
    data = dataset(X, X[:, 0])
    with pytest.raises(InputError, match="black box"):
        audit(lambda p: p[:, :1], data, start)
