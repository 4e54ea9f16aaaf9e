"""A data set: what is fitted, what it is tested on, and everything that was done to it."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from typing import Any

import numpy as np

from zeroloss.data.content import read_only
from zeroloss.data.scaling import apply_scaling
from zeroloss.data.task import check_task
from zeroloss.plumbing import InputError
from zeroloss.plumbing.containers import read_array
from zeroloss.plumbing.exact import as_float64
from zeroloss.plumbing.layout import Layout, described, joined, plain_layout, several, width
from zeroloss.verdict import Record


@dataclasses.dataclass(frozen=True, repr=False)
class Dataset(Record):
    """Training and test examples, with their history. All arrays are read-only.

    Attributes:
        name: what the data are called.
        task: "classification", "regression" or "multi-label"; see `zeroloss.data.task` for the rule.
        x_train: `(n, d)` float64, scaled inputs.
        y_train: `(n, c)` float64; classification: one-hot or soft labels, one column per class (or, of two classes for a
            network of one output, one column of -1 and 1); multi-label: 0 or 1, one column per label; regression: the target
            column(s).
        labels_train: `(n,)` int, the class of each row; None but in classification.
        x_test, y_test, labels_test: the same for the test rows; there may be 0 of them.
        classes: the names of the classes, one per column of `y_train`; empty but in classification.
        features: the names of the columns of `x_train`.
        scaling: `method`, and `shift` `(d,)`, `scale` `(d,)` with `x = (raw - shift) / scale` (then divided by its norm
            if the method is "sphere"); `constant`, the columns that do not vary in training; in regression also
            `target_shift` `(c,)` and `target_scale` `(c,)`.
        image_shape: shape of one input as an image, or None.
        source: one line: where the data are from, with the citation.
        transformations: what was done to the data beyond scaling, in order, one sentence each.
        layout: of several inputs: `(name, shape, dtype)` of each, whose columns lie side by side in `x_train`; else empty.
        guessed: what in the targets decided on the task; empty where the task was given.

    Raises:
        InputError: shapes that do not fit together, or a task of another name.
    """

    name: str
    task: str
    x_train: np.ndarray
    y_train: np.ndarray
    labels_train: np.ndarray | None
    x_test: np.ndarray
    y_test: np.ndarray
    labels_test: np.ndarray | None
    classes: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    scaling: dict[str, Any] = dataclasses.field(default_factory=dict)
    image_shape: tuple[int, ...] | None = None
    source: str = ""
    transformations: tuple[str, ...] = ()
    guessed: str = ""
    layout: Layout = ()

    def __post_init__(self) -> None:
        check_task(self.task or "")
        x, y = (_numbers(each, "training rows") for each in (self.x_train, self.y_train))
        if x.ndim != 2 or y.ndim != 2 or len(x) != len(y) or 0 in x.shape or y.shape[1] == 0:
            raise InputError(f"training inputs {x.shape} and targets {y.shape} do not fit; give (n, d) and (n, c).")
        # JSON forgets the width of an empty array, so 0 test rows take theirs from the training rows.
        empty = np.size(self.x_test) == 0
        x_test = np.zeros((0, x.shape[1])) if empty else _numbers(self.x_test, "test rows")
        y_test = np.zeros((0, y.shape[1])) if empty else _numbers(self.y_test, "test rows")
        if x_test.shape[1:] != x.shape[1:] or y_test.shape != (len(x_test), y.shape[1]):
            raise InputError(f"test inputs {x_test.shape} and targets {y_test.shape} do not fit the training rows.")
        values: dict[str, Any] = {"x_train": x, "y_train": y, "x_test": x_test, "y_test": y_test}
        for part, rows in (("train", len(x)), ("test", len(x_test))):
            labels = getattr(self, f"labels_{part}")
            if (labels is None) != (self.task != "classification") or (
                labels is not None and np.shape(labels) != (rows,)
            ):
                raise InputError(f"labels_{part} must be ({rows},) integers in classification and else None.")
            if labels is not None:
                values[f"labels_{part}"] = _whole(labels, f"labels_{part}")
        for name, array in values.items():
            object.__setattr__(self, name, read_only(array))
        for name in ("classes", "features", "transformations"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        object.__setattr__(self, "layout", plain_layout(self.layout))
        if self.layout and width(self.layout) != x.shape[1]:
            raise InputError(
                f"the inputs {described(self.layout)} do not make up the {x.shape[1]} columns of the data."
            )
        if self.image_shape is not None:
            object.__setattr__(self, "image_shape", tuple(int(side) for side in self.image_shape))

    @property
    def n(self) -> int:
        """Number of training rows."""
        return len(self.x_train)

    @property
    def in_size(self) -> int:
        """Number of inputs `d` of a network for these data."""
        return self.x_train.shape[1]

    @property
    def out_size(self) -> int:
        """Number of outputs `c` of a network for these data."""
        return self.y_train.shape[1]

    def digest(self) -> str:
        """SHA-256, in hexadecimal, of the training inputs and targets: dtype, shape and bytes of each."""
        state = hashlib.sha256()
        for array in (self.x_train, self.y_train):
            state.update(f"{array.dtype.newbyteorder('<').str} {array.shape};".encode())
            state.update(array.astype("<f8", copy=False).tobytes())
        return state.hexdigest()

    def scale(self, x_raw: Any) -> np.ndarray:
        """New raw inputs, `(m, d)`, `(d,)` or images, scaled as the training inputs were: `(m, d)` or `(d,)`.

        Raises:
            InputError: another number of columns, or NaN or infinity.
        """
        if self.layout and several(x_raw):
            x_raw = joined(x_raw, self.layout)
        held = read_array(x_raw, "new inputs")
        if len(held.names) == self.in_size and set(held.names) == set(self.features) and held.names != self.features:
            raise InputError(f"the new inputs have the columns of {self.name} in another order; reorder them.")
        x = as_float64(held.array, "new inputs", held.names)
        if self.image_shape is not None and x.ndim > 1 and x.shape[-len(self.image_shape) :] == self.image_shape:
            x = x.reshape(*x.shape[: x.ndim - len(self.image_shape)], math.prod(self.image_shape))
        if x.ndim not in (1, 2) or x.shape[-1] != self.in_size:
            raise InputError(f"inputs of shape {np.shape(x_raw)} do not fit {self.name}; give (m, {self.in_size}).")
        if not np.isfinite(x).all():
            raise InputError("the new inputs hold NaN or infinity; remove or replace those rows.")
        return apply_scaling(x, self.scaling)

    def unscale_targets(self, y: Any) -> np.ndarray:
        """Scaled targets or outputs `(..., c)` in the units of the source: `y * target_scale + target_shift`."""
        if self.task != "regression":
            raise InputError("classes have no units; unscale_targets is for regression.")
        return np.asarray(y, np.float64) * self.scaling.get("target_scale", 1.0) + self.scaling.get("target_shift", 0.0)

    def __repr__(self) -> str:
        names = {"classification": f"{len(self.classes)} classes", "multi-label": f"{self.out_size} labels"}
        kind = names.get(self.task, f"{self.out_size} target(s)")
        inputs = f" ({described(self.layout)})" if self.layout else ""
        image = f" ({'x'.join(map(str, self.image_shape))} images)" if self.image_shape else ""
        lines = [
            f"Dataset {self.name}: {self.task}, {kind}, {self.n} training and {len(self.x_test)} test rows, "
            f"{self.in_size} inputs{inputs}{image}, scaling {self.scaling.get('method', 'none')}"
        ]
        if self.guessed:
            lines.append(f"  guessed to be a {self.task} problem ({self.guessed}); task= decides otherwise")
        if self.source:
            lines.append(f"  {self.source}")
        if self.transformations:
            lines.append(f"  {'; '.join(self.transformations)}")
        return "\n".join(lines)


def _numbers(values: Any, what: str) -> np.ndarray:
    """`values` as float64, exactly; `InputError` where one is hidden by a mask, missing, or no float64."""
    held = read_array(values, what)
    return as_float64(held.array, what, held.names)


def _whole(labels: Any, what: str) -> np.ndarray:
    """Labels `(n,)` as int64; `InputError` where one is no whole number."""
    numbers = _numbers(labels, what)
    if not (np.abs(numbers) < 2**53).all() or (numbers != np.floor(numbers)).any():
        raise InputError(f"{what} must be whole numbers, the column of each row's class; these are not.")
    return numbers.astype(np.int64)
