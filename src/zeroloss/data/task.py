"""Which task does a target pose: classes, several labels at once, or numbers? One rule for arrays, files and loaders.

| the target | without `task=` it is |
|---|---|
| one column of texts or truth values | classification, one class per value |
| one column of whole numbers, at most 20 different ones | classification, one class per value |
| one column of other numbers, or of more whole numbers | regression |
| several columns, each row one 1 and else 0 | classification, one class per column |
| several columns of 0 and 1 (or truth values), some row with another number of ones | multi-label, one label per column |
| several columns, none negative, each row adding up to 1 | classification with soft labels, one class per column |
| other numbers in several columns | regression, one target per column |
| more than two axes of 0 and 1 (masks) | multi-label, one label per entry |
| more than two axes of fractions | regression, one target per entry |
| more than two axes of other whole numbers (one class per pixel) | refused: give 0/1 masks, one per class |

`task=` decides otherwise. What was guessed stands in the `repr` of the data set, and a model that contradicts the guess
is refused. The class of a row of soft labels is its largest entry, the first of several.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from zeroloss.plumbing import InputError

if TYPE_CHECKING:
    from zeroloss.data.dataset import Dataset

TASKS = ("classification", "regression", "multi-label")
MOST_CLASSES = 20
"""A column of whole numbers is taken for classes up to this many different ones."""
ROW_SUM = 1e-4
"""Soft labels add up to 1 within this: float32 and rounded decimals do."""
WHOLE = "one column of whole numbers"


@dataclasses.dataclass(frozen=True)
class Guess:
    """The task of a target, and what in it decided; `reason` is empty where `task=` was given."""

    task: str
    reason: str


def check_task(task: str | None) -> None:
    """InputError for a task of another name."""
    if task is not None and task not in TASKS:
        raise InputError(f"task {task!r} is unknown; choose one of {', '.join(map(repr, TASKS))}.")


def task_of(array: np.ndarray, task: str | None) -> Guess:
    """The task of targets `(n,)`, `(n, c)` or `(n, ...)`, by the table above; NaN and infinity are refused before.

    Raises:
        InputError: a task of another name; more than two axes of whole numbers that are neither 0 nor 1.
    """
    check_task(task)
    if task is not None:
        if task == "classification" and array.ndim > 2:
            raise InputError(_PIXELS.format(array.shape))
        return Guess(task, "")
    if array.ndim == 1:
        return _of_column(array)
    if array.dtype.kind not in "fiub":
        raise InputError("targets in several columns must be numbers.")
    return _of_columns(array) if array.ndim == 2 else _of_entries(array)


def _of_column(array: np.ndarray) -> Guess:
    if array.dtype.kind == "b":
        return Guess("classification", "truth values")
    if array.dtype.kind not in "fiu":
        return Guess("classification", "texts")
    count = len(np.unique(array))
    if not (array == np.floor(array)).all():
        return Guess("regression", "one column of numbers that are not all whole")
    if count <= MOST_CLASSES:
        return Guess("classification", f"{WHOLE}, {count} different")
    return Guess("regression", f"{WHOLE}, {count} different, which is more than {MOST_CLASSES}")


def _of_columns(array: np.ndarray) -> Guess:
    if is_one_hot(array):
        return Guess("classification", "one-hot rows")
    if is_zero_one(array):
        return Guess("multi-label", "columns of 0 and 1, some rows with none or several ones")
    if is_soft(array):
        return Guess("classification", "rows of soft labels, which add up to 1")
    return Guess("regression", f"{array.shape[1]} columns of numbers")


def _of_entries(array: np.ndarray) -> Guess:
    if is_zero_one(array):
        return Guess("multi-label", "masks of 0 and 1, one label per entry")
    if (array == np.floor(array)).all():
        raise InputError(_PIXELS.format(array.shape))
    return Guess("regression", "numbers, one target per entry")


_PIXELS = (
    "the targets have shape {}, one class per entry (pixel): that is a task of its own for each entry; give 0/1 masks, one per "
    "class, for task='multi-label', or task='regression' if they are measured numbers."
)


def is_zero_one(array: np.ndarray) -> bool:
    """Whether all entries are 0 or 1."""
    return array.dtype.kind == "b" or bool(np.isin(array, (0, 1)).all())


def is_one_hot(array: np.ndarray) -> bool:
    """Whether each row of `(n, c)` has one 1, and else 0."""
    return is_zero_one(array) and bool((array.sum(axis=1) == 1).all())


def is_soft(array: np.ndarray) -> bool:
    """Whether each row of `(n, c)`, `c >= 2`, is a distribution: no negative entry, sum 1 within `ROW_SUM`."""
    if array.ndim != 2 or array.shape[1] < 2 or array.dtype.kind not in "fiub":
        return False
    sums = np.asarray(array, np.float64).sum(axis=1)
    return bool((array >= 0).all() and (np.abs(sums - 1) <= ROW_SUM).all())


def by_sides(columns: int, task: str) -> bool:
    """Whether the sign of each output decides by itself: one column for two classes, or labels."""
    return task == "multi-label" or (task == "classification" and columns == 1)


def ones(targets: np.ndarray) -> np.ndarray:
    """True where a two-valued target (0 and 1, or -1 and 1; means of these too) stands for the upper value."""
    return targets > (0.0 if (targets < 0).any() else 0.5)


def fits_zero_one(answers: np.ndarray, targets: np.ndarray, within: float = 0.25) -> bool:
    """Whether all answers `(n, c)` are within 1/4 (or `within`) of 0 or 1, as the sides of their targets require.

    Such answers were fitted to the numbers 0 and 1 (by the squared loss), and 1/2 is what decides; as logits they would all
    mean the same side.
    """
    return bool((np.abs(answers - ones(targets)) <= within).all())


def label_columns(array: np.ndarray) -> np.ndarray:
    """Multi-label targets as `(n, c)` float64 of 0 and 1, or of -1 and 1, as given.

    Raises:
        InputError: other entries, or no label that differs between two rows.
    """
    if array.dtype.kind not in "fiub":
        raise InputError("multi-label targets must be columns of 0 and 1; encode the names of labels so.")
    flat = array.reshape(len(array), -1).astype(np.float64)
    if not (is_zero_one(flat) or np.isin(flat, (-1, 1)).all()):
        other = flat[~np.isin(flat, (0, 1))][0]
        raise InputError(f"multi-label targets must be 0 or 1 (or all -1 or 1), and one is {other:g}.")
    if (flat.min(axis=0) == flat.max(axis=0)).all():
        raise InputError("no label varies: all rows have the same labels; choose another target.")
    return flat


def soft_labels(array: np.ndarray) -> np.ndarray:
    """The class of each row of soft labels `(n, c)`: its largest entry, the first of several."""
    return np.asarray(array).argmax(axis=1).astype(np.int64)


def coded(labels: np.ndarray, classes: int, columns: int) -> np.ndarray:
    """Labels 0, 1, ... as targets `(n, columns)` float64: one-hot, or one column of -1 and 1 for two classes.

    Raises:
        InputError: one column for other than two classes.
    """
    if columns == 1:
        if classes != 2:
            raise InputError(f"one column stands for two classes, and there are {classes}.")
        return np.where(labels > 0, 1.0, -1.0)[:, None]
    y = np.zeros((len(labels), columns))
    y[np.arange(len(labels)), labels] = 1.0
    return y


def for_outputs(data: Dataset, outputs: int) -> Dataset:
    """The data with targets for a network of that many outputs, by a fixed rule, recorded in `transformations`.

    - As many outputs as columns: as they are.
    - Two classes and one output (a single logit): one column, -1 for the first class and 1 for the second; the sign of the
      output decides.
    - More outputs than classes, where the classes are the numbers of outputs (0, 1, ...): one column per output, so that
      class k is output k; some classes do not occur.
    - Else as they are (and the caller refuses them).

    Raises:
        InputError: several outputs for one column of whole numbers that was guessed to be a regression.

    Standing: ours.
    """
    if outputs == data.out_size:
        return data
    if data.task == "regression" and data.guessed.startswith(WHOLE) and outputs > 1 == data.out_size:
        raise InputError(
            f"the network has {outputs} outputs, and the target was guessed to be a regression ({data.guessed}); if these are "
            f"classes, give task='classification' (on the command line: --task classification)."
        )
    if data.task != "classification" or not is_one_hot(np.vstack([data.y_train, data.y_test])):
        return data
    count = len(data.classes)
    if outputs == 1 and count == 2 and data.out_size == 2:
        first, second = data.classes
        note = f"targets for one output: -1 for class {first}, 1 for class {second}; its sign decides"
        return _recoded(data, data.labels_train, data.labels_test, data.classes, 1, note)
    numbers = _numbers(data.classes)
    if numbers is None or outputs <= data.out_size or max(numbers) >= outputs:
        return data
    place = np.array(numbers, np.int64)
    absent = [str(k) for k in range(outputs) if k not in numbers]
    note = f"targets for {outputs} outputs, class k in column k; no row is of class {', '.join(absent[:10])}"
    names = tuple(map(str, range(outputs)))
    return _recoded(data, place[data.labels_train], place[data.labels_test], names, outputs, note)


def _recoded(data: Dataset, train: Any, test: Any, classes: tuple[str, ...], columns: int, note: str) -> Dataset:
    return dataclasses.replace(
        data,
        labels_train=train,
        labels_test=test,
        classes=classes,
        y_train=coded(train, len(classes), columns),
        y_test=coded(test, len(classes), columns),
        transformations=(*data.transformations, note),
    )


def _numbers(classes: tuple[str, ...]) -> list[int] | None:
    """The classes as whole numbers that are at least 0, or None."""
    return [int(name) for name in classes] if all(name.isascii() and name.isdigit() for name in classes) else None
