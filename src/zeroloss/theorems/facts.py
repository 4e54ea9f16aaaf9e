"""`Facts`: a network and its data as the cards see them. Each fact is computed once, when a card first needs it, and shared."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from zeroloss.data import Collapsed, collapse, contradictions
from zeroloss.data.arrays import training_arrays
from zeroloss.data.load import as_data
from zeroloss.data.repeats import round_down, spread
from zeroloss.networks import FeedForward
from zeroloss.plumbing import InputError, Progress, Silent, arithmetic
from zeroloss.plumbing.digest import data_hash
from zeroloss.plumbing.exact import as_float64
from zeroloss.problem import Problem, as_problem
from zeroloss.theorems.assumptions import check_assumptions
from zeroloss.verified import libm
from zeroloss.verified.composite import Composite, composite_theorem
from zeroloss.verified.directed import SLOP, square_upper
from zeroloss.verified.forward import backward, forward
from zeroloss.verified.jacobian import Trained, jacobian_rows
from zeroloss.verified.layers import Layers
from zeroloss.verified.lipschitz import MOST_EQUATIONS, Constants, nothing_known
from zeroloss.verified.readout import ReadoutProof, not_proved, readout_proof

ASSUMPTIONS = {
    libm.ASSUMPTION: "assumed; checked on samples by the test-suite",
    arithmetic.ASSUMPTION: arithmetic.STANDING,
}

T = TypeVar("T")


def _within_range(compute: Callable[[], T], otherwise: T) -> T:
    """The result of `compute`, or `otherwise` where numbers leave the range for which the proofs are made."""
    with np.errstate(over="ignore", invalid="ignore"):
        try:
            return compute()
        except InputError:
            return otherwise


class Facts:
    """A network (or None), its training data, and what the caller assumes.

    Args:
        network: at the weights that are judged.
        data: a `Dataset`, or a pair `(x, y)`.
        options: assumptions of the caller; see `Card.options` and `zeroloss.theorems.assumptions`.

    Raises:
        InputError: an assumption out of its range, a network that does not fit the data, or data with NaN.
    """

    def __init__(
        self, network: Any, data: Any, options: dict[str, Any] | None = None, progress: Progress | None = None
    ):
        self.network: Any = None
        self.problem: Problem | None = None
        self.options = check_assumptions(options or {})
        self.progress = progress or Silent()
        if network is None and "trainable" in self.options:
            raise InputError("trainable names parameters of a network, and none is given; give one, or leave it out.")
        if network is None:
            self.data = as_data(data)
            x, y = training_arrays(self.data)
            self.x, self.y = as_float64(x, "inputs").reshape(len(x), -1), as_float64(y, "targets")
        else:
            problem = self.problem = as_problem(network, data, self.options.get("trainable"))
            self.network, self.data, self.x, self.y = problem.network, problem.data, problem.x, problem.y
        self.n, self.d, self.outputs = len(self.x), self.x.shape[1], self.y.shape[1]

    def assumed(self, name: str, default: Any = None) -> Any:
        """What the caller assumes under this name, or the default."""
        value = self.options.get(name)
        return default if value is None else value

    @cached_property
    def distinct(self) -> Collapsed:
        """Distinct inputs and the means of their targets."""
        return collapse(self.x, self.y) if self.problem is None else self.problem.distinct

    @cached_property
    def clashes(self) -> int:
        """Groups of equal inputs with different targets."""
        return len(contradictions(self.x, self.y))

    @cached_property
    def infimum(self) -> float:
        """`1/(2n) sum |y - mean of its group|^2`, exact, rounded down."""
        return round_down(spread(self.x, self.y) / (2 * self.n))

    @property
    def equations(self) -> int:
        """One per distinct input and output."""
        return len(self.distinct.x) * self.outputs

    @property
    def forward(self) -> FeedForward | None:
        """The network if it is fully connected."""
        return self.network if isinstance(self.network, FeedForward) else None

    @property
    def kind(self) -> str:
        """Which class of network it is, as part of a sentence."""
        if self.network is None:
            return "no network is given"
        name = type(self.network).__name__
        return f"it is {'an' if name in ('MLP', 'XorNetwork') else 'a'} {name}"

    @cached_property
    def layers(self) -> Layers:
        """The fully connected network in float64."""
        assert self.problem is not None and self.problem.layers is not None
        return self.problem.layers

    @cached_property
    def trained(self) -> Trained:
        """Which layers are trained."""
        assert self.problem is not None and self.problem.trained is not None
        return self.problem.trained

    @cached_property
    def parameters(self) -> int:
        """Number of trained parameters."""
        return self.trained.count(self.layers)

    @cached_property
    def known(self) -> Constants:
        """`lam0`, `Lam0`, `|r0|` and `beta` with all rounding."""
        self.progress.stage("constants at these weights", f"{self.equations:,} equations")
        problem = self.problem
        assert problem is not None
        none = nothing_known("none: numbers out of range", self.equations)
        found = _within_range(lambda: problem.constants, none)
        return dataclasses.replace(
            found, beta=lambda radius: _within_range(lambda: found.beta(radius), none.beta(radius))
        )

    @cached_property
    def theorem(self) -> Composite:
        """The composite theorem's numbers."""
        k = self.known
        return composite_theorem(k.lam0, k.Lam0, k.residual, self.n, k.beta, self.options.get("step_size"))

    @cached_property
    def readout(self) -> ReadoutProof:
        """The proof by the read-out."""
        self.progress.stage("proof by the read-out", f"{len(self.distinct.x):,} distinct inputs")
        at, last = self.distinct, self.layers.weights[-1].shape[1]
        features = last + (self.layers.biases[-1] is not None)
        none = not_proved(features, len(at.x), "numbers out of range")
        found = _within_range(lambda: readout_proof(self.layers, at.x, at.y, at.rounding), none)
        return found if found.radius is None or math.isfinite(found.radius) else none

    @cached_property
    def trace_upper(self) -> float:
        """An upper bound on `sum_i K_ii` over all examples and outputs; infinite where the kernel is not formed."""
        if self.equations > MOST_EQUATIONS:
            return math.inf
        return _within_range(self._trace, math.inf)

    def _trace(self) -> float:
        layers = forward(self.layers, self.distinct.x)
        root = np.sqrt(np.asarray(self.distinct.sizes, np.float64))
        rows = jacobian_rows(self.layers, layers, backward(self.layers, layers), root, self.trained)
        return square_upper(math.sqrt(rows.trace * SLOP) + rows.error) * SLOP

    def evidence(self, options: Iterable[str]) -> dict[str, Any]:
        """The hash of the data, what the caller assumed, and the assumptions on the arithmetic."""
        assumed = {name: self.options[name] for name in options if self.options.get(name) is not None}
        simple = {name: v if isinstance(v, str | int | float | bool) else str(v) for name, v in assumed.items()}
        return {"data_sha256": data_hash(self.x, self.y), "told": simple, "assumptions": ASSUMPTIONS}
