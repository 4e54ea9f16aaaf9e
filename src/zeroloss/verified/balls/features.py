"""The answers of a converted network, and the features that its read-out takes, each with a bound on its error."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np

from zeroloss.networks.pytorch.program import Program, ProgramNetwork, Ref, Step, live_steps
from zeroloss.plumbing import Progress, Silent
from zeroloss.verified.balls.ball import Ball, NoBoundError, Unsure, as_ball, exact
from zeroloss.verified.balls.operate import known, operate
from zeroloss.verified.balls.readout import Readout, derived, single_assignment
from zeroloss.verified.balls.together import NotRowwiseError, call

Batch = Callable[[ProgramNetwork, tuple[Step, ...], int, int], tuple[Program, dict[str, Any]] | None]
"""A function from the steps for one example to those for many and the arrays they need; None where it cannot (`networks.traced.batch`)."""
BLOCK_NUMBERS = 4e6
"""Numbers of a layer that one block of examples may take, roughly: what is fast and fits."""
MOST_AT_ONCE = 256
"""Examples of a traced network in a block: one shape is traced for all."""


def readout_features(
    network: ProgramNetwork,
    readout: Readout,
    x: np.ndarray,
    progress: Progress | None = None,
    batch: Batch | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """`h(x_i)` of a float64 network at the rows of `x` `(n, d)` (exact float64 numbers) and entrywise error bounds, `(n, m)` each.

    In blocks where every step is seen to act row by row (`zeroloss.verified.balls.together`), else one example at a time.

    Raises:
        NoBoundError: an operator without a rule, or balls too wide; a read-out of other shapes than `W h + b` takes.
    """
    misfit = readout.misfit(network)
    if misfit:
        raise NoBoundError(misfit)
    mids, errs = evaluate(network, readout.features, x, progress, batch)
    if mids.shape != (len(x), readout.width(network)):
        raise NoBoundError("the read-out is applied at several places")
    return mids, errs


def answers(
    network: ProgramNetwork, x: np.ndarray, progress: Progress | None = None, batch: Batch | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """`f(x_i)` and entrywise error bounds, `(n, c)` each; arguments and errors as of `readout_features`."""
    mids, errs = evaluate(network, network.program.output, x, progress, batch)
    return mids.reshape(len(x), -1), errs.reshape(len(x), -1)


def evaluate(
    network: ProgramNetwork,
    output: int,
    x: np.ndarray,
    progress: Progress | None = None,
    batch: Batch | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The value number `output` of the program at each row of `x`, joined along the first axis, and its error bounds."""
    program = network.program
    if not single_assignment(program):
        raise NoBoundError("a value of the program is made twice, or used before it is made")
    steps = live_steps(program.steps, output)
    missing = sorted({s.operator for s in steps if not known(s.operator)})
    if missing:
        raise NoBoundError(f"the rounding of {', '.join(missing)} is not bounded")
    own = sorted(set(program.replaced()) & {s.operator for s in steps})
    if own:
        raise NoBoundError(f"the rounding of your own {', '.join(own)} (register_operator) is not bounded")
    values: dict[Any, Any] = {("parameter", k): np.asarray(v) for k, v in network.parameters.items()}
    values |= {("constant", k): np.asarray(v) for k, v in network.constants.items()}
    x = np.asarray(x, np.float64).reshape(len(x), *program.input_shape)
    if program.whole and not np.all((x == np.floor(x)) & (np.abs(x) < 2.0**53)):
        raise NoBoundError("tokens that are not whole numbers")
    if any(step.operator.startswith("lax.") for step in program.steps):
        return _of_examples(network, steps, values, output, x, progress or Silent(), batch)
    return _collected(program, steps, values, output, x, progress or Silent())


def _collected(
    program: Program, steps: Any, values: Any, output: Any, x: Any, progress: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Blocks of examples where the steps keep them apart, else one example at a time."""
    block = 1 if program.whole else max(1, int(BLOCK_NUMBERS // max(1, x[0].size * 32)))
    rows, start = [], 0
    while start < len(x):
        part = x[start : start + block]
        values["input", ""] = part.astype(np.int64) if program.whole else exact(part)
        try:
            found = _run(program, steps, values, output, len(part))
        except NotRowwiseError:
            block = 1
            continue
        rows.append(found)
        start += len(part)
        progress.update(start / len(x))
    mids, errs = ([np.atleast_1d(getattr(r, name)) for r in rows] for name in ("mid", "err"))
    return np.concatenate(mids), np.concatenate(errs)


def _run(program: Program, steps: tuple[Step, ...], values: dict, output: int, count: int) -> Ball:
    results: dict[int, Any] = {number: values[key] for number, key in enumerate(program.inputs)}
    of_rows = derived(program, {i for i, key in enumerate(program.inputs) if key[0] == "input"})
    for step in steps:
        args = [_resolved(a, results) for a in step.args]
        kwargs = {k: _resolved(a, results) for k, a in step.kwargs}
        with np.errstate(all="ignore"):
            if count == 1:
                results[step.out] = operate(step.operator, args, kwargs)
            else:
                results[step.out] = call(step.operator, args, kwargs, count)
                if step.out in of_rows and not _of_balls(results[step.out]):
                    raise NotRowwiseError  # exact arrays stand for what all examples share
    return as_ball(results[output])


def _of_balls(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_of_balls, value))
    return value is None or isinstance(value, Ball | Unsure)


def _resolved(value: Any, results: dict[int, Any]) -> Any:
    if isinstance(value, Ref):
        return results[value.index]
    if isinstance(value, tuple):
        return [_resolved(v, results) for v in value]
    return value


def _of_examples(
    network: ProgramNetwork, steps: Any, values: Any, output: Any, x: Any, progress: Any, batch: Any
) -> tuple[np.ndarray, np.ndarray]:
    """A traced network, whose program is one of a single example: many at once by the program that `batch` makes of its steps,
    if it is given; one at a time where that has steps without a bound. Each answer as one row."""
    count = int(min(len(x), MOST_AT_ONCE, max(1, BLOCK_NUMBERS // max(1, x[0].size * 32))))
    made = batch(network, steps, output, count) if batch is not None and count > 1 else None
    if made is not None:
        with contextlib.suppress(NoBoundError):
            return _at_once(network.program, made, values, x, count, progress)
    rows = []
    for i, row in enumerate(x[:, None]):
        values["input", ""] = _given(network.program, row)
        rows.append(_run(network.program, steps, values, output, 1))
        progress.update((i + 1) / len(x))
    mids, errs = (np.stack([getattr(r, name).reshape(-1) for r in rows]) for name in ("mid", "err"))
    return mids, errs


def _at_once(
    single: Program, made: Any, values: Any, x: Any, count: int, progress: Any
) -> tuple[np.ndarray, np.ndarray]:
    """`count` rows at a time, the last ones with others beside them."""
    program, more = made
    values = values | {("constant", name): np.asarray(a) for name, a in more.items()}
    rows = []
    for start in range(0, len(x), count):
        part = x[start : start + count]
        full = np.concatenate([part, np.repeat(part[-1:], count - len(part), axis=0)])
        values["input", ""] = _given(single, full[None])
        found = _run(program, program.steps, values, program.output, 1)
        rows.append([a.reshape(count, -1)[: len(part)] for a in (found.mid, found.err)])
        progress.update(min(1.0, (start + count) / len(x)))
    mids, errs = (np.concatenate(parts) for parts in zip(*rows, strict=True))
    return mids, errs


def _given(program: Program, x: np.ndarray) -> Any:
    return x.astype(np.int64) if program.whole else exact(x)
