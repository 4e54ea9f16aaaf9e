"""Proofs of networks of JAX through their programs: what is true is proved, and what only looks so is not."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zeroloss as zl
from zeroloss.plumbing import InputError, double
from zeroloss.tangent.followed import followed
from zeroloss.verdict import Status
from zeroloss.verified.balls import features, find_readout

KEY = jax.random.PRNGKey(0)
RNG = np.random.default_rng(3)
X = RNG.standard_normal((12, 5)).astype(np.float32)
Y = RNG.standard_normal((12, 2))


def mlp(width=40, depth=2, activation=jnp.tanh, key=KEY):
    return eqx.nn.MLP(5, 2, width, depth, activation=activation, key=key)


def interpolates(proof, x=X, y=Y):
    """A dense reference: the least move of the read-out's features to the targets, by the network's own float64 answers."""
    with double():
        answers = zl.predict(proof.network, np.asarray(x, np.float64))
    return float(np.abs(answers - y).max())


def wrapped():
    params = {"a": RNG.standard_normal((5, 40)), "w": RNG.standard_normal((40, 2)), "b": np.zeros(2)}
    return zl.wrap(lambda p, x: jnp.tanh(x @ p["a"]) @ p["w"] + p["b"], params)


@pytest.mark.parametrize(
    "network",
    [
        mlp(),
        mlp(activation=jax.nn.relu),
        mlp(activation=jax.nn.gelu),
        mlp(activation=jax.nn.silu),
        mlp(activation=jax.nn.softplus),
        eqx.nn.MLP(5, 2, 40, 1, use_final_bias=False, key=KEY),
        wrapped(),
    ],
    ids=["tanh", "relu", "gelu", "silu", "softplus", "no-bias", "wrapped"],
)  # fmt: skip
def test_proved_by_the_readout_and_the_polished_weights_interpolate(network):
    proof = zl.prove(network, (X, Y))
    assert proof.status is Status.PROVED and proof.method == "readout" and proof.which == "polished", proof.reason
    assert type(proof.network) is type(network)
    assert interpolates(proof) < 1e-9 and proof.radius < 1e-6
    given = zl.prove(network, (X, Y), polish=False)
    # The polished weights are a minimum nearby: the radius at the weights given reaches at least as far as the nearest.
    assert given.status is Status.PROVED and given.radius >= proof.moved * (1 - 1e-6)


class Autoencoder(eqx.Module):
    """Tied weights with a hoisted transpose; the target can't be reached."""

    w: jax.Array

    def __call__(self, x):
        wt = self.w.T
        return wt @ jnp.tanh(self.w @ x)


class Stopped(eqx.Module):
    body: eqx.nn.MLP
    w: jax.Array

    def __call__(self, x):
        return self.w @ jax.lax.stop_gradient(self.body(x))


class StoppedReadout(eqx.Module):
    body: eqx.nn.MLP
    w: jax.Array

    def __call__(self, x):
        return jax.lax.stop_gradient(self.w) @ self.body(x)


class Twice(eqx.Module):
    """The read-out's weights reach the answer by a second way."""

    body: eqx.nn.MLP
    w: jax.Array

    def __call__(self, x):
        h = self.body(x)
        return self.w @ (h + 0.1 * jnp.sum(self.w))


class TwoPlaces(eqx.Module):
    body: eqx.nn.MLP
    w: jax.Array

    def __call__(self, x):
        h = self.body(x)
        return self.w @ h + 0.5 * (self.w @ jnp.roll(h, 1))


class Half(eqx.Module):
    body: eqx.nn.MLP
    w: jax.Array
    dtype: str = eqx.field(static=True)

    def __call__(self, x):
        return self.w @ self.body(x.astype(self.dtype).astype(x.dtype))


class BodyHalf(Half):
    def __call__(self, x):
        h = self.body(x)
        return self.w @ (h.astype(self.dtype) * jnp.asarray(2, self.dtype)).astype(x.dtype)


def body(out=30):
    return eqx.nn.MLP(5, out, 30, 1, activation=jnp.tanh, final_activation=jnp.tanh, key=KEY)


W = jnp.asarray(RNG.standard_normal((2, 30)), jnp.float32)


def test_a_stop_before_the_readout_changes_no_value_and_the_proof_holds():
    proof = zl.prove(Stopped(body(), W), (X, Y))
    assert proof.status is Status.PROVED and interpolates(proof) < 1e-9


