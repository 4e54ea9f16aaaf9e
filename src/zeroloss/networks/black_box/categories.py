"""Columns that an estimator takes for codes of categories."""

from __future__ import annotations

from typing import Any

import numpy as np

from zeroloss.networks.black_box.frames import names_of

ENCODERS = ("OneHotEncoder", "OrdinalEncoder", "TargetEncoder")


def categorical_columns(model: Any, data: Any) -> tuple[int, ...]:
    """Columns of the data that an encoder of categories, or the model itself, reads as codes; () where none are known.

    Looked for in a pipeline's first step (an encoder, or a ColumnTransformer that has some), and in `is_categorical_` of
    histogram gradient boosting.
    """
    first = model.steps[0][1] if getattr(model, "steps", None) else model
    names = [str(c) for c in getattr(model, "feature_names_in_", ())]
    columns: set[int] = set()
    if type(first).__name__ in ENCODERS:
        columns = set(range(int(getattr(first, "n_features_in_", 0))))
    for _, transformer, some in getattr(first, "transformers_", ()):
        if type(_first(transformer)).__name__ in ENCODERS:
            columns |= _numbers(some, names, int(getattr(first, "n_features_in_", 0)))
    mask = getattr(first, "is_categorical_", None)
    if mask is not None:
        columns |= set(np.flatnonzero(mask).tolist())
    if names and data is not None:
        own = names_of(data)
        if set(names) == set(own):  # the model's order of the columns is not that of the data
            columns = {own.index(names[k]) for k in columns}
        elif own != [f"x{k}" for k in range(len(own))]:
            columns = set()  # a table before its texts were encoded: the data's one-hot columns speak for themselves
    return tuple(sorted(columns))


def _first(transformer: Any) -> Any:
    return transformer.steps[0][1] if getattr(transformer, "steps", None) else transformer


def _numbers(some: Any, names: list[str], size: int) -> set[int]:
    if isinstance(some, slice):
        return set(range(*some.indices(size)))
    if isinstance(some, str | int):
        some = [some]
    found = np.asarray(some)
    if found.dtype.kind == "b":
        return set(np.flatnonzero(found).tolist())
    if found.dtype.kind in "iu":
        return {int(k) for k in found}
    return {names.index(str(c)) for c in found if str(c) in names}
