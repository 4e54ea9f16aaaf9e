"""What measures cost, before they are computed: counted operations, memory at the peak, expected seconds."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from zeroloss.audit.catalogue import CATALOGUE, GROUPS
from zeroloss.audit.curvature import TIMES, hessian_product
from zeroloss.audit.filters import MOST, RANDOM
from zeroloss.audit.jackknife import GROUPS as LEFT_OUT
from zeroloss.audit.kernels import BOTH, form_of
from zeroloss.audit.krylov import steps_for
from zeroloss.audit.sharpness import GAUSS_NEWTON, HESSIAN
from zeroloss.audit.subject import KERNEL_EXAMPLES, Subject
from zeroloss.audit.trace import PROBES
from zeroloss.networks import FeedForward, is_double, precision, trainable_mask
from zeroloss.plumbing import InputError
from zeroloss.plumbing.memory import available_bytes
from zeroloss.tangent.kernel import estimate
from zeroloss.tangent.operations import count
from zeroloss.tangent.operator import ACTIVATION_BYTES, bytes_an_example
from zeroloss.tangent.points import points
from zeroloss.tangent.price import matrix_product_rate, readable
from zeroloss.verdict import Record

BUDGET = 1e12
"""Counted operations of the curvature's products up to which more than `KERNEL_EXAMPLES` examples are taken unasked."""
SLOWER = 3.0
"""How much slower products with curvature run than one large matrix product."""
CONVOLVED = 12.0
"""The same of convolutions' gradients on a CPU."""
COMPILING = 3.0
"""Seconds to trace and compile a curvature product."""
LARGE = 1e9


@dataclasses.dataclass(frozen=True)
class Cost(Record):
    """The price of one group of measures: `operations` counted, `bytes` at the peak, expected `seconds`."""

    group: str
    examples: int
    operations: float
    bytes: float
    seconds: float


@dataclasses.dataclass(frozen=True, repr=False)
class AuditPrice(Record):
    """The price of the measures asked for; `str` is a table."""

    costs: tuple[Cost, ...]

    @property
    def seconds(self) -> float:
        """Expected, in all."""
        return sum(cost.seconds for cost in self.costs)

    @property
    def bytes(self) -> float:
        """At the peak; the groups come one after the other."""
        return max((cost.bytes for cost in self.costs), default=0.0)

    @property
    def sentence(self) -> str:
        """For a person, before it starts."""
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


