"""`Raw`: data before splitting and scaling, and how they become a `Dataset`."""

from __future__ import annotations

import dataclasses
import numbers
from typing import Any

import numpy as np

from zeroloss.data.checks import check_inputs, check_rows, check_targets, check_varies
from zeroloss.data.dataset import Dataset
from zeroloss.data.repeats import check_directions
from zeroloss.data.scaling import apply_scaling, fit_scaling, fit_targets, keep_apart
from zeroloss.data.split import choose, split, training_rows
from zeroloss.data.targets import joined, read_targets
from zeroloss.data.task import coded, soft_labels
from zeroloss.plumbing import InputError
from zeroloss.plumbing.layout import Layout


@dataclasses.dataclass
class Raw:
    """Inputs and targets as read. `unit`: see `fit_scaling`. `most_test`: at most so many test rows. `in_order`: rows
    stay in their order where none are split off for testing. `notes`: what was done on the way in."""

    name: str
    x: Any
    y: Any
    source: str = ""
    features: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    unit: float | str | None = None
    image_shape: tuple[int, ...] | None = None
    x_test: Any = None
    y_test: Any = None
    most_test: int | None = None
    in_order: bool = False
    layout: Layout = ()
    notes: tuple[str, ...] = ()


def build(raw: Raw, task: str | None, test_fraction: float, seed: int, scaling: str, n_train: int | None) -> Dataset:
    """Check, split (unless test rows came with the data), scale by the training rows, and record what was done."""
    x, image = check_inputs(raw.x, names=raw.features)
    own_test = raw.x_test is not None and len(raw.x_test) > 0
    if own_test:
        x_more, _ = check_inputs(raw.x_test, "test inputs", raw.features)
        if x_more.shape[1] != x.shape[1]:
            raise InputError(
                f"test inputs have {x_more.shape[1]} columns and training inputs {x.shape[1]}; make both equal."
            )
        if raw.y_test is None or len(raw.y_test) != len(x_more):
            raise InputError(f"there are {len(x_more)} test inputs and no target for each; give one target per input.")
    if len(x) < 2:
        raise InputError("there is only 1 row; at least 2 are needed.")
    # Training and test targets are read together: one task, and one numbering of the classes.
    task, y, classes, guessed = check_targets(_joined(raw, own_test), task)
    n_all = len(y) - len(x_more) if own_test else len(y)
    check_rows(x, y[:n_all], "rows")
    if not isinstance(seed, numbers.Integral) or isinstance(seed, bool) or seed < 0:
        raise InputError(f"the seed is {seed!r}; give a whole number that is at least 0.")
    labels = None
    if task == "classification":
        labels = y if y.ndim == 1 else soft_labels(y)
    if own_test:
        train, test = _with_test(n_all, len(y), labels, n_train, int(seed), raw.most_test)
        x = np.concatenate([x, x_more])
    else:
        train, test = _rows(n_all, labels, test_fraction, n_train, int(seed), raw.most_test)
    if raw.in_order and (own_test or test_fraction == 0):
        train, test = np.sort(train), np.sort(test)
    check_rows(x[train], y[train])
    features = raw.features or tuple(f"x{k}" for k in range(x.shape[1]))
    # Scaling is fitted to the training rows alone; that different values stay different is checked on all rows.
    used = x[np.concatenate([train, test])]
    record, notes = keep_apart(used, features, fit_scaling(x[train], features, scaling, raw.unit))
    x_train, x_test = apply_scaling(x[train], record, train), apply_scaling(x[test], record, test)
    if record["method"] == "sphere":
        notes += check_directions(x[train], x_train, y[train], train)
    if record["constant"] and record.get("before", record["method"]) == "standardised":
        notes.append(f"constant in training, left at 0 with scale 1: {_some(record['constant'])}")
    arrays: dict[str, Any] = {"labels_train": None, "labels_test": None, "y_train": y[train], "y_test": y[test]}
    if labels is not None:
        soft, count = y.ndim == 2, len(classes)
        if not soft and len(np.unique(labels[train])) < 2:
            raise InputError("the training rows hold only one class; take more of them, or another seed.")
        for part, rows in (("train", train), ("test", test)):
            arrays[f"labels_{part}"] = labels[rows]
            arrays[f"y_{part}"] = y[rows] if soft else coded(labels[rows], count, count)
    elif task == "regression":
        check_varies(y[train])
        found, decided = fit_targets(y[train], scaling, y[np.concatenate([train, test])])
        record, notes = record | found, notes + decided
        for part in ("y_train", "y_test"):
            with np.errstate(all="ignore"):
                arrays[part] = (arrays[part] - record["target_shift"]) / record["target_scale"]
            if not np.isfinite(arrays[part]).all():
                raise InputError("scaling the targets overflows float64; give them in another unit.")
    return Dataset(
        name=raw.name,
        task=task,
        x_train=x_train,
        x_test=x_test,
        classes=raw.classes if labels is not None and len(raw.classes) == len(classes) else classes,
        features=features,
        scaling=record,
        image_shape=raw.image_shape or image,
        source=raw.source,
        transformations=(*raw.notes, *notes),
        guessed=guessed,
        layout=raw.layout,
        **arrays,
    )


def _joined(raw: Raw, own_test: bool) -> np.ndarray:
    """Training and test targets together, so that both are read the same way."""
    y = read_targets(raw.y)
    if y.ndim == 0:
        raise InputError("the targets are a single value; give one target per input.")
    return joined(y, read_targets(raw.y_test, "test targets")) if own_test else y


def _rows(
    n: int, labels: np.ndarray | None, test_fraction: float, n_train: int | None, seed: int, most_test: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """Training and test rows. With `n_train` the test rows stay those of `test_fraction` as long as they can."""
    base = training_rows(n, test_fraction) if most_test is None else max(n - most_test, n // 2)
    wanted = _count(n_train, n, base)
    train, test = split(n, labels, max(base, wanted), seed, most_test)
    if wanted < len(train):
        train = train[
            choose(len(train), None if labels is None else labels[train], wanted, np.random.default_rng(seed))
        ]
    return train, test


def _with_test(
    n: int, total: int, labels: np.ndarray | None, n_train: int | None, seed: int, most_test: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """Rows where the first `n` are for training and the others, up to `total`, for testing."""
    if labels is not None:
        unseen = np.setdiff1d(labels[n:], labels[:n])
        if unseen.size:
            raise InputError(f"{unseen.size} class(es) occur in the test rows only; give training rows of every class.")
    generator = np.random.default_rng(seed)
    train, test = np.arange(n), np.arange(n, total)
    wanted = _count(n_train, n, n)
    if wanted < n:
        train = choose(n, None if labels is None else labels[:n], wanted, generator)
    if most_test is not None and most_test < len(test):
        test = n + choose(len(test), None if labels is None else labels[n:], most_test, generator)
    return train, test


def _count(n_train: int | None, most: int, default: int) -> int:
    if n_train is None:
        return default
    if not isinstance(n_train, numbers.Integral) or isinstance(n_train, bool) or not 2 <= n_train <= most:
        raise InputError(f"n_train is {n_train}; choose a whole number between 2 and {most}, the rows there are.")
    return int(n_train)


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
