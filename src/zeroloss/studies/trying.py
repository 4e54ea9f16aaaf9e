"""One block of trials: called, checked, cut into rows."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zeroloss.plumbing import InputError, double
from zeroloss.studies.study import Experiment, Parameters


def try_block(experiment: Experiment, parameters: Parameters, keys: Sequence[int]) -> list[dict[str, Any]]:
    """The metrics of these keys, a dict a key; plain numbers, strings and lists only.

    The block is filled up to the experiment's block length by repeating the last key, so that every call has the same
    shape.

    Raises:
        InputError: the trial returned something that is not one entry a key.
    """
    length = max(experiment.block_of(parameters), len(keys))
    filled = np.array([*keys, *([keys[-1]] * (length - len(keys)))], np.int64)
    with double() if experiment.precision == "float64" else contextlib.nullcontext():
        found = experiment.trial(parameters, filled)
    if not isinstance(found, Mapping):
        raise InputError(
            f"the trial of {experiment.name} returned a {type(found).__name__}; return a dict of one array a metric."
        )
    columns = {str(name): _column(experiment, str(name), values, length) for name, values in found.items()}
    return [{name: column[i] for name, column in columns.items()} for i in range(len(keys))]


def _column(experiment: Experiment, name: str, values: Any, length: int) -> list:
    array = np.asarray(values)
    if array.ndim == 0 and length == 1:
        array = array[None]
    if array.ndim == 0 or len(array) != length:
        raise InputError(
            f"the trial of {experiment.name} returned {name} of shape {array.shape} for {length} keys; "
            "the first axis must be the keys'."
        )
    if array.dtype.kind not in "biufUS":
        raise InputError(
            f"the trial of {experiment.name} returned {name} of type {array.dtype}; return numbers or strings."
        )
    if name in ("seed", *experiment.axes):
        raise InputError(f"the trial of {experiment.name} returned {name}, which is the name of an axis; rename it.")
    return array.tolist()


def quick_tables(study: Any, scale: str = "smoke") -> dict[str, Any]:
    """All trials of a scale in this process, kept nowhere: the tables. For trying things out; `run` keeps them."""
    import pandas as pd

    tables = {}
    for experiment in study.experiments:
        rows = []
        for grid in experiment.grids(scale):
            for cell in grid.cells():
                size = experiment.block_of(cell)
                for start in range(0, grid.seeds, size):
                    keys = list(range(start, min(start + size, grid.seeds)))
                    found = try_block(experiment, cell, keys)
                    rows += [cell | {"seed": key} | row for key, row in zip(keys, found, strict=True)]
        tables[experiment.name] = pd.DataFrame(rows)
    return tables
