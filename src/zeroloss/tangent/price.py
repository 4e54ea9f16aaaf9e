"""The cost of a kernel, before it is computed: operations, bytes, seconds; and which rule serves which parameter."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import numpy as np

from zeroloss.plumbing import InputError
from zeroloss.plumbing.cost import Cost, expected_seconds
from zeroloss.plumbing.format import format_bytes, format_count, format_seconds
from zeroloss.plumbing.memory import available_bytes
from zeroloss.plumbing.operations import count, lowest_precision
from zeroloss.tangent.jaxpr.layerwise import Reading
from zeroloss.verdict import Record

SLOWER = 4.0
"""How much slower the network's own passes run than one large matrix product (small layers, one example at a time)."""
COMPILING = 0.25, 0.03
"""Seconds to compile the passes: at least, and for each place where a parameter meets data."""


@dataclasses.dataclass(frozen=True)
class Served(Record):
    """One parameter: its name and shape, by which rule it is served, how it is contracted, and at what cost.

    Attributes:
        rule: "dense", "convolution", "bias", "scale", "lookup" (several joined by +); "gradient" where no rule serves it.
        positions: at how many places one example uses an entry.
        contraction: "outer" (Gram matrices multiplied), "explicit" (gradients written out), "late" (written out only while they
            are multiplied), "with NAME" (a bias counted with its weight).
        operations: counted for the whole kernel; other: what the contraction not chosen would have taken (inf: none).
    """

    name: str
    shape: tuple[int, ...]
    rule: str
    positions: int
    contraction: str
    operations: float
    other: float


@dataclasses.dataclass(frozen=True)
class Estimate(Record):
    """The cost of a kernel.

    Attributes:
        n1, n2, c: examples and outputs; outputs: the form.
        operations: floating-point operations, counted (a multiplication and an addition are two).
        bytes: memory at the peak: the kernel, and what is kept or worked on beside it.
        kernel_bytes: the kernel alone.
        seconds: expected, compilation included where it is the first of its kind; from a short calibration.
        took: seconds it took, if it was computed; else None.
        parameters: a `Served` each.
        precision: the lowest floating precision that a value of the network passes through; the kernel is right to that.
    """

    n1: int
    n2: int
    c: int
    outputs: str
    operations: float
    bytes: float
    kernel_bytes: float
    seconds: float
    took: float | None
    parameters: tuple[Served, ...]
    precision: str = ""

    @property
    def cost(self) -> Cost:
        """Expected seconds, bytes at the peak and operations."""
        return Cost(self.seconds, self.bytes, self.operations)

    def measured(self, seconds: float) -> Estimate:
        """The same with the time it took."""
        return dataclasses.replace(self, took=seconds)

    def __str__(self) -> str:
        head = (
            f"{self.outputs} kernel of {self.n1:,} x {self.n2:,} examples, {self.c} output{'s' * (self.c > 1)}: "
            f"{format_count(self.operations)} operations, {self.cost.sentence}"
        )
        head += "" if self.took is None else f" (took {format_seconds(self.took)})"
        if self.precision in ("float16", "bfloat16"):
            head += f"; the network computes in {self.precision} inside, and the kernel is no more exact than that"
        rows = [("parameter", "shape", "rule", "positions", "contraction", "operations", "otherwise")]
        for p in self.parameters:
            other = "-" if not np.isfinite(p.other) else f"{p.other:.1e}"
            spent = "" if p.contraction.startswith("with ") else f"{p.operations:.1e}"
            rows.append(
                (
                    p.name,
                    "x".join(map(str, p.shape)),
                    p.rule,
                    str(p.positions),
                    p.contraction,
                    spent,
                    other if spent else "",
                )
            )
        widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
        lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([head, *lines])

    __repr__ = __str__


