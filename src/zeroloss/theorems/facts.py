"""What the cards ask of a network and its data; each fact is computed once, when a card first asks, and shared."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from zeroloss.data import Collapsed, collapse, contradictions
from zeroloss.data.loaders import as_data
from zeroloss.data.repeats import round_down, spread
from zeroloss.descent.matching import matched
from zeroloss.descent.problem import fitting_size, training_arrays
from zeroloss.networks import FeedForward, trainable_mask
from zeroloss.plumbing import InputError, Progress, Silent, arithmetic, double
from zeroloss.plumbing.exact import as_float64
from zeroloss.plumbing.norms import square_upper
from zeroloss.plumbing.precision import as_double
from zeroloss.tangent import libm
from zeroloss.tangent.readout import ReadoutProof, readout_proof
from zeroloss.tangent.rounding import SLOP, backward, forward
from zeroloss.tangent.rows import Trained, jacobian_rows, trained_layers
from zeroloss.tangent.smoothness import MOST_EQUATIONS, Constants, constants
from zeroloss.theorems.composite import Composite, composite_theorem
from zeroloss.theorems.suppositions import check_suppositions

ASSUMPTIONS = {
    libm.ASSUMPTION: "assumed; checked on samples by the test-suite",
    arithmetic.ASSUMPTION: arithmetic.STANDING,
}

T = TypeVar("T")


def _within_range(compute: Callable[[], T], otherwise: T) -> T:
    """What is computed, or `otherwise` where numbers leave the range that proofs are made for."""
    with np.errstate(over="ignore", invalid="ignore"):
        try:
            return compute()
        except InputError:
            return otherwise


class Facts:
    """A network (or None), its training data, and what the caller supposes.

    Args:
        network: at the weights that are judged.
        data: a `Dataset`, or a pair `(x, y)`.
        options: suppositions of the caller; see `Card.options` and `suppositions`.

    Raises:
        InputError: a supposition out of its range, a network that does not fit the data, or data with NaN.
    """

    def __init__(
        self, network: Any, data: Any, options: dict[str, Any] | None = None, progress: Progress | None = None
    ):
        data = as_data(data) if network is None else matched(network, data)
        self.network, self.data, self.options = network, data, check_suppositions(options or {})
        self.progress = progress or Silent()
        x, y = training_arrays(data)
        self.x, self.y = as_float64(x, "inputs").reshape(len(x), -1), as_float64(y, "targets")
        self.n, self.d, self.outputs = len(self.x), self.x.shape[1], self.y.shape[1]
        if network is not None:
            self._check_fit()
        elif "trainable" in self.options:
            raise InputError("trainable names parameters of a network, and none is given; give one, or leave it out.")

    def _check_fit(self) -> None:
        net = self.network
        if isinstance(net, FeedForward) or "trainable" in self.options:
            trainable_mask(net, self.options.get("trainable"))
        if isinstance(net, FeedForward):
            sizes = net.in_size, net.out_size
        else:
            sizes = self.d, fitting_size(net, np.zeros((1, self.d), np.float32))
        if sizes != (self.d, self.outputs):
            raise InputError(
                f"the network maps {sizes[0]} numbers to {sizes[1]} outputs and the data have {self.d} and {self.outputs}; "
                "give one that fits."
            )

    def told(self, name: str, default: Any = None) -> Any:
        """What the caller said, or the default."""
        value = self.options.get(name)
        return default if value is None else value

    @cached_property
    def distinct(self) -> Collapsed:
        """Distinct inputs and the means of their targets."""
        return collapse(self.x, self.y)

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
        """One a distinct input and output."""
        return len(self.distinct.x) * self.outputs

    @property
    def forward(self) -> FeedForward | None:
        """The network if it is fully connected."""
        return self.network if isinstance(self.network, FeedForward) else None

    @property
    def kind(self) -> str:
        """What the network is, for a sentence."""
        if self.network is None:
            return "no network is given"
        name = type(self.network).__name__
        return f"it is {'an' if name in ('MLP', 'XorNetwork') else 'a'} {name}"

    @cached_property
    def start(self) -> FeedForward:
        """The network in float64, its weights unchanged."""
        assert self.forward is not None
        with double():
            return as_double(self.forward)

    @cached_property
    def trained(self) -> Trained:
        """Which layers move."""
        assert self.forward is not None
        return trained_layers(self.forward, trainable_mask(self.forward, self.options.get("trainable")))

    @cached_property
    def parameters(self) -> int:
        """How many numbers move."""
        assert self.forward is not None
        return self.trained.count(self.forward)

    @cached_property
    def known(self) -> Constants:
        """`lam0`, `Lam0`, `|r0|` and `beta` with all rounding."""
        self.progress.stage("constants at these weights", f"{self.equations:,} equations")
        at = self.distinct
        none = Constants(0.0, math.inf, math.inf, lambda radius: math.inf, "none: numbers out of range", self.equations)
        found = _within_range(lambda: constants(self.start, at.x, at.y, at.rounding, at.sizes, self.trained), none)
        return dataclasses.replace(found, beta=lambda radius: _within_range(lambda: found.beta(radius), math.inf))

    @cached_property
    def theorem(self) -> Composite:
        """The composite theorem's numbers."""
        k = self.known
        return composite_theorem(k.lam0, k.Lam0, k.residual, self.n, k.beta, self.options.get("step_size"))

    @cached_property
    def readout(self) -> ReadoutProof:
        """The proof by the read-out."""
        self.progress.stage("proof by the read-out", f"{len(self.distinct.x):,} distinct inputs")
        at, last = self.distinct, self.start.weights[-1].shape[1]
        features = last + (self.start.biases[-1] is not None)
        none = ReadoutProof(0.0, math.inf, None, features, len(at.x), "numbers out of range")
        found = _within_range(lambda: readout_proof(self.start, at.x, at.y, at.rounding), none)
        return found if found.radius is None or math.isfinite(found.radius) else none

    @cached_property
    def trace_upper(self) -> float:
        """An upper bound on `sum_i K_ii` over all examples and outputs; infinite where the kernel is not formed."""
        if self.equations > MOST_EQUATIONS:
            return math.inf
        return _within_range(self._trace, math.inf)

    def _trace(self) -> float:
        layers = forward(self.start, self.distinct.x)
        root = np.sqrt(np.asarray(self.distinct.sizes, np.float64))
        rows = jacobian_rows(self.start, layers, backward(self.start, layers), root, self.trained)
        return square_upper(math.sqrt(rows.trace * SLOP) + rows.error) * SLOP

    def evidence(self, options: Iterable[str]) -> dict[str, Any]:
        """Of which data, what was told, and on which assumptions."""
        state = hashlib.sha256()
        for array in (self.x, self.y):
            state.update(f"{array.dtype.newbyteorder('<').str} {array.shape};".encode())
            state.update(array.astype("<f8", copy=False).tobytes())
        said = {name: self.options[name] for name in options if self.options.get(name) is not None}
        simple = {name: v if isinstance(v, str | int | float | bool) else str(v) for name, v in said.items()}
        return {"data_sha256": state.hexdigest(), "told": simple, "assumptions": ASSUMPTIONS}
