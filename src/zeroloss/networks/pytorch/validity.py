"""Is a program read from a file valid: is every number set once and before it is used, has every call a meaning and a size?

The structure is looked at first, then the program is evaluated abstractly (shapes and types, no numbers), so that what would
fail in JAX fails here, in one line that names the step. Sizes are compared with a budget before anything is allocated.
"""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from zeroloss.networks.pytorch.program import Dtype, Program, Step, references
from zeroloss.plumbing import InputError, double

MOST_STEPS, MOST_ENTRIES, MOST_IN_ALL = 10_000, 2**28, 2**33
"""Steps of a program, entries of one result, entries of all results, without `trust`."""
_MOST_PLACES = 2**16
"""Places of a pooling window, and parts an array is cut into: each becomes an operation."""
_OPEN = {
    "dtype",
    "layout",
    "device",
    "pin_memory",
    "memory_format",
    "non_blocking",
    "implicit",
    "output_size",
    "reduce",
    "min",
    "max",
}
"""Keywords of torch's that operators with `**` may be given."""
TRUST = "if you trust it, say so (trust=True, --trust)"


def validate(
    program: Program, parameters: Mapping[str, Any], constants: Mapping[str, Any], name: str, *, trust: bool = False
) -> None:
    """Whether the program can run on such parameters and constants; `name` is what errors call the file.

    Raises:
        InputError: a number used before it is set, or set twice; an input that the file lacks, or an array that the program
            does not take; a call with unknown arguments, or of shapes and types that do not fit; more steps or entries than
            the budget (and not `trust`).
    """
    check_structure(program, parameters, constants, name)
    if len(program.steps) > MOST_STEPS and not trust:
        raise InputError(f"{name} has a program of {len(program.steps):,} steps, over {MOST_STEPS:,}; {TRUST}.")
    size = math.prod(program.input_shape)
    if size > MOST_ENTRIES and not trust:
        raise InputError(f"{name} takes examples of {size:,} numbers, over {MOST_ENTRIES:,}; {TRUST}.")
    program.check()
    _evaluate(program, parameters, constants, name, trust)


def check_structure(program: Program, parameters: Mapping[str, Any], constants: Mapping[str, Any], name: str) -> None:
    """Single assignment, definition before use, and inputs that are there; see `validate`."""
    wanted = {("parameter", key) for key in parameters} | {("constant", key) for key in constants} | {("input", "")}
    for kind, key in program.inputs:
        if (kind, key) not in wanted:
            raise InputError(f"the program in {name} takes the {kind} {key[:60]!r}, which the file does not hold.")
    if len(set(program.inputs)) < len(program.inputs) or program.inputs.count(("input", "")) != 1:
        raise InputError(f"the program in {name} must take the example once, and each parameter and constant once.")
    if any(side < 1 for side in program.input_shape):
        raise InputError(
            f"the program in {name} takes examples of shape {program.input_shape}; each side must be at least 1."
        )
    known = set(range(len(program.inputs)))
    for number, step in enumerate(program.steps):
        where = f"step {number} ({step.operator[:60]}) of the program in {name}"
        arguments = (*step.args, *(value for _, value in step.kwargs))
        loose = [index for a in arguments for index in references(a) if index not in known]
        if loose:
            raise InputError(f"{where} uses %{loose[0]}, which no earlier step sets.")
        if step.out in known:
            raise InputError(f"{where} sets %{step.out} a second time.")
        if _holds_nan(arguments):
            raise InputError(f"{where} has NaN as an argument.")
        if any(key == "dtype" and isinstance(value, str) for key, value in step.kwargs):
            raise InputError(f"{where} names its type of numbers as a text.")  # not the type that a program resolves
        unknown = _unknown_types(arguments)
        if unknown:
            raise InputError(f"{where} names {unknown[0][:40]!r}, which is no type of numbers.")
        known.add(step.out)
    if program.output not in known or program.output < 0:
        raise InputError(f"the program in {name} answers with %{program.output}, which no step sets.")


def _holds_nan(value: Any) -> bool:
    if isinstance(value, tuple):
        return any(_holds_nan(v) for v in value)
    return isinstance(value, float) and math.isnan(value)


def _unknown_types(value: Any) -> list[str]:
    if isinstance(value, tuple):
        return [name for v in value for name in _unknown_types(v)]
    if not isinstance(value, Dtype):
        return []
    try:
        value.resolve(np.float32)
    except (TypeError, ValueError):
        return [value.name]
    return []


