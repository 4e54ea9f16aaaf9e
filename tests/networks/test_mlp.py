"""MLP and FeedForward against the formulas, written in NumPy."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from zeroloss.networks import ACTIVATIONS, MLP, FeedForward, is_double, predict, trainable_mask, wrap
from zeroloss.networks.activations import gain
from zeroloss.networks.mlp import PARAMETRIZATIONS, check_widths
from zeroloss.plumbing import InputError, double

RNG = np.random.default_rng(0)


def by_hand(net, x, s, t):
    """The docstring's formulas, from the raw weights (tanh)."""
    h = x
    for layer, (w, b) in enumerate(zip(net.weights, net.biases, strict=True)):
        w, b = np.asarray(w, np.float64), np.asarray(b, np.float64)
        big, m = w.shape
        last = layer == net.depth
        if net.parametrization == "standard":
            z = h @ w.T + b
        elif net.parametrization == "ntk":
            z = s / math.sqrt(m) * (h @ w.T) + t * b
        elif last:
            z = (h @ w.T) / math.sqrt(m) + t * b
        elif layer == 0:
            z = math.sqrt(big) * (h @ w.T + b)
        else:
            z = h @ w.T + math.sqrt(big) * b
        h = z if last else np.tanh(z)
    return h


@pytest.mark.parametrize("parametrization", PARAMETRIZATIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("widths", [(), (5,), (5, 4)])
def test_forward_by_hand(parametrization, dtype, widths):
    net = MLP(3, 2, widths, None, "tanh", parametrization, 1.7, 0.3, dtype, key=1)
    x = RNG.standard_normal((6, 3)).astype(dtype)
    found = predict(net, x)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, by_hand(net, x, 1.7, 0.3), rtol=1e-5 if dtype == "float32" else 1e-13, atol=1e-6)
    assert (net.in_size, net.out_size, net.widths, net.depth) == (3, 2, widths, len(widths))


def expected_stds(parametrization, sizes, s, t):
    """Standard deviations of W and b of each layer, as the docstring says."""
    last = len(sizes) - 2
    result = []
    for layer, (m, big) in enumerate(itertools.pairwise(sizes)):
        if parametrization == "standard":
            result.append((s / math.sqrt(m), t))
        elif parametrization == "ntk":
            result.append((1.0, 1.0))
        elif layer == last:
            result.append((s / math.sqrt(m), 1.0))
        elif layer == 0:
            result.append((s / math.sqrt(m * big), t / math.sqrt(big)))
        else:
            result.append((s / math.sqrt(m), t / math.sqrt(big)))
    return result


@pytest.mark.parametrize("parametrization", PARAMETRIZATIONS)
def test_variance_at_the_start(parametrization):
    sizes, s, t = (300, 400, 500, 200), 1.3, 0.6
    net = MLP(300, 200, sizes[1:-1], None, "relu", parametrization, s, t, key=3)
    stds = expected_stds(parametrization, sizes, s, t)
    for w, b, (w_std, b_std) in zip(net.weights, net.biases, stds, strict=True):
        for array, std in ((w, w_std), (b, b_std)):
            v = np.asarray(array, np.float64).ravel() / std
            # Mean and mean square of `size` normals, six standard deviations allowed.
            assert abs(v.mean()) < 6 / math.sqrt(v.size)
            assert abs((v**2).mean() - 1) < 6 * math.sqrt(2 / v.size)


