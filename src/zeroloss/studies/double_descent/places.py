"""Places on the axis of widths: a column at the threshold, at the widest, or at the best width below, by seed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

WIDEST = math.inf
"""For a place on the axis of widths: the last one of the grid."""
NEAR = 1.25
"""Factor within which a width of the grid counts as the place that is looked for."""
Column = Callable[[Any], Any]
"""From rows to a column by seed."""


def at(axis: str, value: float, column: str) -> Column:
    """A column where `axis` is nearest to `value` on the grid, by seed; empty if nothing is within a factor of `NEAR`."""

    def found(rows: Any) -> Any:
        places = np.unique(rows[axis].to_numpy(float))
        target = places.max() if value == WIDEST and len(places) else value
        near = places[np.abs(np.log(places / target)) <= np.log(NEAR)]
        nearest = near[np.abs(np.log(near / target)).argmin()] if len(near) else np.nan
        return rows[rows[axis] == nearest].set_index("seed")[column]

    return found


def least(axis: str, below: float, column: str) -> Column:
    """The column at the width of least mean among those with `axis` below a value (or the widest), by seed.

    Chosen by the test errors themselves, which favours the narrower ones: claims that the wider is no worse are judged strictly.
    """

    def found(rows: Any) -> Any:
        narrow = rows[rows[axis] < (rows[axis].max() if below == WIDEST else below)]
        if not len(narrow):
            return narrow.set_index("seed")[column]
        best = narrow.groupby(axis)[column].mean().idxmin()
        return narrow[narrow[axis] == best].set_index("seed")[column]

    return found


def less(a: Column, b: Column) -> Callable[[Any], tuple[Any, Any]]:
    """Both columns at the seeds that both have."""

    def found(rows: Any) -> tuple[Any, Any]:
        first, second = a(rows), b(rows)
        seeds = first.index.intersection(second.index)
        return first.loc[seeds], second.loc[seeds]

    return found


def fall(axis: str) -> Column:
    """The error at the threshold less that at the widest."""
    return lambda rows: at(axis, 1, "error")(rows) - at(axis, WIDEST, "error")(rows)


def loaded(rows: Any) -> Any:
    """With `load`: parameters over equations, 1 at the interpolation threshold of networks."""
    return rows.assign(load=rows["parameters"] / rows["equations"])
