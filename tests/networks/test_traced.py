"""Networks of JAX as programs: the same answers and derivatives, files of them, and what no file can hold."""

from __future__ import annotations

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zeroloss as zl
from zeroloss.networks import TracedNetwork, load_network, predict, save_network
from zeroloss.networks.pytorch.program import Dtype, Ref, Step
from zeroloss.networks.storage import as_saved, network_bytes, network_from_bytes
from zeroloss.plumbing import InputError, double

KEY = jax.random.PRNGKey(0)
RNG = np.random.default_rng(1)
X = RNG.standard_normal((6, 5)).astype(np.float32)
IMAGES = RNG.standard_normal((4, 1, 8, 8)).astype(np.float32)


def cnn():
    k = jax.random.split(KEY, 3)
    return eqx.nn.Sequential(
        [
            eqx.nn.Conv2d(1, 4, 3, padding=1, key=k[0]),
            eqx.nn.Lambda(jax.nn.relu),
            eqx.nn.MaxPool2d(2, 2),
            eqx.nn.Conv2d(4, 6, 3, stride=2, key=k[1]),
            eqx.nn.Lambda(jax.nn.gelu),
            eqx.nn.AvgPool2d(1, 1),
            eqx.nn.Lambda(jnp.ravel),
            eqx.nn.LayerNorm(6),
            eqx.nn.Linear(6, 3, key=k[2]),
        ]
    )


class Recurrent(eqx.Module):
    cell: eqx.nn.GRUCell
    head: eqx.nn.Linear

    def __init__(self):
        self.cell, self.head = eqx.nn.GRUCell(1, 7, key=KEY), eqx.nn.Linear(7, 2, key=KEY)

    def __call__(self, x):
        h, _ = jax.lax.scan(lambda h, v: (self.cell(v[None], h), None), jnp.zeros(7), x)
        return self.head(h)


class Attention(eqx.Module):
    attention: eqx.nn.MultiheadAttention
    head: eqx.nn.Linear

    def __init__(self):
        self.attention = eqx.nn.MultiheadAttention(2, 4, key=KEY)
        self.head = eqx.nn.Linear(12, 2, key=KEY)

    def __call__(self, x):
        x = jnp.outer(x[:3], jnp.arange(1.0, 5.0)).reshape(3, 4)
        return self.head(self.attention(x, x, x).ravel())


class Tokens(eqx.Module):
    table: eqx.nn.Embedding
    head: eqx.nn.Linear

    def __init__(self):
        self.table, self.head = eqx.nn.Embedding(7, 3, key=KEY), eqx.nn.Linear(12, 2, key=KEY)

    def __call__(self, tokens):
        return self.head(jax.vmap(self.table)(tokens).ravel() * (tokens[0] > 2))


def wrapped():
    fixed = np.random.default_rng(2).standard_normal((5, 9)).astype(np.float32)
    return zl.wrap(lambda p, x: jax.nn.softplus(x @ fixed) @ p["w"] + p["b"], {"w": np.ones((9, 2)), "b": np.zeros(2)})