@pytest.mark.parametrize("name", ["relu", "tanh", "gelu"])
@pytest.mark.parametrize("parametrization", ["standard", "ntk"])
def test_default_scale_keeps_the_signal(name, parametrization):
    net = MLP(64, 64, 1024, 2, name, parametrization, bias_std=0.0, key=0)
    assert net.config[5] == gain(name)
    x = RNG.standard_normal((16, 64))
    h = x / np.sqrt((x**2).mean(1, keepdims=True))
    for layer in range(net.depth):
        h = np.asarray(jax.vmap(lambda v, layer=layer: net.layer(layer, v))(jnp.asarray(h, jnp.float32)))
        h = np.asarray(ACTIVATIONS[name](h))
        # The read-in takes x as it is, so its pre-activations have variance gain^2, later ones 1.
        if layer == 0:
            h = h / np.sqrt((h**2).mean() * gain(name) ** 2)
            continue
        assert (h**2).mean() * gain(name) ** 2 == pytest.approx(1, rel=0.15)


def test_same_seed_same_weights_in_both_precisions():
    one, two = MLP(3, 1, 4, key=5), MLP(3, 1, 4, dtype="float64", key=5)
    assert not is_double(one)
    assert is_double(two)
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True):
        np.testing.assert_array_equal(np.asarray(a, np.float64), np.asarray(b))
    again, other = MLP(3, 1, 4, key=jax.random.PRNGKey(5)), one.restarted(6)
    assert all((a == b).all() for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(again), strict=True))
    assert not (one.weights[0] == other.weights[0]).any()
    assert other.config == one.config


def test_features_are_the_last_hidden_layer():
    net = MLP(3, 2, (4, 5), key=0)
    x = jnp.ones(3)
    np.testing.assert_allclose(np.asarray(net.layer(2, net.features(x))), np.asarray(net(x)))
    assert net.features(x).shape == (5,)
    assert MLP(3, 2, depth=0, key=0).features(x) is x


def test_segments_of_activations():
    w, b = RNG.standard_normal((5, 3)), RNG.standard_normal(5)
    a = RNG.standard_normal((1, 5))
    with double():
        net = FeedForward(
            [jnp.asarray(w), jnp.asarray(a)], [jnp.asarray(b), None], [(("relu", 2), ("tanh", 3))], [1, 2], [3, 1]
        )
    x = RNG.standard_normal((4, 3))
    z = x @ w.T + 3 * b
    h = np.concatenate([np.maximum(z[:, :2], 0), np.tanh(z[:, 2:])], 1)
    np.testing.assert_allclose(predict(net, x), 2 * h @ a.T, rtol=1e-13)


def test_predict_in_blocks_and_black_boxes():
    net, x = MLP(3, 2, 4, key=0), RNG.standard_normal((11, 3))
    np.testing.assert_allclose(predict(net, x, block=4), predict(net, x), rtol=1e-6)
    np.testing.assert_array_equal(predict(lambda v: v * 2, x), x * 2)
    f = wrap(lambda p, v: v @ p, jnp.ones((3, 2)))
    np.testing.assert_allclose(predict(f, x), x.astype(np.float32) @ np.ones((3, 2)), rtol=1e-5)


def test_double_network_outside_its_scope_is_refused():
    net = MLP(2, 1, 3, dtype="float64", key=0)
    with pytest.raises(InputError, match="this network is float64"):
        net(jnp.ones(2))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"activation": "swish"}, "no activation 'swish'"),
        ({"parametrization": "huge"}, "no parametrization 'huge'"),
        ({"width": 0}, "give a whole number, 1 or more"),
        ({"depth": -1}, "depth=-1: give a whole number"),
        ({"width": (3, 4), "depth": 3}, "2 widths"),
    ],
)
def test_bad_architectures(arguments, words):
    with pytest.raises(InputError, match=words) as caught:
        MLP(**{"in_size": 2, "out_size": 1, "width": 4} | arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "parts",
    [
        ([np.ones((2, 3))], [], []),
        ([np.ones((2, 3))], [np.ones(3)], []),
        ([np.ones((2, 3)), np.ones((1, 3))], [None, None], ["relu"]),
        ([np.ones((2, 3)), np.ones((1, 2))], [None, None], []),
        ([np.ones((2, 3)), np.ones((1, 2))], [None, None], ["nothing"]),
        ([np.ones((2, 3)), np.ones((1, 2))], [None, None], [(("relu", 1),)]),
    ],
)
def test_parts_that_do_not_make_a_network(parts):
    with pytest.raises(InputError) as caught:
        FeedForward(*parts)
    assert "\n" not in str(caught.value)


