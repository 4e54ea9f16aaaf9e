"""Data sets by name, from files, and from the user's own arrays."""

from __future__ import annotations

import difflib
import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from zeroloss.data.dataset import Dataset
from zeroloss.data.files import is_data_file, read_file
from zeroloss.data.idx import find_images
from zeroloss.data.loaders import gathered
from zeroloss.data.mnist1d import make_mnist1d
from zeroloss.data.raw import Raw, build
from zeroloss.data.targets import category_note, check_alignment, check_columns, read_targets
from zeroloss.plumbing import InputError
from zeroloss.plumbing.batches import is_source
from zeroloss.plumbing.containers import read_array
from zeroloss.plumbing.layout import Layout, joined, layout_of, several

NAMES = {
    "digits": "1,797 images of handwritten digits, 8 x 8, 10 classes (comes with scikit-learn)",
    "breast-cancer": "569 tumours, 30 measurements, malignant or benign (comes with scikit-learn)",
    "wine": "178 wines, 13 measurements, 3 growers (comes with scikit-learn)",
    "diabetes": "442 patients, 10 measurements, progression after a year: regression (comes with scikit-learn)",
    "mnist1d": "5,000 one-dimensional digits of 40 points, 10 classes (made here, from a seed)",
    "mnist": "images of handwritten digits, 28 x 28, 10 classes ($ZEROLOSS_DATA, else downloaded once)",
    "fashion-mnist": "images of clothes, 28 x 28, 10 classes ($ZEROLOSS_DATA, else downloaded once)",
}
"""The data sets that `load_data` knows by name, each with its line in help texts."""

_SOURCES = {
    "digits": "E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI 1998; test part, by scikit-learn",
    "breast-cancer": "W. Wolberg, N. Street, O. Mangasarian, Breast Cancer Wisconsin, UCI 1995; by scikit-learn",
    "wine": "S. Aeberhard, M. Forina, Wine, UCI; by scikit-learn",
    "diabetes": "B. Efron et al., Least angle regression, Ann. Statist. 32 (2004) 407-499; by scikit-learn",
    "mnist1d": "after S. Greydanus, D. Kobak, arXiv 2011.14439 (2020); drawn here by the recalled recipe, seed 42",
    "mnist": "Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten digits",
    "fashion-mnist": "H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST, arXiv 1708.07747 (2017)",
}
_CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")


def load_data(
    name_or_path: str | os.PathLike,
    *,
    target: str | None = None,
    task: str | None = None,
    test_fraction: float = 0.3,
    seed: int = 0,
    scaling: str = "auto",
    n_train: int | None = None,
) -> Dataset:
    """A data set by name (see `NAMES`), or from a `.csv`, `.parquet` or `.npz` file.

    Also `.tsv`, `.tab`, `.txt`, `.dat` and `.data`, and packed as `.csv.gz`, `.bz2`, `.xz` or `.zip`. Separators and the like are
    found, and `source` says what was decided; `docs/data.md` lists it, and what happens to each type of value.

    Args:
        name_or_path: a name, or a path. A `.npz` holds x (or X) and y, or x_train, y_train, x_test and y_test.
        target: the target column of a table, or the target array of a `.npz`.
        task: "classification", "regression" or "multi-label"; by default it is guessed from the target by the rule of
            `zeroloss.data.task` (whole numbers with at most 20 different values are classes, for one), and the `repr` of
            the data says so.
        test_fraction: this part of the rows is for testing (each class in proportion; with 0 the rows of a file keep their
            order), unless the data bring test rows or are MNIST or Fashion-MNIST, which have at most 2,000.
        seed: which rows.
        scaling: "auto" (images to [0, 1]; tables to mean 0 and variance 1 over the training rows, and regression
            targets too), "sphere" (the same, then inputs of norm 1), "none" (nothing is touched).
        n_train: this many of the training rows (default: all; 5,000 for MNIST and Fashion-MNIST).

    Raises:
        InputError: whatever is wrong with the name, the file or the data, in one line that says how to mend it.
    """
    text = os.fspath(name_or_path)
    name = text.lower().replace("_", "-")
    if name in NAMES and not isinstance(name_or_path, os.PathLike):
        if target is not None:
            raise InputError(f"{name} has its own target; leave the target out.")
        raw = _named(name)
        task = task or ("regression" if name == "diabetes" else "classification")
        if raw.most_test is not None and n_train is None:
            n_train = min(5000, len(raw.x) - (0 if raw.x_test is not None else 1))
    else:
        path = Path(text).expanduser()
        is_path = is_data_file(path) or path.exists() or len(path.parts) > 1
        if not is_path and not isinstance(name_or_path, os.PathLike):
            raise _unknown(text, name)
        raw = read_file(path, target)
    return build(raw, task, test_fraction, seed, scaling, n_train)


