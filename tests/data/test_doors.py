"""Every type of value at every door: bit for bit, or as docs/data.md says, or refused in one sentence."""

from __future__ import annotations

import datetime
import re
import warnings
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import ml_dtypes
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from zeroloss.data import from_arrays, infimum, load_data
from zeroloss.plumbing import InputError

PAGE = Path(__file__).resolve().parents[2] / "docs" / "data.md"
DOORS = ("arrays", "tensors", ".npz", ".parquet", ".csv", "labels")
BIG = 2**53
TEXT_TARGETS = ["u", "v", "u", "v"]
LONG = np.array([1, 2, 3, 4], np.longdouble) / 3


def _torch(values, dtype=None):
    torch = pytest.importorskip("torch", reason="tensors need PyTorch")
    return torch.tensor(values, dtype=getattr(torch, dtype) if dtype else None)


def _row(array=None, *, frame=None, tensor=None, npz=None, parquet=None, csv=None, labels=None, expected=None):
    """Four values of a kind, as each door gets them, and what has to arrive."""
    return {
        "arrays": [v for v in (array, frame) if v is not None],
        "tensors": [] if tensor is None else tensor,
        ".npz": [] if npz is None else npz,
        ".parquet": [] if parquet is None else parquet,
        ".csv": [] if csv is None else csv,
        "labels": [] if labels is None else labels,
        "expected": expected,
    }


_WHOLE = [1, -7, BIG, 2**60]
_LOST = [1, 2, BIG + 1, 3]
_FLOATS = [0.1 + 0.2, 5e-324, -0.0, -1.7976931348623157e308]
_DATES = [datetime.date(2024, 1, day) for day in (1, 2, 3, 4)]
_DECIMALS = [Decimal("19.99"), Decimal("0.1"), Decimal("-3.5"), Decimal("7")]
_MERGED = [Decimal("0.1"), Decimal("0.1000000000000000000001"), Decimal("2"), Decimal("3")]
_HOLES = np.ma.array([1.0, 2.0, 3.0, 4.0], mask=[False, False, True, False])
_TORCH_HALF = lambda: [_torch([1.5, 2.0, -0.25, 3.0], "float16"), _torch([1.5, 2.0, -0.25, 3.0], "float32")]  # noqa: E731
_TORCH_SMALL = lambda: [_torch([1.5, 2, -0.25, 3], "bfloat16"), _torch([1.5, 2, -0.25, 3], "float8_e5m2")]  # noqa: E731

