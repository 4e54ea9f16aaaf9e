"""Checks of raw arrays before anything is computed from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from zeroloss.data.targets import check_texts, read_targets
from zeroloss.data.task import check_task, is_one_hot, is_soft, label_columns, soft_labels, task_of
from zeroloss.plumbing import InputError
from zeroloss.plumbing.containers import read_array
from zeroloss.plumbing.exact import as_float64
from zeroloss.plumbing.float64 import is_number, kind_of, place


def check_inputs(x: Any, what: str = "inputs", names: Sequence[str] = ()) -> tuple[np.ndarray, tuple[int, ...] | None]:
    """`x` as `(n, d)` float64, and the shape of one image if it came as `(n, h, w)` or `(n, h, w, channels)`.

    `x` is whatever `zeroloss.plumbing.containers.read_array` takes. Every number arrives exactly.
    `names`: of the columns, for messages, where `x` brings none.

    Raises:
        InputError: not numbers, another number of dimensions, no rows or columns, missing values, NaN or infinity, or a
            number that float64 cannot hold.
    """
    array, own, _ = read_array(x, what)
    names = own or tuple(names)
    if array.ndim == 0 or not (is_number(array.dtype) or array.dtype.kind == "O"):
        kind = "a single value" if array.ndim == 0 else kind_of(array.dtype)
        raise InputError(f"the {what} are {kind}; give real numbers in an array (n, d).")
    if array.ndim not in (2, 3, 4):
        one = "; write a single feature as x[:, None]" if array.ndim == 1 else ""
        raise InputError(f"the {what} have shape {array.shape}; give (n, d) or images (n, h, w[, channels]){one}.")
    if array.size == 0:
        raise InputError(f"the {what} are empty, of shape {array.shape}; give at least 2 rows and 1 column.")
    image = array.shape[1:] if array.ndim > 2 else None
    array = as_float64(array, what, names).reshape(len(array), -1)
    check_finite(array, what, names)
    return array, image


def check_finite(array: np.ndarray, what: str, names: Sequence[str] = ()) -> None:
    """Raise `InputError` if the 2-D `array` holds NaN or infinity: how many, and where the first is."""
    bad = ~np.isfinite(array)
    if bad.any():
        raise InputError(
            f"the {what} hold {int(bad.sum())} NaN or infinite entries, the first in {place(np.argwhere(bad)[0], names)}; "
            "remove or fill those rows."
        )


def check_targets(y: Any, task: str | None) -> tuple[str, np.ndarray, tuple[str, ...], str]:
    """`(task, y, classes, guessed)`: what the targets are, by the rule of `zeroloss.data.task`.

    `y`: labels `(n,)` int64 with the names of the classes; soft labels, targets or 0/1 labels `(n, c)` float64.
    `guessed`: what in the targets decided on the task; empty where it was given.

    Raises:
        InputError: NaN or infinity, no axis of rows, one class only, a constant regression target, or a target that the
            task given does not allow.
    """
    array = read_targets(y)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 0 or array.size == 0 or array.dtype.kind == "c":
        raise InputError(f"the targets have shape {np.shape(y)} and type {array.dtype}; give (n,) or (n, c).")
    check_task(task)
    check_texts(array, task)
    numeric = array.dtype.kind in "fiub"
    if numeric:
        check_finite(array.reshape(len(array), -1).astype(np.float64), "targets")
    found = task_of(array, task)
    if found.task == "classification":
        return (found.task, *_classes(array), found.reason)
    if found.task == "multi-label":
        return found.task, label_columns(array), (), found.reason
    if not numeric:
        raise InputError("the target is text and cannot be regressed on; leave the task out or choose classification.")
    targets = as_float64(array, "targets").reshape(len(array), -1)
    check_varies(targets)
    return found.task, targets, (), found.reason


def check_varies(targets: np.ndarray) -> None:
    """Raise `InputError` if a column of the regression targets `(n, c)` is constant."""
    fixed = np.flatnonzero(targets.min(axis=0) == targets.max(axis=0))
    if fixed.size:
        value = targets[0, fixed[0]]
        raise InputError(f"the regression target is constant ({value:g}); choose another target.")


def check_rows(x: np.ndarray, y: np.ndarray, what: str = "training rows") -> None:
    """Raise `InputError` unless `x` and `y` have the same number of rows, at least 2, and some column of `x` varies."""
    if len(x) != len(y):
        raise InputError(f"there are {len(x)} inputs and {len(y)} targets; give one target per input.")
    if len(x) < 2:
        raise InputError(f"there is only {len(x)} of the {what}; at least 2 are needed.")
    if (x.min(axis=0) == x.max(axis=0)).all():
        raise InputError(f"no feature varies over the {what}: every input is the same; check which columns were read.")


def lacking(answers: int, columns: int) -> str:
    """Advice where a network has more outputs than the targets have columns: its other classes may not occur."""
    if not answers > columns > 1:
        return ""
    return f" If only {columns} of its {answers} classes occur, give one-hot rows: from_arrays(x, np.eye({answers})[labels])."


def _classes(array: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    if array.ndim == 2:
        if array.dtype.kind not in "fiub" or not (is_one_hot(array) or is_soft(array)):
            raise InputError(
                f"class targets of shape {array.shape} must be one-hot rows or rows of soft labels that add up to 1; or give "
                "one label per row, or task='multi-label' for several labels per row."
            )
        labels, classes = soft_labels(array), tuple(str(k) for k in range(array.shape[1]))
        if not is_one_hot(array):
            return array.astype(np.float64), classes
        seen = len(np.unique(labels))
    else:
        values, labels = np.unique(array, return_inverse=True)
        labels, seen, classes = labels.astype(np.int64), len(values), tuple(_text(v) for v in values)
    if seen < 2:
        only = classes[labels[0]]
        raise InputError(f"there is only one class ({only}); classification needs at least 2.")
    return labels, classes


def _text(value: Any) -> str:
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)
