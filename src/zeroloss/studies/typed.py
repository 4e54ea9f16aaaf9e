"""Trials whose parameters have names and types: a frozen dataclass per kind of trial, instead of a mapping and casts.

    @dataclasses.dataclass(frozen=True)
    class Cell:
        width: int
        noise: float = 0.0

    @per_key
    def trial(cell: Cell, key: int) -> dict: ...

The fields are the axes of the experiment's grids; an axis that a grid leaves out has the field's default.
"""

from __future__ import annotations

import dataclasses
import functools
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from zeroloss.plumbing import InputError
from zeroloss.studies.grids import Metrics, Parameters

C = TypeVar("C")
_KINDS = {kind.__name__: kind for kind in (int, float, str, bool)}


def per_key(trial: Callable[[C, int], Mapping[str, Any]]) -> Callable[[Parameters, np.ndarray], Metrics]:
    """A trial of a block of keys from one of a single key: the row of each key, stacked."""

    @functools.wraps(trial)
    def block(parameters: Parameters, keys: np.ndarray) -> Metrics:
        cell = cell_of(block, parameters)
        return stack([trial(cell, int(key)) for key in keys])

    return block


def per_block(trial: Callable[[C, np.ndarray], Metrics]) -> Callable[[Parameters, np.ndarray], Metrics]:
    """A trial of a block of keys that takes its parameters typed."""

    @functools.wraps(trial)
    def block(parameters: Parameters, keys: np.ndarray) -> Metrics:
        return trial(cell_of(block, parameters), keys)

    return block


def stack(rows: list[Any]) -> dict[str, np.ndarray]:
    """Rows of metrics as arrays, one entry per row."""
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def cell_of(trial: Callable[..., Any], parameters: Parameters) -> Any:
    """The parameters as the dataclass that a trial of `per_key` or `per_block` takes; for others as they are.

    Raises:
        InputError: an axis that is no field, or a field without a default that is no axis.
    """
    kind = _cell_type(trial) if hasattr(trial, "__wrapped__") else None
    if kind is None:
        return parameters
    fields = {field.name: _kind(field) for field in dataclasses.fields(kind)}
    unknown = sorted(set(parameters) - set(fields))
    if unknown:
        raise InputError(f"{kind.__name__} has no field {unknown[0]}; its fields are {', '.join(fields)}.")
    try:
        return kind(**{name: fields[name](value) for name, value in parameters.items()})
    except TypeError as error:
        raise InputError(f"the grid lacks an axis that {kind.__name__} needs: {error}.") from error


def _kind(field: dataclasses.Field[Any]) -> type:
    """The type of a field, which may be written as text."""
    kind = _KINDS.get(getattr(field.type, "__name__", str(field.type)))
    if kind is None:
        raise InputError(f"the field {field.name} is a {field.type}; a parameter is an int, float, str or bool.")
    return kind


@functools.cache
def _cell_type(trial: Callable[..., Any]) -> Any:
    """The annotation of the first argument, if it is a dataclass."""
    hints = typing.get_type_hints(trial)
    first = next(iter(hints.values()), None)
    return first if dataclasses.is_dataclass(first) else None