ROWS = {
    "whole numbers that are float64 numbers (all up to 2^53)": _row(
        np.array(_WHOLE),
        frame=pd.DataFrame({"c": pd.array(_WHOLE, dtype="Int64")}),
        tensor=lambda: [_torch(_WHOLE)],
        npz=[np.array(_WHOLE, ">i8")],
        parquet=[pa.array(_WHOLE)],
        csv=[list(map(str, _WHOLE)), [f"{v}.0" for v in _WHOLE]],
        labels=[_WHOLE, np.array(_WHOLE), pd.Series(_WHOLE)],
        expected=[float(v) for v in _WHOLE],
    ),
    "other whole numbers": _row(
        np.array(_LOST),
        frame=pd.DataFrame({"c": pd.array(_LOST, dtype="UInt64"), "d": [0.5, 1.0, 2.0, 3.0]}),
        tensor=lambda: [_torch(_LOST)],
        npz=[np.array(_LOST), np.array(_LOST, np.uint64)],
        parquet=[pa.array(_LOST), pa.array([1, 2, 3, 2**64 - 1], pa.uint64())],
        csv=[list(map(str, _LOST)), [f"{v}.0" for v in _LOST], ["1", "2", "3.5", str(2**70 + 1)]],
        labels=[_LOST, np.array(_LOST), np.array(_LOST, np.uint64)],
        expected=_LOST,
    ),
    "float64, subnormal numbers and -0.0 too": _row(
        np.array(_FLOATS),
        frame=pd.DataFrame({"c": _FLOATS}),
        tensor=lambda: [_torch(_FLOATS, "float64"), _torch(_FLOATS, "float64").requires_grad_()],
        npz=[np.array(_FLOATS)],
        parquet=[pa.array(_FLOATS)],
        csv=[list(map(repr, _FLOATS))],
        labels=[_FLOATS, np.array(_FLOATS)],
        expected=_FLOATS,
    ),
    "float16, float32": _row(
        np.array([1.5, 2.0, -0.25, 3.0], np.float16),
        frame=pd.DataFrame({"c": np.array([1.5, 2.0, -0.25, 3.0], np.float32)}),
        tensor=_TORCH_HALF,
        npz=[np.array([1.5, 2.0, -0.25, 3.0], np.float16)],
        parquet=[pa.array([1.5, 2.0, -0.25, 3.0], pa.float32()), pa.array(np.array([1.5, 2, -0.25, 3], np.float16))],
        labels=[np.array([1.5, 2.0, -0.25, 3.0], np.float32)],
        expected=[1.5, 2.0, -0.25, 3.0],
    ),
    "bfloat16, float8": _row(
        np.array([1.5, 2.0, -0.25, 3.0], ml_dtypes.bfloat16),
        frame=np.array([1.5, 2.0, -0.25, 3.0], ml_dtypes.float8_e4m3fn),
        tensor=_TORCH_SMALL,
        labels=[np.array([1.5, 2.0, -0.25, 3.0], ml_dtypes.bfloat16)],
        expected=[1.5, 2.0, -0.25, 3.0],
    ),
    "long doubles with more digits": _row(LONG, npz=[LONG], labels=[LONG, list(LONG)]),
    "decimals and fractions": _row(
        np.array([*_DECIMALS[:2], Fraction(-7, 2), 7], dtype=object),
        frame=pd.DataFrame({"c": _DECIMALS}),
        parquet=[pa.array(_DECIMALS)],
        csv=[list(map(str, _DECIMALS))],
        labels=[_DECIMALS, pd.Series(_DECIMALS)],
        expected=[19.99, 0.1, -3.5, 7.0],
    ),
    "different decimals that become one float64": _row(
        np.array(_MERGED, dtype=object),
        frame=pd.DataFrame({"c": _MERGED}),
        parquet=[pa.array(_MERGED)],
        csv=[list(map(str, _MERGED))],
        labels=[_MERGED],
    ),
    "too large or too small for float64": _row(
        np.array([10**400, 1, 2, 3], dtype=object),
        frame=np.array([Decimal("1e-400"), 1, 2, 3], dtype=object),
        npz=[np.array([np.finfo(np.longdouble).max, 1, 2, 3])],
        parquet=[pa.array([Decimal(10**70 + 1), Decimal(1), Decimal(2), Decimal(3)])],
        csv=[["1e400", "1", "2", "3"], ["1e-400", "1", "2", "3"], ["-1e999", "1", "2", "3"]],
        labels=[[10**400, 1, 2, 3], [Decimal("1e-400"), 1, 2, 3]],
    ),
    "truth values": _row(
        np.array([True, False, True, True]),
        frame=pd.DataFrame({"c": pd.array([True, False, True, True], dtype="boolean")}),
        tensor=lambda: [_torch([True, False, True, True])],
        npz=[np.array([True, False, True, True])],
        parquet=[pa.array([True, False, True, True])],
        csv=[["True", "False", "True", "True"], ["TRUE", "FALSE", "TRUE", "TRUE"], ["true", "false", "true", "true"]],
        labels=[[True, False, True, True], pd.Series([True, False, True, True], dtype="boolean")],
        expected=[1.0, 0.0, 1.0, 1.0],
    ),
    "texts": _row(
        np.array(TEXT_TARGETS),
        frame=pd.DataFrame({"c": TEXT_TARGETS}),
        npz=[np.array(TEXT_TARGETS)],
        parquet=[pa.array(TEXT_TARGETS), pa.array(TEXT_TARGETS).dictionary_encode()],
        csv=[TEXT_TARGETS],
        labels=[TEXT_TARGETS, np.array(TEXT_TARGETS, "S"), pd.Series(TEXT_TARGETS), pd.Series(pd.Categorical(TEXT_TARGETS))],
        expected=TEXT_TARGETS,
    ),
    "numbers written as texts": _row(
        np.array(["0.5", "1.5", "2.5", "7"]),
        frame=pd.DataFrame({"c": ["0.5", "1.5", "2.5", "7"]}),
        npz=[np.array(["0.5", "1.5", "2.5", "7"])],
        parquet=[pa.array(["0.5", "1.5", "2.5", "7"])],
        csv=[["0.5", "1.5", "2.5", "7"], ["5e-1", "+1.5", "2.50", "7."]],
        labels=[["0.5", "1.5", "2.5", "7"]],
        expected=[0.5, 1.5, 2.5, 7.0],
    ),
    "dates and times": _row(
        np.array(_DATES, "M8[ns]"),
        frame=pd.DataFrame({"c": pd.to_datetime(_DATES), "d": 1.0}),
        npz=[np.array(_DATES, "M8[D]"), np.array([1, 2, 3, 4], "m8[s]")],
        parquet=[pa.array(_DATES), pa.array([1, 2, 3, 4], pa.timestamp("ns")), pa.array([1, 2, 3, 4], pa.duration("s"))],
        csv=[list(map(str, _DATES)), ["1/2/2024", "3/4/2024"] * 2, ["12:30", "13:45:10"] * 2, ["5 Jan 2024", "6 May 2023"] * 2],
        labels=[np.array(_DATES, "M8[D]"), pd.Series(pd.to_datetime(_DATES)), _DATES],
    ),
    "complex numbers": _row(
        np.array([1j, 2, 3, 4]),
        frame=np.array([1j, 2, 3, 4], dtype=object),
        tensor=lambda: [_torch([1j, 2, 3, 4]), _torch([1j, 2, 3, 4]).conj()],
        npz=[np.array([1j, 2, 3, 4])],
        csv=[["1+2j", "2", "3", "4"]],
        labels=[np.array([1j, 2, 3, 4]), [1j, 2, 3, 4]],
    ),
    "missing: None, NaN, NA, masked, an empty cell": _row(
        _HOLES,
        frame=pd.DataFrame({"c": pd.array([1, None, 2, 3], dtype="Int64")}),
        tensor=lambda: [_torch([1.0, float("nan"), 2.0, 3.0])],
        npz=[np.array([1.0, np.nan, 2.0, 3.0])],
        parquet=[pa.array([1, None, 2, 3]), pa.array([1.0, float("nan"), 2, 3]), pa.array(["a", None, "b", "a"])],
        csv=[["1", "", "2", "3"], ["1", "NA", "2", "3"], ["a", "", "b", "a"], ["1", "?", "2", "3"], ["True", "NA", "False", "True"]],
        labels=[_HOLES, [1, None, 2, 3], ["a", None, "b", "a"], pd.Series(["a", pd.NA, "b", "a"]), [1.0, np.nan, 2, 3]],
    ),
    "infinite": _row(
        np.array([1.0, np.inf, 2.0, 3.0]),
        frame=pd.DataFrame({"c": [1.0, -np.inf, 2.0, 3.0]}),
        tensor=lambda: [_torch([1.0, float("inf"), 2.0, 3.0])],
        npz=[np.array([1.0, np.inf, 2.0, 3.0])],
        parquet=[pa.array([1.0, float("inf"), 2.0, 3.0])],
        csv=[["1", "inf", "2", "3"], ["1", "-Infinity", "2", "3"]],
        labels=[[1.0, np.inf, 2.0, 3.0]],
    ),
    "lists, rows of different lengths": _row(
        [[1, 2], [3], [4, 5], [6, 7]],
        frame=pd.DataFrame({"c": [[1, 2], [3, 4], [5, 6], [7, 8]]}),
        tensor=lambda: [[_torch([1, 2]), _torch([3]), _torch([4, 5]), _torch([6, 7])]],
        npz=[np.zeros(4, [("c", float, (2,))])],
        parquet=[pa.array([[1, 2], [3, 4], [5, 6], [7, 8]])],
        csv=[["1,2", "3", "4", "5"]],
        labels=[[[1, 2], [3], [4, 5], [6, 7]]],
    ),
}  # fmt: skip