def plan(subject: Subject, names: list[str], examples: int | None) -> AuditPrice:
    """Settle how many examples each group takes (in `subject`), and price it.

    By default the kernel takes 128 training examples and the curvature as many as stay within 1e12 operations, 128 at least:
    128 for a network of the size of ResNet-18, all of digits for one with half a million parameters. `examples` sets both.

    Raises:
        InputError: it would not fit into memory, with what to do instead.
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
    asked = set(names)
    sizes = _Sizes(subject)
    costs = []
    if asked & (set(HESSIAN) | set(GAUSS_NEWTON)) and examples is None:
        each = sum(operations for operations, _ in sizes.curvature(asked, 1))
        subject.curvature_examples = int(min(n, max(KERNEL_EXAMPLES, BUDGET / max(each, 1))))
    makers: dict[str, Callable[[set[str]], Cost]] = {
        "margins": sizes.margins, "norms": sizes.norms, "laziness": sizes.laziness, "kernel": sizes.kernel,
        "sharpness": sizes.sharpness, "filters": sizes.filters,
    }  # fmt: skip
    for group in groups:
        costs.append(makers[group](asked))
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


class _Sizes:
    """Counted operations and bytes of one network on these data."""

    def __init__(self, subject: Subject):
        self.subject, network = subject, subject.network
        self.x = points(network, subject.data.x_train[:1])
        self.itemsize = 8 if is_double(network) else 4
        self.rate = matrix_product_rate("float64" if self.itemsize == 8 else "float32")
        self.weights = subject.size * self.itemsize
        self.outputs = subject.data.y_train.shape[1]
        with precision(network):
            arrays, static = eqx.partition(network, eqx.is_array)
            jaxpr = jax.make_jaxpr(lambda a, v: eqx.combine(a, static)(v))(arrays, jnp.asarray(self.x[0])).jaxpr
            self.forward = count(jaxpr)
            self.convolved = "conv_general_dilated" in str(jaxpr)
            self.each = bytes_an_example(network, self.x)

    def seconds(self, operations: float) -> float:
        return (CONVOLVED if self.convolved else SLOWER) * operations / self.rate

    def curvature(self, asked: set[str], examples: int) -> list[tuple[float, float]]:
        """Operations and bytes of the Gauss-Newton and of the Hessian products."""
        found = []
        room = min(examples * self.each * TIMES, 2 * ACTIVATION_BYTES)
        if asked & set(GAUSS_NEWTON):
            size = max(examples, KERNEL_EXAMPLES) * self.outputs
            steps = steps_for(size, self.itemsize) + (PROBES if "gauss_newton_trace" in asked else 0)
            found.append((5.0 * self.forward * examples * steps, room + 4 * self.weights + 40 * size * self.itemsize))
        if asked & set(HESSIAN):
            lanczos = steps_for(self.subject.size, self.itemsize)
            steps = lanczos + (PROBES if "hessian_trace" in asked else 0)
            found.append((self._hessian() * examples * steps, room + (lanczos + 8) * self.weights))
        return found

    def _hessian(self) -> float:
        """Operations of one Hessian product with one example."""
        network = self.subject.network
        with precision(network):
            moved, fixed = eqx.partition(network, trainable_mask(network))
            kept, static = eqx.partition(fixed, eqx.is_array)
            y = np.asarray(self.subject.data.y_train[:1], self.x.dtype if self.x.dtype.kind == "f" else np.float32)
            v = jnp.zeros(self.subject.size, np.float64 if self.itemsize == 8 else np.float32)

            def product(moved, kept, x, y, v):
                return hessian_product(
                    moved, eqx.combine(kept, static), x[None], y[None], jnp.ones((1, 1), v.dtype), v, self.subject.loss
                )

            total = count(jax.make_jaxpr(product)(moved, kept, jnp.asarray(self.x), jnp.asarray(y), v).jaxpr)
        return max(total - 4.0 * self.subject.size, 6 * self.forward)  # the parameters themselves count once a block

    def sharpness(self, asked: set[str]) -> Cost:
        m = self.subject.curvature_examples
        parts = self.curvature(asked, m)
        operations = sum(part[0] for part in parts)
        basis = 0.0
        if asked & set(HESSIAN):  # orthogonalising: memory-bound, four passes over half the basis a step
            steps = steps_for(self.subject.size, self.itemsize)
            basis = 2.0 * steps**2 * self.weights / 8e9
        seconds = self.seconds(operations) + basis + COMPILING * len(parts)
        return Cost("sharpness", m, operations, max(part[1] for part in parts), seconds)

    def kernel(self, asked: set[str]) -> Cost:
        return self._kernels("kernel", 1)

    def laziness(self, asked: set[str]) -> Cost:
        data = self.subject.data
        rows = len(data.x_train) + len(data.x_test)
        if self.subject.initial is None:
            return Cost("laziness", 0, 0.0, 0.0, 0.0)
        linear = 4.0 * self.forward * rows
        kernels = self._kernels("laziness", 1) if asked & set(BOTH) else None
        double = 2 * self.seconds(linear) + COMPILING / 2  # the linearisation is computed in float64
        return Cost(
            "laziness", rows, linear + (kernels.operations if kernels else 0.0),
            (kernels.bytes if kernels else 0.0) + 8.0 * (512 * self.each / self.itemsize * 3 + 4 * self.subject.size),
            double + (kernels.seconds if kernels else 0.0),
        )  # fmt: skip

    def _kernels(self, group: str, times: int) -> Cost:
        m, form = self.subject.kernel_examples, form_of(self.subject)
        told = estimate(self.subject.network, self.subject.data.x_train[:m], outputs=form)
        rows = m * (self.outputs if form == "full" else 1)
        eigen = (LEFT_OUT + 1) * 2.0 * rows**3
        seconds = times * told.seconds + eigen / matrix_product_rate("float64") + 2e-8 * LEFT_OUT * rows**2
        return Cost(group, m, times * told.operations + eigen, told.bytes + 6 * 8.0 * rows**2, seconds)

    def margins(self, asked: set[str]) -> Cost:
        n = len(self.subject.data.x_train)
        passes = 6.0 if isinstance(self.subject.network, FeedForward) else 1.0
        operations = passes * self.forward * n
        return Cost(
            "margins", n, operations, 8.0 * passes * n * (self.each / self.itemsize), self.seconds(operations) + 0.3
        )

    def norms(self, asked: set[str]) -> Cost:
        shapes = [w.shape for w in getattr(self.subject.network, "weights", ()) if getattr(w, "ndim", 0) == 2]
        operations = sum(240.0 * math.prod(s) if min(s) > 600 else 2.0 * math.prod(s) * min(s) for s in shapes)
        return Cost(
            "norms", 0, operations, 24.0 * self.subject.size, operations / 2e9 + 8.0 * self.subject.size / LARGE
        )

    def filters(self, asked: set[str]) -> Cost:
        operations = 10.0 * (RANDOM + LEFT_OUT + 2) * MOST**2
        return Cost("filters", 0, operations, 40.0 * MOST**2, operations / 5e8)


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
    """What `audit(..., measures=measures, examples=examples)` would cost beyond its quick part, computing nothing.

    The seconds come from counted operations and a short calibration of this machine, and are right to a factor of 3 or so.
    """
    from zeroloss.audit.catalogue import chosen

    return plan(Subject(network, initial, data, loss, key), chosen(measures), examples)
