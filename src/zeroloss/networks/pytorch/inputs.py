"""Can a converted module take these inputs? torch raises where JAX would clip, wrap or cut.

Tokens must be whole numbers, and every place or number by which a table is indexed must be one of the table; a network of float32
computes with whole numbers of 32 bits where torch has 64. Places and whole numbers are computed here, in 64 bits, before
anything else is.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zeroloss.networks.pytorch.network import TorchNetwork
from zeroloss.networks.pytorch.program import Program, Ref, Step, as_batch_of_one, live_steps, references, widest
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
    "aten._unsafe_index_put.default": (0, 1, True),
    "aten.index_add.default": (0, 2, False),
    "aten.index_copy.default": (0, 2, False),
    "aten.index_fill.int_Scalar": (0, 2, False),
    "aten.index_fill.int_Tensor": (0, 2, False),
    "aten.scatter_reduce.two": (0, 2, False),
    "aten.take.default": (0, 1, True),
}
"""Operators that index: which argument is the table, which the places, and whether these may count from the end."""
_GROWING = {
    "add", "sub", "rsub", "mul", "neg", "pow", "square", "sum", "cumsum", "prod", "cumprod", "dot", "mm", "bmm", "matmul", "addmm",
    "baddbmm", "bitwise_left_shift", "__lshift__", "scatter_add", "scatter_reduce", "index_add", "index_put", "_to_copy", "full",
    "full_like", "scalar_tensor", "arange",
}  # fmt: skip
"""Operators whose whole numbers may be larger than those they are given."""
_MEND = "and beside float32 JAX has whole numbers of 32 bits; call module.double() before it is converted, then they have 64 as in torch"
_FLAT = ("aten.take.default",)
"""Operators whose table is taken entry by entry, whatever its shape."""


@dataclasses.dataclass(frozen=True)
class _Look:
    """A result of whole numbers with a range: places by which a table of so many entries is indexed, or (`entries` None) numbers
    that 32 bits must hold."""

    operator: str
    places: int
    entries: int | None
    backwards: bool = False

    @property
    def range(self) -> tuple[int, int]:
        """The least and the largest that is allowed."""
        if self.entries is None:
            return -_LARGEST, _LARGEST - 1
        return -self.entries if self.backwards else 0, self.entries - 1

    def refuse(self, row: int, value: int) -> None:
        name = self.operator.split(".")[1]
        if self.entries is None:
            raise InputError(
                f"at row {row} of the inputs the module computes with the whole number {value} ({name}), which is beyond 2^31, {_MEND}."
            )
        raise InputError(
            f"row {row} of the inputs looks up entry {value} of a table that has the entries 0 to {self.entries - 1} ({name}); give tokens "
            "of the module's own vocabulary."
        )


def check_inputs(network: Any, x: Any) -> None:
    """InputError for rows `x` `(n, ...)` that a converted network cannot take; nothing of other networks."""
    if not isinstance(network, TorchNetwork):
        return
    x = np.asarray(x)
    program = network.program
    if program.whole:
        _check_whole(x)
    if x.dtype.kind not in "fiub" or x.size != len(x) * network.in_size:
        return
    looks = _looks(network)
    numbers = tuple(sorted({look.places for look in looks}))
    for start in range(0, len(x) if looks else 0, _BLOCK):
        part = x[start : start + _BLOCK].reshape(-1, network.in_size)
        for look, (low, high) in _extremes(network, part, looks, numbers):
            least, most = look.range
            bad = np.flatnonzero((low < least) | (high > most))
            if len(bad):
                look.refuse(start + bad[0], (high if high[bad[0]] > most else low)[bad[0]])


def check_whole_numbers(network: TorchNetwork) -> None:
    """InputError where a float32 network holds a whole number, as a constant or in its code, that 32 bits do not."""
    if network.dtype != np.float32:
        return
    for name, value in network.constants.items():
        if value.dtype in (np.int64, np.uint64):
            raise InputError(f"{name} holds whole numbers of 2^31 or more, {_MEND}.")
    try:
        jax.eval_shape(
            network, jax.ShapeDtypeStruct((network.in_size,), np.int32 if network.program.whole else np.float32)
        )
    except OverflowError as error:
        raise InputError(f"the code of the module holds a whole number of 2^31 or more, {_MEND}.") from error


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
def _moving(program: Program) -> frozenset[int]:
    """The numbers of the results that depend on the input."""
    moving = {i for i, (kind, _) in enumerate(program.inputs) if kind == "input"}
    for step in program.steps:
        if any(i in moving for a in (*step.args, *(v for _, v in step.kwargs)) for i in references(a)):
            moving.add(step.out)
    return frozenset(moving)


def _looks(network: TorchNetwork) -> list[_Look]:
    shapes = tuple((name, a.shape, a.dtype.name) for name, a in network.parameters.items())
    shapes += tuple((name, a.shape, a.dtype.name) for name, a in network.constants.items())
    return _looks_of(network.program, shapes)


@functools.lru_cache(maxsize=256)
def _looks_of(program: Program, shapes: tuple[Any, ...]) -> list[_Look]:
    """The tables that are indexed by what depends on the input, with their sizes; in float32 also what may leave 32 bits."""
    given = {name: jax.ShapeDtypeStruct(shape, dtype) for name, shape, dtype in shapes}
    kind = _kind(program, given)
    found: dict[int, Any] = {}

    def run(values: dict[str, Any], x: Any) -> Any:
        results = _run(program, program.steps, values, x, kind)
        found.update({number: (jnp.shape(r), r.dtype) for number, r in results.items() if isinstance(r, jax.Array)})
        return results[program.output]

    with double():
        example = jax.ShapeDtypeStruct(program.input_shape, np.int64 if program.whole else np.float64)
        jax.eval_shape(run, given, example)
    looks = []
    for step in program.steps:
        if step.operator in _TABLES:
            looks += _tables(step, found, _moving(program))
        whole = step.out in found and found[step.out][1] == np.int64
        if whole and kind != np.float64 and step.operator.split(".")[1:2] and step.operator.split(".")[1] in _GROWING:
            looks.append(_Look(step.operator, step.out, None))
    return looks


def _kind(program: Program, values: dict[str, Any]) -> Any:
    """The precision of the network."""
    return np.dtype(next(values[name].dtype for kind, name in program.inputs if kind == "parameter"))


def _tables(step: Step, found: dict[int, Any], moving: frozenset[int]) -> list[_Look]:
    """The tables that one step indexes."""
    first, position, backwards = _TABLES[step.operator]
    table, places = step.args[first], step.args[position]
    shape: tuple[int, ...] = found[table.index][0] if isinstance(table, Ref) and table.index in found else ()
    looks = []
    for place in (i for i in references(places) if i in moving and shape):
        if step.operator in _FLAT:
            entries = math.prod(shape)
        elif step.operator.endswith((".embedding.default", "embedding_bag.default")):
            entries = shape[0]
        elif isinstance(places, tuple):
            entries = shape[next(i for i, p in enumerate(places) if isinstance(p, Ref) and p.index == place)]
        else:
            entries = shape[int(step.args[1])]
        looks.append(_Look(step.operator, place, int(entries), backwards))
    return looks


def _extremes(network: TorchNetwork, x: np.ndarray, looks: list[_Look], numbers: tuple[int, ...]) -> Any:
    """For each look the least and the largest number that each row of `x` comes to."""
    values = {**network.parameters, **network.constants}
    with double():
        given = {name: jnp.asarray(a) for name, a in values.items()}
        kind = np.int64 if network.program.whole else np.float64
        found = _extremes_of(network.program, numbers)(given, jnp.asarray(x, kind))
    by_number = {n: pair for n, pair in zip(numbers, found, strict=True) if pair is not None}
    return [(look, [np.asarray(a) for a in by_number[look.places]]) for look in looks if look.places in by_number]


@functools.lru_cache(maxsize=64)
def _extremes_of(program: Program, numbers: tuple[int, ...]) -> Any:
    steps: set[int] = set()
    for number in numbers:
        steps |= {step.out for step in live_steps(program.steps, number)}
    needed = tuple(step for step in program.steps if step.out in steps)

    def one(given: Any, x: Any) -> Any:
        results = _run(program, needed, given, x, _kind(program, given))
        whole = [jnp.issubdtype(results[n].dtype, jnp.integer) and results[n].size for n in numbers]
        return [
            (results[n].min(), results[n].max()) if is_whole else None
            for n, is_whole in zip(numbers, whole, strict=True)
        ]

    return jax.jit(jax.vmap(one, in_axes=(None, 0)))


def _run(program: Program, steps: Any, values: dict[str, Any], x: Any, kind: Any) -> dict[int, Any]:
    """The results of some steps, by number, in the network's precision and whole numbers of 64 bits."""
    results: dict[int, Any] = {i: widest(values.get(name)) for i, (_, name) in enumerate(program.inputs)}
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