def test_check_widths():
    assert check_widths(5, None) == (5,)
    assert check_widths(5, 3) == (5, 5, 5)
    assert check_widths([4, 2], 2) == (4, 2)
    assert check_widths(5, 0) == ()


def moved(net, trainable):
    """Which arrays of a depth-2 network are trained, as "w1b1w2..."."""
    mask = trainable_mask(net, trainable)
    names = [f"w{i + 1}" for i, v in enumerate(mask.weights) if v] + [
        f"b{i + 1}" for i, v in enumerate(mask.biases) if v
    ]
    return set(names)


@pytest.mark.parametrize(
    ("trainable", "expected"),
    [
        (None, "w1 w2 w3 b1 b2 b3"),
        ("readout", "w3 b3"),
        ("hidden", "w1 w2 b1 b2"),
        ("weights", "w1 w2 w3"),
        ("biases", "b1 b2 b3"),
        ("layer2", "w2 b2"),
        (["layer1", "readout"], "w1 b1 w3 b3"),
        (("biases", "layer3"), "b1 b2 b3 w3"),
        (lambda leaf: leaf.ndim == 2, "w1 w2 w3"),
    ],
)
def test_trainable_names(trainable, expected):
    assert moved(MLP(3, 2, (4, 5), key=0), trainable) == set(expected.split())


def test_trainable_pytree_and_missing_biases():
    net = MLP(3, 2, (4, 5), key=0)
    assert moved(net, trainable_mask(net, "hidden")) == {"w1", "w2", "b1", "b2"}
    bare = FeedForward([jnp.ones((2, 3)), jnp.ones((1, 2))], [None, None], ["relu"])
    assert moved(bare, "hidden") == {"w1"}
    wrapped = wrap(lambda p, x: x @ p["a"] + p["b"], {"a": jnp.ones((3, 2)), "b": jnp.ones(2), "n": jnp.arange(2)})
    assert trainable_mask(wrapped).params == {"a": True, "b": True, "n": False}


@pytest.mark.parametrize(
    ("trainable", "words"),
    [
        ("head", "not a part of this network"),
        ("layer9", "not a part of this network"),
        (lambda leaf: False, "no parameter to train"),
        ([True], "neither a name"),
        (3.5, "neither a name"),
    ],
)
def test_trainable_that_fits_nothing(trainable, words):
    with pytest.raises(InputError, match=words) as caught:
        trainable_mask(MLP(3, 2, (4, 5), key=0), trainable)
    assert "\n" not in str(caught.value)


def test_names_need_named_layers():
    with pytest.raises(InputError, match="only a FeedForward or MLP has named layers"):
        trainable_mask(wrap(lambda p, x: x @ p, jnp.ones((3, 2))), "readout")
    bare = FeedForward([jnp.ones((2, 3))], [None], [])
    with pytest.raises(InputError, match="no parameter to train"):
        trainable_mask(bare, "biases")


def test_the_configuration_has_names_and_is_still_a_tuple():
    net = MLP(3, 2, (4, 5), None, "relu", "ntk", 1.5, 0.2, "float64", key=3)
    assert net.config == (3, 2, (4, 5), "relu", "ntk", 1.5, 0.2)  # what files and hashes hold
    assert (net.config.widths, net.config.parametrization, net.config.bias_std) == ((4, 5), "ntk", 0.2)
    again = MLP.of(net.config, "float64", key=3)
    assert all(
        np.array_equal(a, b) for a, b in zip(again.weights + again.biases, net.weights + net.biases, strict=True)
    )
    wider = MLP.of(net.config._replace(widths=(8, 8)))
    assert wider.widths == (8, 8) and wider.config.activation == "relu"
