"""Which trials a scale consists of, in which blocks and order, and what they will cost.

The keys of a cell are cut at multiples of its block length, always at the same places: a key stands at the same
position of the same block whatever was run before, so an interrupted study gives the numbers of an undisturbed one
to the last bit.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from zeroloss.plumbing import InputError
from zeroloss.studies.grids import Grid, Parameters, Scalar, canonical, plain, trial_key
from zeroloss.studies.study import SCALES, Experiment, Study

Overrides = Mapping[str, Sequence[Scalar]]


@dataclasses.dataclass(frozen=True)
class Cell:
    """One set of parameters of one experiment, and its keys `0, ..., seeds - 1`."""

    experiment: Experiment
    parameters: Parameters
    seeds: int
    json: str

    def keys(self, study: str) -> list[str]:
        """The trials' identities, in the order of their seeds."""
        e = self.experiment
        return [trial_key(study, e.name, e.version, self.parameters, seed) for seed in range(self.seeds)]


@dataclasses.dataclass(frozen=True)
class Block:
    """What one call of a trial does: the seeds `start, ..., stop - 1` of a cell; `missing` are to be kept."""

    cell: Cell
    start: int
    stop: int
    missing: Mapping[int, str]
    """Seed to trial key, of the rows that are not there yet."""

    def rows(self, study: str) -> list[dict[str, Any]]:
        """The missing trials as the store takes them."""
        e = self.cell.experiment
        shared = {"study": study, "experiment": e.name, "version": e.version, "parameters": self.cell.json}
        return [shared | {"key": key, "seed": seed} for seed, key in self.missing.items()]


def cells(study: Study, scale: str, overrides: Overrides | None = None, only: Sequence[str] = ()) -> list[Cell]:
    """The cells of a scale; where grids overlap, the larger number of seeds holds.

    Args:
        overrides: values that replace those of an axis, in every experiment that has it; "seeds" replaces the number
            of seeds.
        only: the experiments wanted; all of them if empty.

    Raises:
        InputError: an unknown scale, experiment or axis.
    """
    if scale not in SCALES:
        raise InputError(f"there is no scale {scale!r}; choose {', '.join(SCALES)}.")
    overrides = dict(overrides or {})
    experiments = [study.experiment(name) for name in only] or list(study.experiments)
    known = {axis for experiment in experiments for axis in experiment.axes} | {"seeds"}
    for name in overrides:
        if name not in known:
            raise InputError(f"study {study.name} has no axis {name!r}; it has {', '.join(sorted(known))}.")
    found: dict[tuple[str, str], Cell] = {}
    for experiment in experiments:
        for grid in experiment.grids(scale):
            for parameters in _overridden(grid, overrides).cells():
                text = canonical(parameters)
                seeds = _seeds(overrides, grid)
                known_cell = found.get((experiment.name, text))
                if known_cell is None or known_cell.seeds < seeds:
                    found[experiment.name, text] = Cell(experiment, parameters, seeds, text)
    if not found:
        raise InputError(
            f"study {study.name} has no trials at {scale} scale: its grids are empty there, or `where` keeps nothing; give it some."
        )
    return _ordered(list(found.values()), experiments)


def _seeds(overrides: Overrides, grid: Grid) -> int:
    if "seeds" not in overrides:
        return grid.seeds
    values = list(overrides["seeds"])
    if len(values) != 1 or not isinstance(values[0], int) or isinstance(values[0], bool) or values[0] < 1:
        raise InputError(f"seeds={','.join(map(str, values))}: give one whole number of 1 or more.")
    return values[0]


def _overridden(grid: Grid, overrides: Overrides) -> Grid:
    axes = {
        name: [_alike(name, v, values) for v in overrides[name]] if name in overrides else values
        for name, values in grid.axes.items()
    }
    return dataclasses.replace(grid, axes=axes)


def _alike(name: str, value: Scalar, known: Sequence[Scalar]) -> Scalar:
    """The value in the type of the axis's own, since 2 and 2.0 are different parameters."""
    value = plain(value)
    kinds = {type(plain(v)) for v in known}
    if type(value) in kinds:
        return value
    numbers = (int, float)
    if kinds <= {int, float} and type(value) in numbers:
        return float(value) if float in kinds else value
    if kinds == {str} and type(value) in numbers:
        return str(value)
    raise InputError(
        f"{name}={value}: its values are {', '.join(sorted(k.__name__ for k in kinds))}; give one of these."
    )


def _ordered(found: list[Cell], experiments: Sequence[Experiment]) -> list[Cell]:
    """Cells of one shape side by side, in the order in which the shapes first appear."""
    place = {experiment.name: i for i, experiment in enumerate(experiments)}
    shapes: dict[tuple[str, str], int] = {}

    def shape(cell: Cell) -> tuple[str, str]:
        return cell.experiment.name, repr(cell.experiment.shape_of(cell.parameters))

    for cell in found:
        shapes.setdefault(shape(cell), len(shapes))
    return sorted(found, key=lambda cell: (place[cell.experiment.name], shapes[shape(cell)]))


def blocks(study: Study, wanted: Sequence[Cell], there: set[str]) -> Iterator[Block]:
    """The blocks with a trial whose key is not in `there`."""
    for cell in wanted:
        length = cell.experiment.block_of(cell.parameters)
        if length < 1:
            raise InputError(f"{cell.experiment.name}: a block of {length} keys; it must hold 1 or more.")
        keys = cell.keys(study.name)
        for start in range(0, cell.seeds, length):
            stop = min(start + length, cell.seeds)
            missing = {seed: keys[seed] for seed in range(start, stop) if keys[seed] not in there}
            if missing:
                yield Block(cell, start, stop, missing)


def expected_seconds(block: Block, measured: Mapping[tuple[str, str], float]) -> float:
    """Seconds the block will take: as this cell has taken before, else as the experiment says; NaN if nobody knows."""
    cell = block.cell
    each = measured.get((cell.experiment.name, cell.json))
    if each is None:
        each = cell.experiment.seconds_of(cell.parameters)
    return each * (block.stop - block.start)
