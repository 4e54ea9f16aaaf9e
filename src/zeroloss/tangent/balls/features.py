"""The last features of a converted network and its linear read-out, each with a bound on its error."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from zeroloss.networks import FeedForward, TorchNetwork
from zeroloss.networks.pytorch.program import Program, Ref, Step, references
from zeroloss.plumbing import Progress, Silent
from zeroloss.tangent.balls import shapes  # noqa: F401  (enters its rules)
from zeroloss.tangent.balls.ball import Ball, NoBoundError, exact
from zeroloss.tangent.balls.rules import RULES
from zeroloss.tangent.balls.together import NotRowwiseError, call

_SAME = {"aten.clone.default", "aten.alias.default", "aten.view.default", "aten.squeeze.dims", "aten.squeeze.dim"}


BLOCK_NUMBERS = 4e6
"""Numbers of a layer that one block of examples may take, roughly: what is fast and fits."""


@dataclasses.dataclass(frozen=True)
class Readout:
    """`f(x) = W h(x) + b`, the last step of a program: names of the parameters `W`, `b` (or None), the number of `h`."""

    weight: str
    bias: str | None
    features: int

    def head(self, network: TorchNetwork) -> FeedForward:
        """The read-out alone, of a float64 network."""
        bias = None if self.bias is None else network.parameters[self.bias]
        return FeedForward((network.parameters[self.weight],), (bias,), ())


def find_readout(program: Program) -> Readout | None:
    """The linear read-out that a program ends in, on parameters it uses nowhere else; None where there is none."""
    by_out = {step.out: step for step in program.steps}
    at = by_out.get(program.output)
    while at is not None and at.operator in _SAME:
        at = by_out.get(_ref(at.args[0]))
    if at is None:
        return None
    found = _parts(at, by_out)
    if found is None:
        return None
    h, weight, bias, own = found
    kinds = [program.inputs[i] if 0 <= i < len(program.inputs) else ("", "") for i in (weight, bias)]
    if kinds[0][0] != "parameter" or (bias >= 0 and kinds[1][0] != "parameter"):
        return None
    names = {kinds[0][1], kinds[1][1]} - {""}
    holders = {i for i, (_, name) in enumerate(program.inputs) if name in names}
    for step in program.steps:
        used = {i for a in (*step.args, *(v for _, v in step.kwargs)) for i in references(a)}
        if step.out not in own and used & holders:
            return None  # moving the read-out would move the features too
    return Readout(kinds[0][1], kinds[1][1] or None, h)


def _ref(value: Any) -> int:
    return value.index if isinstance(value, Ref) else -1


def _parts(step: Step, by_out: dict[int, Step]) -> tuple[int, int, int, set[int]] | None:
    """Numbers of `h`, `W` and `b` (-1: none), and the steps that make up the read-out."""
    if step.operator == "aten.linear.default":
        bias = _ref(step.args[2]) if len(step.args) > 2 else -1
        return _ref(step.args[0]), _ref(step.args[1]), bias, {step.out}
    if step.operator == "aten.addmm.default" and len(step.args) == 3 and not step.kwargs:
        bias, h, turned = map(_ref, step.args)
    elif step.operator == "aten.mm.default":
        bias, (h, turned) = -1, map(_ref, step.args)
    else:
        return None
    transpose = by_out.get(turned)
    if transpose is None or transpose.operator not in ("aten.permute.default", "aten.t.default"):
        return None
    return h, _ref(transpose.args[0]), bias, {step.out, transpose.out}


def readout_features(
    network: TorchNetwork, readout: Readout, x: np.ndarray, progress: Progress | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """`h(x_i)` of a float64 network at the rows of `x` `(n, d)` (exact float64 numbers) and entrywise error bounds, `(n, m)` each.

    In blocks where every step is seen to act row by row (`zeroloss.tangent.balls.together`), else one example at a time.

    Raises:
        NoBoundError: an operator without a rule, or balls too wide.
    """
    progress = progress or Silent()
    program = network.program
    steps = _needed(program, readout.features)
    missing = sorted({s.operator for s in steps} - set(RULES))
    if missing:
        raise NoBoundError(f"the rounding of {', '.join(missing)} is not bounded")
    values: dict[Any, Any] = {("parameter", k): np.asarray(v, np.float64) for k, v in network.parameters.items()}
    values |= {("constant", k): np.asarray(v) for k, v in network.constants.items()}
    x = np.asarray(x, np.float64).reshape(len(x), *program.input_shape)
    mids, errs = _collected(network, steps, values, readout.features, x, progress)
    if mids.ndim != 2 or len(mids) != len(x):
        raise NoBoundError("the read-out is applied at several places")
    return mids, errs


def _collected(network, steps, values, output, x, progress) -> tuple[np.ndarray, np.ndarray]:
    """Blocks of examples where the steps keep them apart, else one example at a time."""
    whole = network.program.whole
    block = 1 if whole else max(1, int(BLOCK_NUMBERS // max(1, x[0].size * 32)))
    rows, start = [], 0
    while start < len(x):
        part = x[start : start + block]
        values["input", ""] = part.astype(np.int64) if whole else exact(part)
        try:
            found = _run(network.program, steps, values, output, len(part))
        except NotRowwiseError:
            block = 1
            continue
        rows.append(found)
        start += len(part)
        progress.update(start / len(x))
    return np.concatenate([r.mid for r in rows]), np.concatenate([r.err for r in rows])


def _needed(program: Program, output: int) -> tuple[Step, ...]:
    from zeroloss.networks.pytorch.program import live_steps

    return live_steps(program.steps, output)


def _run(program: Program, steps: tuple[Step, ...], values: dict, output: int, count: int) -> Ball:
    results: dict[int, Any] = {number: values[key] for number, key in enumerate(program.inputs)}
    for step in steps:
        args = [_resolved(a, results) for a in step.args]
        kwargs = {k: _resolved(a, results) for k, a in step.kwargs}
        with np.errstate(over="ignore", invalid="ignore"):
            if count == 1:
                results[step.out] = RULES[step.operator](*args, **kwargs)
            else:
                results[step.out] = call(step.operator, args, kwargs, count)
    found = results[output]
    return found if isinstance(found, Ball) else exact(found)


def _resolved(value: Any, results: dict[int, Any]) -> Any:
    if isinstance(value, Ref):
        return results[value.index]
    if isinstance(value, tuple):
        return [_resolved(v, results) for v in value]
    return value
