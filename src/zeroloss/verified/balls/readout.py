"""The linear read-out that a converted network ends in: which parameters it is made of, and that they do nothing else."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from zeroloss.networks.pytorch.program import Program, ProgramNetwork, Ref, Step, references, transposes
from zeroloss.verified.layers import Layers

_SAME = {
    f"aten.{name}"
    for name in (
        "clone.default", "alias.default", "view.default", "_unsafe_view.default", "reshape.default", "squeeze.dims",
        "squeeze.dim", "squeeze.default", "unsqueeze.default",
    )
}  # fmt: skip
"""Operators that keep the numbers and their order."""
_SAME_LAX = {"lax.reshape"}
"""Likewise of JAX's; a program is traced so that all reshapes, squeezes and the like are this one."""


@dataclasses.dataclass(frozen=True)
class Readout:
    """`f(x) = W h(x) + b`, the last step of a program: names of the parameters `W`, `b` (or None), the number of `h`.

    `turned`: the parameter holds `W` transposed, `(m, c)`, as in `h @ w`.
    """

    weight: str
    bias: str | None
    features: int
    turned: bool = False

    def matrix(self, network: ProgramNetwork) -> np.ndarray:
        """`W` `(c, m)`."""
        stored = np.asarray(network.parameters[self.weight])
        return stored.T if self.turned else stored

    def stored(self, matrix: Any) -> Any:
        """`W` `(c, m)` as the parameter holds it."""
        return np.asarray(matrix).T if self.turned else matrix

    def width(self, network: ProgramNetwork) -> int:
        """`m`, the number of features."""
        return int(self.matrix(network).shape[-1])

    def head(self, network: ProgramNetwork) -> Layers:
        """The read-out alone, of a float64 network."""
        bias = None if self.bias is None else np.asarray(network.parameters[self.bias], np.float64)
        return Layers((np.asarray(self.matrix(network), np.float64),), (bias,), (1.0,), (1.0,), ())

    def misfit(self, network: ProgramNetwork) -> str:
        """Why the parameters' shapes are not those of `W` `(c, m)` and `b` `(c,)`; "" if they are."""
        matrix = np.shape(self.matrix(network))
        if len(matrix) != 2:
            return f"the read-out's weight {self.weight} has {len(matrix)} axes"
        if self.bias is not None and np.shape(network.parameters[self.bias]) != matrix[:1]:
            return f"the read-out's bias {self.bias} is not one number for each of the {matrix[0]} outputs"
        return ""


def find_readout(program: Program) -> Readout | None:
    """The linear read-out that a program ends in; None where there is none that may be moved alone.

    What it is made of, its weight and its bias, must reach the answer through it alone: no number that its features
    depend on may be derived from either, in whatever way (transposed, cast, scaled, joined with others, indexed by).
    """
    if not single_assignment(program):
        return None
    by_out = {step.out: step for step in program.steps}
    at = by_out.get(program.output)
    while at is not None and at.operator in (_SAME | _SAME_LAX):
        at = by_out.get(_ref(at.args[0]))
    found = None if at is None else _parts(at, by_out)
    if found is None:
        return None
    h, weight, bias, turned = found
    own = [program.inputs[i] if 0 <= i < len(program.inputs) else ("", "") for i in (weight, bias) if i is not None]
    if any(kind != "parameter" for kind, _ in own) or len(set(own)) < len(own):
        return None
    if h in derived(program, {i for i, key in enumerate(program.inputs) if key in own}):
        return None  # moving the read-out would move the features too
    return Readout(own[0][1], own[1][1] if len(own) > 1 else None, h, turned)


def derived(program: Program, sources: set[int]) -> set[int]:
    """The numbers of all values that depend on any of the values `sources`, these included."""
    reached = set(sources)
    for step in program.steps:
        if not reached.isdisjoint(_used(step)):
            reached.add(step.out)
    return reached


def single_assignment(program: Program) -> bool:
    """Whether every value is made once, after all that it is made of."""
    made = set(range(len(program.inputs)))
    for step in program.steps:
        if step.out in made or not made.issuperset(_used(step)):
            return False
        made.add(step.out)
    return program.output in made


def _used(step: Step) -> list[int]:
    return [i for a in (*step.args, *(v for _, v in step.kwargs)) for i in references(a)]


def _ref(value: Any) -> int:
    return value.index if isinstance(value, Ref) else -1


def _parts(step: Step, by_out: dict[int, Step]) -> tuple[int, int, int | None, bool] | None:
    """Numbers of `h`, `W` and `b` (None: no bias), and whether the parameter holds `W` transposed."""
    bias: Any = None
    if step.operator.startswith("lax."):
        return _lax_parts(step, by_out)
    if step.kwargs:
        return None
    if step.operator == "aten.add.Tensor" and len(step.args) == 2:  # `h @ w + b`
        for product, offset in (step.args, step.args[::-1]):
            inner = by_out.get(_ref(product))
            found = None if inner is None or inner.operator == "aten.add.Tensor" else _parts(inner, by_out)
            if found is not None and found[2] is None and _ref(offset) >= 0:
                return found[0], found[1], _ref(offset), found[3]
        return None
    if step.operator == "aten.linear.default":
        h, weight, *rest = step.args
        bias = rest[0] if rest else None
        return _ref(h), _ref(weight), None if bias is None else _ref(bias), False
    if step.operator == "aten.addmm.default" and len(step.args) == 3:
        bias, h, factor = step.args
    elif step.operator == "aten.mm.default":
        h, factor = step.args
    else:
        return None
    transpose = by_out.get(_ref(factor))
    offset = None if bias is None else _ref(bias)
    if transpose is None:
        return _ref(h), _ref(factor), offset, True
    return (_ref(h), _ref(transpose.args[0]), offset, False) if transposes(transpose) else None


def _lax_parts(step: Step, by_out: dict[int, Step]) -> tuple[int, int, int | None, bool] | None:
    """The same of `lax.add(lax.dot_general(W, h), b)`, in any order, with reshapes between."""
    if step.operator == "lax.add":
        for product, offset in (step.args, step.args[::-1]):
            inner = by_out.get(_behind_reshapes(product, by_out))
            found = None if inner is None or inner.operator != "lax.dot_general" else _lax_parts(inner, by_out)
            if found is not None:
                return found[0], found[1], _behind_reshapes(offset, by_out), found[3]
        return None
    if step.operator != "lax.dot_general":
        return None
    given = dict(step.kwargs)
    if given.keys() - {"precision"} != {"contracted", "batch"} or len(step.args) != 2:
        return None
    if any(given["batch"]) or [len(side) for side in given["contracted"]] != [1, 1]:
        return None
    for place in (0, 1):
        axis, number = given["contracted"][place][0], _ref(step.args[place])
        at = by_out.get(number)
        while at is not None and at.operator == "lax.transpose" and at.kwargs == (("permutation", (1, 0)),):
            number, axis = _ref(at.args[0]), 1 - axis
            at = by_out.get(number)
        h = _ref(step.args[1 - place])
        if at is None and axis in (0, 1) and h in by_out:  # of two parameters neither is a feature
            return h, number, None, axis == 0
    return None


def _behind_reshapes(value: Any, by_out: dict[int, Step]) -> int:
    """The number of what was reshaped."""
    number = _ref(value)
    at = by_out.get(number)
    while at is not None and at.operator in _SAME_LAX:
        number = _ref(at.args[0])
        at = by_out.get(number)
    return number
