"""`atlas`: how large a network does each theory require at the size of a problem, beside one's own network and a measured threshold?

`mnist-size` and `cifar-size` need no data; a data set gives its own size. Only with `measure` is anything computed from the
data: `lambda0` (`zeroloss.theorems.lambda0`) and the parameter count at which training reaches zero
(`zeroloss.theorems.threshold`).
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence
from typing import Any

from zeroloss.plumbing import InputError
from zeroloss.plumbing.numbers import choice
from zeroloss.theorems.theories import THEORIES
from zeroloss.theorems.theories_linear import LINEAR
from zeroloss.theorems.theory import OPTIONAL, Size, Theory
from zeroloss.verdict import Record

SIZES = {
    "mnist-size": Size("mnist-size", 60_000, 784, 10),
    "cifar-size": Size("cifar-size", 50_000, 3072, 10),
}
"""Sizes by name, with one hidden layer unless another depth is given."""
COPIED = (
    "key",
    "label",
    "citation",
    "counts",
    "formula",
    "guarantees",
    "assumptions",
    "activation",
    "depth",
    "trains",
    "standing",
    "confirmed",
    "recalled",
)
"""The fields that a `Requirement` copies from its `Theory`."""
TINY = 1e-300
"""Stands for an upper end of 0."""


@dataclasses.dataclass(frozen=True)
class Requirement(Record):
    """What one theory requires: orders, constants set to one.

    Attributes:
        key, label, citation, formula, guarantees, assumptions, activation, depth, trains, standing, confirmed, recalled:
            as in `zeroloss.theorems.Theory`.
        counts: what `needed` counts; needed: the number, or None where the theory names no degree.
        width, parameters: the width of its wide layers, and the weights of the smallest network that satisfies it.
        at_least: the number is only a lower bound, as the quantities in `set_to_one` are not given or the formula is a bound.
        speaks: whether the theory covers this depth and number of outputs (else its number is that of one hidden layer, or of
            one output).
        short: how many times more than there is, in the theory's own count (None without a network).
    """

    key: str
    label: str
    citation: str
    counts: str
    formula: str
    needed: float | None
    width: float | None
    parameters: float | None
    at_least: bool
    set_to_one: tuple[str, ...]
    speaks: bool
    short: float | None
    guarantees: str
    assumptions: str
    activation: str
    depth: str
    trains: str
    standing: str
    confirmed: str | None
    recalled: str


@dataclasses.dataclass(frozen=True, repr=False)
class Atlas(Record):
    """Requirements of all theories at one size, most parameters first.

    Attributes:
        size: of the problem.
        requirements: one per theory.
        network_width, network_parameters: of the network compared with them (weights and biases), or None.
        threshold: the measured threshold, or None.
    """

    size: Size
    requirements: tuple[Requirement, ...]
    network_width: int | None = None
    network_parameters: int | None = None
    threshold: Any = None

    def find(self, key: str) -> Requirement:
        """The requirement of that theory.

        Raises:
            InputError: there is none.
        """
        for requirement in self.requirements:
            if requirement.key == key:
                return requirement
        raise InputError(f"there is no theory {key!r}; choose one of {', '.join(r.key for r in self.requirements)}.")

    def __repr__(self) -> str:
        from zeroloss.theorems.text import atlas_text

        return atlas_text(self)


def atlas(
    data: Any,
    *,
    network: Any = None,
    depth: int | None = None,
    lambda0: float | None = None,
    margin: float | None = None,
    separation: float | None = None,
    delta: float = 0.01,
    accuracy: float = 0.01,
    measure: bool = False,
    targets: str = "random",
    progress: Any = None,
) -> Atlas:
    """What each theory of `zeroloss.theorems.THEORIES` requires at this size.

    Args:
        data: "mnist-size", "cifar-size", a `Size`, a `Dataset` or a pair `(x, y)`.
        network: an `MLP` or `FeedForward`, or the widths of its hidden layers; its depth is taken.
        depth: hidden layers, where there is no network (1).
        lambda0, margin, separation, delta, accuracy: see `Size`; what is not given is set to 1.
        measure: also measure `lambda0` (where it is not given) and the threshold; needs data. Takes seconds: the functions
            `price` of `zeroloss.theorems.lambda0` and `.threshold` predict how many.
        targets: of the threshold, "random" or "given".

    Raises:
        InputError: an unknown size, a number out of its range, or `measure` without data.
    """
    size = _size(data)
    widths = None if network is None else _widths(network)
    if widths is not None and depth is not None and depth != len(widths):
        raise InputError(f"depth={depth} and a network of {len(widths)} hidden layers; leave one of them out.")
    optional = {"lambda0": lambda0, "margin": margin, "separation": separation}
    given: dict[str, Any] = {name: value for name, value in optional.items() if value is not None}
    if lambda0 is not None:
        given["lambda0_from"] = "as given"
    deep = len(widths) if widths is not None else size.depth if depth is None else depth
    choice("targets", targets, ("random", "given"))
    size = dataclasses.replace(size, depth=deep, delta=delta, accuracy=accuracy, **given)
    threshold = None
    if measure:
        size, threshold = _measured(size, data, targets, progress)
    count = None if widths is None else _parameters(widths, size)
    width = None if widths is None else max(widths)
    rows = [_requirement(theory, size, width, count) for theory in THEORIES]
    rows.sort(key=lambda r: -math.inf if r.parameters is None else r.parameters, reverse=True)
    return Atlas(size, tuple(rows), width, count, threshold)


def _size(data: Any) -> Size:
    if isinstance(data, Size):
        return data
    if isinstance(data, str):
        if data not in SIZES:
            raise InputError(f"there is no size {data!r}; choose one of {', '.join(SIZES)}, or give data.")
        return SIZES[data]
    x, y = (data.x_train, data.y_train) if hasattr(data, "x_train") else data
    columns = 1 if len(y.shape) == 1 else y.shape[1]
    return Size(getattr(data, "name", "data"), len(x), math.prod(x.shape[1:]), int(columns))


def _widths(network: Any) -> tuple[int, ...]:
    widths = network.widths if hasattr(network, "widths") else network
    if not isinstance(widths, Sequence) or not widths or not all(int(w) == w and w > 0 for w in widths):
        raise InputError(
            "network= takes an MLP, a FeedForward or the widths of one or more hidden layers, such as (512, 512)."
        )
    return tuple(int(w) for w in widths)


def _parameters(widths: tuple[int, ...], size: Size) -> int:
    """Weights and biases of a fully connected network of these widths."""
    sizes = (size.d, *widths, size.outputs)
    return sum((a + 1) * b for a, b in itertools.pairwise(sizes))


def _measured(size: Size, data: Any, targets: str, progress: Any) -> tuple[Size, Any]:
    if isinstance(data, str | Size):
        raise InputError("a size without data cannot be measured; name a data set, or leave measure out.")
    from zeroloss.data.arrays import training_arrays
    from zeroloss.theorems.lambda0 import measured_lambda0
    from zeroloss.theorems.threshold import measure_threshold

    if size.lambda0 is None:
        value, upper, how = measured_lambda0(training_arrays(data)[0], progress=progress)
        size = dataclasses.replace(size, lambda0=max(value, TINY), lambda0_from=how, lambda0_upper=upper)
    return size, measure_threshold(data, targets=targets, progress=progress)


def _requirement(theory: Theory, size: Size, width: int | None, count: int | None) -> Requirement:
    needed = theory.needed(size)
    have = count if theory.counts == "parameters" else width
    missing = tuple(name for name in OPTIONAL if name in theory.uses and getattr(size, name) is None)
    return Requirement(
        **{name: getattr(theory, name) for name in COPIED},
        needed=needed,
        width=theory.width(size),
        parameters=theory.parameters(size),
        at_least=_is_lower_end(theory, size),
        set_to_one=missing,
        speaks=theory.speaks_of(size),
        short=None if have is None or needed is None else needed / have,
    )


def _is_lower_end(theory: Theory, size: Size) -> bool:
    set_to_one = any(getattr(size, name) is None for name in theory.uses)
    return theory.at_least or set_to_one or ("lambda0" in theory.uses and size.lambda0_upper)


def lines(size: Size, numbers: Sequence[int] = (10, 100, 1_000, 10_000, 100_000, 1_000_000)) -> dict[str, list]:
    """A tidy table for `zeroloss.figures.atlas_lines`: columns theory, group, n, parameters, at_least, standing.

    One row per theory and n; the rest of the size stays. `group`: the depths that the theory covers.
    """
    columns: dict[str, list] = {"theory": [], "group": [], "n": [], "parameters": [], "at_least": [], "standing": []}
    for theory in THEORIES:
        for n in numbers:
            at = dataclasses.replace(size, n=int(n))
            parameters = theory.parameters(at)
            if parameters is None:
                continue
            row = (theory.label, _group(theory), int(n), parameters, _is_lower_end(theory, at), theory.standing)
            for column, value in zip(columns.values(), row, strict=True):
                column.append(value)
    return columns


def _group(theory: Theory) -> str:
    if theory.shallow:
        return "one hidden layer"
    return "any depth: linear in n" if theory in LINEAR else "any depth: polynomial in n"
