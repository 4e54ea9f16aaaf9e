"""Labels and targets as given, read without a change: numbers stay numbers, texts stay texts, a mixture is refused."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from zeroloss.plumbing import InputError
from zeroloss.plumbing.containers import Held, read_array
from zeroloss.plumbing.exact import as_float64
from zeroloss.plumbing.float64 import is_extension, kind_of, missing

MOST_NAMES = 20
"""Texts that are whole numbers are names of classes up to this many different ones."""

NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*")


def read_targets(y: Any, what: str = "targets") -> np.ndarray:
    """`y` as an array of truth values, whole numbers (int64 or uint64), float64 numbers, or texts (dtype U).

    Whole numbers beyond 2^53 stay whole numbers: as labels they are exact. Bytes are texts in UTF-8.

    Raises:
        InputError: missing or masked values, complex numbers, times, a mixture of texts, numbers and truth values, or
            what NumPy would change on the way (whole numbers beyond 64 bits, long doubles with more digits).
    """
    flat = isinstance(y, list | tuple) and all(_is_scalar(item) for item in y)
    array = _boxed(y) if flat else read_array(y, what).array
    if array.dtype.kind == "O":
        array = _unboxed(array, what)
    if array.dtype.kind == "S":
        array = _texts([_decoded(item, what) for item in array.ravel().tolist()], array.shape, what)
    if array.dtype.kind == "U":
        return array
    if is_extension(array.dtype) or array.dtype.kind == "f":
        return as_float64(array, what)
    if array.dtype.kind not in "iub":
        raise InputError(f"the {what} are {kind_of(array.dtype)}; give labels or real numbers.")
    return array


def joined(y: np.ndarray, y_test: np.ndarray) -> np.ndarray:
    """Targets of training and test rows together, without a change of either.

    Raises:
        InputError: one is of texts or truth values and the other is not, or float64 would be needed and is not enough.
    """
    if y.shape[1:] != y_test.shape[1:]:
        raise InputError(f"targets of shapes {y.shape} and {y_test.shape} do not fit; give both the same columns.")
    kinds = {"U": "texts", "b": "truth values"}
    found = [kinds.get(part.dtype.kind, "numbers") for part in (y, y_test)]
    if found[0] != found[1]:
        raise InputError(f"the targets are {found[0]} and the test targets {found[1]}; give both as the same.")
    if found[0] == "numbers" and y.dtype != y_test.dtype:
        y, y_test = as_float64(y, "targets"), as_float64(y_test, "test targets")
    return np.concatenate([y, y_test])


def check_texts(array: np.ndarray, task: str | None) -> None:
    """Raise `InputError` where targets are numbers written as texts and nothing marks them as names.

    Up to 20 different whole numbers are names of classes, as they are where they come as numbers.
    """
    if task is not None or array.dtype.kind != "U":
        return
    texts = np.unique(array)
    if not all(NUMBER.fullmatch(text) for text in texts):
        return
    whole = all(re.fullmatch(r"\s*[+-]?\d+\s*", text) for text in texts)
    if not whole or len(texts) > MOST_NAMES:
        raise InputError(
            f"the targets are numbers written as texts ('{texts[0]}'); convert them with astype(float), "
            "or say task='classification' if they are names."
        )


def check_alignment(x: Held, y: Any, what: str) -> None:
    """Raise `InputError` where the rows of two pandas objects carry the same labels in another order."""
    index, other = x.index, getattr(y, "index", None)
    if index is None or other is None or callable(other) or len(index) != len(other) or index.equals(other):
        return
    if index.is_unique and other.is_unique and len(index.difference(other)) == 0:
        raise InputError(f"the rows of {what} carry the same labels in another order; align them, as y.loc[x.index].")


def check_columns(x: Held, more: Held) -> None:
    """Raise `InputError` where test inputs have the columns of the training inputs in another order."""
    if x.names and more.names and x.names != more.names and set(x.names) == set(more.names):
        raise InputError("the test inputs have the columns of the inputs in another order; give x_test[x.columns].")


def category_note(y: Any) -> tuple[str, ...]:
    """A sentence where the classes of a categorical of pandas are numbered otherwise than its codes, else nothing."""
    dtype = getattr(y, "dtype", None)
    categories = getattr(dtype, "categories", None)
    if categories is None or not hasattr(y, "isna") or type(dtype).__name__ != "CategoricalDtype":
        return ()
    used = sorted(set(y))
    if list(categories) == used:
        return ()
    return ("classes are the categories that occur, in ascending order: their numbers are not the codes of the target",)


def _is_scalar(item: Any) -> bool:
    return item is None or isinstance(item, str | bytes | int | float | complex | np.generic)


def _boxed(items: Any) -> np.ndarray:
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def _unboxed(array: np.ndarray, what: str) -> np.ndarray:
    """Objects as the one kind that all of them are."""
    flat = array.ravel()
    empty = [k for k, item in enumerate(flat) if missing(item)]
    if empty:
        raise InputError(f"the {what} are missing in {len(empty)} rows, the first {empty[0]}; remove those rows.")
    kinds = {_kind(item): k for k, item in reversed(list(enumerate(flat)))}
    if len(kinds) > 1:
        listed = " and ".join(f"{name} ({flat[k]!r} in row {k})" for name, k in sorted(kinds.items()))
        raise InputError(f"the {what} mix {listed}; make all of them the same.")
    if "a text" in kinds:
        return _texts([str(item) for item in flat], array.shape, what)
    if "bytes" in kinds:
        return _texts([_decoded(item, what) for item in flat], array.shape, what)
    if "a truth value" in kinds:
        return array.astype(bool)
    if all(isinstance(item, int | np.integer) for item in flat):
        for dtype in (np.int64, np.uint64):
            limits = np.iinfo(dtype)
            if all(limits.min <= int(item) <= limits.max for item in flat):
                return np.array([int(item) for item in flat], dtype=dtype).reshape(array.shape)
    return as_float64(array, what)


def _kind(item: Any) -> str:
    if isinstance(item, bool | np.bool_):
        return "a truth value"
    if isinstance(item, str):
        return "a text"
    return "bytes" if isinstance(item, bytes) else "a number"


def _decoded(item: bytes, what: str) -> str:
    try:
        return item.decode()
    except UnicodeDecodeError:
        raise InputError(f"the {what} hold bytes that are no text in UTF-8 ({item[:20]!r}); give texts.") from None


def _texts(items: list[str], shape: tuple[int, ...], what: str) -> np.ndarray:
    """Texts as one array; NumPy would drop a NUL at the end of a text, and so merge two."""
    if any(item.endswith("\0") for item in items):
        raise InputError(f"the {what} hold a text that ends in a NUL character; remove it.")
    return np.array(items, dtype=str).reshape(shape)
