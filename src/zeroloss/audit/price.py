"""The cost of measures before they are computed: counted operations, memory at the peak, expected seconds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from zeroloss.audit.catalogue import CATALOGUE, GROUPS, chosen
from zeroloss.audit.sharpness import GAUSS_NEWTON, HESSIAN
from zeroloss.audit.sizes import Cost, Sizes
from zeroloss.audit.subject import KERNEL_EXAMPLES, Subject
from zeroloss.networks import as_network
from zeroloss.plumbing import InputError
from zeroloss.plumbing.memory import available_bytes
from zeroloss.tangent.price import readable
from zeroloss.verdict import Record

BUDGET = 1e12
"""Counted operations of the curvature's products up to which more than `KERNEL_EXAMPLES` examples are taken by default."""


@dataclasses.dataclass(frozen=True, repr=False)
class AuditPrice(Record):
    """The expected cost of the requested measures; `str` is a table."""

    costs: tuple[Cost, ...]

    @property
    def seconds(self) -> float:
        """Expected seconds, in all."""
        return sum(cost.seconds for cost in self.costs)

    @property
    def bytes(self) -> float:
        """Memory at the peak: the largest of the groups, which run one after the other."""
        return max((cost.bytes for cost in self.costs), default=0.0)

    @property
    def sentence(self) -> str:
        """Expected seconds and memory as text, to be shown before the start."""
        return f"about {_duration(self.seconds)} and {readable(self.bytes)}"

    def __str__(self) -> str:
        lines = [f"measures: {self.sentence}"]
        for cost in self.costs:
            lines.append(
                f"  {cost.group:<10} {cost.examples:>7,} examples  {cost.operations:8.1e} operations  "
                f"{readable(cost.bytes):>9}  {_duration(cost.seconds):>8}"
            )
        return "\n".join(lines)

    __repr__ = __str__


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


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
            tuple(Cost(g, n if g == "margins" else 0, 0.0, 8.0 * subject.data.x_train.size, 0.0) for g in groups)
        )
    requested = set(names)
    sizes = Sizes(subject)
    costs = [sizes.fit(points, probes)]
    if requested & (set(HESSIAN) | set(GAUSS_NEWTON)) and examples is None:
        each = sum(operations for operations, _ in sizes.curvature(requested, 1))
        subject.curvature_examples = int(min(n, max(KERNEL_EXAMPLES, BUDGET / max(each, 1))))
    makers: dict[str, Callable[[set[str]], Cost]] = {
        "margins": sizes.margins, "norms": sizes.norms, "laziness": sizes.laziness, "kernel": sizes.kernel,
        "sharpness": sizes.sharpness, "filters": sizes.filters,
    }  # fmt: skip
    for group in groups:
        costs.append(makers[group](requested))
    price = AuditPrice(tuple(costs))
    _refuse(price, subject)
    return price


def _refuse(price: AuditPrice, subject: Subject) -> None:
    have = available_bytes()
    if have is None or price.bytes <= 0.9 * have:
        return
    worst = max(price.costs, key=lambda cost: cost.bytes)
    ways = f"leave the group {worst.group!r} out (measures=)"
    if worst.examples > 16 and worst.group in ("kernel", "sharpness", "laziness"):
        ways = f"take fewer examples (examples={max(16, worst.examples // 4)}), or {ways}"
    raise InputError(
        f"the {worst.group} measures of this network take {readable(worst.bytes)} on {worst.examples} examples, and "
        f"{readable(have)} are free; {ways}."
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