def from_arrays(
    x: Any,
    y: Any = None,
    *,
    x_test: Any = None,
    y_test: Any = None,
    task: str | None = None,
    name: str = "arrays",
    test_fraction: float = 0.0,
    seed: int = 0,
    scaling: str = "none",
    n_train: int | None = None,
    features: tuple[str, ...] = (),
    source: str = "",
) -> Dataset:
    """A data set from the user's own arrays, with the checks of `load_data`. By default nothing is scaled or split off.

    Without a `test_fraction` the rows keep their order. Every value arrives as it is, or is refused: `docs/data.md` lists
    what happens to each type.

    Args:
        x: `(n, d)` numbers, or images `(n, h, w)` or `(n, h, w, channels)`: an array, list, data frame, Arrow table, tensor
            or sparse matrix; a tuple or dict of arrays `(n, ...)` for a model of several inputs (their columns lie side by
            side, `.layout` says how; nothing is scaled).
        y: `(n,)` labels or targets; `(n, c)` targets, one-hot rows, soft labels or several labels of 0 and 1; masks
            `(n, ...)`. See `zeroloss.data.task` for what is guessed without `task`.
            Without `y`: a PyTorch `DataLoader` or `Dataset`, a Hugging Face data set, or an iterable of batches
            `(inputs, targets)`, of which one pass is held as arrays (`zeroloss.data.loaders`).
        x_test, y_test: test rows, likewise; without them `test_fraction` of the rows.
        features: names of the `d` columns; by default those of the frame, if `x` is one.

    Raises:
        InputError: as `load_data`.
    """
    notes: tuple[str, ...] = ()
    if y is None:
        x, y, notes = gathered(x)
    if x_test is not None and y_test is None:
        x_test, y_test, others = gathered(x_test)
        notes = (*notes, *(f"test rows: {note}" for note in others))
    layout: Layout = ()
    if several(x, len(y) if isinstance(x, tuple) and np.ndim(y) else None):
        if scaling != "none":
            raise InputError("several inputs come as they are; scale them before, and leave scaling out.")
        layout = layout_of(x)
        x, x_test = joined(x), x_test if x_test is None else joined(x_test, layout)
    held = read_array(x, "inputs")
    more = None if x_test is None else read_array(x_test, "test inputs")
    check_alignment(held, y, "x and y")
    if more is not None:
        check_alignment(more, y_test, "x_test and y_test")
        check_columns(held, more)
    unit: float | str | None = None
    if held.array.ndim > 2:
        unit = 255.0 if held.array.dtype == np.uint8 else "range"
    columns = math.prod(held.array.shape[1:])
    features = tuple(features) or held.names
    if features and len(features) != columns:
        raise InputError(f"there are {len(features)} feature names and {columns} columns; give one name per column.")
    raw = Raw(
        name,
        held.array,
        read_targets(y),
        source,
        features,
        unit=unit,
        in_order=True,
        layout=layout,
        notes=(*notes, *category_note(y)),
    )
    if more is not None:
        raw.x_test = more.array
        raw.y_test = None if y_test is None else read_targets(y_test, "test targets")
    return build(raw, task, test_fraction, seed, scaling, n_train)


def _named(name: str) -> Raw:
    source = _SOURCES[name]
    if name in ("mnist", "fashion-mnist"):
        found = find_images(name)
        classes: tuple[str, ...] = _CLOTHES if name == "fashion-mnist" else ()
        source = f"{source}; from {found.where}"
        return Raw(
            name,
            found.x,
            found.labels,
            source,
            (),
            classes,
            255.0,
            None,
            found.x_test,
            found.labels_test,
            most_test=2000,
        )
    if name == "mnist1d":
        x, labels = make_mnist1d()
        return Raw(name, x, labels, source, tuple(f"t{k}" for k in range(x.shape[1])), unit="own")
    from sklearn import datasets

    if name == "diabetes":
        bunch = datasets.load_diabetes(scaled=False)
        return Raw(name, bunch.data, bunch.target, source, tuple(bunch.feature_names))
    load = {"digits": datasets.load_digits, "breast-cancer": datasets.load_breast_cancer, "wine": datasets.load_wine}
    bunch = load[name]()
    image = (8, 8) if name == "digits" else None
    classes = tuple(str(c) for c in bunch.target_names)
    unit = 16.0 if name == "digits" else None
    return Raw(name, bunch.data, bunch.target, source, tuple(map(str, bunch.feature_names)), classes, unit, image)


def _unknown(text: str, name: str) -> InputError:
    close = difflib.get_close_matches(name, NAMES, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    return InputError(
        f"there is no data set {text!r}; {hint}Choose one of {', '.join(NAMES)}, or a .csv, .parquet or .npz file."
    )


def as_data(data: Any) -> Any:
    """`data` as it is, or a loader (and its like) as a `Dataset`, nothing scaled or split off."""
    if not is_source(data):
        return data
    return from_arrays(data, name=type(data).__name__)
