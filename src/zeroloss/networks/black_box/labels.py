"""Which column of the data each class of a predictor is: by name, by number, by sign, or as the caller states."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from zeroloss.plumbing import InputError

NONE = -1
"""The column of an answer that is none of the data's classes: such an answer is wrong."""


@dataclasses.dataclass(frozen=True)
class Reading:
    """A map from the values that a predictor answers to columns of the data.

    Attributes:
        column: text of a value -> column.
        encoded: the model's classes in order, where it answers with their numbers 0, 1, ... in place of them; else empty.
        how: "name", "number", "sign" or "given", for a person.
    """

    column: dict[str, int]
    encoded: tuple[str, ...]
    how: str

    def columns(self, values: np.ndarray) -> np.ndarray:
        """The column of each value, `(m,)`; `NONE` where the data have no such class."""
        distinct, index = np.unique(_texts(values), return_inverse=True)
        if self.encoded:
            places = {str(k): text for k, text in enumerate(self.encoded)}
            distinct = np.array([places.get(text, "") for text in distinct])
        return np.array([self.column.get(str(text), NONE) for text in distinct], int)[index.ravel()]

    def order(self, classes: Sequence[Any] | np.ndarray) -> np.ndarray:
        """The column of each of the model's classes."""
        return np.array([self.column.get(text(c), NONE) for c in classes], int)


def text(value: Any) -> str:
    """A class as text, 1.0 as 1: classifiers answer with the numbers they were fitted to as floats or as whole numbers."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _texts(values: np.ndarray) -> np.ndarray:
    distinct, index = np.unique(values.astype(str) if values.dtype.kind == "O" else values, return_inverse=True)
    if values.dtype.kind == "O":
        named = {str(v): text(v) for v in values.ravel()}
        return np.array([named[str(v)] for v in distinct])[index.ravel()]
    return np.array([text(v) for v in distinct])[index.ravel()]


def read_labels(
    name: str, known: np.ndarray | None, answered: np.ndarray, data: Any, classes: Sequence[Any] | None = None
) -> Reading:
    """How the classes of a predictor are to be read on these data.

    Args:
        name: the predictor, for messages.
        known: its classes in its own order, if it lists them (`classes_`).
        answered: `(n,)` what it answers to the training inputs.
        data: the data set; classes are its names, or 0, 1, ... in the order of its columns.
        classes: as the caller states: the data's class (a name or a column) of each of the model's classes, in order.

    Names go before numbers. Where both are possible and differ (data of the classes 1, 2, 3 and a model of 1 and 2), the
    names are taken unless the numbers make fewer errors on the training rows: then the caller has to decide.

    Raises:
        InputError: classes that are not those of the data, or may be read in two ways.
    """
    names = [str(c) for c in data.classes]
    count = max(len(names), data.out_size, 2)
    model_classes = sorted({text(v) for v in answered}) if known is None else [text(c) for c in known]
    encoded = _encoded(model_classes, answered) if known is not None else ()
    if classes is not None:
        return _given(name, model_classes, classes, names, count, encoded)
    by_name = {c: k for k, c in enumerate(names)}
    numbers = _whole(model_classes)
    by_number = (
        {text(v): int(v) for v in numbers} if numbers is not None and set(numbers) <= set(range(count)) else None
    )
    if names and set(model_classes) <= set(names):
        named = Reading(by_name, encoded, "name")
        if by_number is not None and any(by_name[c] != by_number[c] for c in model_classes):
            _unambiguous(name, named, Reading(by_number, encoded, "number"), answered, data)
        return named
    if by_number is not None:
        return Reading(by_number, encoded, "number")
    if numbers is not None and set(numbers) <= {-1, 1} and count == 2:
        return Reading({"-1": 0, "1": 1}, encoded, "sign")
    if len(names) > 1 and set(names) <= set(model_classes):  # a model of more classes than occur here
        return Reading(by_name, encoded, "name")
    raise InputError(
        f"the {name} knows the classes {', '.join(model_classes[:10])} and the data {', '.join(names[:10])}; "
        "fit it to data.labels_train, or to the data's names of the classes, or say which is which: "
        "zeroloss.black_box(model, data, classes=the data's class of each of the model's)."
    )


def _encoded(model_classes: list[str], answered: np.ndarray) -> tuple[str, ...]:
    """The model's classes where it answers with their numbers."""
    values = {text(v) for v in answered}
    if values <= set(model_classes):
        return ()
    numbers = _whole(sorted(values))
    return tuple(model_classes) if numbers is not None and set(numbers) <= set(range(len(model_classes))) else ()


def _whole(model_classes: Sequence[str]) -> list[int] | None:
    try:
        return [int(c) for c in model_classes]
    except ValueError:
        return None


def _given(
    name: str, model_classes: list[str], classes: Sequence[Any], names: list[str], count: int, encoded: tuple[str, ...]
) -> Reading:
    if len(classes) != len(model_classes):
        raise InputError(
            f"classes= names {len(classes)} classes and the {name} has {len(model_classes)} ({', '.join(model_classes[:10])}); "
            "name one for each."
        )
    column: dict[str, int] = {}
    for own, wanted in zip(model_classes, classes, strict=True):
        if text(wanted) in names:
            column[own] = names.index(text(wanted))
        elif isinstance(wanted, int | np.integer) and 0 <= int(wanted) < count:
            column[own] = int(wanted)
        else:
            raise InputError(
                f"classes= names {wanted!r}, which the data do not have; they have {', '.join(names[:10])}."
            )
    return Reading(column, encoded, "given")


def _unambiguous(name: str, named: Reading, numbered: Reading, answered: np.ndarray, data: Any) -> None:
    labels = data.labels_train
    if labels is None or len(labels) != len(answered):
        return
    wrong, other = (int(np.sum(each.columns(answered) != labels)) for each in (named, numbered))
    if other < wrong:
        raise InputError(
            f"the classes of the {name} are names of the data's classes and numbers of its columns at once ({wrong} training "
            f"errors by name, {other} by number); say which: zeroloss.black_box(model, data, classes=...)."
        )
