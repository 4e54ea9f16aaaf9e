"""Saved networks come back bit for bit, and nothing else is read."""

import io
import itertools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from zeroloss.networks import (
    ACTIVATIONS,
    MLP,
    FeedForward,
    ResidualMLP,
    SquasherNetwork,
    load_network,
    predict,
    save_network,
    wrap,
)
from zeroloss.networks.small_cnn import SmallCNN
from zeroloss.networks.storage import as_saved, check_savable, network_bytes, network_from_bytes, parts_of
from zeroloss.networks.xor import XorNetwork
from zeroloss.plumbing import InputError, double


def bits(array):
    array = np.asarray(array)
    return array.dtype, array.shape, array.tobytes()


def assert_same(a, b):
    assert type(a) is type(b)
    for name in ("weight_scales", "bias_scales", "activations"):
        assert getattr(a, name) == getattr(b, name)
    for one, two in zip((*a.weights, *a.biases), (*b.weights, *b.biases), strict=True):
        assert (one is None) == (two is None)
        assert one is None or bits(one) == bits(two)


@st.composite
def networks(draw):
    dtype = draw(st.sampled_from(["float32", "float64"]))
    sizes = draw(st.lists(st.integers(1, 3), min_size=2, max_size=4))
    width = 32 if dtype == "float32" else 64
    floats = st.floats(width=width, allow_nan=False, allow_infinity=False)  # subnormals and both zeros too
    weights, biases, activations = [], [], []
    with double():
        for m, big in itertools.pairwise(sizes):
            weights.append(jnp.asarray(draw(hnp.arrays(dtype, (big, m), elements=floats))))
            has_bias = draw(st.booleans())
            biases.append(jnp.asarray(draw(hnp.arrays(dtype, (big,), elements=floats))) if has_bias else None)
            first = draw(st.integers(0, big))
            names = [draw(st.sampled_from(list(ACTIVATIONS))) for _ in range(2)]
            activations.append([(n, k) for n, k in zip(names, (first, big - first), strict=True) if k])
        scales = st.lists(
            st.floats(allow_nan=False, allow_infinity=False), min_size=len(weights), max_size=len(weights)
        )
        return FeedForward(weights, biases, activations[:-1], draw(scales), draw(scales))


@settings(max_examples=60, deadline=None)
@given(networks())
def test_round_trip_bit_for_bit(tmp_path_factory, network):
    path = tmp_path_factory.mktemp("saved") / "n.npz"
    save_network(path, network)
    assert_same(load_network(path), network)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("parametrization", ["standard", "ntk", "mup"])
def test_an_mlp_comes_back_as_an_mlp(tmp_path, dtype, parametrization):
    net = MLP(3, 2, (4, 5), None, "gelu", parametrization, dtype=dtype, key=2)
    again = load_network(save_network(tmp_path / "n.npz", net))
    assert_same(again, net)
    assert again.config == net.config
    x = np.random.default_rng(0).standard_normal((5, 3))
    np.testing.assert_array_equal(predict(again, x), predict(net, x))
    assert_same(again.restarted(7), net.restarted(7))


def test_nothing_is_overwritten(tmp_path):
    one, two = MLP(2, 1, 3, key=0), MLP(2, 1, 3, key=1)
    path = save_network(tmp_path / "n.npz", one)
    with pytest.raises(InputError, match="exists; choose another"):
        save_network(path, two)
    assert_same(load_network(path), one)
    save_network(path, two, force=True)
    assert_same(load_network(path), two)


def test_other_kinds_cannot_be_saved(tmp_path):
    with pytest.raises(InputError, match="what a Wrapped takes is not known"):
        save_network(tmp_path / "n.npz", wrap(lambda p, x: x @ p, jnp.ones((3, 2))))
    assert not list(tmp_path.iterdir())


