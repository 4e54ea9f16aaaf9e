"""Containers of other libraries: their values, names and refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import scipy.sparse as sp

from zeroloss.data import Dataset, from_arrays, groups
from zeroloss.plumbing import InputError
from zeroloss.plumbing.containers import read_array

X, Y = np.arange(8.0).reshape(4, 2), [0, 1, 0, 1]
BIG = 2**53 + 1


class Strange:
    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("not today\nnor tomorrow")


def _categories(values):
    return pd.DataFrame({"a": pd.Categorical(values), "b": X[:, 1]})


SAME = {
    "a list of lists": X.tolist(),
    "a tuple of arrays": tuple(X),
    "a list of series": [pd.Series(row) for row in X],
    "Fortran's order": np.asfortranarray(X),
    "steps backwards": X[::-1][::-1],
    "a matrix": np.asmatrix(X),
    "objects": X.astype(object),
    "an array of lists": np.array([*map(list, X), None], dtype=object)[:4],
    "no mask": np.ma.array(X),
    "fields": np.array([tuple(row) for row in X], [("a", "i4"), ("b", "f4")]),
    "a frame": pd.DataFrame(X, columns=["a", "b"]),
    "a frame of several types": pd.DataFrame({"a": [0, 2, 4, 6], "b": pd.array([1, 3, 5, 7], dtype="Float32")}),
    "a frame on Arrow": pd.DataFrame(X, columns=["a", "b"]).convert_dtypes(dtype_backend="pyarrow"),
    "a frame of categories": _categories([0, 2, 4, 6]),
    "a sparse frame": pd.DataFrame.sparse.from_spmatrix(sp.csr_matrix(X), columns=["a", "b"]),
    "an Arrow table": pa.table({"a": X[:, 0], "b": pa.array(X[:, 1]).dictionary_encode()}),
    "an Arrow table in pieces": pa.concat_tables([pa.table({"a": X[:2, 0], "b": X[:2, 1]}), pa.table({"a": X[2:, 0], "b": X[2:, 1]})]),
    "sparse rows": sp.csr_matrix(X),
    "sparse coordinates": sp.coo_array(X.astype(np.int8)),
}  # fmt: skip


@pytest.mark.parametrize("kind", SAME)
def test_the_same_numbers_in_any_container(kind):
    data = from_arrays(SAME[kind], Y, x_test=SAME[kind], y_test=Y)
    assert np.array_equal(data.x_train, X) and np.array_equal(data.x_test, X)
    named = hasattr(SAME[kind], "columns") or getattr(getattr(SAME[kind], "dtype", None), "names", None)
    assert data.features == (("a", "b") if named else ("x0", "x1"))
    assert np.array_equal(groups(SAME[kind]).first, [0, 1, 2, 3])


REFUSED = {
    "masked": (np.ma.array(X, mask=X == 3), "1 masked entries, the first in row 1, column 1"),
    "masked fields": (np.ma.array([(1, 2), (3, 4)], mask=[(0, 1), (0, 0)], dtype=[("a", int), ("b", int)]), "masked"),
    "rows of different lengths": ([[1, 2], [3], [4, 5], [6, 7]], "different lengths"),
    "arrays of different lengths": ([np.ones(2), np.ones(3)] * 2, r"different shapes \(\(2,\), \(3,\)\)"),
    "a gap in a nullable column": (pd.DataFrame({"a": pd.array([1, None, 3, 4], dtype="Int64")}), "'a' .*1 missing values .row 1"),
    "a gap in an Arrow column": (pa.table({"a": [1, None, 3, 4]}), r"1 missing values \(row 1\)"),
    "NaN in a frame": (pd.DataFrame({"a": [1, np.nan, 3, 4]}), "first in row 1, column 'a'"),
    "texts in a frame": (pd.DataFrame({"a": list("uvuw"), "b": [1, 2, 3, 4]}), "'u' in row 0, column 'a'"),
    "texts in categories": (_categories(list("uvuw")), "'u' in row 0, column 'a'"),
    "times in a frame": (pd.DataFrame({"a": pd.date_range("2020", periods=4, tz="UTC")}), "times"),
    "periods": (pd.DataFrame({"a": pd.period_range("2020", periods=4)}), "times or intervals"),
    "lists in a frame": (pd.DataFrame({"a": [[1, 2]] * 4}), "column 'a' .*holds arrays"),
    "names that are twice there": (pd.DataFrame(X, columns=["a", "a"]), "two columns named 'a'"),
    "a whole number in a frame": (pd.DataFrame({"n": [1, BIG, 2, 3], "b": [0.5] * 4}), f"{BIG} in row 1, column 'n'"),
    "a whole number in fields": (np.array([(1, 0.5), (BIG, 0.5)], [("n", "i8"), ("b", "f8")]), f"{BIG} in row 1, column 'n'"),
    "a whole number among floats": ([[BIG, 0.5], [1, 2], [3, 4], [5, 6]], f"{BIG} in row 0, column 0"),
    "a whole number in arrays of a list": ([np.array([BIG, 1]), np.array([0.5, 1.0])] * 2, f"{BIG} in row 0"),
    "sparse beyond memory": (sp.csr_matrix((10**7, 10**7)), "GB dense"),
    "a series": (pd.Series([1.0, 2, 3, 4]), r"x\[:, None\]"),
    "a set": ({1, 2}, "a set, which is no array"),
    "a generator": ((k for k in range(3)), "a generator, which is no array"),
    "nothing": (None, "a NoneType, which is no array"),
    "an array that will not be one": (Strange(), "Strange that is no array .not today nor tomorrow"),
    "five dimensions": (np.zeros((4, 1, 2, 2, 2)), r"shape \(4, 1, 2, 2, 2\)"),
    "no columns": (pd.DataFrame(index=range(4)), "no columns"),
    "bytes without a type": (np.zeros((4, 2), "V8"), "real numbers"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_taken_is_refused_in_one_sentence(kind):
    value, message = REFUSED[kind]
    with pytest.raises(InputError, match=message) as caught:
        from_arrays(value, Y)
    assert "\n" not in str(caught.value)


def test_hidden_values_reach_no_data_set_by_hand():
    hidden, labels = np.ma.array(X, mask=X == 3), np.array(Y)
    parts = {"x_test": X[:0], "y_test": np.zeros((0, 2)), "labels_test": labels[:0], "classes": ("u", "v")}
    for x, y in (
        (hidden, np.eye(2)[Y]),
        (X, np.ma.array(np.eye(2)[Y], mask=np.eye(2)[Y] == 1)),
        (X + 1j, np.eye(2)[Y]),
    ):
        with pytest.raises(InputError, match=r"masked|complex"):
            Dataset("d", "classification", x, y, labels, **parts)
    with pytest.raises(InputError, match="whole numbers"):
        Dataset("d", "classification", X, np.eye(2)[Y], labels + 0.5, **parts)
    data = Dataset("d", "classification", X, np.eye(2)[Y], labels, **parts)
    with pytest.raises(InputError, match=f"{BIG} in row 0, column 1"):
        data.scale([[1, BIG]])
    with pytest.raises(InputError, match="masked"):
        data.scale(hidden)


def test_frames_in_another_order_are_refused():
    frame, labels = pd.DataFrame(X, columns=["a", "b"]), pd.Series(Y)
    with pytest.raises(InputError, match="x and y carry the same labels in another order"):
        from_arrays(frame, labels[::-1])
    assert from_arrays(frame, labels[::-1].to_numpy()).labels_train.tolist() == Y[::-1]
    assert from_arrays(frame, labels.set_axis([7, 8, 9, 10])).labels_train.tolist() == Y
    with pytest.raises(InputError, match="test inputs have the columns of the inputs in another order"):
        from_arrays(frame, Y, x_test=frame[["b", "a"]], y_test=Y)
    data = from_arrays(frame, Y)
    assert np.array_equal(data.scale(frame), X)
    with pytest.raises(InputError, match="another order"):
        data.scale(frame[["b", "a"]])


@pytest.mark.filterwarnings("ignore:Sparse CSR", "ignore:.*quantize")
def test_tensors():
    torch = pytest.importorskip("torch", reason="tensors need PyTorch")
    x = torch.tensor(X)
    same = [x, x.clone().requires_grad_(), x.to_sparse(), x.to_sparse_csr(), x.bfloat16(), x.half(), x.to(torch.uint8)]
    same += [list(x), [row.requires_grad_() for row in x.clone()], [row.bfloat16() for row in x], torch.nn.Parameter(x)]
    same += [torch.quantize_per_tensor(x.float(), 0.5, 0, torch.qint8), x.T.contiguous().T]
    for value in same:
        assert np.array_equal(from_arrays(value, torch.tensor(Y)).x_train, X)
    y = torch.tensor([0.5, 1.5, 2.5, 3.75], requires_grad=True)
    assert from_arrays(x, y).y_train[:, 0].tolist() == [0.5, 1.5, 2.5, 3.75]
    for value in (x + 1j, (x + 1j).conj(), torch.empty(4, 2, device="meta"), [torch.ones(2), torch.ones(3)] * 2):
        with pytest.raises(InputError, match=r"complex|without values|different shapes"):
            from_arrays(value, Y)
    with pytest.raises(InputError, match=f"{BIG} in row 0"):
        from_arrays(torch.tensor([[BIG], [1], [2], [3]]), Y)


def test_negative_imaginary_parts_of_a_view_are_the_values():
    torch = pytest.importorskip("torch", reason="tensors need PyTorch")
    view = torch.complex(torch.zeros(4, 2).double(), torch.tensor(X)).conj().imag  # a view with the bit of negation
    assert np.array_equal(read_array(view, "inputs").array, -X)


def test_jax_arrays():
    import jax.numpy as jnp

    for dtype in ("float32", "bfloat16", "int32", "float8_e5m2"):
        expected = np.asarray(jnp.asarray(X, dtype)).astype(np.float64)
        assert np.array_equal(from_arrays(jnp.asarray(X, dtype), Y).x_train, expected)


def test_what_is_given_is_not_changed():
    x = X.copy()
    data = from_arrays(x, Y)
    x[0, 0] = 99
    assert data.x_train[0, 0] == 0
    assert x.flags.writeable
