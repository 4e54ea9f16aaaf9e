"""Counted operations and bytes of each group of measures, for one network and its data."""

from __future__ import annotations

import dataclasses
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from zeroloss.audit.curvature import ROOM, TIMES, hessian_product
from zeroloss.audit.filters import MOST, RANDOM
from zeroloss.audit.jackknife import GROUPS as LEFT_OUT
from zeroloss.audit.kernels import BOTH, form_of
from zeroloss.audit.krylov import steps_for
from zeroloss.audit.laziness import linear_rows
from zeroloss.audit.margins import FLOATING
from zeroloss.audit.sharpness import GAUSS_NEWTON, HESSIAN
from zeroloss.audit.subject import KERNEL_EXAMPLES, Subject
from zeroloss.audit.trace import EXACT, PROBES
from zeroloss.audit.trust import GRID
from zeroloss.networks import FeedForward, is_double, precision, trainable_mask
from zeroloss.networks.predict import held_of_one, rows_at_once
from zeroloss.plumbing import cost as costs
from zeroloss.plumbing.derivatives import explained
from zeroloss.plumbing.operations import of_example
from zeroloss.tangent.kernel import estimate
from zeroloss.tangent.operator import ACTIVATION_BYTES
from zeroloss.tangent.points import points
from zeroloss.verdict import Record

SLOWER = 2.5
"""Factor by which passes through the network run slower than one large matrix product: 1 to 4 on dense networks and ResNet-18."""
CONVOLVED = 20.0
"""That factor where XLA's own convolutions (not those of `from_torch`) are differentiated on a CPU, block by block."""
COMPILING = 3.0
"""Seconds to trace and compile a curvature product."""
LARGE = 1e9


@dataclasses.dataclass(frozen=True)
class Cost(Record):
    """The cost of one group of measures on so many examples (`zeroloss.plumbing.cost.Cost`, as results hold it)."""

    group: str
    examples: int
    operations: float
    bytes: float
    seconds: float

    @property
    def cost(self) -> costs.Cost:
        """Without its group."""
        return costs.Cost(self.seconds, self.bytes, self.operations)


