"""The other doors: several inputs, loaders and iterables of batches, predictions. What they take arrives exactly, or is refused."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import zeroloss as zl
from zeroloss.data import from_arrays
from zeroloss.plumbing import InputError

X, Y = np.arange(8.0).reshape(4, 2), [0, 1, 0, 1]
BIG = 2**53 + 1


def test_each_of_several_inputs_arrives_exactly():
    half = X.astype(ml_dtypes.bfloat16)
    for first in (
        X,
        half,
        pd.DataFrame(X),
        sp.csr_matrix(X),
        X.astype(np.longdouble),
        np.ma.array(X),
        X.astype(object),
    ):
        data = from_arrays({"a": first, "b": np.array([[7], [8], [9], [2**53]])}, Y)
        assert np.array_equal(data.x_train[:, :2], X)
        assert data.x_train[:, 2].tolist() == [7, 8, 9, 2**53]


SEVERAL = {
    "masked": (np.ma.array(X, mask=X == 3), "'a' have 1 masked"),
    "a whole number beyond float64": (np.array([[BIG], [1], [2], [3]]), "2.53"),
    "a long double": (np.array([[1], [2], [3], [4]], np.longdouble) / 3, "'a' hold 0.333.* in row 0"),
    "texts": (np.array([["u"], ["v"], ["u"], ["v"]]), "real numbers"),
    "complex": (X + 1j, "real numbers"),
    "a gap": (pd.DataFrame({"c": pd.array([1, None, 2, 3], dtype="Int64")}), "missing"),
}


@pytest.mark.parametrize("kind", SEVERAL)
def test_one_of_several_inputs_that_would_be_changed_is_refused(kind):
    value, message = SEVERAL[kind]
    with pytest.raises(InputError, match=message):
        from_arrays({"a": value, "b": X}, Y)
    with pytest.raises(InputError, match=message.replace("'a'", "1")):
        from_arrays((X, value), Y)


def _batches(*parts):
    return [(np.asarray(x), np.asarray(y)) for x, y in parts]


def test_batches_of_different_types_are_joined_exactly():
    first, second = (X[:2].astype(np.int64), [0, 1]), (X[2:], [0, 1])
    assert np.array_equal(from_arrays(iter(_batches(first, second))).x_train, X)
    with pytest.raises(InputError, match=f"{BIG} in row 0"):
        from_arrays(iter(_batches(([[1, BIG]], [0]), ([[0.5, 1.0]], [1]))))
    with pytest.raises(InputError, match="mix numbers and texts"):
        from_arrays(iter(_batches((X[:2], [0, 1]), (X[2:], ["0", "1"]))))
    hidden = [(np.ma.array(X[:2], mask=X[:2] == 3), np.array([0, 1])), (X[2:], np.array([0, 1]))]
    with pytest.raises(InputError, match="masked"):
        from_arrays(iter(hidden))


class Items:
    """A data set of items, whose inputs and labels are what `items` holds."""

    def __init__(self, *items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, k):
        return self.items[k]


def test_items_of_different_types_are_stacked_exactly():
    data = from_arrays(Items(*zip([[1, 2], [3.5, 4], [5, 6], [7, 2**53]], ["u", "vv", "u", "vv"], strict=True)))
    assert data.x_train.tolist() == [[1, 2], [3.5, 4], [5, 6], [7, 2**53]]
    assert [data.classes[k] for k in data.labels_train] == ["u", "vv", "u", "vv"]
    with pytest.raises(InputError, match=f"{BIG} in row 0"):
        from_arrays(Items(([1, BIG], 0), ([0.5, 1.0], 1)))
    with pytest.raises(InputError, match="mix numbers and texts"):
        from_arrays(Items(([1.0, 2.0], 0), ([3.0, 4.0], "0")))
    with pytest.raises(InputError, match="one shape"):
        from_arrays(Items(([1.0, 2.0], 0), ([3.0], 1)))


def test_predictions_are_about_the_rows_as_given():
    net = zl.MLP(2, 1, width=4, depth=1, key=0)
    expected = zl.predict(net, X)
    frame = pd.DataFrame(X.astype(int)).astype("Int64")
    for x in (X.tolist(), np.ma.array(X), frame, sp.csr_matrix(X), X.astype(object), X.astype(ml_dtypes.bfloat16)):
        assert np.array_equal(zl.predict(net, x), expected)
    for x in (np.ma.array(X, mask=X == 3), X.astype(str), [[1.0], [2.0, 3.0]], X + 1j, X.astype("M8[s]")):
        with pytest.raises(InputError, match=r"masked|texts|different lengths|complex|times"):
            zl.predict(net, x)


def test_tokens_beyond_31_bits_do_not_wrap():
    import jax.numpy as jnp

    def table(params, tokens):
        return params["table"][tokens].sum(axis=1)

    network = zl.wrap(table, {"table": jnp.arange(10.0).reshape(5, 2)})
    assert zl.predict(network, np.array([[0, 1], [2, 3]])).tolist() == [[2, 4], [10, 12]]
    with pytest.raises(InputError, match=r"beyond 2\^31"):
        zl.predict(network, np.array([[0, 2**32 + 1], [2, 3]]))
