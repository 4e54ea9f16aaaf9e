"""Numbers as float64, exactly or not at all: what float64 cannot hold is refused, never rounded without a word."""

from __future__ import annotations

import datetime
import math
import warnings
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from zeroloss.plumbing.errors import InputError

WHOLE = 2**53
"""Every whole number up to this one, and no longer every one beyond it, is a float64."""

_TIMES = (datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64)
_PLAIN = {bool, float, np.bool_, np.float16, np.float32, np.float64}


def exact_float64(array: np.ndarray, what: str, names: Sequence[str] = ()) -> np.ndarray:
    """The numbers of an array as float64, each exactly or refused; `zeroloss.plumbing.exact.as_float64` takes containers too.

    Raises:
        InputError: complex numbers, times, texts, missing values, or a number that float64 cannot hold: row and column.
    """
    dtype = array.dtype
    if dtype.kind == "b" or (dtype.kind in "iuf" and dtype.itemsize < 8) or dtype == np.float64:
        return np.asarray(array, np.float64)
    if dtype.kind in "iu":
        return _whole(array, what, names)
    if dtype.kind == "f":
        return _long(array, what, names)
    if dtype.kind == "O":
        return _objects(array, what, names)
    if is_extension(dtype):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                return array.astype(np.float64)
            except (TypeError, ValueError, RuntimeWarning, np.exceptions.ComplexWarning):
                pass
    raise InputError(f"the {what} are {kind_of(dtype)}; give real numbers in an array (n, d).")


def is_extension(dtype: np.dtype) -> bool:
    """Whether `dtype` is a number type that NumPy itself lacks, such as bfloat16 of the package ml_dtypes."""
    return dtype.kind == "V" and dtype.names is None and dtype.type is not np.void


def is_number(dtype: np.dtype) -> bool:
    """Whether `dtype` is of real numbers or truth values."""
    return dtype.kind in "fiub" or is_extension(dtype)


def kind_of(dtype: np.dtype) -> str:
    """What a dtype holds, for messages."""
    if dtype.kind in "Mm":
        return f"times, of type {dtype} (turn them into numbers, such as days since the first)"
    if dtype.kind == "c":
        return f"complex numbers, of type {dtype} (split them into real and imaginary parts)"
    if dtype.kind in "UST":
        return "texts (convert those that are numbers with astype(float), and encode the others as numbers)"
    return f"of type {dtype}"


def place(index: Iterable[int], names: Sequence[str] = ()) -> str:
    """The position of an entry in words: "row 3, column 'id'"; rows and columns are counted from 0."""
    row, *rest = (int(k) for k in index)
    if not rest:
        return f"row {row}"
    if len(rest) > 1:
        return f"row {row}, entry {tuple(rest)}"
    return f"row {row}, column " + (repr(str(names[rest[0]])) if rest[0] < len(names) else str(rest[0]))