def _table() -> dict[str, dict[str, str]]:
    """The first table of the page: what is written for each value and door."""
    lines = PAGE.read_text(encoding="utf-8").split("| value |")[1].splitlines()[2:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[: lines.index("")]]
    return {name: dict(zip(DOORS, cells, strict=True)) for name, *cells in rows}


def test_the_page_and_this_file_list_the_same_values():
    assert list(_table()) == list(ROWS)
    assert all(set(cells) == set(DOORS) for cells in _table().values())


def _enter(door: str, value, folder: Path):
    """The data set of a column of four values, beside a target that says nothing."""
    options = {"test_fraction": 0.0, "scaling": "none"}
    if door == "labels":
        return from_arrays(np.arange(8.0).reshape(4, 2), value)
    if door in ("arrays", "tensors"):
        return from_arrays(value[:, None] if getattr(value, "ndim", 0) == 1 else value, TEXT_TARGETS)
    if door == ".npz":
        np.savez(folder / "t.npz", x=value[:, None] if value.dtype.names is None else value, y=TEXT_TARGETS)
        return load_data(folder / "t.npz", **options)
    if door == ".parquet":
        pq.write_table(pa.table({"c": value, "y": TEXT_TARGETS}), folder / "t.parquet")
        return load_data(folder / "t.parquet", target="y", **options)
    rows = (f"{cell},{goal}\n" for cell, goal in zip(value, TEXT_TARGETS, strict=True))
    (folder / "t.csv").write_text("c,y\n" + "".join(rows))
    return load_data(folder / "t.csv", target="y", **options)