@pytest.mark.parametrize(
    ("network", "y", "word"),
    [
        (Autoencoder(jnp.asarray(RNG.standard_normal((40, 5)), jnp.float32)), RNG.standard_normal((12, 5)), "linear layer"),
        (Twice(body(), W), Y, "linear layer"),
        (TwoPlaces(body(), W), Y, "linear layer"),
        (StoppedReadout(body(), W), Y, "linear layer"),
        (Half(body(), W, "bfloat16"), Y, "bfloat16"),
        (Half(body(), W, "float16"), Y, "float16"),
        (BodyHalf(body(), W, "bfloat16"), Y, "bfloat16"),
    ],
    ids=["tied", "twice", "two-places", "stopped-readout", "bfloat16", "float16", "half-inside"],
)  # fmt: skip
def test_what_only_looks_like_a_readout_is_unknown(network, y, word):
    proof = zl.prove(network, (X, y))
    assert proof.status is Status.UNKNOWN and proof.radius is None
    assert word in proof.reason
    found = zl.certify(network, (X, y)).verdicts["exists"]
    assert found.status is Status.UNKNOWN


def test_a_cast_to_float32_inside_rounds_what_float64_would_keep():
    proof = zl.prove(Half(body(), W, "float32"), (X.astype(np.float64) + 1e-9, Y))
    assert proof.status is Status.UNKNOWN and "float32" in proof.reason


def test_equal_inputs_in_half_precision_are_not_told_apart():
    x = np.array([[1.0, 0, 0, 0, 0], [1.0 + 2.0**-13, 0, 0, 0, 0]], np.float32)
    proof = zl.prove(Half(body(), W, "float16"), (x, Y[:2]))
    assert proof.status is Status.UNKNOWN


def test_one_array_in_two_leaves_is_one_parameter():
    square = jnp.asarray(RNG.standard_normal((5, 5)), jnp.float32)
    f = lambda p, x: jnp.tanh(x @ p["a"]) @ p["b"]  # noqa: E731
    for shared in (square, np.asarray(square)):
        proof = zl.prove(zl.wrap(f, {"a": shared, "b": shared}), (X[:5], RNG.standard_normal((5, 5))))
        assert proof.status is Status.UNKNOWN and "a and b are one and the same array" in proof.reason
    apart = zl.prove(zl.wrap(f, {"a": square, "b": square + 0}), (X[:5], RNG.standard_normal((5, 5))))
    assert apart.status is Status.PROVED


def test_a_fixed_readout_is_not_moved():
    network = mlp()
    mask = eqx.tree_at(lambda m: m.layers[-1].weight, jax.tree.map(eqx.is_inexact_array, network), False)
    proof = zl.prove(network, (X, Y), trainable=mask)
    assert proof.status is Status.UNKNOWN and "layers.2.weight fixed" in proof.reason
    assert zl.certify(network, (X, Y), trainable=mask).verdicts["exists"].status is Status.UNKNOWN
    only = eqx.tree_at(
        lambda m: (m.layers[-1].weight, m.layers[-1].bias), jax.tree.map(lambda _: False, network), (True, True)
    )
    assert zl.prove(network, (X, Y), trainable=only).status is Status.PROVED


def test_dropout_in_inference_mode_and_not():
    network = eqx.nn.Sequential([eqx.nn.Linear(5, 40, key=KEY), eqx.nn.Dropout(0.5), eqx.nn.Linear(40, 2, key=KEY)])
    with pytest.raises(InputError, match="inference"):
        zl.prove(network, (X[:4], Y[:4]))
    assert zl.prove(eqx.nn.inference_mode(network), (X[:4], Y[:4])).status is Status.PROVED


def test_a_fixed_key_inside_is_not_followed():
    noisy = zl.wrap(
        lambda p, x: (jnp.tanh(x @ p["a"]) + jax.random.normal(jax.random.PRNGKey(0), (40,))) @ p["w"],
        {"a": RNG.standard_normal((5, 40)), "w": RNG.standard_normal((40, 2))},
    )
    proof = zl.prove(noisy, (X, Y))
    assert proof.status is Status.UNKNOWN and "random" in proof.reason