def foreign(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def lone_array():
    buffer = io.BytesIO()
    np.save(buffer, np.ones(3))
    return buffer.getvalue()


def pickled():
    buffer = io.BytesIO()
    np.savez(buffer, zeroloss=np.array([{"a": 1}], dtype=object))
    return buffer.getvalue()


HEADER = {
    "format": 1,
    "kind": "FeedForward",
    "activations": [],
    "weight_scales": [1.0],
    "bias_scales": [1.0],
    "biases": [True],
}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (foreign(x=np.ones(3)), "not a network saved by zeroloss"),
        (foreign(zeroloss=np.array("not json")), "not plain JSON"),
        (foreign(zeroloss=np.array("[" * 5000 + "]" * 5000)), "nested deeper than"),
        (foreign(zeroloss=np.array('{"format": 1, "format": 1}')), "key 'format' twice"),
        (foreign(zeroloss=np.array(json.dumps({"format": True}))), "format True"),
        (foreign(zeroloss=np.array("[1]")), "format None"),
        (foreign(zeroloss=np.array(json.dumps({"format": 99}))), "format 99; this version of zeroloss reads format 1"),
        (foreign(zeroloss=np.array(json.dumps({"format": 1}))), "damaged or of another kind"),
        (foreign(zeroloss=np.array(json.dumps(HEADER))), "damaged or of another kind"),
        (
            foreign(zeroloss=np.array(json.dumps(HEADER)), weight_0=np.ones((2, 3)), bias_0=np.ones(3)),
            "a bias of shape",
        ),
        (pickled(), "Python objects"),
        (lone_array(), "lone array"),
        (b"some text", "damaged or of another kind"),
        (b"", "damaged or of another kind"),
        (foreign(x=np.ones(300))[:200], "damaged or of another kind"),
    ],
)
def test_foreign_files_are_refused(tmp_path, content, words):
    path = tmp_path / "n.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        load_network(path)
    assert "\n" not in str(caught.value)


def saved(network):
    """Header and arrays of a saved network, to be changed."""
    return parts_of(network)


def written(header, arrays):
    return foreign(zeroloss=np.array(json.dumps(header)), **arrays)


def other_widths(header, arrays):
    """A configuration of width 4 with arrays of 5 units."""
    arrays |= {"weight_0": np.ones((5, 3), np.float32), "bias_0": np.ones(5, np.float32)}
    arrays["weight_1"] = np.ones((2, 5), np.float32)
    header["activations"] = [[["tanh", 5]]]


def huge(header, arrays):
    header["config"] = (3, 2, [10**9], *header["config"][3:])


def many(header, arrays):
    header["config"] = (3, 2, [4] * 100_000, *header["config"][3:])


def put(name, value, place=None):
    def change(header, arrays):
        where = arrays if name.startswith(("weight_0", "bias_0")) else header
        where[name] = value if place is None else [value if i == place else v for i, v in enumerate(where[name])]

    return change


LIES = {
    "arrays of another width than the configuration": (other_widths, "is described as a network of"),
    "a billion units": (huge, "is described as a network of"),
    "a hundred thousand layers": (many, "is described as a network of"),
    "other scales than the parametrisation's": (
        put("weight_scales", 2.0, 0),
        r"does not agree with it \(weight_scales",
    ),
    "another activation than the configuration's": (
        put("activations", [[["relu", 4]]]),
        r"does not agree.*activations",
    ),
    "a field more": (put("author", "me"), "does not agree.*author"),
    "a scale that is NaN": (put("weight_scales", float("nan"), 0), "weight_scales"),
    "a scale that is infinite": (put("bias_scales", float("inf"), 0), "bias_scales"),
    "a scale that is true": (put("weight_scales", True, 0), "does not agree.*weight_scales"),
    "a scale that is a pair": (put("weight_scales", [0, 1], 0), "one real number per layer"),
    "a scale less": (put("weight_scales", [1.0]), "for each of the 2 layers"),
    "a negative group of units": (put("activations", [[["tanh", -1], ["tanh", 5]]]), "activations for"),
    "an unknown activation": (put("activations", [[["step", 4]]]), "no activation"),
    "a std that is NaN": (put("config", float("nan"), 5), "weight_std"),
    "an unknown parametrisation": (put("config", "mine", 4), "no parametrization"),
    "biases that are numbers": (put("biases", [1, 1]), "does not agree.*biases"),
    "NaN": (put("weight_0", np.full((4, 3), np.nan, np.float32)), "NaN or infinity"),
    "infinity": (put("bias_0", np.full(4, np.inf, np.float32)), "NaN or infinity"),
    "complex numbers": (put("weight_0", np.ones((4, 3), complex)), "complex"),
    "whole numbers": (put("weight_0", np.ones((4, 3), int)), "float32 or float64"),
    "half precision": (put("weight_0", np.ones((4, 3), np.float16)), "float32 or float64"),
    "long doubles": (put("weight_0", np.ones((4, 3), np.longdouble)), "float32 or float64"),
    "texts": (put("weight_0", np.full((4, 3), "a")), "float32 or float64"),
    "two precisions": (put("weight_0", np.ones((4, 3))), "one precision"),
    "a weight of one side": (put("weight_0", np.ones(12, np.float32)), "fan_out"),
    "no inputs": (put("weight_0", np.ones((4, 0), np.float32)), "fan_out"),
    "an array more": (put("weight_0_more", np.ones(3)), "damaged|no others"),
}