def price(reading: Reading, network: Any, n1: int, n2: int | None, outputs: str, itemsize: int) -> Estimate:
    """The cost of the kernel of a network that was read (`n2` None: one set of points)."""
    pairs = n1 * (n1 + 1) / 2 if n2 is None else n1 * n2
    points = n1 if n2 is None else n1 + n2
    groups = reading.groups
    contracting = pairs * sum(g.outer if g.form == "outer" else g.explicit for g in groups)
    passes = points * (2 + reading.c) * count(reading.reader.jaxpr)
    making = points * sum(g.making for g in groups if g.form != "outer")
    room, whole = memory(reading, n1, n2, outputs, itemsize)
    dtype = "float64" if itemsize == 8 else "float32"
    seconds = expected_seconds(contracting + SLOWER * (passes + making), dtype) + whole / 2e9
    seconds += 0.0 if reading.compiled else COMPILING[0] + COMPILING[1] * len(reading.reader.uses)
    return Estimate(
        n1, n1 if n2 is None else n2, reading.c, outputs, contracting + passes + making, room, whole, seconds, None,
        tuple(_served(reading, network, pairs, points)), lowest_precision(reading.reader.jaxpr).name,
    )  # fmt: skip


def memory(reading: Reading, n1: int, n2: int | None, outputs: str, itemsize: int) -> tuple[float, float]:
    """Bytes at the peak, and of the kernel alone."""
    from zeroloss.tangent.contraction import CELLS, FEATURE_BYTES, LATE_BYTES, TILE

    c = reading.c
    entries = n1 * (n1 if n2 is None else n2) * {"full": c * c, "trace": 1, "diagonal": c}[outputs]
    points = n1 if n2 is None else n1 + n2
    copies = 2 if outputs == "diagonal" else 1
    kept = min(points * reading.features(itemsize), max(FEATURE_BYTES, 2 * reading.features(itemsize)))
    working = min(points, reading.block(itemsize)) * (2 * reading.working(itemsize) + reading.features(itemsize))
    late = 2 * min(
        LATE_BYTES, max((points * c * g.size * itemsize for g in reading.groups if g.form == "late"), default=0.0)
    )
    tiles = 4 * max(min(TILE * TILE, entries), CELLS if _many(reading) else 0) * itemsize
    return float(copies * entries * itemsize + kept + working + tiles + late), float(entries * itemsize)


def _many(reading: Reading) -> bool:
    return any(
        g.form == "outer" and any(reading.reader.uses[s.use].sizes[1] > 1 for s in g.sides) for g in reading.groups
    )


def refuse(reading: Reading, n1: int, n2: int | None, outputs: str, itemsize: int) -> None:
    """InputError, with what to do instead, for a kernel that does not fit into memory."""
    have = available_bytes()
    need, whole = memory(reading, n1, n2, outputs, itemsize)
    if Cost(bytes=need).fits(have):
        return
    ways = ["fewer examples", "zeroloss.tangent.KernelOperator, which never forms it"]
    if itemsize == 8 and Cost(bytes=need / 2).fits(have):
        ways.insert(0, "a float32 network")
    if outputs == "full" and reading.c > 1:
        trace, _ = memory(reading, n1, n2, "trace", itemsize)
        if Cost(bytes=trace).fits(have):
            ways.insert(0, 'outputs="trace"')
    raise InputError(
        f"the {outputs} kernel takes {format_bytes(whole)} and {format_bytes(need)} at the peak, and {format_bytes(have or 0)} are free; "
        f"take {', '.join(ways[:-1])} or {ways[-1]}."
    )


def _served(reading: Reading, network: Any, pairs: float, points: float):
    names = [jax.tree_util.keystr(path).lstrip(".") for path, _ in jax.tree_util.tree_flatten_with_path(network)[0]]
    shapes = [np.shape(leaf) for leaf in jax.tree.leaves(network)]
    uses = reading.reader.uses
    for group in reading.groups:
        place = reading.arrays[group.leaf]
        kinds = dict.fromkeys(uses[s.use].kind for s in group.sides) or {"gradient": None}
        positions = sum(uses[s.use].sizes[1] for s in group.sides) or 1
        outer, explicit = pairs * group.outer, pairs * group.explicit + points * group.making
        chosen = group.form == "outer"
        yield Served(
            names[place], shapes[place], "+".join(kinds), positions, group.form,
            outer if chosen else explicit, explicit if chosen else outer,
        )  # fmt: skip
        for leaf in group.leaves[1:]:
            other = reading.arrays[leaf]
            yield Served(names[other], shapes[other], "bias", positions, f"with {names[place]}", 0.0, 0.0)
