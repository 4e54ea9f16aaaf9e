"""Saved networks come back bit for bit, and nothing else is read."""

import io
import itertools
import json

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from zeroloss.networks import ACTIVATIONS, MLP, FeedForward, load_network, predict, save_network, wrap
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
    floats = st.floats(width=32 if dtype == "float32" else 64)  # NaN, infinities and subnormals too
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
    with pytest.raises(InputError, match="a Wrapped cannot be saved"):
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
        (foreign(zeroloss=np.array("not json")), "damaged or of another kind"),
        (foreign(zeroloss=np.array("[1]")), "format None"),
        (foreign(zeroloss=np.array(json.dumps({"format": 99}))), "format 99; this version of zeroloss reads format 1"),
        (foreign(zeroloss=np.array(json.dumps({"format": 1}))), "damaged or of another kind"),
        (foreign(zeroloss=np.array(json.dumps(HEADER))), "damaged or of another kind"),
        (
            foreign(zeroloss=np.array(json.dumps(HEADER)), weight_0=np.ones((2, 3)), bias_0=np.ones(3)),
            "a bias of shape",
        ),
        (pickled(), "damaged or of another kind"),
        (lone_array(), "damaged or of another kind"),
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


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(InputError, match="there is no file"):
        load_network(tmp_path / "n.npz")
    with pytest.raises(InputError, match="cannot be read"):
        load_network(tmp_path)