@pytest.mark.parametrize("kind", LIES)
def test_a_header_and_arrays_that_do_not_agree_are_refused(kind):
    change, words = LIES[kind]
    header, arrays = saved(MLP(3, 2, 4, 1, key=0))
    network_from_bytes(written(header, arrays), "it")  # as it is, it is read
    change(header, arrays)
    with pytest.raises(InputError, match=words) as caught:
        network_from_bytes(written(header, arrays), "it")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_could_not_be_read_again_is_not_written(tmp_path, value):
    net = FeedForward([np.float32([[value]])], [None], [])
    with pytest.raises(InputError, match="diverged"):
        save_network(tmp_path / "n.npz", net)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("weight", "words"), [(np.ones((1, 1), complex), "complex128"), (np.ones((1, 1), int), "int64"), ([[1.0]], "list")]
)
def test_weights_that_are_no_real_arrays_are_refused(weight, words):
    with pytest.raises(InputError, match=words):
        FeedForward([weight], [None], [])


@pytest.mark.parametrize("scales", [[np.nan], [np.inf], [1j], ["a"], [1, 2], 3, []])
@pytest.mark.parametrize("which", ["weight_scales", "bias_scales"])
def test_scales_that_are_no_finite_numbers_are_refused(scales, which):
    with pytest.raises(InputError, match=which):
        FeedForward([np.ones((1, 1))], [None], [], **{which: scales})


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(InputError, match="there is no file"):
        load_network(tmp_path / "n.npz")
    with pytest.raises(InputError, match="cannot be read"):
        load_network(tmp_path)


KINDS = {
    "residual": lambda: ResidualMLP(4, 2, 5, 2, "gelu", key=1),
    "residual in float64": lambda: ResidualMLP(4, 2, 5, 0, "relu", bias_std=0.3, dtype="float64", key=1),
    "squasher": lambda: SquasherNetwork(4, 2, 6, 2, 3, key=1),
    "squasher of the theory in float64": lambda: SquasherNetwork(4, 1, 6, 1, preset="theory", tau=0.2, dtype="float64"),
    "small cnn": lambda: SmallCNN((6, 5), 3, 4, 3, 2, 0.5, key=1),
    "xor": lambda: XorNetwork(3, 0.1, 1),
}


@pytest.mark.parametrize("kind", KINDS)
def test_networks_that_are_no_chain_come_back(tmp_path, kind):
    net = KINDS[kind]()
    again = load_network(save_network(tmp_path / "n.npz", net))
    assert type(again) is type(net)
    leaves = [jax.tree.leaves(n) for n in (net, again)]
    assert [bits(leaf) for leaf in leaves[0]] == [bits(leaf) for leaf in leaves[1]]
    assert jax.tree.structure(again) == jax.tree.structure(net)
    x = np.random.default_rng(0).standard_normal((3, 30 if kind == "small cnn" else 4))
    np.testing.assert_array_equal(predict(again, x), predict(net, x))


@pytest.mark.parametrize(
    ("kind", "place", "value"),
    [
        ("residual", 3, 10**9),
        ("residual", 2, 10**9),
        ("residual", 3, 1),
        ("residual", 2, 6),
        ("residual", 4, "step"),
        ("residual", 6, float("nan")),
        ("residual", 0, 4.5),
        ("squasher", 3, 10**9),
        ("squasher", 2, 10**9),
        ("squasher", 5, "step"),
        ("squasher", 0, True),
        ("small cnn", 0, [10**6, 10**6]),
        ("small cnn", 3, 0),
        ("small cnn", 2, 10**9),
        ("xor", 0, 10**9),
        ("xor", 1, -1.0),
    ],
)
def test_a_configuration_that_its_arrays_do_not_have_is_refused(kind, place, value):
    header, arrays = parts_of(KINDS[kind]())
    header["config"] = [value if i == place else v for i, v in enumerate(header["config"])]
    with pytest.raises(InputError) as caught:
        network_from_bytes(written(header, arrays), "it")
    assert "\n" not in str(caught.value)


def test_a_class_of_ones_own_is_not_saved_as_another():
    class Doubled(FeedForward):
        def __call__(self, x):
            return 2 * super().__call__(x)

    net = Doubled([np.ones((1, 2))], [None], [])
    with pytest.raises(InputError, match="a Doubled has no file of its own"):
        network_bytes(net)
    check_savable(net)
    again = network_from_bytes(network_bytes(as_saved(net)), "it")  # what it computes, as a program
    assert type(again).__name__ == "TracedNetwork"
    np.testing.assert_array_equal(predict(again, np.ones((1, 2))), [[4.0]])
