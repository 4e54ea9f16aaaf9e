"""One block of trials: called, checked, cut into rows; and what is done when it fails."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zeroloss.plumbing import InputError, double
from zeroloss.studies.grids import Parameters
from zeroloss.studies.study import Experiment, Study


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a block: metrics, or the reason of the failure, by seed; seconds per trial."""

    metrics: Mapping[int, Mapping[str, Any]]
    failures: Mapping[int, str]
    seconds: float


def attempt(experiment: Experiment, parameters: Parameters, seeds: Sequence[int]) -> Outcome:
    """Try the block; where it raises, find the seeds that do, so that the others are kept.

    A block that fails is tried with its first and its last seed alone; if both fail in the same way, all of it is
    taken to fail so. Otherwise its halves are tried by themselves, and so on.
    """
    began = time.perf_counter()
    metrics: dict[int, Mapping[str, Any]] = {}
    failures: dict[int, str] = {}
    _search(experiment, parameters, list(seeds), metrics, failures)
    return Outcome(metrics, failures, (time.perf_counter() - began) / len(seeds))


def _search(
    experiment: Experiment, parameters: Parameters, seeds: list[int], metrics: dict[int, Any], failures: dict[int, str]
) -> None:
    found = _guarded(experiment, parameters, seeds)
    if not isinstance(found, str):
        metrics.update(zip(seeds, found, strict=True))
    elif len(seeds) == 1:
        failures[seeds[0]] = found
    else:
        ends = [_guarded(experiment, parameters, [seed]) for seed in (seeds[0], seeds[-1])]
        if isinstance(ends[0], str) and ends[0] == ends[1]:
            failures.update(dict.fromkeys(seeds, ends[0]))
            return
        middle = len(seeds) // 2
        for half in (seeds[:middle], seeds[middle:]):
            _search(experiment, parameters, half, metrics, failures)


def _guarded(experiment: Experiment, parameters: Parameters, seeds: list[int]) -> list[dict[str, Any]] | str:
    """The rows, or why there are none; only Ctrl-C gets through."""
    try:
        return try_block(experiment, parameters, seeds)
    except Exception as error:
        return f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"


def try_block(experiment: Experiment, parameters: Parameters, seeds: Sequence[int]) -> list[dict[str, Any]]:
    """The metrics of these seeds, one dict per seed; plain numbers, strings and lists only.

    Every call has the experiment's block length, so that what is compiled is compiled once: a seed stands at its place
    in the block (`seed` modulo the length), and places that are not requested repeat a seed that is.

    Raises:
        InputError: the trial returned something that is not one entry per key.
    """
    length = experiment.block_of(parameters)
    filled = np.full(length, seeds[0], np.int64)
    places = [seed % length for seed in seeds]
    filled[places] = seeds
    with double() if experiment.precision == "float64" else contextlib.nullcontext():
        found = experiment.trial(parameters, filled)
    if not isinstance(found, Mapping):
        raise InputError(
            f"the trial of {experiment.name} returned a {type(found).__name__}; return a dict of one array a metric."
        )
    columns = {str(name): _column(experiment, str(name), values, length) for name, values in found.items()}
    return [{name: column[place] for name, column in columns.items()} for place in places]


def _column(experiment: Experiment, name: str, values: Any, length: int) -> list[Any]:
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


def quick_tables(study: Study, scale: str = "smoke") -> dict[str, Any]:
    """All trials of a scale in this process, kept nowhere: the tables. For trying things out; `run` keeps them."""
    import pandas as pd

    tables = {}
    for experiment in study.experiments:
        rows = []
        for grid in experiment.grids(scale):
            for cell in grid.cells():
                size = experiment.block_of(cell)
                for start in range(0, grid.seeds, size):
                    seeds = list(range(start, min(start + size, grid.seeds)))
                    found = try_block(experiment, cell, seeds)
                    rows += [cell | {"seed": seed} | row for seed, row in zip(seeds, found, strict=True)]
        tables[experiment.name] = pd.DataFrame(rows)
    return tables
