"""`positions_of`: which inputs are categorical? Codes, tokens and one-hot columns have nothing between two of their values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import numpy as np

from zeroloss.networks import BlackBox, predict
from zeroloss.networks.black_box.frames import names_of, one_hot_groups
from zeroloss.plumbing import InputError

STEP = 0.4
"""Moved by this, a column leaves the answers as they are if the network reads it as whole numbers."""
ROWS, COLUMNS = 16, 32
"""Number of training rows on which that is tried, and of columns up to which each is tried by itself."""
Positions = list[np.ndarray]
"""One array of column numbers for each categorical input: several where one-hot columns stand for one."""


def positions_of(network: Any, data: Any, categorical: Any = None) -> Positions:
    """The categorical inputs of these data.

    Args:
        categorical: names or numbers of columns (of a one-hot encoded column the name before `=`), a mask of the columns, or
            "all"; an empty list: none. None: detected; these are categorical:
            - all columns of a network of tokens;
            - columns that an estimator's own encoder takes for categories;
            - columns `name=level`, of which each row has one;
            - whole-number columns that a network cuts to whole numbers before it uses them (an embedding of codes).

    Raises:
        InputError: a column that the data do not have.
    """
    groups = _one_hot(data)
    if categorical is not None:
        return _named(categorical, data, groups)
    if getattr(network, "takes_tokens", False):
        return [np.array([k]) for k in range(data.in_size)]
    taken = {k for columns in groups.values() for k in columns}
    single = set(network.categorical) if isinstance(network, BlackBox) else _cut(network, data)
    found = [*(np.array(columns) for columns in groups.values()), *(np.array([k]) for k in sorted(single - taken))]
    return sorted(found, key=lambda columns: int(columns[0]))


def _one_hot(data: Any) -> dict[str, list[int]]:
    """Groups of columns `name=level` with one set in each training row (scaled columns too)."""
    found = {}
    for name, columns in one_hot_groups(names_of(data)).items():
        block = data.x_train[:, columns]
        low, high = block.min(axis=0), block.max(axis=0)
        set_ = (block == high) & (high > low)
        two = ((block == low) | (block == high)).all()
        # None is set where an encoder has dropped one of the levels.
        if two and (set_.sum(axis=1) <= 1).all() and (low < high).any():
            found[name] = columns
    return found


def _named(categorical: Any, data: Any, groups: dict[str, list[int]]) -> Positions:
    features = names_of(data)
    if isinstance(categorical, str):
        wanted: Sequence[Any] = list(range(data.in_size)) if categorical == "all" else [categorical]
    else:
        wanted = list(categorical)
    mask = np.asarray(wanted)
    if mask.dtype == bool and len(mask):
        if len(mask) != data.in_size:
            raise InputError(f"categorical= is a mask of {len(mask)} columns and the data have {data.in_size}.")
        wanted = np.flatnonzero(mask).tolist()
    inside = {k: name for name, columns in groups.items() for k in columns}
    found: dict[tuple[int, ...], None] = {}
    for one in wanted:
        if isinstance(one, int | np.integer) and 0 <= one < data.in_size:
            columns = groups[inside[int(one)]] if int(one) in inside else [int(one)]
        elif str(one) in groups:
            columns = groups[str(one)]
        elif str(one) in features:
            k = features.index(str(one))
            columns = groups[inside[k]] if k in inside else [k]
        else:
            raise InputError(
                f"categorical= names {one!r}, which is no column; there are {data.in_size}, {', '.join(features[:10])}."
            )
        found[tuple(columns)] = None
    return [np.array(columns) for columns in sorted(found)]


def _cut(network: Any, data: Any) -> set[int]:
    """Whole-number columns that the network reads as whole numbers: moved by less than a half they change nothing, moved to
    another of their values they do."""
    if not jax.tree.leaves(eqx.filter(network, eqx.is_inexact_array)):
        return set()
    x = data.x_train
    whole = np.flatnonzero((x == np.floor(x)).all(axis=0) & (x.min(axis=0) < x.max(axis=0)))
    if not len(whole):
        return set()
    rows = np.random.default_rng(0).permutation(len(x))[:ROWS]
    some, here = x[rows], None
    try:
        here = np.asarray(predict(network, some))
        if not _unmoved(network, some, whole, here):
            if len(whole) > COLUMNS:
                return set()
            whole = np.array([k for k in whole if _unmoved(network, some, np.array([k]), here)], int)
        return {int(k) for k in whole if _swapped(network, x, some, int(k), here)}
    except InputError:  # a network that takes nothing but whole numbers: then there is nothing between them
        return {int(k) for k in whole}


def _unmoved(network: Any, some: np.ndarray, columns: np.ndarray, here: np.ndarray) -> bool:
    moved = some.copy()
    moved[:, columns] += STEP
    return bool(np.array_equal(np.asarray(predict(network, moved)), here, equal_nan=True))


def _swapped(network: Any, x: np.ndarray, some: np.ndarray, column: int, here: np.ndarray) -> bool:
    """Whether another observed value of the column changes some answer."""
    levels = np.unique(x[:, column])
    moved = some.copy()
    moved[:, column] = levels[(np.searchsorted(levels, some[:, column]) + 1) % len(levels)]
    return not np.array_equal(np.asarray(predict(network, moved)), here, equal_nan=True)