def missing(value: Any) -> bool:
    """Whether `value` stands for nothing: None, NaN, and pandas' NA and NaT."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    try:
        return bool(value != value)
    except (TypeError, ValueError, ArithmeticError):
        return False


def lost(value: Any, what: str, where: str) -> InputError:
    """The refusal of a number that float64 cannot hold."""
    near = _nearest(value)
    near = int(near) if math.isfinite(near) and near == math.floor(near) else near
    return InputError(
        f"the {what} hold {_short(value)} in {where}, which float64 cannot hold exactly (it would become {_short(near)}); "
        "subtract an offset, scale the column, or leave it out if it is an identifier."
    )


def _short(value: Any) -> str:
    text = (
        str(value) if not isinstance(value, int) or abs(value) < 10**40 else f"about 10^{int(math.log10(abs(value)))}"
    )
    return text if len(text) <= 40 else f"{text[:30]}..."


def _whole(array: np.ndarray, what: str, names: Sequence[str]) -> np.ndarray:
    large = array > WHOLE
    if array.dtype.kind == "i":
        large |= array < -WHOLE
    for index in np.argwhere(large):
        value = int(array[tuple(index)])
        if int(float(value)) != value:
            raise lost(value, what, place(index, names))
    return array.astype(np.float64)


def _long(array: np.ndarray, what: str, names: Sequence[str]) -> np.ndarray:
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        near = array.astype(np.float64)
        bad = (near.astype(array.dtype) != array) & ~np.isnan(array)
    if bad.any():
        index = np.argwhere(bad)[0]
        raise lost(array[tuple(index)], what, place(index, names))
    return near


def _objects(array: np.ndarray, what: str, names: Sequence[str]) -> np.ndarray:
    flat = array.ravel()
    types = set(map(type, flat))
    if types <= _PLAIN:
        return array.astype(np.float64)
    flat_result = np.empty(array.size)
    rounded = False
    for k, value in enumerate(flat):
        where = place(map(int, np.unravel_index(k, array.shape)), names)
        flat_result[k], inexact = _number(value, what, where)
        rounded |= inexact
    result = flat_result.reshape(array.shape)
    if rounded:
        _merged(array, result, what, names)
    return result


def _number(value: Any, what: str, where: str) -> tuple[float, bool]:
    """One object as a float64, and whether it was a decimal or a fraction that had to be rounded."""
    if missing(value):
        raise InputError(f"the {what} are missing in {where}; fill them, or remove those rows.")
    if hasattr(value, "shape") and hasattr(value, "item") and value.shape == ():  # an array or tensor of no dimensions
        value = value if isinstance(value, np.generic) else value.item()
    if isinstance(value, np.longdouble):
        if np.longdouble(_nearest(value)) != value:
            raise lost(value, what, where)
        return _nearest(value), False
    if isinstance(value, np.generic) and is_number(value.dtype):
        value = float(np.asarray(value).astype(np.float64)) if is_extension(value.dtype) else value.item()
    if isinstance(value, float):
        return float(value), False
    if isinstance(value, int | Decimal | Fraction):
        near = _nearest(value)
        exact = math.isinf(near) if _infinite(value) else not math.isinf(near) and Fraction(near) == Fraction(value)
        if not exact and (math.isinf(near) or near == 0 or Fraction(value).denominator == 1):
            raise lost(value, what, where)
        return near, not exact
    if isinstance(value, complex):
        raise InputError(
            f"the {what} hold a complex number in {where}; give real numbers, real and imaginary parts apart."
        )
    if isinstance(value, _TIMES):
        raise InputError(f"the {what} hold a time in {where}; turn times into numbers, such as days since the first.")
    shown = repr(value) if isinstance(value, str | bytes) and len(value) < 30 else f"a {type(value).__name__}"
    raise InputError(
        f"the {what} hold something that is not a number ({shown} in {where}); encode texts as numbers first."
    )


def _infinite(value: Any) -> bool:
    return isinstance(value, Decimal) and value.is_infinite()


def _nearest(value: Any) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf


def _merged(array: np.ndarray, result: np.ndarray, what: str, names: Sequence[str]) -> None:
    """Refuse different decimals of a column that became one float64."""
    columns = (array[..., None] if array.ndim == 1 else array).reshape(len(array), -1)
    floats = result.reshape(len(array), -1)
    for column in range(columns.shape[1]):
        seen: dict[float, tuple[Fraction, int]] = {}
        for row, near in enumerate(floats[:, column].tolist()):
            if not math.isfinite(near):
                continue
            exact = Fraction(_plain(columns[row, column]))
            other, first = seen.setdefault(near, (exact, row))
            if other != exact:
                name = f" of column {str(names[column])!r}" if column < len(names) else ""
                raise InputError(
                    f"the {what} in rows {first} and {row}{name} are different numbers that float64 cannot distinguish "
                    f"(both become {near}); subtract an offset or scale the column."
                )


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