@pytest.mark.parametrize(("name", "door"), [(name, door) for name in ROWS for door in DOORS])
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")
def test_each_value_arrives_as_the_page_says_or_is_refused(name, door, tmp_path):
    word, row = _table()[name][door], ROWS[name]
    values = row[door]() if callable(row[door]) else row[door]
    if word == "—":
        assert not len(values)
        return
    assert len(values)
    for value in values:
        if word == "refused":
            with pytest.raises(InputError) as caught:
                _enter(door, value, tmp_path)
            assert "\n" not in str(caught.value)
            assert len(str(caught.value)) < 400
            continue
        data = _enter(door, value, tmp_path)
        if door == "labels":
            _check_labels(data, row["expected"], word)
        elif word == "one-hot":
            assert data.features == ("c=u", "c=v")
            assert np.array_equal(data.x_train, np.eye(2)[[0, 1, 0, 1]])
        else:
            assert data.x_train.shape == (4, 1)
            assert data.x_train[:, 0].tobytes() == np.array(row["expected"], np.float64).tobytes()


def _check_labels(data, expected, word):
    if data.task == "regression":
        assert word in ("exact", "nearest")
        assert data.y_train[:, 0].tobytes() == np.array(expected, np.float64).tobytes()
        return
    names = [data.classes[k] for k in data.labels_train]
    expected = [int(v) if isinstance(v, float) and v.is_integer() else v for v in expected]
    assert names == [str(bool(v)) if word == "classes" and not isinstance(v, str) else str(v) for v in expected]
    numbers = [v for v in expected if not isinstance(v, str)]
    assert list(data.classes) == ([str(v) for v in sorted(numbers)] if word == "exact" else sorted(set(names)))


def _outcome(call):
    """What a call answers, or the sentence with which it refuses."""
    try:
        return call(), ""
    except InputError as error:
        return None, str(error)


