"""Grids of parameters, and the identity of a trial: what its row in the store is known by."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from zeroloss.plumbing import InputError
from zeroloss.plumbing.numbers import whole_number

Scalar = bool | int | float | str
Parameters = Mapping[str, Scalar]
Metrics = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Grid:
    """All combinations of the axes' values, each with the keys `0, ..., seeds - 1`.

    `where` keeps a combination only if it returns True.
    """

    axes: Mapping[str, Sequence[Scalar]]
    seeds: int = 1
    where: Callable[[Parameters], bool] | None = None

    def __post_init__(self) -> None:
        axes = {}
        for name, values in self.axes.items():
            if not isinstance(name, str) or not name:
                raise InputError(f"an axis of a grid has the name {name!r}; give it a word.")
            if isinstance(values, str | Mapping) or not hasattr(values, "__iter__"):
                raise InputError(f"axis {name}: give a list of its values, not {str(values)[:40]!r}.")
            axes[name] = tuple(values)  # once: of a generator nothing would be left the second time
            if not axes[name]:
                raise InputError(f"axis {name} has no values, so there is nothing to try; give at least one.")
        object.__setattr__(self, "axes", axes)
        object.__setattr__(self, "seeds", whole_number("seeds", self.seeds))

    def cells(self) -> Iterator[dict[str, Scalar]]:
        """The combinations, the first axis slowest."""
        for values in itertools.product(*self.axes.values()):
            cell = {name: plain(value) for name, value in zip(self.axes, values, strict=True)}
            if self.where is None or self.where(cell):
                yield cell


def grid(seeds: int = 1, where: Callable[[Parameters], bool] | None = None, **axes: Any) -> Grid:
    """A `Grid` whose axes are named as arguments, the first one slowest; a single value is an axis of one."""
    values: dict[str, Any] = {name: (v,) if isinstance(v, Scalar) else v for name, v in axes.items()}
    return Grid(values, seeds, where)


def plain(value: Any) -> Scalar:
    """A parameter as a Python bool, int, float or str.

    Raises:
        InputError: it is none of these, or not finite.
    """
    if hasattr(value, "item"):
        value = value.item()
    if not isinstance(value, bool | int | float | str):
        raise InputError(f"a parameter is a number, a truth value or a string, not a {type(value).__name__}.")
    if isinstance(value, float) and not np.isfinite(value):
        raise InputError(f"a parameter must be finite, not {value}; name the case with a string instead.")
    return value


def canonical(parameters: Parameters) -> str:
    """The parameters as JSON, the same text for the same parameters in any order."""
    return json.dumps({k: plain(v) for k, v in parameters.items()}, sort_keys=True, separators=(",", ":"))


def trial_key(study: str, experiment: str, version: int, parameters: Parameters, key: int) -> str:
    """The identity of a trial: 128 bits of the SHA-256 of everything its row depends on, in hexadecimal."""
    words = json.dumps([study, experiment, version, canonical(parameters), int(key)])
    return hashlib.sha256(words.encode()).hexdigest()[:32]