class Sizes:
    """Counted operations and bytes of one network on these data."""

    def __init__(self, subject: Subject):
        self.subject, network = subject, subject.network
        self.x = points(network, subject.data.x_train[:1])
        self.itemsize = 8 if is_double(network) else 4
        self.dtype = "float64" if self.itemsize == 8 else "float32"
        self.weights = subject.size * self.itemsize
        self.outputs = subject.data.y_train.shape[1]
        with precision(network):
            arrays, static = eqx.partition(network, eqx.is_array)
            jaxpr = jax.make_jaxpr(lambda a, v: eqx.combine(a, static)(v))(arrays, jnp.asarray(self.x[0])).jaxpr
            self.forward, self.each = of_example(jaxpr, [False] * (len(jaxpr.invars) - 1) + [True])
            self.convolved = "conv_general_dilated" in str(jaxpr)

    def seconds(self, operations: float) -> float:
        return costs.expected_seconds(operations, self.dtype, CONVOLVED if self.convolved else SLOWER)

    def curvature(self, requested: set[str], examples: int) -> list[tuple[float, float]]:
        """Operations and bytes of the Gauss-Newton and of the Hessian products."""
        found = []
        if requested & set(GAUSS_NEWTON):
            size = max(examples, KERNEL_EXAMPLES) * self.outputs
            steps = steps_for(size, self.itemsize) + (_probes(size) if "gauss_newton_trace" in requested else 0)
            room = min(examples * self.each, ACTIVATION_BYTES)
            found.append(
                (5.0 * self.forward * examples * steps, 2 * room + 4 * self.weights + 40 * size * self.itemsize)
            )
        if requested & set(HESSIAN):
            lanczos = steps_for(self.subject.size, self.itemsize)
            steps = lanczos + (_probes(self.subject.size) if "hessian_trace" in requested else 0)
            room = min(examples * self.each * TIMES, ROOM)
            found.append((self._hessian() * examples * steps, room + (lanczos + 8) * self.weights))
        return found

    def _hessian(self) -> float:
        """Operations of one Hessian product with one example."""
        network = self.subject.network
        with precision(network), explained():
            moved, fixed = eqx.partition(network, trainable_mask(network))
            kept, static = eqx.partition(fixed, eqx.is_array)
            y = np.zeros(self.subject.data.y_train[:1].shape, self.x.dtype if self.x.dtype.kind == "f" else np.float32)
            v = jnp.zeros(self.subject.size, np.float64 if self.itemsize == 8 else np.float32)

            def product(moved, kept, x, y, v):
                return hessian_product(
                    moved, eqx.combine(kept, static), x[None], y[None], jnp.ones((1, 1), v.dtype), v, self.subject.loss
                )

            jaxpr = jax.make_jaxpr(product)(moved, kept, jnp.asarray(self.x), jnp.asarray(y), v).jaxpr
            first = len(jaxpr.invars) - 3  # the example is the last but one pair
        return of_example(jaxpr, [first <= i < first + 2 for i in range(len(jaxpr.invars))])[0]

    def sharpness(self, requested: set[str]) -> Cost:
        m = self.subject.curvature_examples
        parts = self.curvature(requested, m)
        operations = sum(part[0] for part in parts)
        basis = 0.0
        if requested & set(HESSIAN):  # orthogonalising: memory-bound, four passes over half the basis per step
            steps = steps_for(self.subject.size, self.itemsize)
            basis = 2.0 * steps**2 * self.weights / 8e9
        seconds = self.seconds(operations) + basis + COMPILING * len(parts)
        return Cost("sharpness", m, operations, max(part[1] for part in parts), seconds)

    def kernel(self, requested: set[str]) -> Cost:
        return self._kernels("kernel", 1)

    def laziness(self, requested: set[str]) -> Cost:
        data = self.subject.data
        most = linear_rows(self.forward)
        rows = min(most, len(data.x_train)) + min(most, len(data.x_test))
        if self.subject.initial is None:
            return Cost("laziness", 0, 0.0, 0.0, 0.0)
        linear = 4.0 * self.forward * rows
        kernels = self._kernels("laziness", 1) if requested & set(BOTH) else None
        double = 2 * self.seconds(linear) + COMPILING / 2  # the linearisation is computed in float64
        return Cost(
            "laziness", rows, linear + (kernels.operations if kernels else 0.0),
            (kernels.bytes if kernels else 0.0)
            + 32.0 * self.subject.size
            + min(512 * 24.0 * self.each / self.itemsize, 2 * ACTIVATION_BYTES),
            double + (kernels.seconds if kernels else 0.0),
        )  # fmt: skip

    def _kernels(self, group: str, times: int) -> Cost:
        m, form = self.subject.kernel_examples, form_of(self.subject)
        price = estimate(self.subject.network, self.subject.data.x_train[:m], outputs=form)
        rows = m * (self.outputs if form == "full" else 1)
        inverse = 2.0 * rows**3
        passes = 1e-7 * rows**2  # entrywise passes over the kernel, at the speed of memory
        seconds = times * price.seconds + costs.expected_seconds(inverse) + passes
        return Cost(group, m, times * price.operations + inverse, price.bytes + 6 * 8.0 * rows**2, seconds)

    def margins(self, requested: set[str]) -> Cost:
        n = len(self.subject.data.x_train)
        certified = isinstance(self.subject.network, FeedForward) and 6.0 * self.subject.size * n <= FLOATING
        operations = (6.0 if certified else 1.0) * self.forward * n
        room = 32.0 * n * (self.each / self.itemsize) if certified else self._predicting(n)
        return Cost("margins", n, operations, room, costs.expected_seconds(operations, self.dtype, SLOWER) + 0.3)

    def fit(self, points: int, pairs: int) -> Cost:
        """Errors on both sets, and the trust curve."""
        data = self.subject.data
        probes = 2 * pairs * min(points, len(data.x_train)) * (len(GRID) - 1)
        rows = 2 * len(data.x_train) + len(data.x_test) + probes
        operations = self.forward * rows
        return Cost(
            "fit, trust", rows, operations, self._predicting(rows) + 16.0 * points * len(data.x_train),
            costs.expected_seconds(operations, self.dtype, SLOWER) + COMPILING / 2,
        )  # fmt: skip

    def _predicting(self, rows: int) -> float:
        """Memory of `predict` on `rows` examples, in bytes."""
        x = np.broadcast_to(self.x[:1], (rows, *self.x.shape[1:]))
        return min(rows, rows_at_once(self.subject.network, x)) * held_of_one(self.subject.network, x)

    def norms(self, requested: set[str]) -> Cost:
        shapes = [w.shape for w in getattr(self.subject.network, "weights", ()) if getattr(w, "ndim", 0) == 2]
        operations = sum(240.0 * math.prod(s) if min(s) > 600 else 2.0 * math.prod(s) * min(s) for s in shapes)
        return Cost(
            "norms", 0, operations, 24.0 * self.subject.size, operations / 2e9 + 8.0 * self.subject.size / LARGE
        )

    def filters(self, requested: set[str]) -> Cost:
        operations = 10.0 * (RANDOM + LEFT_OUT + 2) * MOST**2
        return Cost("filters", 0, operations, 40.0 * MOST**2, operations / 5e8)


def _probes(size: int) -> int:
    """Number of products for a trace."""
    return size if size <= EXACT else PROBES