NETWORKS = {
    "mlp": (lambda: eqx.nn.MLP(5, 2, 8, 2, key=KEY), X),
    "cnn": (cnn, IMAGES),
    "recurrent": (Recurrent, X),
    "attention": (Attention, X),
    "tokens": (Tokens, RNG.integers(0, 7, (6, 4))),
    "wrapped": (wrapped, X.astype(np.float64)),
    "stopped": (lambda: zl.wrap(lambda p, x: jax.lax.stop_gradient(x @ p["a"]) @ p["b"], {"a": np.ones((5, 3)), "b": np.ones((3, 2))}), X),
    "dropout": (lambda: eqx.nn.inference_mode(eqx.nn.Sequential([eqx.nn.Linear(5, 2, key=KEY), eqx.nn.Dropout(0.5)])), X),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_a_saved_network_answers_and_has_derivatives_as_before(tmp_path, name):
    make, x = NETWORKS[name]
    network = make()
    again = load_network(save_network(tmp_path / "n.npz", network, example=x))
    assert isinstance(again, TracedNetwork)
    np.testing.assert_allclose(predict(again, x), predict(network, x), rtol=1e-6, atol=1e-6)
    first, second = (np.asarray(zl.tangent.kernel(n, x)) for n in (network, again))
    np.testing.assert_allclose(second, first, rtol=1e-5, atol=1e-5 * np.abs(first).max())
    assert network_bytes(again) == network_bytes(as_saved(network, x))


def test_parameters_have_the_names_of_their_leaves_and_are_trained_by_them():
    network = as_saved(eqx.nn.MLP(5, 2, 8, 1, key=KEY))
    assert set(network.parameter_names) == {"layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias"}
    fit = zl.descend(network, (X, X[:, :2].astype(np.float64)), steps=3, trainable="layers.1")
    moved = {n: bool((np.asarray(p) != network.parameters[n]).any()) for n, p in fit.network.parameters.items()}
    assert moved == {n: n.startswith("layers.1") for n in moved}


def test_relu_keeps_its_derivative_at_zero():
    network = zl.wrap(lambda p, x: jax.nn.relu(x @ p), np.zeros((5, 2)))
    again = as_saved(network, X)
    kernel = np.asarray(zl.tangent.kernel(again, X.astype(np.float64)))
    assert (kernel == 0).all()  # max(x, 0) would have half a derivative there


@jax.custom_jvp
def straight(x):
    return jnp.sign(x)


straight.defjvp(lambda primals, tangents: (straight(primals[0]), tangents[0]))


@pytest.mark.parametrize(
    ("function", "word"),
    [
        (lambda p, x: straight(x @ p), "derivative rule"),
        (lambda p, x: jax.lax.while_loop(lambda s: s[0] < 3, lambda s: (s[0] + 1, s[1] * 2), (0, x))[1] @ p, "while"),
        (lambda p, x: jnp.linalg.qr(x.T @ x)[1][:1] + x @ p @ jnp.ones((2, 5)), "qr"),
        (lambda p, x: (x.astype(jnp.bfloat16) @ p.astype(jnp.bfloat16)).astype(x.dtype), "bfloat16"),
        (lambda p, x: x @ p + jax.random.normal(jax.random.PRNGKey(0), (2,)), "random"),
    ],
    ids=["rule", "while", "qr", "bfloat16", "random"],
)
def test_what_no_file_can_hold_is_refused_by_name(function, word):
    with pytest.raises(InputError, match=rf"cannot be saved as \.npz.*{word}"):
        as_saved(zl.wrap(function, np.ones((5, 2))), X[:1])


def test_what_it_takes_must_be_known_and_shared_arrays_are_refused():
    with pytest.raises(InputError, match="example=data"):
        as_saved(wrapped())
    one = jnp.ones((5, 5))
    shared = zl.wrap(lambda p, x: jnp.tanh(x @ p["a"]) @ p["b"], {"a": one, "b": one})
    with pytest.raises(InputError, match="a and b are one and the same array"):
        as_saved(shared, X)


def test_an_example_that_the_network_does_not_take_is_one_line():
    for network in (
        eqx.nn.MLP(5, 2, 8, 1, key=KEY),
        eqx.nn.Sequential([eqx.nn.Linear(5, 4, key=KEY), eqx.nn.Dropout(0.5)]),
    ):
        with pytest.raises(InputError, match="does not take one example of shape") as refused:
            as_saved(network, np.zeros((1, 5 if isinstance(network, eqx.nn.Sequential) else 6), np.float32))
        assert "\n" not in str(refused.value)


def base(dtype=np.float32):
    with double():
        leaf = jnp.asarray(RNG.standard_normal((3, 5)), dtype)
    return as_saved(zl.wrap(lambda p, x: jnp.tanh(x @ p.T), leaf), X)


def forged(*more, output=None, change=None):
    """The file of a network whose program was changed."""
    network = base()
    program = network.program
    steps = [*program.steps, *more]
    if change is not None:
        steps = change(steps)
    program = dataclasses.replace(program, steps=tuple(steps), output=program.output if output is None else output)
    return network_bytes(TracedNetwork(network.parameters, program, network.constants))


LAST = base().program.output
NEXT = LAST + 1
FORGED = {
    "cycle": (lambda: forged(Step("lax.add", (Ref(NEXT), Ref(LAST)), (), NEXT), output=NEXT), "no earlier step sets"),
    "twice": (lambda: forged(Step("lax.neg", (Ref(LAST),), (), LAST)), "a second time"),
    "unknown": (lambda: forged(Step("lax.while", (Ref(LAST),), (), NEXT), output=NEXT), "lax.while"),
    "shapes": (lambda: forged(Step("lax.add", (Ref(LAST), Ref(0)), (), NEXT), output=NEXT), "cannot be computed"),
    "keyword": (lambda: forged(Step("lax.neg", (Ref(LAST),), (("axis", 1),), NEXT), output=NEXT), "cannot be computed"),
    "giant": (
        lambda: forged(
            Step("lax.broadcast_in_dim", (Ref(LAST),), (("shape", (10**9, 10**3, 3)), ("dimensions", (2,))), NEXT), output=NEXT
        ),
        "over",
    ),
    "giant-iota": (
        lambda: forged(Step("lax.iota", (), (("shape", (10**10,)), ("dimension", 0), ("dtype", Dtype("float32"))), NEXT)),
        "over",
    ),
    "giant-pad": (
        lambda: forged(
            Step("lax.constant", (), (("value", 0.0), ("dtype", Dtype("float32"))), NEXT),
            Step("lax.pad", (Ref(LAST), Ref(NEXT)), (("config", ((0, 10**11, 0),)),), NEXT + 1),
        ),
        "over|cannot be computed",
    ),
    "array-constant": (
        lambda: forged(Step("lax.constant", (), (("value", (0.0,) * 9), ("dtype", Dtype("float32"))), NEXT)),
        "not one number",
    ),
    "text-type": (
        lambda: forged(Step("lax.convert_element_type", (Ref(LAST),), (("dtype", "float16"),), NEXT), output=NEXT),
        "as a text",
    ),
    "text-type-placed": (
        lambda: forged(Step("lax.convert_element_type", (Ref(LAST), "float16"), (), NEXT), output=NEXT),
        "as a text",
    ),
    "precision": (
        lambda: forged(
            Step(
                "lax.dot_general",
                (Ref(LAST), Ref(LAST)),
                (("contracted", ((), ())), ("batch", ((0,), (0,))), ("precision", "BF16_BF16_F32")),
                NEXT,
            )
        ),
        "precision",
    ),
    "both-kinds": (lambda: forged(Step("aten.neg.default", (Ref(LAST),), (), NEXT), output=NEXT), "damaged"),
    "gone": (lambda: forged(output=NEXT), "no step sets"),
    "integer-answer": (
        lambda: forged(Step("lax.convert_element_type", (Ref(LAST),), (("dtype", Dtype("int32")),), NEXT), output=NEXT),
        "does not answer",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
def test_forged_programs_are_refused_in_one_line(name):
    make, words = FORGED[name]
    content = make()
    with pytest.raises(InputError, match=words) as refused:
        network_from_bytes(content, "it.npz")
    assert "\n" not in str(refused.value)


def test_a_program_of_one_kind_does_not_pass_for_the_other():
    network = base()
    other = zl.networks.TorchNetwork(network.parameters, network.program, network.constants)
    with pytest.raises(InputError, match="its steps are not those of one"):
        network_from_bytes(network_bytes(other), "it.npz")


@pytest.mark.parametrize("name", ["mlp", "wrapped"])
def test_a_loaded_network_is_proved_and_certified_as_the_one_saved(tmp_path, name):
    make = {"mlp": lambda: eqx.nn.MLP(5, 2, 30, 1, activation=jnp.tanh, key=KEY), "wrapped": wrapped}[name]
    y = RNG.standard_normal((6, 2))
    again = load_network(save_network(tmp_path / "n.npz", make(), example=X))
    first, second = zl.prove(make(), (X, y)), zl.prove(again, (X, y))
    assert first.status is second.status is zl.Status.PROVED
    np.testing.assert_allclose(second.moved, first.moved, rtol=1e-4)


def test_a_certificate_is_of_the_program(tmp_path):
    network, y = eqx.nn.MLP(5, 2, 30, 1, activation=jnp.tanh, key=KEY), RNG.standard_normal((6, 2))
    certificate = zl.prove(network, (X, y)).certificate()
    path = certificate.save(tmp_path / "c.json")
    found = zl.minima.check_certificate(zl.minima.load_certificate(path), (X, y))
    assert found.status is zl.Status.PROVED
    other = zl.prove(eqx.nn.MLP(5, 2, 30, 1, activation=jax.nn.relu, key=KEY), (X, y)).certificate()
    swapped = dataclasses.replace(certificate, network=other.network)
    assert zl.minima.check_certificate(swapped, (X, y)).status is zl.Status.UNKNOWN
    assert isinstance(certificate.weights(), TracedNetwork)
