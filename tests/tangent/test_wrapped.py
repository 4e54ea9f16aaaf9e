"""Functions of one's own: weights used in unusual ways, and examples that meet."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tangent_references import assert_close, brute_force, form

from zeroloss.networks import wrap
from zeroloss.plumbing import InputError, double
from zeroloss.tangent import kernel
from zeroloss.tangent.jaxpr.reader import Reader

RNG = np.random.default_rng(0)
X, OTHER = RNG.standard_normal((2, 3, 3))


def arrays(**shapes):
    with double():
        return {name: jnp.asarray(RNG.standard_normal(shape)) for name, shape in shapes.items()}


def standardise(h):
    return (h - h.mean(-1, keepdims=True)) / jnp.sqrt(h.var(-1, keepdims=True) + 1e-5)


SQUARE = {"w": (3, 3), "v": (3, 2)}
with double():
    NUMBER, MASK = jnp.asarray(0.7), jnp.asarray(RNG.standard_normal((3, 3)))
FUNCTIONS = {
    "no bias": ({"w": (3, 5), "v": (5, 2)}, lambda p, x: jnp.tanh(x @ p["w"]) @ p["v"]),
    "only a bias": ({"b": (2,)}, lambda p, x: x[..., :2] + p["b"]),
    "a bias that meets no example": (
        {"w": (3, 2), "b": (2,)},
        lambda p, x: jnp.zeros((len(x), 1)) + p["b"] + 0 * x @ p["w"],
    ),
    "a bias subtracted": ({"w": (3, 2), "b": (2,)}, lambda p, x: jnp.tanh(p["b"] - x @ p["w"]) - p["b"]),
    "weight used twice": (SQUARE, lambda p, x: jnp.tanh(jnp.tanh(x @ p["w"]) @ p["w"]) @ p["v"]),
    "bias used twice": ({"w": (3, 3), "b": (3,)}, lambda p, x: jnp.tanh(x @ p["w"] + p["b"]) + p["b"]),
    "W * W": (SQUARE, lambda p, x: jnp.tanh(x @ (p["w"] * p["w"])) @ p["v"]),
    "W @ W": (SQUARE, lambda p, x: jnp.tanh(x @ (p["w"] @ p["w"])) @ p["v"]),
    "low rank": ({"a": (3, 1), "b": (1, 4), "v": (4, 2)}, lambda p, x: jnp.tanh(x @ (p["a"] @ p["b"])) @ p["v"]),
    "transposed": ({"w": (5, 3), "v": (2, 5)}, lambda p, x: jnp.tanh(x @ p["w"].T) @ p["v"].T),
    "twice transposed": (SQUARE, lambda p, x: jnp.tanh(x @ p["w"].T.T) @ p["v"]),
    "scaled": (SQUARE, lambda p, x: jnp.tanh(x @ (0.3 * p["w"])) @ (-p["v"] / 7)),
    "scaled by a parameter": (SQUARE | {"s": ()}, lambda p, x: jnp.tanh(x @ (p["s"] * p["w"])) @ p["v"]),
    "scaled transposed bias": ({"w": (5, 3), "b": (5,)}, lambda p, x: jnp.tanh(x @ (2 * p["w"]).T + 3 * p["b"])),
    "tied autoencoder": (
        {"w": (3, 2), "b": (2,), "c": (3,)},
        lambda p, x: jnp.tanh(x @ p["w"] + p["b"]) @ p["w"].T + p["c"],
    ),
    "embedding": ({"e": (3, 4), "v": (4, 2)}, lambda p, x: (x @ p["e"]) @ p["v"]),
    "weight norm": (SQUARE, lambda p, x: jnp.tanh(x @ (p["w"] / jnp.linalg.norm(p["w"], axis=0))) @ p["v"]),
    "masked": (SQUARE, lambda p, x: jnp.tanh(x @ (p["w"] * jnp.eye(3))) @ p["v"]),
    "reshaped": ({"w": (9,), "v": (6,)}, lambda p, x: jnp.tanh(x @ p["w"].reshape(3, 3)) @ p["v"].reshape(3, 2)),
    "reshaped bias": ({"w": (3, 4), "b": (2, 2)}, lambda p, x: jnp.tanh(x @ p["w"] + p["b"].reshape(4))),
    "transposed and reshaped bias": (
        {"w": (3, 4), "b": (2, 2)},
        lambda p, x: jnp.tanh(x @ p["w"] + p["b"].T.reshape(4)),
    ),
    "part of a weight": ({"w": (5, 4)}, lambda p, x: jnp.tanh(x @ p["w"][:3])),
    "entrywise": ({"s": (3,), "w": (3, 2)}, lambda p, x: (x * p["s"]) @ p["w"]),
    "residual": (SQUARE, lambda p, x: (x + jnp.tanh(x @ p["w"])) @ p["v"]),
    "layer norm": (SQUARE | {"g": (3,)}, lambda p, x: (standardise(x @ p["w"]) * p["g"]) @ p["v"]),
    "one compiled inside": (SQUARE, lambda p, x: jax.jit(lambda w, h: jnp.tanh(h @ w))(p["w"], x) @ p["v"]),
    "softmax over outputs": (SQUARE, lambda p, x: jax.nn.softmax(jnp.maximum(x @ p["w"], 0) @ p["v"], -1)),
    "gated": (SQUARE, lambda p, x: (jax.nn.sigmoid(x @ p["w"]) * (x @ p["w"])) @ p["v"]),
    "weights join": (
        {"a": (3, 2), "b": (3, 1), "v": (3, 2)},
        lambda p, x: jnp.tanh(x @ jnp.hstack([p["a"], p["b"]])) @ p["v"],
    ),
    "activations join": (
        {"a": (3, 2), "b": (3, 1), "v": (3, 2)},
        lambda p, x: jnp.hstack([jnp.tanh(x @ p["a"]), x @ p["b"]]) @ p["v"],
    ),
    "numbers closed over": (
        {"w": (3, 3), "b": (3,), "v": (3, 2)},
        lambda p, x: jnp.tanh((x @ (p["w"] * MASK)) * NUMBER + p["b"] * NUMBER) @ p["v"] / NUMBER,
    ),
    "einsum": (SQUARE, lambda p, x: jnp.einsum("nd,dk,kc->nc", x, p["w"], p["v"])),
}


FAST = ("no bias", "weight used twice", "W * W", "transposed", "scaled", "tied autoencoder", "embedding", "weight norm")


def marked(names, fast):
    """Each of these compiles for a second or two: the most telling ones always, the others in the slow run."""
    return [name if name in fast else pytest.param(name, marks=pytest.mark.slow) for name in names]


@pytest.mark.parametrize("name", marked(FUNCTIONS, FAST))
def test_wrapped_functions(name):
    shapes, function = FUNCTIONS[name]
    network = wrap(function, arrays(**shapes))
    expected = brute_force(network, np.concatenate([X, OTHER]))
    assert_close(kernel(network, X), expected[:3, :3], np.float64)
    for outputs in ("diagonal", "trace"):
        found = kernel(network, X, OTHER, outputs, check=False)
        np.testing.assert_allclose(found, form(expected[:3, 3:], outputs), rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize(
    "part", ["w", pytest.param("b", marks=pytest.mark.slow), pytest.param("c", marks=pytest.mark.slow)]
)
def test_trained_parts_of_a_tied_network(part):
    shapes, function = FUNCTIONS["tied autoencoder"]
    network = wrap(function, arrays(**shapes))
    mask = jax.tree.map(lambda _: False, network)
    mask = eqx.tree_at(lambda m: m.params[part], mask, True)
    assert_close(kernel(network, X, trainable=mask), brute_force(network, X, trainable=mask), np.float64)


@pytest.mark.slow
def test_several_positions():
    """Every row of an example meets the same weight and bias; pictures, convolved."""
    x = RNG.standard_normal((3, 4, 5))
    rows = wrap(lambda p, v: jnp.tanh(v @ p["w"] + p["b"]).sum(1), arrays(w=(5, 2), b=(2,)))
    assert_close(kernel(rows, x), brute_force(rows, x), np.float64)
    each = wrap(lambda p, v: jnp.tanh(v @ p["w"] + p["b"]).sum(1), arrays(w=(5, 2), b=(4, 2)))
    assert_close(kernel(each, x), brute_force(each, x), np.float64)

    def convolve(p, v):
        z = jax.lax.conv(v[:, None], p["w"], (1, 1), "SAME") + p["b"][:, None, None]
        return jnp.tanh(z).mean((2, 3)) @ p["v"]

    pictures = wrap(convolve, arrays(w=(2, 1, 3, 3), b=(2,), v=(2, 2)))
    assert_close(kernel(pictures, x), brute_force(pictures, x), np.float64)


@pytest.mark.slow
def test_attention_within_an_example():
    def attend(p, v):
        scores = jnp.einsum("nid,de,nje->nij", v, p["q"], v)
        return jnp.einsum("nij,njd->nd", jax.nn.softmax(scores, -1), v) @ p["v"]

    network, x = wrap(attend, arrays(q=(3, 3), v=(3, 2))), RNG.standard_normal((3, 4, 3))
    assert_close(kernel(network, x), brute_force(network, x), np.float64)


@pytest.mark.slow
def test_recurrence():
    def run(p, v):
        h = jnp.zeros((len(v), 2))
        for step in range(3):
            h = jnp.tanh(h @ p["w"] + v[:, step : step + 1] @ p["u"] + p["b"])
        return h

    network = wrap(run, arrays(w=(2, 2), u=(1, 2), b=(2,)))
    assert_close(kernel(network, X), brute_force(network, X), np.float64)


def test_fast_rules_serve_what_they_should():
    """A plain network costs no Jacobian, and what no rule serves is known to be plain."""

    def plain(name):
        shapes, function = FUNCTIONS[name]
        params = arrays(**shapes)
        with double():
            leaves = jax.tree.leaves(params)
            structure = jax.tree.structure(params)
            one = jax.ShapeDtypeStruct((3,), np.float64)
            reader = Reader(
                lambda values, v: function(jax.tree.unflatten(structure, values), v[None])[0],
                leaves,
                one,
                range(len(leaves)),
            )
        return {sorted(shapes)[i] for i in reader.plain}

    assert plain("no bias") == plain("transposed") == plain("scaled") == plain("embedding") == set()
    assert plain("scaled transposed bias") == plain("one compiled inside") == plain("residual") == set()
    assert plain("weight used twice") == plain("W * W") == plain("W @ W") == plain("low rank") == set()
    assert plain("tied autoencoder") == plain("bias used twice") == plain("masked") == plain("gated") == set()
    assert plain("weight norm") == {"w"}
    assert plain("weights join") == {"a", "b"}


MIXING = {
    "scan along the batch": lambda p, x: jax.lax.scan(lambda c, v: (c + v, c), x[0] * 0, x)[1] @ p,
    "scan that carries a mean": lambda p, x: jax.lax.scan(lambda c, _: (c - c.mean(0), None), x, None, length=2)[0] @ p,
    "rows by numbers": lambda p, x: x[jnp.array([1, 0, 1, 0])[: len(x)]] @ p,
    "rows by one's own number": lambda p, x: x[(x[:, 0] > 0).astype(int)] @ p,
    "sorted by size": lambda p, x: x[jnp.argsort(x[:, 0])] @ p,
    "a row by a computed number": lambda p, x: (x + jax.lax.dynamic_slice(x, (jnp.argmax(p[:, 0]) % 2, 0), (1, 3))) @ p,
    "a branch by the batch": lambda p, x: jax.lax.cond(x.sum() > 0, lambda v: v @ p, lambda v: -v @ p, x),
    "largest of the batch": lambda p, x: (x + jax.lax.top_k(x.T, 1)[0].T) @ p,
    "batch mean": lambda p, x: (x - x.mean(0)) @ p,
    "batch sum in a product": lambda p, x: (x * x.sum(0)) @ p,
    "softmax over the batch": lambda p, x: jax.nn.softmax(x @ p, axis=0),
    "x x^T": lambda p, x: x @ x.T @ x @ p,
    "attention across the batch": lambda p, x: jax.nn.softmax(x @ p @ p.T @ x.T, -1) @ x @ p,
    "maximum over the batch": lambda p, x: x @ p - jnp.max(x @ p, axis=0),
    "cumulative sum": lambda p, x: jnp.cumsum(x, 0) @ p,
    "neighbour": lambda p, x: (x + jnp.roll(x, 1, axis=0)) @ p,
    "reversed": lambda p, x: x[::-1] @ p,
    "first example": lambda p, x: (x + x[:1]) @ p,
    "sorted": lambda p, x: jnp.sort(x, axis=0) @ p,
    "division by the batch size": lambda p, x: (x @ p) / x.shape[0],
    "joined and split again": lambda p, x: (x.reshape(-1)[::-1].reshape(x.shape)) @ p,
    "batch in the last axis": lambda p, x: (x @ p).T,
    "convolution along the batch": lambda p, x: (
        jax.lax.conv(x[None, None], jnp.ones((1, 1, 3, 1), x.dtype), (1, 1), "SAME")[0, 0] @ p
    ),
    "window along the batch": lambda p, x: jax.lax.reduce_window(x, 0.0, jax.lax.add, (2, 1), (1, 1), "SAME") @ p,
    "scan over the batch": lambda p, x: jax.lax.scan(lambda c, v: (c + v, c + v), jnp.zeros(3, x.dtype), x)[1] @ p,
}


@pytest.mark.parametrize("rows", [3, pytest.param(2, marks=pytest.mark.slow), pytest.param(5, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", list(MIXING))
def test_functions_that_mix_examples_are_refused(name, rows):
    network = wrap(MIXING[name], jnp.asarray(RNG.standard_normal((3, 2)), jnp.float32))
    x = RNG.standard_normal((rows, 3)).astype(np.float32)
    with pytest.raises(InputError) as caught:
        kernel(network, x)
    assert "\n" not in str(caught.value)
    assert any(words in str(caught.value) for words in ("depends on", "first axis", "answers one example"))


def test_as_many_examples_as_inputs_change_nothing():
    """Batch of two, two inputs: the batch axis must not be taken for the other one."""
    x = RNG.standard_normal((2, 2)).astype(np.float32)
    w = jnp.asarray(RNG.standard_normal((2, 2)), jnp.float32)
    for function in (lambda p, v: v.T @ p, lambda p, v: p @ v, lambda p, v: v.reshape(2, -1).T @ p):
        with pytest.raises(InputError):
            kernel(wrap(function, w), x)
    assert_close(kernel(wrap(lambda p, v: v @ p, w), x), brute_force(wrap(lambda p, v: v @ p, w), x), np.float32)


RESHAPES = {
    "flattened pictures": lambda p, x: x.reshape(len(x), -1) @ p,
    "flattened with -1": lambda p, x: x.reshape(-1, 12) @ p,
    "axes exchanged and back": lambda p, x: jnp.swapaxes(jnp.swapaxes(x, 0, 1), 0, 1).reshape(len(x), 12) @ p,
    "split into patches": lambda p, x: x.reshape(len(x), 2, 2, 3).transpose(0, 2, 1, 3).reshape(len(x), 12) @ p,
    "an axis of size one": lambda p, x: x[:, None].squeeze(1).reshape(len(x), 12) @ p,
    "padded": lambda p, x: jnp.pad(x, ((0, 0), (0, 2), (0, 0)))[:, :4].reshape(len(x), 12) @ p,
    "vmapped": lambda p, x: jax.vmap(lambda v: v.ravel() @ p)(x),
    "batch last on the way": lambda p, x: (p.T @ x.reshape(len(x), 12).T).T,
}


@pytest.mark.parametrize("rows", [4, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", marked(RESHAPES, ("flattened pictures", "split into patches")))
def test_reshapes_that_keep_examples_apart(name, rows):
    network = wrap(RESHAPES[name], arrays(w=(12, 2))["w"])
    x = RNG.standard_normal((rows, 4, 3))
    assert_close(kernel(network, x), brute_force(network, x), np.float64)


def test_reshape_that_joins_examples():
    network = wrap(lambda p, x: x.reshape(2, -1)[:, :12] @ p, arrays(w=(12, 2))["w"])
    with pytest.raises(InputError):
        kernel(network, RNG.standard_normal((4, 4, 3)))


def test_numpy_parameters_keep_their_precision():
    x = RNG.standard_normal((4, 3))
    for dtype in (np.float32, np.float64):
        network = wrap(lambda p, v: jnp.tanh(v @ p["w"]), {"w": RNG.standard_normal((3, 2)).astype(dtype)})
        assert_close(kernel(network, x), brute_force(network, x), dtype)
