"""The rows of the data as an estimator takes them: an array, or a table with the names of its columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from zeroloss.plumbing import InputError


def feed_of(model: Any, data: Any, name: str) -> Callable[[np.ndarray], Any] | None:
    """A function from rows `(m, d)` to what `model` was fitted on; None where it takes the rows as they are.

    An estimator fitted to a table (`feature_names_in_`) gets one: columns by their names where the data have the same
    names, in the model's order; the model's own names where the data have none. Where the model was fitted to the table
    that the data came from, before texts were one-hot encoded, the rows are turned back into that table.

    Raises:
        InputError: another number of columns, or names that are not those of the data.
    """
    wanted = getattr(model, "feature_names_in_", None)
    size = getattr(model, "n_features_in_", None)
    if wanted is None:
        if data is not None and isinstance(size, int | np.integer) and size != data.in_size:
            raise InputError(
                f"the {name} was fitted to {size} columns and {data.name} has {data.in_size}; fit it to data.x_train."
            )
        return None
    names = [str(c) for c in wanted]
    own = None if data is None else names_of(data)
    if own is None or _unnamed(own):
        if own is not None and len(own) != len(names):
            raise InputError(
                f"the {name} was fitted to {len(names)} columns and {data.name} has {len(own)}; fit it to data.x_train."
            )
        return _framed(np.arange(len(names)), wanted)
    if set(names) == set(own):
        return _framed(np.array([own.index(c) for c in names]), wanted)
    groups = one_hot_groups(own)
    if set(names) <= set(own) | set(groups):
        return _raw(names, wanted, own, groups, data.scaling, name)
    absent = [c for c in names if c not in own] or [c for c in own if c not in names]
    raise InputError(
        f"the {name} was fitted to a table whose columns are not those of {data.name}: {', '.join(absent[:5])} on one side only; "
        "fit it to pandas.DataFrame(data.x_train, columns=data.features)."
    )


def one_hot_groups(features: list[str]) -> dict[str, list[int]]:
    """Columns `name=level` by their name, in order."""
    found: dict[str, list[int]] = {}
    for k, feature in enumerate(features):
        before, equals, _ = feature.partition("=")
        if equals and before:
            found.setdefault(before, []).append(k)
    return {before: columns for before, columns in found.items() if len(columns) > 1}


def names_of(data: Any) -> list[str]:
    """The names of the columns; x0, x1, ... where the data have none."""
    return [str(c) for c in data.features] or [f"x{k}" for k in range(data.in_size)]


def _unnamed(features: list[str]) -> bool:
    return features == [f"x{k}" for k in range(len(features))]


def _framed(order: np.ndarray, wanted: Any) -> Callable[[np.ndarray], Any]:
    import pandas as pd

    return lambda x: pd.DataFrame(np.asarray(x)[:, order], columns=list(wanted))


def _raw(
    names: list[str], wanted: Any, own: list[str], groups: dict[str, list[int]], scaling: dict[str, Any], name: str
) -> Callable[[np.ndarray], Any]:
    import pandas as pd

    if scaling.get("method") == "sphere":
        raise InputError(
            f"the {name} was fitted to the table before its texts were encoded, and these data were put on a sphere, which "
            "can't be undone; load them with scaling='none'."
        )
    shift, scale = (np.asarray(scaling.get(k, d)) for k, d in (("shift", 0.0), ("scale", 1.0)))

    def feed(x: np.ndarray) -> Any:
        raw = np.asarray(x) * scale + shift
        columns: dict[Any, Any] = {}
        for given, column in zip(wanted, names, strict=True):
            if column in own:
                columns[given] = raw[:, own.index(column)]
            else:
                levels = np.array([own[k].partition("=")[2] for k in groups[column]], object)
                columns[given] = levels[np.argmax(raw[:, groups[column]], axis=1)]
        return pd.DataFrame(columns)

    return feed