class _Budget:
    """Counts entries as the program is evaluated, and knows which step it is at."""

    def __init__(self, program: Program, name: str, trust: bool):
        self.steps, self.name, self.trust = iter(enumerate(program.steps)), name, trust
        self.at: tuple[int, Step] | None = None
        self.total = 0

    def where(self) -> str:
        number, step = self.at if self.at is not None else (0, Step("", (), (), 0))
        return f"step {number} ({step.operator[:60]}) of the program in {self.name}"

    def spend(self, count: float, most: float = MOST_ENTRIES) -> None:
        if count > most and not self.trust:
            raise InputError(f"{self.where()} makes {_count(count)} entries or operations, over {most:,}; {TRUST}.")

    def guarded(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function` whose arguments are looked at before the call, and whose results are counted after it."""

        def call(*args: Any, **kwargs: Any) -> Any:
            self.at = next(self.steps)
            _bind(name, function, args, kwargs, self.where())
            self.spend(_requested_entries(name, args, kwargs), MOST_ENTRIES)
            self.spend(_places(name, args, kwargs), _MOST_PLACES)
            result = function(*args, **kwargs)
            sizes = [math.prod(np.shape(leaf)) for leaf in jax.tree.leaves(result) if hasattr(leaf, "shape")]
            self.spend(max(sizes, default=0))
            self.total += sum(sizes)
            self.spend(self.total, MOST_IN_ALL)
            return result

        return call


def _count(count: float) -> str:
    return f"{count:,}" if count < 10**15 else f"{float(min(count, 10**300)):.2g}"


def _evaluate(program: Program, parameters: Any, constants: Any, name: str, trust: bool) -> None:
    budget = _Budget(program, name, trust)
    watched = copy.copy(program)
    functions = {key: budget.guarded(key, function) for key, function in program._functions.items()}
    watched.__dict__["_functions"] = functions
    floating = np.dtype(next(iter(parameters.values())).dtype)
    whole = np.dtype(np.int64 if floating == np.float64 else np.int32)

    def run(given: Any) -> Any:
        return watched.run(given, floating)

    values = {("parameter", key): jax.ShapeDtypeStruct(a.shape, a.dtype) for key, a in parameters.items()}
    values |= {("constant", key): jax.ShapeDtypeStruct(a.shape, a.dtype) for key, a in constants.items()}
    values["input", ""] = jax.ShapeDtypeStruct((1, *program.input_shape), whole if program.whole else floating)
    try:
        if floating == np.float64:
            with double():
                answer = jax.eval_shape(run, values)
        else:
            answer = jax.eval_shape(run, values)
    except InputError as error:
        if budget.at is None or name in str(error):
            raise InputError(str(error)) from error  # without the notes that JAX leaves on what passes through it
        raise InputError(f"{budget.where()}: {error}") from error
    except Exception as error:  # whatever JAX or an operator raises on arguments that do not fit
        first = (str(error).strip() or type(error).__name__).split("\n")[0][:160]
        raise InputError(f"{budget.where()} cannot be computed: {first}") from error
    if not isinstance(answer, jax.ShapeDtypeStruct) or answer.dtype != floating or math.prod(answer.shape) < 1:
        raise InputError(f"the program in {name} does not answer with an array of {floating.name}.")


def _bind(name: str, function: Callable[..., Any], args: Any, kwargs: Any, where: str) -> None:
    """InputError where the operator does not take these arguments."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some compiled functions have none; then the call itself raises
        return
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        raise InputError(f"{where} cannot be computed: {error}.") from error
    named = set(signature.parameters)
    loose = [key for key in kwargs if key not in named and key not in _OPEN]
    if loose:
        raise InputError(f"{where} cannot be computed: got an unexpected keyword argument {loose[0][:60]!r}.")


def _whole(value: Any) -> list[int]:
    """The whole numbers in an argument."""
    if isinstance(value, list | tuple):
        return [n for v in value for n in _whole(v)]
    return [abs(value)] if isinstance(value, int) and not isinstance(value, bool) else []


_SIZED = {
    "as_strided": (1, 2), "as_strided_copy": (1, 2), "tril_indices": (0, 2), "triu_indices": (0, 2), "linspace": (2, 3),
    "logspace": (2, 3), "col2im": (1, 3),
}  # fmt: skip
"""Operators that make as many numbers as the product of some of their arguments, from and to which."""


_SIZED_LAX = {"lax.iota", "lax.broadcast_in_dim"}


def _requested_entries(name: str, args: Any, kwargs: Any) -> float:
    """Entries that an operator makes from numbers alone, before JAX sees an array."""
    if name.startswith("lax."):
        sides = _whole([*args[1:2], *(kwargs.get(k, 0) for k in ("shape", "sizes"))])
        return math.prod(max(1, n) for n in sides) if name in _SIZED_LAX else 0.0
    short = name.removeprefix("aten.").partition(".")[0]
    if short == "arange":
        numbers = [a for a in args if isinstance(a, int | float)][:3]
        start, end, step = (0, *numbers, 1)[:3] if len(numbers) == 1 else (*numbers, 1)[:3]
        return math.inf if not step or not all(map(math.isfinite, (start, end, step))) else (end - start) / step
    if short in _SIZED:
        first, end = _SIZED[short]
        return math.prod(max(1, n) for n in _whole([*args[first:end], *kwargs.values()]))
    if short == "im2col":
        return math.prod(np.shape(args[0])) * math.prod(max(1, n) for n in _whole([*args[1:2], *kwargs.values()]))
    if short.startswith(("upsample", "_upsample", "adaptive", "_adaptive")):
        shape = np.shape(args[0]) if args else ()
        return math.prod(shape) * math.prod(max(1, n) for n in _whole([*args[1:2], *kwargs.values()]))
    return 0.0


def _places(name: str, args: Any, kwargs: Any) -> float:
    """Operations that one call becomes."""
    short = name.removeprefix("aten.").partition(".")[0]
    if "max_pool" in short or "avg_pool" in short:
        window = _whole(args[1:2]) or _whole(list(kwargs.values())[:1])
        dims = next((n for n in (1, 2, 3) if f"{n}d" in short), 1)
        return math.prod(window) ** (dims if len(window) == 1 else 1)
    if short.startswith(("split", "unbind", "chunk", "unsafe_split", "unsafe_chunk")) and args and np.ndim(args[0]):
        shape = np.shape(args[0])
        size = args[1] if len(args) > 1 and isinstance(args[1], int) and short != "unbind" else 1
        return max(shape) / max(1, size) if "chunk" not in short else size
    return 0.0
