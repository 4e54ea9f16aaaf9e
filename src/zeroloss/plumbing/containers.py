"""Containers of numbers, read into NumPy arrays without a change of value: frames, tensors, sparse matrices, lists.

No library is imported for it: what a value is made of is loaded already, or the value would not be there.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from zeroloss.plumbing.errors import InputError
from zeroloss.plumbing.float64 import exact_float64, place
from zeroloss.plumbing.format import format_bytes
from zeroloss.plumbing.memory import available_bytes


class Held(NamedTuple):
    """An array with the values of a container, bit for bit; the names of its columns; the row labels of pandas."""

    array: np.ndarray
    names: tuple[str, ...] = ()
    index: Any = None


def read_array(value: Any, what: str) -> Held:
    """The values of `value`: an array, masked array, list, frame, Arrow or Polars table, tensor or sparse matrix.

    A dtype stays (bfloat16 of torch becomes float32); columns of several dtypes become float64. Tensors are detached,
    brought to the processor and made dense, quantised ones stand for their real values, categorical columns for the
    values of their categories, and the fields of a structured array are its columns.

    Args:
        what: what the values are called in messages ("inputs"); a plural.

    Raises:
        InputError: masked or missing values, rows of different lengths, nested columns, a number that float64 cannot hold
            where a common dtype has to be found, too little memory, or an object that holds no array.
    """
    if isinstance(value, np.ma.MaskedArray):
        return Held(_unmasked(value, what))
    if isinstance(value, np.ndarray):
        return _array(np.asarray(value), what)
    if isinstance(value, list | tuple):
        return Held(_listed(value, what))
    torch, pandas, arrow = (_loaded(name) for name in ("torch", "pandas", "pyarrow"))
    if torch is not None and isinstance(value, torch.Tensor):
        return Held(_tensor(torch, value, what))
    if pandas is not None and isinstance(value, pandas.DataFrame):
        return _frame(pandas, value, what)
    if pandas is not None and isinstance(value, pandas.Series | pandas.Index | pandas.api.extensions.ExtensionArray):
        index = value.index if isinstance(value, pandas.Series) else None
        return Held(series_values(pandas, value, what), (), index)
    if hasattr(value, "toarray") and hasattr(value, "nnz"):
        return Held(_dense(value, what))
    if hasattr(value, "to_arrow") and hasattr(value, "to_numpy"):  # a frame or a series of Polars
        value, arrow = _arrow(value, what), _loaded("pyarrow")
    if arrow is not None and isinstance(value, arrow.Table | arrow.RecordBatch):
        columns = [column_values(column, what) for column in value.columns]
        return _columns(columns, tuple(map(str, value.column_names)), what)
    if arrow is not None and isinstance(value, arrow.Array | arrow.ChunkedArray):
        return Held(column_values(value, what))
    return Held(_other(value, what))


def column_values(column: Any, what: str) -> np.ndarray:
    """An Arrow column `(n,)`: numbers and truth values in their dtype, texts and decimals as objects.

    Raises:
        InputError: missing values, times, or nested columns.
    """
    arrow = sys.modules["pyarrow"]
    types = arrow.types
    column = column.combine_chunks() if isinstance(column, arrow.ChunkedArray) else column
    if isinstance(column, arrow.ChunkedArray):  # no chunk at all, or too much for one
        column = arrow.concat_arrays(column.chunks) if column.num_chunks else arrow.array([], column.type)
    if isinstance(column, arrow.DictionaryArray):
        column = column.dictionary_decode()
    if column.null_count:
        rows = np.flatnonzero(np.asarray(column.is_null()))
        raise gaps(rows, what)
    kind = column.type
    if types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind):
        return np.asarray(column.to_numpy(zero_copy_only=False))
    text = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
    if text or types.is_decimal(kind):
        return _boxed(column.to_pylist())
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        try:
            return _boxed([item.decode() for item in column.to_pylist()])  # texts of writers that mark none as such
        except UnicodeDecodeError:
            raise InputError(f"the {what} are bytes; turn them into numbers or texts.") from None
    if types.is_temporal(kind):
        raise InputError(f"the {what} are times ({kind}); turn them into numbers, such as days since the first.")
    raise InputError(f"the {what} are of type {kind}; give plain columns of numbers.")


def series_values(pandas: Any, values: Any, what: str) -> np.ndarray:
    """A pandas series, index or extension array `(n,)`: numbers in their dtype, texts as objects.

    Raises:
        InputError: missing values (NaN of a plain float column stays), times, or another type.
    """
    dtype = values.dtype
    if isinstance(dtype, np.dtype):
        return np.asarray(values)
    empty = np.asarray(values.isna())
    if empty.any():
        raise gaps(np.flatnonzero(empty), what)
    if isinstance(dtype, pandas.ArrowDtype):
        import pyarrow

        return column_values(pyarrow.array(values), what)
    if isinstance(dtype, pandas.CategoricalDtype):
        return series_values(pandas, values.astype(dtype.categories.dtype), what)
    if isinstance(dtype, pandas.DatetimeTZDtype | pandas.PeriodDtype | pandas.IntervalDtype):
        raise InputError(f"the {what} are times or intervals ({dtype}); turn them into numbers.")
    plain = getattr(dtype, "numpy_dtype", None)
    return np.asarray(values, dtype=plain) if isinstance(plain, np.dtype) else np.asarray(values)


def gaps(rows: np.ndarray, what: str) -> InputError:
    """The refusal of missing values: how many, and in which rows."""
    return InputError(
        f"the {what} have {len(rows)} missing values ({listed_rows(rows)}); fill them, or remove those rows."
    )


def listed_rows(rows: Sequence[int] | np.ndarray, most: int = 5) -> str:
    """ "row 3", or "rows 3, 7 and 12 more"."""
    few = ", ".join(str(int(row)) for row in rows[:most])
    more = f" and {len(rows) - most} more" if len(rows) > most else ""
    return f"row{'s' if len(rows) > 1 else ''} {few}{more}"


def _loaded(name: str) -> Any:
    module = sys.modules.get(name)
    return module if module is not None and hasattr(module, "__version__") else None


def _unmasked(value: Any, what: str) -> np.ndarray:
    mask = np.ma.getmaskarray(value)
    if mask.dtype.names is not None:
        mask = np.array([any(row) for row in mask.ravel().tolist()])
    if mask.any():
        where = place(np.argwhere(mask)[0]) if mask.ndim else "it"
        raise InputError(
            f"the {what} have {int(mask.sum())} masked entries, the first in {where}; fill them, or remove those rows."
        )
    return _array(np.asarray(value.data), what).array


def _array(array: np.ndarray, what: str) -> Held:
    if array.dtype.kind == "T":
        return Held(array.astype(object))
    if array.dtype.names is not None:
        if array.ndim != 1:
            raise InputError(f"the {what} are a structured array of shape {array.shape}; give one of shape (n,).")
        return _columns([array[name] for name in array.dtype.names], array.dtype.names, what)
    nested = (list, tuple, np.ndarray)
    if array.dtype.kind == "O" and array.size and all(isinstance(v, nested) and np.ndim(v) for v in array.ravel()):
        inner = _listed(list(array.ravel()), what)
        return Held(inner.reshape(*array.shape, *inner.shape[1:]))
    return Held(array)


def _columns(columns: Sequence[np.ndarray], names: tuple[str, ...], what: str) -> Held:
    """Columns `(n,)` as one array `(n, d)`: in their dtype if they share it, else as float64."""
    if not columns:
        raise InputError(f"the {what} have no columns; give an array (n, d).")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"the {what} have two columns named {twice!r}; rename one.")
    for name, column in zip(names, columns, strict=True):
        nested = column.dtype.kind == "O" and any(isinstance(item, list | tuple | np.ndarray | dict) for item in column)
        if column.ndim != 1 or nested:
            raise InputError(f"the column {name!r} of the {what} holds arrays; give one number per row and column.")
    if len({column.dtype for column in columns}) > 1:
        columns = [exact_float64(c[:, None], what, (n,))[:, 0] for n, c in zip(names, columns, strict=True)]
    return Held(np.stack(columns, axis=1), names)


def _frame(pandas: Any, frame: Any, what: str) -> Held:
    names = tuple(map(str, frame.columns))
    if not names:
        raise InputError(f"the {what} have no columns; give a frame with rows and columns.")
    columns = [
        series_values(pandas, frame.iloc[:, k], f"values of column {name!r} of the {what}")
        for k, name in enumerate(names)
    ]
    return _columns(columns, names, what)._replace(index=frame.index)


def _tensor(torch: Any, value: Any, what: str) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _tensor_values(torch, value.detach(), what)
        except (RuntimeError, TypeError, NotImplementedError) as error:
            line = " ".join(str(error).split())[:100]
            raise InputError(f"the {what} are a tensor that cannot be read ({line}); give a dense tensor.") from error


def _tensor_values(torch: Any, value: Any, what: str) -> np.ndarray:
    if value.device.type == "meta" or type(value).__name__ == "FakeTensor":
        raise InputError(f"the {what} are a tensor without values (device meta); give one with values.")
    if value.is_nested:
        raise InputError(f"the {what} are a nested tensor; give rows of one length, (n, d).")
    if value.is_quantized:
        value = value.dequantize()
    if value.layout != torch.strided:
        _room(tuple(value.shape), value.element_size(), what)
        value = value.to_dense()
    value = value.cpu().resolve_conj().resolve_neg()
    if value.dtype == torch.bfloat16 or (value.is_floating_point() and value.element_size() == 1):
        value = value.to(torch.float32)  # exactly: NumPy lacks these
    named = any(getattr(value, "names", None) or ())
    return np.asarray(value.rename(None).numpy() if named else value.numpy())


def _dense(value: Any, what: str) -> np.ndarray:
    _room(value.shape, value.dtype.itemsize, what)
    return np.asarray(value.toarray())


def _room(shape: tuple[int, ...], itemsize: int, what: str) -> None:
    needed, free = 2 * max(itemsize, 8) * math.prod(map(int, shape)), available_bytes()
    if free is not None and needed > free:
        raise InputError(
            f"the {what} are sparse, of shape {tuple(map(int, shape))}, and would take {format_bytes(needed)} dense where "
            f"{format_bytes(free)} are free; take fewer columns or rows."
        )


def _listed(value: list | tuple, what: str) -> np.ndarray:
    """A list, nested or of arrays, tensors and series, as an array; what NumPy would round or turn into text is seen."""
    if any(_is_held(item) for item in value):
        return _stacked([read_array(item, what).array for item in value], what)
    ragged = InputError(f"the {what} are a list whose rows have different lengths; give each row the same columns.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            array = np.asarray(value)
        except OverflowError:
            array = np.asarray(value, dtype=object)
        except (ValueError, TypeError, RuntimeError) as error:
            if "inhomogeneous" in str(error):
                raise ragged from error
            line = " ".join(str(error).split())[:100]
            raise InputError(f"the {what} are a list that is no array ({line}); give numbers, (n, d).") from error
    rounded = array.dtype == np.float64 and array.size and bool((np.abs(array) >= 2**53).any())
    if rounded or array.dtype.kind in "USc":
        array = np.array(value, dtype=object)
    if array.dtype.kind == "O" and any(isinstance(item, list | tuple) for item in array.ravel()):
        raise ragged
    return array


def _is_held(item: Any) -> bool:
    """Whether an item of a list is an array, a tensor or a series, and no plain number, text or list."""
    return not isinstance(item, list | tuple | np.generic) and (hasattr(item, "__array__") or hasattr(item, "toarray"))


def _stacked(parts: list[np.ndarray], what: str) -> np.ndarray:
    shapes = {part.shape for part in parts}
    if len(shapes) > 1:
        few = ", ".join(map(str, sorted(shapes)[:3]))
        raise InputError(f"the {what} are arrays of different shapes ({few}); give each row the same columns.")
    return np.stack(of_one_type(parts, what))


def of_one_type(parts: Sequence[np.ndarray], what: str) -> list[np.ndarray]:
    """Arrays of rows that NumPy may stack or join without a change of value.

    Raises:
        InputError: texts beside numbers, or types whose common one is float64, and a number that it lacks.
    """
    kinds = {"bool" if part.dtype.kind == "b" else "text" if part.dtype.kind in "US" else "number" for part in parts}
    if "text" in kinds and len(kinds) > 1:
        raise InputError(f"the {what} mix numbers and texts; give numbers alone.")
    types = {part.dtype for part in parts}
    if len(types) == 1 or kinds == {"text"}:
        return list(parts)
    whole = all(part.dtype.kind in "iu" for part in parts)
    if whole and np.result_type(*types).kind in "iu":
        return list(parts)
    return [
        exact_float64(part.reshape(1, -1), f"{what} of row {row}").reshape(part.shape) for row, part in enumerate(parts)
    ]


def _arrow(value: Any, what: str) -> Any:
    try:
        return value.to_arrow()
    except Exception as error:  # whatever another library raises
        line = " ".join(str(error).split())[:100]
        raise InputError(f"the {what} cannot be read ({line}); give columns of plain numbers.") from error


def _other(value: Any, what: str) -> np.ndarray:
    if hasattr(value, "__arrow_c_stream__") and not hasattr(value, "__array__"):
        import pyarrow

        return read_array(pyarrow.table(value), what).array
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            array = np.asarray(value)
        except Exception as error:  # whatever another library raises
            line = " ".join(str(error).split())[:100]
            raise InputError(
                f"the {what} are a {type(value).__name__} that is no array ({line}); give a NumPy array (n, d)."
            ) from error
    if array.ndim == 0 and array.dtype.kind == "O":
        raise InputError(
            f"the {what} are a {type(value).__name__}, which is no array; give real numbers in an array (n, d)."
        )
    return _array(array, what).array


def _boxed(items: list) -> np.ndarray:
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array
