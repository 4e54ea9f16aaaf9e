"""`Theory`: what a theory requires, as a formula of the size of a problem, what it guarantees, and its source.

Orders only: every constant and every logarithm that a formula does not show is set to one, so a number gives a power of
ten and no more. A quantity that is not given for the problem (the smallest eigenvalue of a kernel, a margin, a separation)
is set to 1, its best value or better, and the number then is a lower bound: "at least".

Plain arithmetic, without NumPy or JAX, so that an atlas comes at once. (Ours: the conversions; the formulas are their
authors'.)
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

from zeroloss.plumbing import InputError
from zeroloss.verdict import Record

OPTIONAL = ("lambda0", "margin", "separation")
"""The quantities that a `Size` may leave out."""
WIDTH, ONE_LAYER, PARAMETERS = "width of every hidden layer", "width of one hidden layer", "parameters"


@dataclasses.dataclass(frozen=True)
class Size(Record):
    """The size of a problem.

    Attributes:
        name: of the data, or of the size.
        n, d, outputs: examples, inputs, and outputs `c` of the network; depth: hidden layers `H`.
        lambda0: smallest eigenvalue of the kernel of infinite width for inputs of norm 1 (Du et al.: `E[x.x' 1{w.x > 0}
            1{w.x' > 0}]`), or None.
        margin: `gamma`, by which the limiting tangent features separate two classes (inputs of norm 1), or None.
        separation: `phi`, the smallest distance of two inputs of norm 1, or None.
        delta: probability with which the guarantee may fail.
        accuracy: `epsilon`, the error that is aimed at, where a theory aims at one.
        lambda0_from: how `lambda0` is known; lambda0_upper: it is an upper end, so that numbers made of it are lower ends.

    Raises:
        InputError: a number out of its range.
    """

    name: str
    n: int
    d: int
    outputs: int = 1
    depth: int = 1
    lambda0: float | None = None
    margin: float | None = None
    separation: float | None = None
    delta: float = 0.01
    accuracy: float = 0.01
    lambda0_from: str = ""
    lambda0_upper: bool = False

    def __post_init__(self) -> None:
        for name in ("n", "d", "outputs", "depth"):
            value = getattr(self, name)
            if isinstance(value, bool) or int(value) != value or value < 1:
                raise InputError(f"{name}={value}: give a whole number, 1 or more.")
        for name in OPTIONAL:
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise InputError(f"{name}={value}: give a positive number, or leave it out where it is not known.")
        for name in ("delta", "accuracy"):
            if not 0 < getattr(self, name) < 1:
                raise InputError(f"{name}={getattr(self, name)}: give a number between 0 and 1.")

    @property
    def equations(self) -> int:
        """`n c`."""
        return self.n * self.outputs

    def known(self, name: str) -> float:
        """A quantity of `OPTIONAL`, 1 where it is not given."""
        value = getattr(self, name)
        return 1.0 if value is None else float(value)


@dataclasses.dataclass(frozen=True)
class Theory:
    """One theory's requirement.

    Attributes:
        key, label, citation: its name here, on a figure, and in full.
        counts: what `need` counts: `WIDTH`, `ONE_LAYER` or `PARAMETERS`.
        formula: as text; need: the same as a function of the size, or None where the paper names only "a polynomial".
        guarantees: what exactly follows; assumptions, activation, depth ("one hidden layer" or "any"), trains: for what.
        uses: which of `OPTIONAL` the formula contains.
        standing: "paper" (all of the formula confirmed), "recalled" (some of it not), "ours".
        confirmed: what was confirmed and where it was read, or None; recalled: what was not, "" for nothing.
        at_least: the formula itself is only a lower end (a degree that is not known is taken as small as can be).
        one_output: it is about networks with one output.
    """

    key: str
    label: str
    citation: str
    counts: str
    formula: str
    need: Callable[[Size], float] | None
    guarantees: str
    assumptions: str
    activation: str
    depth: str
    trains: str
    standing: str
    confirmed: str | None
    recalled: str = ""
    uses: tuple[str, ...] = ()
    at_least: bool = False
    one_output: bool = False

    @property
    def shallow(self) -> bool:
        """Whether it covers one hidden layer only."""
        return self.depth == "one hidden layer"

    def speaks_of(self, size: Size) -> bool:
        """Whether it covers networks of this depth and number of outputs."""
        return (size.depth == 1 or not self.shallow) and (size.outputs == 1 or not self.one_output)

    def needed(self, size: Size) -> float | None:
        """The number in the theory's own count; infinite beyond floating point."""
        if self.need is None:
            return None
        try:
            return float(self.need(size))
        except (OverflowError, ZeroDivisionError):  # beyond floating point, the latter as lambda0^4 underflows
            return math.inf

    def width(self, size: Size) -> float | None:
        """Units of the wide layer(s) that the requirement comes to."""
        needed = self.needed(size)
        if needed is None or self.counts != PARAMETERS:
            return needed
        return width_for(needed, self._read(size))

    def parameters(self, size: Size) -> float | None:
        """Weights of the smallest network that satisfies the requirement (biases not counted)."""
        needed = self.needed(size)
        if needed is None or self.counts == PARAMETERS:
            return needed
        return weights_of(needed, self._read(size), one_layer=self.counts == ONE_LAYER)

    def _read(self, size: Size) -> Size:
        return dataclasses.replace(size, depth=1) if self.shallow else size


def weights_of(width: float, size: Size, *, one_layer: bool = False) -> float:
    """`d m + (H - 1) m^2 + m c`; with one wide layer, the first, and `c` units in each other one, `d m + m c +
    (H - 1) c^2`."""
    c, hidden = size.outputs, size.depth - 1
    outer = float(size.d) * width + width * c
    if hidden == 0:
        return outer
    try:
        return outer + hidden * (float(c) ** 2 if one_layer else float(width) ** 2)
    except OverflowError:
        return math.inf


def width_for(parameters: float, size: Size) -> float:
    """The `m` for which `d m + (H - 1) m^2 + m c` is that many."""
    if math.isinf(parameters):
        return math.inf
    linear, square = float(size.d + size.outputs), size.depth - 1
    if square == 0:
        return parameters / linear
    return 2 * parameters / (linear + math.sqrt(linear**2 + 4 * square * parameters))
