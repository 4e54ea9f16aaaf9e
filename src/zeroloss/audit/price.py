"""The cost of measures before they are computed: counted operations, memory at the peak, expected seconds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from zeroloss.audit import sizes
from zeroloss.audit.catalogue import CATALOGUE, GROUPS, chosen
from zeroloss.audit.sharpness import GAUSS_NEWTON, HESSIAN
from zeroloss.audit.subject import KERNEL_EXAMPLES, Subject
from zeroloss.networks import as_network
from zeroloss.plumbing import InputError
from zeroloss.plumbing.cost import Cost
from zeroloss.plumbing.format import format_bytes, format_seconds
from zeroloss.plumbing.memory import available_bytes
from zeroloss.verdict import Record

BUDGET = 1e12
"""Counted operations of the curvature's products up to which more than `KERNEL_EXAMPLES` examples are taken by default."""


@dataclasses.dataclass(frozen=True, repr=False)
class AuditPrice(Record):
    """The expected cost of the requested measures; `str` is a table."""

    costs: tuple[sizes.Cost, ...]

    @property
    def cost(self) -> Cost:
        """Of all groups, which are measured one after the other."""
        return sum((group.cost for group in self.costs), Cost())

    @property
    def seconds(self) -> float:
        """Expected seconds, in all."""
        return self.cost.seconds

    @property
    def bytes(self) -> float:
        """Memory at the peak: the largest of the groups."""
        return self.cost.bytes

    @property
    def sentence(self) -> str:
        """Expected seconds and memory as text, to be shown before the start."""
        return self.cost.sentence

    def __str__(self) -> str:
        lines = [f"measures: {self.sentence}"]
        for cost in self.costs:
            lines.append(
                f"  {cost.group:<10} {cost.examples:>7,} examples  {cost.operations:8.1e} operations  "
                f"{format_bytes(cost.bytes):>9}  {format_seconds(cost.seconds):>8}"
            )
        return "\n".join(lines)

    __repr__ = __str__


def plan(subject: Subject, names: list[str], examples: int | None, *, points: int = 400, probes: int = 2) -> AuditPrice:
    """Settle how many examples each group takes (in `subject`), and its expected cost.

    By default the kernel takes 128 training examples and the curvature as many as stay within 1e12 operations, 128 at least:
    128 for a network of the size of ResNet-18, all of digits for one with half a million parameters. `examples` sets both.

    Raises:
        InputError: it would not fit into memory; the message names what to do instead.
    """
    n = len(subject.data.x_train)
    if examples is not None and examples < 1:
        raise InputError(f"examples={examples}: measure on at least one.")
    subject.kernel_examples = min(n, examples or KERNEL_EXAMPLES)
    subject.curvature_examples = min(n, examples or KERNEL_EXAMPLES)
    groups = [g for g in GROUPS if any(CATALOGUE[name].group == g for name in names)]
    if subject.black_box:
        return AuditPrice(
            tuple(sizes.Cost(g, n if g == "margins" else 0, 0.0, 8.0 * subject.data.x_train.size, 0.0) for g in groups)
        )
    requested = set(names)
    counted = sizes.Sizes(subject)
    costs = [counted.fit(points, probes)]
    if requested & (set(HESSIAN) | set(GAUSS_NEWTON)) and examples is None:
        each = sum(operations for operations, _ in counted.curvature(requested, 1))
        subject.curvature_examples = int(min(n, max(KERNEL_EXAMPLES, BUDGET / max(each, 1))))
    makers: dict[str, Callable[[set[str]], sizes.Cost]] = {
        "margins": counted.margins, "norms": counted.norms, "laziness": counted.laziness, "kernel": counted.kernel,
        "sharpness": counted.sharpness, "filters": counted.filters,
    }  # fmt: skip
    for group in groups:
        costs.append(makers[group](requested))
    price = AuditPrice(tuple(costs))
    _refuse(price, subject)
    return price


def _refuse(price: AuditPrice, subject: Subject) -> None:
    have = available_bytes()
    if price.cost.fits(have):
        return
    worst = max(price.costs, key=lambda cost: cost.bytes)
    ways = f"leave the group {worst.group!r} out (measures=)"
    if worst.examples > 16 and worst.group in ("kernel", "sharpness", "laziness"):
        ways = f"take fewer examples (examples={max(16, worst.examples // 4)}), or {ways}"
    raise InputError(
        f"the {worst.group} measures of this network take {format_bytes(worst.bytes)} on {worst.examples} examples, and "
        f"{format_bytes(have or 0)} are free; {ways}."
    )


def priced(
    network: Any,
    data: Any,
    initial: Any = None,
    *,
    measures: object = "all",
    examples: int | None = None,
    loss: str = "squared",
    key: int = 0,
) -> AuditPrice:
    """The expected cost of `audit(..., measures=measures, examples=examples)`, without computing it.

    The seconds come from counted operations and a short calibration of this machine, and are right to a factor of 3 or so.
    """
    network = as_network(network, data)
    initial = None if initial is None else as_network(initial, data)
    return plan(Subject(network, initial, data, loss, key), chosen(measures), examples)