def test_different_rows_never_contradict_each_other_by_rounding(tmp_path):
    x, y = np.array([[BIG], [BIG + 1], [2**60 + 1], [2**60 + 2]]), [0.0, 1.0, 2.5, 3.5]
    np.savez(tmp_path / "t.npz", x=x, y=y)
    pd.DataFrame({"c": x[:, 0], "y": y}).to_csv(tmp_path / "t.csv", index=False)
    pd.DataFrame({"c": x[:, 0], "y": y}).to_parquet(tmp_path / "t.parquet")
    for path in ("t.npz", "t.csv", "t.parquet"):
        with pytest.raises(InputError, match=r"9007199254740993 .*row 1"):
            load_data(tmp_path / path, target="y")
    with pytest.raises(InputError, match=r"9007199254740993 in row 1, column 0.*identifier"):
        from_arrays(x, y)
    kept = from_arrays(
        [[2**53], [2**53 + 2], [2**60], [2**60 + 256]], y
    )  # whole numbers beyond 2^53 that float64 holds
    assert infimum(kept).value == 0


@given(hnp.arrays(st.sampled_from(["i1", "u2", "i4", "i8", "u8", ">i8", "<u4"]), (5, 2)))
def test_whole_numbers_arrive_as_they_are_or_not_at_all(x):
    data, message = _outcome(lambda: from_arrays(x, [*TEXT_TARGETS, "w"]))
    if data is None:
        assert any(int(float(v)) != v for v in x.ravel().tolist()) or "no feature varies" in message
        return
    assert [list(map(int, row)) for row in data.x_train.tolist()] == x.tolist()


@given(hnp.arrays(st.sampled_from(["f2", "f4", "f8", ">f8", "g"]), (5, 2)))
def test_floats_arrive_bit_for_bit_or_not_at_all(x):
    data, message = _outcome(lambda: from_arrays(x, [*TEXT_TARGETS, "w"]))
    if data is None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            lost = not np.array_equal(x.astype(np.float64).astype(x.dtype), x)
        assert lost or re.search("NaN or infinite|no feature varies", message)
        return
    assert np.array_equal(data.x_train.astype(x.dtype), x)
    assert np.array_equal(np.signbit(data.x_train), np.signbit(x))


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=4, max_size=8, unique=True))
def test_floats_written_to_a_table_come_back(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("t") / "t.csv"
    path.write_text("c,y\n" + "".join(f"{v!r},{'uv'[k % 2]}\n" for k, v in enumerate(values)))
    data = load_data(path, target="y", test_fraction=0.0, scaling="none")
    assert data.x_train[:, 0].tobytes() == np.array(values).tobytes()


CELLS = st.one_of(
    st.integers(-(2**70), 2**70).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.decimals(allow_nan=False, allow_infinity=False, places=20).map(str),
    st.sampled_from(["NA", "", "?", "1,5", "1.234", "inf", "nan", "0x1F", "05", "5 mm", "a", "b", "True", "1e400", "1e-400", "-0"]),
)  # fmt: skip


@given(st.lists(CELLS, min_size=4, max_size=6), st.sampled_from([",", ";", "\t"]))
def test_cells_of_any_table_are_read_as_written_or_refused(tmp_path_factory, cells, separator):
    path = tmp_path_factory.mktemp("t") / "t.csv"
    quoted = [f'"{cell}"' if separator in cell else cell for cell in cells]
    rows = "".join(f"{cell}{separator}{'uv'[k % 2]}\n" for k, cell in enumerate(quoted))
    path.write_text(f"c{separator}y\n{rows}")
    data, message = _outcome(lambda: load_data(path, target="y", test_fraction=0.0, scaling="none"))
    if data is None:
        assert "\n" not in message
        return
    if data.features == ("c",):
        comma = "decimal commas" in data.source
        for cell, value in zip(cells, data.x_train[:, 0].tolist(), strict=True):
            if cell in ("True", "False"):
                assert value == (cell == "True")
            else:
                text = cell.replace(".", "").replace(",", ".") if comma else cell.replace(",", "")
                assert value == float(text)
                assert not re.fullmatch(r"-?\d+", text) or int(value) == int(text)
        texts = (
            {Decimal(c) for c in cells} if not comma and all(re.fullmatch(r"[-+.\deE]+", c) for c in cells) else set()
        )
        assert not texts or len(texts) == len(set(data.x_train[:, 0].tolist()))
    else:
        assert [data.features[k] for k in data.x_train.argmax(axis=1)] == [f"c={cell}" for cell in cells]