def test_a_wrapped_function_over_an_array_it_closes_over():
    fixed = RNG.standard_normal((5, 40))
    network = zl.wrap(
        lambda p, x: jnp.tanh(x @ fixed) @ p["w"] + p["b"], {"w": RNG.standard_normal((40, 2)), "b": np.zeros(2)}
    )
    proof = zl.prove(network, (X, Y))
    assert proof.status is Status.PROVED and interpolates(proof) < 1e-9
    # An array in float32 inside a float64 network: its own arithmetic would be in float32.
    single = jnp.asarray(fixed, jnp.float32)
    odd = zl.wrap(lambda p, x: jnp.tanh(x @ (single * single + 1e-9)) @ p["w"], {"w": RNG.standard_normal((40, 2))})
    found = zl.prove(odd, (X, Y))
    assert found.status is Status.UNKNOWN and "float32" in found.reason


def test_a_function_that_mixes_examples_is_refused():
    mixing = zl.wrap(lambda p, x: (x - x.mean(0)) @ p["w"], {"w": RNG.standard_normal((5, 2))})
    with pytest.raises(InputError, match=r"example|rows"):
        zl.prove(mixing, (X[:4], Y[:4]))


def test_margins_in_ball_arithmetic_hold_against_float64_answers():
    wine = zl.load_data("wine")
    network = eqx.nn.MLP(13, 3, 200, 1, activation=jnp.tanh, key=KEY)
    proof = zl.prove(network, wine)
    assert proof.status is Status.PROVED and proof.classified_polished.status is Status.PROVED
    answers = np.array(zl.predict(proof.network, wine.x_train))
    own = answers[np.arange(len(answers)), wine.labels_train]
    answers[np.arange(len(answers)), wine.labels_train] = -np.inf
    margin = (own - answers.max(axis=1)).min()
    bound = proof.classified_polished.evidence["margin_lower"]
    assert bound <= margin and margin - bound < 1e-9
    deep = eqx.nn.MLP(13, 3, 8, 3, key=KEY)  # too narrow for the read-out: margins all the same
    found = zl.prove(deep, wine)
    assert found.status is Status.UNKNOWN and "too few" in found.reason and found.classified.status is Status.REFUTED


def test_zero_loss_exists_for_networks_of_jax():
    assert zl.certify(mlp(), (X, Y)).verdicts["exists"].status is Status.PROVED
    narrow = zl.certify(mlp(width=4), (X, Y)).verdicts["exists"]
    assert narrow.status is Status.UNKNOWN and "fewer than distinct inputs" in narrow.reason


def test_newton_kantorovich_is_refused_for_them():
    with pytest.raises(InputError, match="read-out only"):
        zl.prove(mlp(), (X, Y), method="newton-kantorovich")


def test_many_examples_at_once_are_bounded_as_one_by_one(monkeypatch):
    keys = jax.random.split(KEY, 3)
    network = eqx.nn.Sequential(
        [
            eqx.nn.Conv2d(1, 3, 3, padding=1, key=keys[0]),
            eqx.nn.Lambda(jax.nn.relu),
            eqx.nn.MaxPool2d(2, 2),
            eqx.nn.Conv2d(3, 5, 2, key=keys[1]),
            eqx.nn.Lambda(jnp.ravel),
            eqx.nn.LayerNorm(45),
            eqx.nn.Lambda(jax.nn.softmax),
            eqx.nn.Linear(45, 3, key=keys[2]),
        ]
    )
    x = RNG.standard_normal((7, 1, 8, 8))
    program = followed(network, x).trace.network
    readout = find_readout(program.program)
    monkeypatch.setattr(features, "MOST_AT_ONCE", 3)
    together = features.readout_features(program, readout, x.reshape(7, -1))
    monkeypatch.setattr(features, "MOST_AT_ONCE", 1)
    alone = features.readout_features(program, readout, x.reshape(7, -1))
    assert together[0].shape == (7, 45)
    assert np.all(np.abs(together[0] - alone[0]) <= together[1] + alone[1])
    np.testing.assert_allclose(together[1], alone[1], rtol=0.5)


def test_a_network_that_runs_in_float32_alone_is_judged_by_its_own_program():
    """Its arithmetic is strict on types: as any float32 network it is taken in exact arithmetic, as a program."""

    def strict(p, x):
        h = jax.lax.dot(x.astype(jnp.float32), jnp.ones((5, 40), jnp.float32) * jnp.arange(40, dtype=jnp.float32))
        return jax.lax.dot(jnp.tanh(h + p["b"]), p["w"])

    params = {"b": RNG.standard_normal(40).astype(np.float32), "w": RNG.standard_normal((40, 2)).astype(np.float32)}
    proof = zl.prove(zl.wrap(strict, params), (X[:4], Y[:4]))
    assert proof.status is Status.PROVED and proof.network.dtype == np.float64
    assert interpolates(proof, X[:4], Y[:4]) < 1e-9
