"""Whether inputs are such as a converted module can take: torch raises where JAX would clip, wrap or cut.

Tokens must be whole numbers, and every place or number by which a table is indexed must be one of the table. These depend on
the input through operations on whole numbers, which are carried out here, exactly, before anything else is.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zeroloss.networks.pytorch.network import TorchNetwork
from zeroloss.networks.pytorch.program import Program, Ref, Step, as_batch_of_one, live_steps, references
from zeroloss.plumbing import InputError, double

_BLOCK = 2048
_LARGEST = 2**31
_TABLES = {
    "aten.embedding.default": (0, 1, False),
    "aten.embedding_bag.default": (0, 1, False),
    "aten._embedding_bag.default": (0, 1, False),
    "aten.index_select.default": (0, 2, False),
    "aten.gather.default": (0, 2, False),
    "aten.scatter.value": (0, 2, False),
    "aten.scatter.src": (0, 2, False),
    "aten.scatter_add.default": (0, 2, False),
    "aten.index.Tensor": (0, 1, True),
    "aten._unsafe_index.Tensor": (0, 1, True),
    "aten.index_put.default": (0, 1, True),
}
"""Operators that index: which argument is the table, which the places, and whether these may count from the end."""


@dataclasses.dataclass(frozen=True)
class _Look:
    """Places by which a table is indexed: the number of the result that holds them, and how many entries the table has."""

    operator: str
    places: int
    entries: int
    backwards: bool


def check_inputs(network: Any, x: Any) -> None:
    """InputError for rows `x` `(n, ...)` that a converted network cannot take; nothing of other networks."""
    if not isinstance(network, TorchNetwork):
        return
    x = np.asarray(x)
    program = network.program
    if program.whole:
        _check_whole(x)
    if not _places(program) or x.dtype.kind not in "fiub" or x.size != len(x) * network.in_size:
        return
    looks = _looks(network)
    numbers = tuple(sorted({look.places for look in looks}))
    for start in range(0, len(x) if looks else 0, _BLOCK):
        part = x[start : start + _BLOCK].reshape(-1, network.in_size)
        for look, (low, high) in _extremes(network, part, looks, numbers):
            least = -look.entries if look.backwards else 0
            bad = np.flatnonzero((low < least) | (high >= look.entries))
            if len(bad):
                row, value = bad[0], (high if high[bad[0]] >= look.entries else low)[bad[0]]
                raise InputError(
                    f"row {start + row} of the inputs asks for entry {value} of a table that has the entries 0 to {look.entries - 1} "
                    f"({look.operator.split('.')[1]}); give tokens of the module's own vocabulary."
                )


def _check_whole(x: np.ndarray) -> None:
    if x.dtype.kind not in "fiub":
        return
    flat = x.reshape(len(x), -1)
    broken: Any = np.flatnonzero(~(flat == np.round(flat)).all(axis=1)) if x.dtype.kind == "f" else []
    if len(broken):
        raise InputError(
            f"the network takes whole numbers (tokens), and row {broken[0]} of the inputs holds fractions (were they scaled?); give "
            "them as they are: scaling='none'."
        )
    large = np.flatnonzero((np.abs(flat.astype(np.float64)) >= _LARGEST).any(axis=1))
    if len(large):
        raise InputError(
            f"row {large[0]} of the inputs holds whole numbers of 2^31 or more, which a network that takes tokens does not keep; "
            "number them from 0."
        )


@functools.lru_cache(maxsize=256)
def _places(program: Program) -> tuple[tuple[Step, int], ...]:
    """The steps that index, with the numbers of the places that depend on the input and on no parameter."""
    fixed = {i for i, (kind, _) in enumerate(program.inputs) if kind == "constant"}
    known = set(fixed) | {i for i, (kind, _) in enumerate(program.inputs) if kind == "input"}
    moving = known - fixed
    found: list[tuple[Step, int]] = []
    for step in program.steps:
        used = {i for a in (*step.args, *(v for _, v in step.kwargs)) for i in references(a)}
        if step.operator in _TABLES:
            _, position, _ = _TABLES[step.operator]
            found += [(step, i) for i in references(step.args[position]) if i in moving]
        if used <= known:
            known.add(step.out)
            if used & moving:
                moving.add(step.out)
    return tuple(found)


def _looks(network: TorchNetwork) -> list[_Look]:
    shapes = tuple((name, a.shape, a.dtype.name) for name, a in network.parameters.items())
    shapes += tuple((name, a.shape, a.dtype.name) for name, a in network.constants.items())
    return _looks_of(network.program, shapes)


@functools.lru_cache(maxsize=256)
def _looks_of(program: Program, shapes: tuple[Any, ...]) -> list[_Look]:
    """The tables that are indexed by the input, with their sizes."""
    given = {name: jax.ShapeDtypeStruct(shape, dtype) for name, shape, dtype in shapes}
    tables: dict[int, Any] = {}

    def run(values: dict[str, Any], x: Any) -> Any:
        results = _run(program, program.steps, values, x)
        for step, _ in _places(program):
            table = step.args[_TABLES[step.operator][0]]
            tables[step.out] = jnp.shape(results[table.index]) if isinstance(table, Ref) else ()
        return results[program.output]

    with double():
        example = jax.ShapeDtypeStruct(program.input_shape, np.int64 if program.whole else np.float64)
        jax.eval_shape(run, given, example)
    found = []
    for step, place in _places(program):
        _, position, backwards = _TABLES[step.operator]
        shape, places = tables[step.out], step.args[position]
        if step.operator.endswith((".embedding.default", "embedding_bag.default")):
            axis = 0
        elif isinstance(places, tuple):
            axis = next(i for i, p in enumerate(places) if isinstance(p, Ref) and p.index == place)
        else:
            axis = int(step.args[1])
        if shape:
            found.append(_Look(step.operator, place, int(shape[axis]), backwards))
    return found


def _extremes(network: TorchNetwork, x: np.ndarray, looks: list[_Look], numbers: tuple[int, ...]) -> Any:
    """For each table the least and the largest place that each row of `x` asks for."""
    with double():
        constants = {name: jnp.asarray(a) for name, a in network.constants.items()}
        kind = np.int64 if network.program.whole else np.float64
        found = _extremes_of(network.program, numbers)(constants, jnp.asarray(x, kind))
    by_number = {n: pair for n, pair in zip(numbers, found, strict=True) if pair is not None}
    return [(look, [np.asarray(a) for a in by_number[look.places]]) for look in looks if look.places in by_number]


@functools.lru_cache(maxsize=64)
def _extremes_of(program: Program, numbers: tuple[int, ...]) -> Any:
    steps: set[int] = set()
    for number in numbers:
        steps |= {step.out for step in live_steps(program.steps, number)}
    needed = tuple(step for step in program.steps if step.out in steps)

    def one(constants: Any, x: Any) -> Any:
        results = _run(program, needed, constants, x)
        whole = [jnp.issubdtype(results[n].dtype, jnp.integer) and results[n].size for n in numbers]
        return [
            (results[n].min(), results[n].max()) if is_whole else None
            for n, is_whole in zip(numbers, whole, strict=True)
        ]

    return jax.jit(jax.vmap(one, in_axes=(None, 0)))


def _run(program: Program, steps: Any, values: dict[str, Any], x: Any) -> dict[int, Any]:
    """The results of some steps, by number, in float64."""
    kind = np.dtype("float64")
    results: dict[int, Any] = {i: values.get(name) for i, (_, name) in enumerate(program.inputs)}
    results[program.inputs.index(("input", ""))] = as_batch_of_one(x, program.input_shape, program.whole, kind)
    program.advance(steps, results, kind)
    return results


def check_images(network: Any, data: Any) -> None:
    """InputError where the data's images have their axes in another order than the network takes them in."""
    image = tuple(getattr(data, "image_shape", None) or ())
    if not isinstance(network, TorchNetwork) or len(image) < 3:
        return
    shape = network.program.input_shape
    if sorted(shape) == sorted(image) and [s for s in shape if s != 1] != [s for s in image if s != 1]:
        raise InputError(
            f"the images of {data.name} are {'x'.join(map(str, image))} and the network takes {'x'.join(map(str, shape))}: their rows hold "
            "the pixels in another order; convert the module by zeroloss.from_torch(module, data)."
        )
